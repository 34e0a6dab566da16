//! OpenAI responses, after OpenAI's API reference.

pub(crate) mod built_in;
mod count;
mod items;
mod reply_decode;
mod reply_encode;
pub(crate) mod request_decode;
mod request_encode;
mod stream_decode;
mod stream_encode;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

pub use count::InputTokens;

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target, ToolForms};

const RESPONSES_PROTOCOL: Protocol = Protocol::OPENAI_RESPONSES;

/// Reads and writes OpenAI responses.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Responses;

impl ChatCodec for Responses {
    fn protocol(&self) -> Protocol {
        RESPONSES_PROTOCOL
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
        request_encode::encode(request, target, losses)
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::OPENAI_RESPONSES
    }

    fn tool_forms(&self, _model: &str) -> ToolForms {
        ToolForms::ALL
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        reply_decode::decode(body)
    }

    fn encode_reply(&self, reply: &ChatReply, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Ok(reply_encode::encode(reply, context).to_bytes())
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(stream_decode::Decoder::default())
    }

    fn stream_encoder(&self, context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder> {
        Box::new(stream_encode::Encoder::new(context))
    }
}
