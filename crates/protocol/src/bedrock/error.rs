use bytes::Bytes;
use http::StatusCode;
use tollbridge_core::{Error, ErrorKind};

use crate::object::Fields;
use crate::{ErrorCodec, status_of};

/// Reads and writes the error bodies of AWS.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Errors;

impl ErrorCodec for Errors {
    fn encode_error(&self, error: &Error, _request_id: &str) -> (StatusCode, Bytes) {
        let mut body = Fields::new();
        // AWS names the exception in a header; its SDKs read this field in the place of it.
        body.put("__type", name_of(error)).put("message", &error.to_string());
        (status_of(error), body.to_bytes())
    }
}

/// Returns the name of the exception that Bedrock would throw.
pub(crate) fn name_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::RateLimit => "ThrottlingException",
        ErrorKind::Quota | ErrorKind::Budget => "ServiceQuotaExceededException",
        ErrorKind::Auth => "UnrecognizedClientException",
        ErrorKind::Permission => "AccessDeniedException",
        ErrorKind::ModelNotFound => "ResourceNotFoundException",
        ErrorKind::Timeout(_) => "ModelTimeoutException",
        ErrorKind::Overloaded => "ServiceUnavailableException",
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentPolicy | ErrorKind::Unsupported => {
            "ValidationException"
        }
        ErrorKind::Network | ErrorKind::Decode => "ModelErrorException",
        _ => "InternalServerException",
    }
}

/// Returns the exception of a stream, whose name begins with a small letter.
pub(crate) fn stream_name_of(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::RateLimit | ErrorKind::Quota | ErrorKind::Budget => "throttlingException",
        ErrorKind::Overloaded => "serviceUnavailableException",
        ErrorKind::Network | ErrorKind::Decode | ErrorKind::Timeout(_) => "modelStreamErrorException",
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentPolicy | ErrorKind::Unsupported => {
            "validationException"
        }
        _ => "internalServerException",
    }
}
