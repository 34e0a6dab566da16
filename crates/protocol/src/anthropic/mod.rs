//! Anthropic messages, models and errors.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatReply, ChatRequest, ModelInfo, Protocol};

use crate::{ChatCodec, ChatStreamDecoder, ChatStreamEncoder, ErrorCodec, ModelsCodec, ReplyContext, Target};

/// Reads and writes Anthropic messages.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Messages;

/// Reads and writes Anthropic model lists.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Models;

/// Reads and writes Anthropic error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ChatCodec for Messages {
    fn protocol(&self) -> Protocol {
        Protocol::ANTHROPIC_MESSAGES
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

impl ModelsCodec for Models {
    fn protocol(&self) -> Protocol {
        Protocol::ANTHROPIC_MODELS
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
