use bytes::Bytes;
use http::StatusCode;
use tollbridge_core::{Error, ErrorKind};

use crate::object::Fields;
use crate::{ErrorCodec, status_of};

/// Reads and writes Anthropic error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ErrorCodec for Errors {
    fn encode_error(&self, error: &Error, request_id: &str) -> (StatusCode, Bytes) {
        let mut body = body(error);
        if !request_id.is_empty() {
            body.put("request_id", request_id);
        }
        (status(error), body.to_bytes())
    }
}

/// Writes `{"type": "error", …}`, which is the body of a refusal and the data of an error event.
pub(crate) fn body(error: &Error) -> Fields {
    let mut inner = Fields::new();
    inner.put("type", type_of(status(error))).put("message", &error.to_string());
    let mut body = Fields::new();
    body.put("type", "error").put("error", &inner);
    body
}

fn status(error: &Error) -> StatusCode {
    // 529 is Anthropic's own status for a lack of capacity; its SDKs know it.
    let overloaded = StatusCode::from_u16(529).ok().filter(|_| error.kind() == ErrorKind::Overloaded);
    overloaded.unwrap_or_else(|| status_of(error))
}

fn type_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}
