use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use memchr::memmem;
use serde::Deserialize;
use tollbridge::core::{Rest, StateStore, VendorError};
use tollbridge::protocol::{Peek, chat_request, embed_request, multipart, peek};
use tollbridge::{Error, ErrorKind, Operation, Protocol, Request};

use crate::call::Asked;
use crate::content_encoding;
use crate::server::Options;
use crate::told::{self, Losses};

/// What a client sent, ready to be called.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) request: Request,
    /// Whether the client will see usage on its stream.
    pub(crate) stream_usage: bool,
    /// Whether the last usage of its stream tells the cost.
    pub(crate) stream_cost: bool,
    /// Whether the client wants its vectors as base64.
    pub(crate) base64: bool,
    /// The session of the call, if its header is to tell only the losses that are new to it.
    pub(crate) session: Option<Vec<u8>>,
    /// Whether the client lets what it is answered be kept for its next turn.
    pub(crate) keep: bool,
}

/// Reads a client's body and checks all of it before anything is sent anywhere.
pub(crate) async fn read(
    asked: &Asked,
    headers: &HeaderMap,
    body: Body,
    options: &Options,
    states: Option<Arc<dyn StateStore>>,
) -> Result<Input, Error> {
    if let Some(form) = form_of(headers) {
        return read_form(asked, headers, body, &form, options.body_limit).await;
    }
    let body = collect(headers, body, options.body_limit).await?;
    let peek = peek(&body)?;
    let model = match &asked.model {
        Some(model) => checked(model)?,
        None => named(&peek)?,
    };
    let losses = Losses::of(headers)?.unwrap_or(options.losses);
    let session = (losses == Losses::New).then(|| told::session(headers, &body));
    let keep = may_be_kept(&body);
    let mut request = Request::from_wire(asked.operation, asked.protocol, model, body);
    request.states = states;
    request.stream = asked.operation == Operation::Chat && (asked.stream || (asked.model.is_none() && peek.stream));
    request.headers = companions(asked.protocol, headers);
    request.strict = switch(headers, &STRICT)?.unwrap_or(options.strict);
    let mut base64 = false;
    match asked.operation {
        Operation::Embed => base64 = embed_request(&request)?.base64,
        Operation::Chat if asked.protocol == Protocol::OPENAI_COMPLETIONS => {}
        // All that is sent must be understood, in the vendor's own protocol too.
        Operation::Chat | Operation::CountTokens if request.strict => drop(chat_request(&request)?),
        // What passes unread is its vendor's to check; what is translated is read where that is done.
        _ => {}
    }
    let asks = matches!(asked.protocol, Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS);
    let stream_cost = switch(headers, &STREAM_COST)?;
    // A call that asks for its cost itself asks for the usage in which that stands.
    let stream_usage = !asks || peek.stream_usage.unwrap_or(stream_cost == Some(true));
    Ok(Input { request, stream_usage, stream_cost: stream_cost.unwrap_or(options.stream_cost), base64, keep, session })
}

/// Says whether nothing in a body forbids to keep the answer.
fn may_be_kept(body: &Bytes) -> bool {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        store: Option<bool>,
    }
    memmem::find(body, b"\"store\"").is_none()
        || serde_json::from_slice::<Head>(body).is_ok_and(|head| head.store != Some(false))
}

/// Reads a header that switches something on or off for one call.
fn switch(headers: &HeaderMap, name: &HeaderName) -> Result<Option<bool>, Error> {
    match headers.get(name).map(HeaderValue::as_bytes) {
        None => Ok(None),
        Some(b"false" | b"0") => Ok(Some(false)),
        Some(b"true" | b"1") => Ok(Some(true)),
        Some(_) => Err(Error::invalid(name.as_str(), format!("the header `{name}` is neither true nor false"))
            .with_hint("send `true`, `false`, or no such header")),
    }
}

/// Refuses a request of which the target's protocol cannot carry all.
const STRICT: HeaderName = HeaderName::from_static("x-tollbridge-strict");

/// Has the last usage of a stream tell what the call cost.
const STREAM_COST: HeaderName = HeaderName::from_static("x-tollbridge-stream-cost");

/// Returns the type of a form's body.
fn form_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let kind = headers.get(header::CONTENT_TYPE)?;
    multipart::boundary(kind.to_str().ok()?).is_some().then(|| kind.clone())
}

/// Reads a form until its model is known; the rest of it follows while it is passed on.
async fn read_form(
    asked: &Asked,
    headers: &HeaderMap,
    body: Body,
    kind: &HeaderValue,
    limit: usize,
) -> Result<Input, Error> {
    if !matches!(asked.operation, Operation::Image | Operation::Transcribe) {
        return Err(Error::new(ErrorKind::InvalidRequest, "the body is a form, and this route takes JSON")
            .with_hint("send one JSON object with `Content-Type: application/json`"));
    }
    let (announced, body) = match content_encoding::encodings(headers)?.is_empty() {
        true => (announced(headers, limit)?, body),
        // What is compressed is passed on as it was before.
        false => {
            let decoded = collect(headers, body, limit).await?;
            (Some(decoded.len()), Body::from(decoded))
        }
    };
    let boundary = kind.to_str().ok().and_then(multipart::boundary).unwrap_or_default();
    let mut body = Limited::new(body, limit).into_data_stream().map_err(move |error| broken(&*error, limit));
    let (mut start, mut looked) = (BytesMut::new(), 0);
    let (model, open) = loop {
        let bytes = body.try_next().await?;
        start.extend_from_slice(bytes.as_deref().unwrap_or_default());
        // A form may begin with its file. Looking again only at twice the length keeps that linear.
        if bytes.is_some() && start.len() < 2 * looked {
            continue;
        }
        looked = start.len();
        match multipart::field(&start, boundary, "model") {
            Ok(Some(model)) if !model.is_empty() => break (checked(&model)?, bytes.is_some()),
            Err(error) if bytes.is_none() => return Err(error),
            Ok(_) if bytes.is_none() => {
                return Err(Error::invalid("model", "the form has no field `model`")
                    .with_hint("name a model as provider/model"));
            }
            _ => {}
        }
    };
    let length = announced.and_then(|whole| whole.checked_sub(start.len())).map(|rest| rest as u64);
    let mut request = Request::from_wire(asked.operation, asked.protocol, model, start.freeze());
    if open && length != Some(0) {
        request = request.with_rest(Rest::new(body.boxed(), length));
    }
    request.headers = companions(asked.protocol, headers);
    request.headers.insert(header::CONTENT_TYPE, kind.clone());
    Ok(Input { request, stream_usage: true, stream_cost: false, base64: false, keep: false, session: None })
}

async fn collect(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Error> {
    announced(headers, limit)?;
    let encodings = content_encoding::encodings(headers)?;
    let body = Limited::new(body, limit).collect().await.map_err(|error| broken(&*error, limit))?;
    content_encoding::decode(body.to_bytes(), encodings, limit, too_large).await
}

/// Returns the length that the client says its body has.
fn announced(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, Error> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) { Err(too_large(limit)) } else { Ok(length) }
}

fn broken(error: &(dyn std::error::Error + 'static), limit: usize) -> Error {
    if error.is::<LengthLimitError>() {
        return too_large(limit);
    }
    Error::new(ErrorKind::InvalidRequest, "the body broke off")
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
        Some(model) => checked(model),
    }
}

/// Refuses names that no model has.
fn checked(model: &str) -> Result<String, Error> {
    let fault = if model.len() > LONGEST_NAME {
        format!("`model` is longer than {LONGEST_NAME} bytes")
    } else if model.chars().any(char::is_control) {
        "`model` has control characters".to_owned()
    } else {
        return Ok(model.to_owned());
    };
    Err(Error::invalid("model", fault).with_hint("name a model as provider/model; see GET /v1/models"))
}

/// The longest name of a model, in bytes.
const LONGEST_NAME: usize = 256;

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
