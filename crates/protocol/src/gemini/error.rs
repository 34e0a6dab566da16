use bytes::Bytes;
use http::StatusCode;
use tollbridge_core::Error;

use crate::object::Fields;
use crate::{ErrorCodec, status_of};

/// Reads and writes Google error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ErrorCodec for Errors {
    fn encode_error(&self, error: &Error, _request_id: &str) -> (StatusCode, Bytes) {
        (status_of(error), body(error).to_bytes())
    }
}

/// Writes `{"error": …}` with the status words of google.rpc.Code.
pub(crate) fn body(error: &Error) -> Fields {
    let status = status_of(error);
    let word = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        502 | 503 | 529 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..=498 => "INVALID_ARGUMENT",
        _ => "INTERNAL",
    };
    let mut inner = Fields::new();
    inner.put("code", &status.as_u16()).put("message", &error.to_string()).put("status", word);
    let mut body = Fields::new();
    body.put("error", &inner);
    body
}
