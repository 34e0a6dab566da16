//! Gemini generateContent, embeddings, models and errors, after the Gemini API reference (v1beta).

mod count;
mod embed;
mod error;
mod models;
mod partial;
mod parts;
mod predict;
mod reply_decode;
mod reply_encode;
mod request_decode;
mod request_encode;
mod schema;
mod stream;
mod thinking;
pub(crate) mod usage;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_profiles::Profile;
use tollbridge_types::{ChatReply, ChatRequest, Protocol};

use crate::media::MediaRules;
use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ReplyContext, Target, ToolForms};

pub use count::{CountTokens, count_for_vertex};
pub use embed::Embed;
pub use error::Errors;
pub use models::Models;
pub use predict::Predict;
pub(crate) use thinking::thinking;

const GENERATE_PROTOCOL: Protocol = Protocol::GEMINI_GENERATE;

/// What Google's page on thought signatures has for calls that another model made.
pub(crate) const ANY_SIGNATURE: &str = "skip_thought_signature_validator";

/// Says whether a model refuses the first call of a turn without a signature.
pub(crate) fn demands_signatures(profile: &Profile) -> bool {
    profile.history.signatures.as_deref() == Some("demanded")
}

/// Reads and writes Gemini generateContent.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Generate;

impl ChatCodec for Generate {
    fn protocol(&self) -> Protocol {
        GENERATE_PROTOCOL
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
        request_encode::encode(request, target.profile, losses)
    }

    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::GEMINI
    }

    fn tool_forms(&self, _model: &str) -> ToolForms {
        ToolForms { some: true, ..ToolForms::FUNCTIONS }
    }

    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error> {
        reply_decode::decode(body)
    }

    fn encode_reply(&self, reply: &ChatReply, context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Ok(reply_encode::encode(reply, context))
    }

    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder> {
        Box::new(stream::Decoder::default())
    }

    fn stream_encoder(&self, context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder> {
        Box::new(stream::Encoder::new(context))
    }
}
