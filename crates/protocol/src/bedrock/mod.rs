//! Amazon Bedrock: Converse, ConverseStream, the replies of InvokeModel, models and errors, after AWS's API reference.

mod blocks;
mod count;
mod embed;
mod error;
mod family;
mod invoke;
mod media;
mod models;
mod reply_decode;
mod reply_encode;
mod request_decode;
mod request_encode;
mod settings;
mod stream_decode;
mod stream_encode;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target};

pub use count::CountTokens;
pub use embed::{Embed, takes_many};
pub use error::Errors;
pub use invoke::Invoke;
pub use models::Models;

const CONVERSE_PROTOCOL: Protocol = Protocol::BEDROCK_CONVERSE;

/// Reads and writes Converse and ConverseStream.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Converse;

impl ChatCodec for Converse {
    fn protocol(&self) -> Protocol {
        CONVERSE_PROTOCOL
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
        &MediaRules::BEDROCK
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
