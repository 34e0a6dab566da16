use bytes::Bytes;
use http::StatusCode;
use tollbridge_core::Error;

use crate::object::Fields;
use crate::{ErrorCodec, status_of};

/// Reads and writes Ollama's error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ErrorCodec for Errors {
    fn encode_error(&self, error: &Error, _request_id: &str) -> (StatusCode, Bytes) {
        (status_of(error), body(error).to_bytes())
    }
}

/// Writes `{"error": "…"}`, which is the body of a refusal and the last line of a stream that failed.
pub(crate) fn body(error: &Error) -> Fields {
    let mut body = Fields::new();
    body.put("error", &error.to_string());
    body
}
