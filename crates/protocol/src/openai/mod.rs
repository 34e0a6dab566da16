//! OpenAI chat completions, embeddings, models and errors, after OpenAI's API reference.

mod carrier;
mod completions;
mod embeddings;
mod error;
pub(crate) mod legacy;
pub(crate) mod logprobs;
pub(crate) mod media;
mod models;
mod quirks;
mod reply_decode;
mod reply_encode;
pub(crate) mod request_decode;
pub(crate) mod request_encode;
mod stream_decode;
mod stream_encode;
mod thinking;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Frame, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, IdForm, ReplyContext, Target, ToolForms};

pub(crate) use carrier::recall;
pub use completions::Completions;
pub(crate) use completions::holds_many;
pub use embeddings::Embeddings;
pub(crate) use embeddings::from_base64;
pub use error::Errors;
pub(crate) use error::body as error_body;
pub use models::Models;
pub use quirks::Quirks;
pub(crate) use reply_decode::whole_error;
pub(crate) use thinking::ask as ask_for_thinking;

const CHAT_PROTOCOL: Protocol = Protocol::OPENAI_CHAT;

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

/// OpenAI's own embeddings.
pub const EMBEDDINGS: Embeddings = Embeddings::new(Quirks::NONE);

/// OpenAI's own chat completions.
pub const CHAT: Chat = Chat::new(Quirks::NONE);

impl ChatCodec for Chat {
    fn protocol(&self) -> Protocol {
        CHAT_PROTOCOL
    }

    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, Error> {
        request_decode::decode(body)
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        request_encode::encode(request, target, &self.quirks, losses)
    }

    fn takes(&self, body: &[u8]) -> bool {
        self.quirks.takes(body)
    }

    fn media(&self) -> &'static MediaRules<'static> {
        if self.quirks.content_parts { self.quirks.media } else { &MediaRules::ONLY_TEXT }
    }

    fn call_ids(&self) -> IdForm {
        self.quirks.call_ids
    }

    fn tool_forms(&self, model: &str) -> ToolForms {
        let web_search = self.quirks.search_models.iter().any(|part| model.contains(part));
        let Quirks { custom_tools: custom, allowed_tools: some, .. } = self.quirks;
        ToolForms { custom, some, web_search, ..ToolForms::FUNCTIONS }
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        reply_decode::decode(body)
    }

    fn encode_reply(&self, reply: &ChatReply, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Ok(reply_encode::encode(reply, context))
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(stream_decode::Decoder::default())
    }

    fn stream_encoder(&self, context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder> {
        Box::new(stream_encode::Encoder::new(context))
    }

    fn is_usage_frame(&self, frame: &Frame) -> bool {
        stream_decode::is_usage_frame(frame)
    }

    fn foreign_error(&self, frame: &Frame) -> Option<Error> {
        stream_decode::foreign_error(frame)
    }
}
