use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tollbridge::core::VendorError;
use tollbridge::protocol::{Peek, chat_request, embed_request, multipart, peek, rerank_request};
use tollbridge::{Error, ErrorKind, Operation, Protocol, Request};

use crate::call::Asked;
use crate::server::Options;

/// What a client sent, ready to be called.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) request: Request,
    /// Whether the client will see usage on its stream.
    pub(crate) stream_usage: bool,
    /// Whether the client wants its vectors as base64.
    pub(crate) base64: bool,
}

/// Reads a client's body and checks all of it before anything is sent anywhere.
pub(crate) async fn read(asked: &Asked, headers: &HeaderMap, body: Body, options: &Options) -> Result<Input, Error> {
    let body = collect(headers, body, options.body_limit).await?;
    if let Some(form) = form_of(headers) {
        return read_form(asked, headers, body, &form);
    }
    let peek = peek(&body)?;
    let model = match &asked.model {
        Some(model) => model.clone(),
        None => named(&peek)?,
    };
    let mut request = Request::from_wire(asked.operation, asked.protocol, model, body);
    request.stream = asked.operation == Operation::Chat && (asked.stream || (asked.model.is_none() && peek.stream));
    request.headers = companions(asked.protocol, headers);
    request.strict = strict(headers)?.unwrap_or(options.strict);
    let mut base64 = false;
    match asked.operation {
        Operation::Embed => base64 = embed_request(&request)?.base64,
        Operation::Chat if asked.protocol == Protocol::OPENAI_COMPLETIONS => {}
        Operation::Chat | Operation::CountTokens => drop(chat_request(&request)?),
        Operation::Rerank => drop(rerank_request(&request)?),
        // What passes unread is its vendor's to check.
        _ => {}
    }
    let asks = matches!(asked.protocol, Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS);
    Ok(Input { request, stream_usage: !asks || peek.stream_usage == Some(true), base64 })
}

/// Reads `x-tollbridge-strict`, with which a client refuses that anything of its request be lost.
fn strict(headers: &HeaderMap) -> Result<Option<bool>, Error> {
    match headers.get(&STRICT).map(HeaderValue::as_bytes) {
        None => Ok(None),
        Some(b"false" | b"0") => Ok(Some(false)),
        Some(b"true" | b"1") => Ok(Some(true)),
        Some(_) => Err(Error::invalid(STRICT.as_str(), format!("the header `{STRICT}` is neither true nor false"))
            .with_hint("send `true`, `false`, or no such header")),
    }
}

/// Refuses a request of which the target's protocol cannot carry all.
const STRICT: HeaderName = HeaderName::from_static("x-tollbridge-strict");

/// Returns the type of a form's body.
fn form_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let kind = headers.get(header::CONTENT_TYPE)?;
    multipart::boundary(kind.to_str().ok()?).is_some().then(|| kind.clone())
}

/// Reads a form, of which only the model is looked at.
fn read_form(asked: &Asked, headers: &HeaderMap, body: Bytes, kind: &HeaderValue) -> Result<Input, Error> {
    if !matches!(asked.operation, Operation::Image | Operation::Transcribe) {
        return Err(Error::new(ErrorKind::InvalidRequest, "the body is a form, and this route takes JSON")
            .with_hint("send one JSON object with `Content-Type: application/json`"));
    }
    let boundary = kind.to_str().ok().and_then(multipart::boundary).unwrap_or_default();
    let model = multipart::field(&body, boundary, "model")?.filter(|model| !model.is_empty()).ok_or_else(|| {
        Error::invalid("model", "the form has no field `model`").with_hint("name a model as provider/model")
    })?;
    let mut request = Request::from_wire(asked.operation, asked.protocol, model, body);
    request.headers = companions(asked.protocol, headers);
    request.headers.insert(header::CONTENT_TYPE, kind.clone());
    Ok(Input { request, stream_usage: true, base64: false })
}

async fn collect(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Error> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(_) => Err(Error::new(ErrorKind::InvalidRequest, "the body broke off")),
    }
}

fn too_large(limit: usize) -> Error {
    // The status is the protocol's own for this; no kind of error stands for it alone.
    let mut vendor = VendorError::default();
    vendor.status = Some(StatusCode::PAYLOAD_TOO_LARGE.as_u16());
    Error::new(ErrorKind::InvalidRequest, format!("the body is larger than {limit} bytes"))
        .with_hint("send less, or raise `server.body_limit`")
        .with_vendor(vendor)
}

fn named(peek: &Peek) -> Result<String, Error> {
    match peek.model.as_deref() {
        Some("") | None => Err(Error::invalid("model", "`model` is missing")
            .with_hint("name a model as provider/model, such as `echo/echo`")),
        Some(model) => Ok(model.to_owned()),
    }
}

/// Picks the headers that belong to a protocol's body. Keys are never among them.
fn companions(protocol: Protocol, headers: &HeaderMap) -> HeaderMap {
    let names: &[HeaderName] = match protocol {
        Protocol::ANTHROPIC_MESSAGES | Protocol::ANTHROPIC_COUNT_TOKENS => &[HeaderName::from_static("anthropic-beta")],
        Protocol::OPENAI_CHAT | Protocol::OPENAI_RESPONSES => {
            &[HeaderName::from_static("openai-beta"), HeaderName::from_static("idempotency-key")]
        }
        _ => &[],
    };
    let mut picked = HeaderMap::new();
    for name in names {
        for value in headers.get_all(name) {
            picked.append(name.clone(), value.clone());
        }
    }
    picked
}
