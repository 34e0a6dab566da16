use bytes::Bytes;
use http::StatusCode;
use tollbridge_core::{Error, ErrorKind};

use crate::object::Fields;
use crate::{ErrorCodec, status_of};

/// Reads and writes OpenAI error bodies.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ErrorCodec for Errors {
    fn encode_error(&self, error: &Error, _request_id: &str) -> (StatusCode, Bytes) {
        (status_of(error), body(error).to_bytes())
    }
}

/// Writes `{"error": …}`, which is the body of a refusal and the data of an error in a stream.
pub(crate) fn body(error: &Error) -> Fields {
    let vendor = error.vendor();
    // A vendor's code is kept where it is a word; numbers are other protocols' statuses.
    let word = |code: &&str| !code.bytes().all(|byte| byte.is_ascii_digit());
    let code = vendor.and_then(|vendor| vendor.code.as_deref()).filter(word).unwrap_or_else(|| code_of(error.kind()));
    let mut inner = Fields::new();
    inner.put("message", &error.to_string());
    inner.put("type", type_of(error.kind()));
    inner.put("param", &error.path());
    inner.put("code", code);
    let mut body = Fields::new();
    body.put("error", &inner);
    body
}

fn type_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::ContextLength
        | ErrorKind::ContentPolicy
        | ErrorKind::ModelNotFound
        | ErrorKind::Unsupported => "invalid_request_error",
        ErrorKind::Auth => "authentication_error",
        ErrorKind::Permission => "permission_error",
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::Quota | ErrorKind::Budget => "insufficient_quota",
        ErrorKind::Timeout(_) => "timeout_error",
        ErrorKind::Network | ErrorKind::Decode => "upstream_error",
        _ => "server_error",
    }
}

fn code_of(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::ContextLength => "context_length_exceeded",
        ErrorKind::ContentPolicy => "content_policy_violation",
        ErrorKind::Auth => "invalid_api_key",
        ErrorKind::RateLimit => "rate_limit_exceeded",
        ErrorKind::Quota => "insufficient_quota",
        other => other.as_str(),
    }
}
