//! Ollama's own chat, embeddings, model list and errors, after `docs/api.md` and `api/types.go` of Ollama.

mod embed;
mod error;
mod image;
mod models;
mod reply_decode;
mod reply_encode;
mod request_decode;
mod request_encode;
mod stream_decode;
mod stream_encode;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target};

pub use embed::Embed;
pub use error::Errors;
pub use models::Models;

const CHAT_PROTOCOL: Protocol = Protocol::OLLAMA_CHAT;

/// Reads and writes Ollama's chat; it reads the replies of the older `/api/generate` too.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Chat;

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
        request_encode::encode(request, target, losses)
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::OLLAMA
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
