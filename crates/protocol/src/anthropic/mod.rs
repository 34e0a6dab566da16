//! Anthropic messages, models and errors, after Anthropic's API reference.

mod blocks;
mod count;
mod error;
mod models;
mod reply_decode;
mod reply_encode;
mod request_decode;
mod request_encode;
mod stream_decode;
mod stream_encode;
mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target};

pub use count::CountTokens;
pub use error::Errors;
pub use models::Models;

const MESSAGES_PROTOCOL: Protocol = Protocol::ANTHROPIC_MESSAGES;

/// Reads and writes Anthropic messages.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Messages;

/// Returns a body for clouds that name the model in the URL and the version in the body.
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if the body is not a JSON object.
pub fn without_model(body: &[u8], version: &str) -> Result<Bytes, Error> {
    let mut fields = crate::object::Fields::new();
    fields.put("anthropic_version", version);
    for (name, value) in crate::object::Object::from_body(body)?.into_fields().filter(|(name, _)| name != "model") {
        if !fields.has(&name) {
            fields.put(&name, &value);
        }
    }
    Ok(fields.to_bytes())
}

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
