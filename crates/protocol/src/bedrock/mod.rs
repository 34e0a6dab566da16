//! Amazon Bedrock's Converse and ConverseStream, InvokeModel, CountTokens and ListFoundationModels,
//! after the Amazon Bedrock API reference.

mod count;
mod invoke;
mod models;
mod reply;
mod request;
mod stream;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::{ChatCodec, ChatStreamDecoder, Target};

pub use count::CountTokens;
pub use invoke::Invoke;
pub use models::Models;

const CONVERSE_PROTOCOL: Protocol = Protocol::BEDROCK_CONVERSE;

/// Writes requests of Converse and reads its replies and streams.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Converse;

impl ChatCodec for Converse {
    fn protocol(&self) -> Protocol {
        CONVERSE_PROTOCOL
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        Ok(request::encode(request, target.model, losses)?.to_bytes())
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        reply::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(stream::Decoder::default())
    }
}
