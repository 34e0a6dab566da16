use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use tollbridge::protocol::errors;
use tollbridge::{Error, ErrorKind, Protocol, Retry};

use crate::{content_encoding, output};

/// Makes the response of a failed call in the client's own form.
pub(crate) fn response(error: &Error, protocol: Protocol, request_id: &str) -> Response {
    let (status, body) = errors(protocol).encode_error(error, request_id);
    let mut response = output::json(status, body, request_id);
    let headers = response.headers_mut();
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE && error.path() == Some("content-encoding") {
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(content_encoding::TAKEN));
    }
    if let Some(vendor) = error.vendor() {
        output::pass_on(&vendor.headers, headers);
    }
    if let Retry::SameTarget { after: Some(after) } = error.retry() {
        headers.entry(header::RETRY_AFTER).or_insert_with(|| HeaderValue::from(after.as_secs().max(1)));
    }
    for (name, value) in [(output::PROVIDER, error.provider()), (output::MODEL, error.model())] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    response
}

/// Writes a failure to the log. What a broken upstream sent is shown here and nowhere else.
pub(crate) fn log(error: &Error, request_id: &str) {
    let status = error.vendor().and_then(|vendor| vendor.status);
    let provider = error.provider().unwrap_or("-");
    match error.vendor() {
        Some(vendor) if error.kind() == ErrorKind::Decode => {
            let start = vendor.body.get(..vendor.body.len().min(LOGGED)).unwrap_or_default();
            let start = String::from_utf8_lossy(start);
            tracing::warn!(request_id, provider, status, body = %start.escape_debug(), "{error}");
        }
        _ => tracing::warn!(request_id, provider, status, kind = %error.kind(), "{error}"),
    }
}

/// How much of a broken upstream's body is logged, in bytes.
const LOGGED: usize = 256;
