//! Gemini generateContent, embeddings, models and errors.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, EmbedReply, EmbedRequest, ModelInfo, Protocol};

use crate::{
    ChatCodec, ChatStreamDecoder, ChatStreamEncoder, EmbedCodec, ErrorCodec, ModelsCodec, ReplyContext, Target,
};

/// Reads and writes Gemini generateContent.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Generate;

/// Reads and writes Gemini batchEmbedContents.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Embed;

/// Reads and writes Gemini model lists.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

/// Reads and writes Google error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ChatCodec for Generate {
    fn protocol(&self) -> Protocol {
        Protocol::GEMINI_GENERATE
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

impl EmbedCodec for Embed {
    fn protocol(&self) -> Protocol {
        Protocol::GEMINI_EMBED
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
        Protocol::GEMINI_MODELS
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
