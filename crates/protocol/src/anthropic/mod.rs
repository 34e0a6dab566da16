//! Anthropic messages, models and errors, after Anthropic's API reference.

mod blocks;
mod cloud;
mod count;
mod error;
mod models;
mod reply_decode;
mod reply_encode;
mod request_decode;
mod request_encode;
mod stream_decode;
mod stream_encode;
pub(crate) mod thinking;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target};

pub use cloud::without_model;
pub use count::CountTokens;
pub use error::Errors;
pub use models::Models;

const MESSAGES_PROTOCOL: Protocol = Protocol::ANTHROPIC_MESSAGES;

/// Reads and writes Anthropic messages.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Messages;

impl ChatCodec for Messages {
    fn protocol(&self) -> Protocol {
        MESSAGES_PROTOCOL
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
        &MediaRules::ANTHROPIC
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
}
