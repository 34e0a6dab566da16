//! Cohere's chat (second version), embeddings and model list, after Cohere's API reference.

mod embed;
mod models;
mod reply;
mod request;
mod stream;
mod tokenize;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, Target};

pub use embed::Embed;
pub use models::Models;
pub use tokenize::Tokenize;

const CHAT_PROTOCOL: Protocol = Protocol::COHERE_CHAT;

/// Writes requests of Cohere's chat and reads its replies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Chat;

impl ChatCodec for Chat {
    fn protocol(&self) -> Protocol {
        CHAT_PROTOCOL
    }

    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error> {
        request::encode(request, target, losses)
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::COHERE
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        reply::decode(body)
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(stream::Decoder::default())
    }
}
