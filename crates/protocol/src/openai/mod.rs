//! OpenAI chat completions, embeddings, models and errors.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, EmbedReply, EmbedRequest, ModelInfo, Protocol};

use crate::{
    ChatCodec, ChatStreamDecoder, ChatStreamEncoder, EmbedCodec, ErrorCodec, ModelsCodec, ReplyContext, Target,
};

/// Reads and writes OpenAI chat completions, for OpenAI itself or a vendor that differs a little.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Chat {
    /// How the vendor differs.
    pub quirks: Quirks,
}

impl Chat {
    /// Makes a codec for a vendor.
    pub const fn new(quirks: Quirks) -> Self {
        Self { quirks }
    }
}

/// OpenAI's own chat completions.
pub const CHAT: Chat = Chat::new(Quirks::NONE);

/// How a vendor differs from OpenAI in what it takes. It changes only requests that are translated.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Quirks {
    /// The field that limits the answer: `max_completion_tokens` at OpenAI, `max_tokens` at most others.
    pub max_tokens_field: &'static str,
    /// Whether the role `developer` is known; else it is sent as `system`.
    pub developer_role: bool,
    /// Whether content may be an array of parts; else images become `<image>` and texts are joined.
    pub content_parts: bool,
    /// Whether `stream_options` is known.
    pub stream_options: bool,
    /// Whether `response_format` may be a JSON schema; else it is sent as `json_object`.
    pub json_schema: bool,
}

impl Quirks {
    /// OpenAI itself.
    pub const NONE: Self = Self {
        max_tokens_field: "max_completion_tokens",
        developer_role: true,
        content_parts: true,
        stream_options: true,
        json_schema: true,
    };

    /// What most vendors take.
    pub const COMPATIBLE: Self = Self { max_tokens_field: "max_tokens", developer_role: false, ..Self::NONE };
}

/// Reads and writes OpenAI embeddings.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Embeddings;

/// Reads and writes OpenAI model lists.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

/// Reads and writes OpenAI error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ChatCodec for Chat {
    fn protocol(&self) -> Protocol {
        Protocol::OPENAI_CHAT
    }

    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, Error> {
        let _ = body;
        unimplemented!()
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let _ = (request, target, losses);
        unimplemented!()
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        let _ = body;
        unimplemented!()
    }

    fn encode_reply(&self, reply: &ChatReply, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        let _ = (reply, context);
        unimplemented!()
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        unimplemented!()
    }

    fn stream_encoder(&self, context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder> {
        let _ = context;
        unimplemented!()
    }
}

impl EmbedCodec for Embeddings {
    fn protocol(&self) -> Protocol {
        Protocol::OPENAI_EMBEDDINGS
    }

    fn decode_request(&self, body: &[u8]) -> Result<EmbedRequest, Error> {
        let _ = body;
        unimplemented!()
    }

    fn encode_request(
        &self,
        request: &EmbedRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        let _ = (request, target, losses);
        unimplemented!()
    }

    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error> {
        let _ = body;
        unimplemented!()
    }

    fn encode_reply(&self, reply: &EmbedReply, base64: bool, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        let _ = (reply, base64, context);
        unimplemented!()
    }
}

impl ModelsCodec for Models {
    fn protocol(&self) -> Protocol {
        Protocol::OPENAI_MODELS
    }

    fn decode_reply(&self, body: &[u8]) -> Result<Vec<ModelInfo>, Error> {
        let _ = body;
        unimplemented!()
    }

    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error> {
        let _ = models;
        unimplemented!()
    }
}

impl ErrorCodec for Errors {
    fn decode_error(&self, status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Error {
        let _ = (status, headers, body);
        unimplemented!()
    }

    fn encode_error(&self, error: &Error, request_id: &str) -> (StatusCode, Bytes) {
        let _ = (error, request_id);
        unimplemented!()
    }
}
