use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tollbridge::core::{ByteStream, Frame, FrameStream};
use tollbridge::protocol::{FrameKind, frame_kind};
use tollbridge::{CallContext, Error, Loss, Protocol, Reply, ReplyBody};

use crate::failure;
use crate::metrics::Answering;

/// Names the provider that served.
pub(crate) const PROVIDER: HeaderName = HeaderName::from_static("x-tollbridge-provider");
/// Names the model that served, by the vendor's own name.
pub(crate) const MODEL: HeaderName = HeaderName::from_static("x-tollbridge-model");
/// Names what a whole answer cost, with the currency.
const COST: HeaderName = HeaderName::from_static("x-tollbridge-cost");
/// Names what of the request the provider's protocol could not carry.
const LOSS: HeaderName = HeaderName::from_static("x-tollbridge-loss");

/// How a stream stands in the response's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Server-sent events, as the frames have them.
    Sse,
    /// The elements of one JSON array, as Gemini streams without `alt=sse`.
    JsonArray,
}

/// Makes the response of a reply that is in the client's protocol.
pub(crate) fn response(reply: Reply, form: Form, cx: &CallContext, mut answering: Answering) -> Response {
    let request_id = &cx.request_id;
    let Reply { protocol, status, headers: vendor, provider, model, losses, body, .. } = reply;
    let mut response = match body {
        ReplyBody::Frames(frames) => streamed(counted(frames, protocol, answering), form, request_id),
        ReplyBody::Whole(bytes) => {
            answering.complete();
            json(status, bytes, request_id)
        }
        ReplyBody::Stream(bytes) => media(status, counted_bytes(bytes, answering), &vendor, request_id),
        _ => json(StatusCode::BAD_GATEWAY, Bytes::new(), request_id),
    };
    let headers = response.headers_mut();
    pass_on(&vendor, headers);
    // Of a stream it is known at its end alone.
    let cost = cx.cost().map_or(String::new(), |cost| cost.to_string());
    for (name, value) in [(PROVIDER, provider), (MODEL, model), (LOSS, told(&losses)), (COST, cost)] {
        if let Some(value) = HeaderValue::from_str(&value).ok().filter(|value| !value.is_empty()) {
            headers.insert(name, value);
        }
    }
    response
}

/// Makes a response of whole JSON bytes.
pub(crate) fn json(status: StatusCode, body: Bytes, request_id: &str) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    identify(response.headers_mut(), request_id);
    response
}

/// Makes a response of bytes that are passed on unread.
fn media(status: StatusCode, bytes: ByteStream, vendor: &HeaderMap, request_id: &str) -> Response {
    let id = request_id.to_owned();
    let bytes = bytes.inspect_err(move |error| failure::log(error, &id));
    let mut response = Response::new(Body::from_stream(bytes));
    *response.status_mut() = status;
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_DISPOSITION] {
        if let Some(value) = vendor.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    identify(response.headers_mut(), request_id);
    response
}

/// Passes a vendor's advice on limits to the client, and nothing else of its headers.
pub(crate) fn pass_on(vendor: &HeaderMap, headers: &mut HeaderMap) {
    for (name, value) in vendor {
        let text = name.as_str();
        let advice = ["x-ratelimit-", "anthropic-ratelimit-", "retry-after", "x-should-retry", "openai-processing-ms"];
        if advice.iter().any(|prefix| text.starts_with(prefix)) {
            headers.append(name.clone(), value.clone());
        }
    }
}

/// Counts the call when its stream ends.
fn counted(frames: FrameStream, protocol: Protocol, answering: Answering) -> FrameStream {
    let ends = move |frame: &Frame| matches!(frame_kind(protocol, frame), FrameKind::Finish | FrameKind::End);
    Box::pin(counting(frames, answering, ends))
}

/// Counts the call when its bytes end.
fn counted_bytes(bytes: ByteStream, answering: Answering) -> ByteStream {
    Box::pin(counting(bytes, answering, |_| false))
}

/// A client that leaves behind what `ends` the answer has all of it.
fn counting<T: Send + 'static>(
    items: impl Stream<Item = Result<T, Error>> + Send + Unpin + 'static,
    answering: Answering,
    ends: impl Fn(&T) -> bool + Send + 'static,
) -> impl Stream<Item = Result<T, Error>> + Send + 'static {
    stream::unfold((items, answering, ends), |(mut items, mut answering, ends)| async move {
        let next = items.next().await;
        match &next {
            None => answering.complete(),
            Some(Err(error)) => answering.failed(error.kind()),
            Some(Ok(item)) if ends(item) => answering.complete(),
            Some(Ok(_)) => {}
        }
        Some((next?, (items, answering, ends)))
    })
}

fn streamed(frames: FrameStream, form: Form, request_id: &str) -> Response {
    let id = request_id.to_owned();
    // The frames before an error tell the client; the error itself is for the log.
    let frames = frames.filter_map(move |frame| {
        let frame = frame.inspect_err(|error: &Error| failure::log(error, &id)).ok();
        async move { frame }
    });
    let (body, kind) = match form {
        Form::Sse => (body(frames.map(|frame| frame.raw)), "text/event-stream; charset=utf-8"),
        Form::JsonArray => (body(array(frames)), "application/json; charset=UTF-8"),
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Asks a buffering reverse proxy to pass every event on at once.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    identify(headers, request_id);
    response
}

fn body(bytes: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    Body::from_stream(bytes.map(Ok::<_, std::convert::Infallible>))
}

fn array(frames: impl Stream<Item = Frame> + Send + 'static) -> impl Stream<Item = Bytes> + Send + 'static {
    let elements = frames.filter(|frame| std::future::ready(!frame.is_comment())).enumerate().map(|(place, frame)| {
        let before: &[u8] = if place == 0 { b"[" } else { b",\r\n" };
        Bytes::from([before, &frame.data].concat())
    });
    let end = stream::once(std::future::ready(Bytes::from_static(b"]")));
    elements.chain(end)
}

/// Names the call in the headers in which SDKs look for it.
fn identify(headers: &mut HeaderMap, request_id: &str) {
    if let Some(value) = HeaderValue::from_str(request_id).ok().filter(|value| !value.is_empty()) {
        headers.insert(HeaderName::from_static("request-id"), value.clone());
        headers.insert(HeaderName::from_static("x-request-id"), value);
    }
}

/// Lists losses for a header, as many as fit, and counts the others.
fn told(losses: &[Loss]) -> String {
    let mut text = String::new();
    for (place, loss) in losses.iter().enumerate() {
        let before = if text.is_empty() { "" } else { ", " };
        let entry = format!("{before}{} {}", loss.kind.as_str(), escaped(&loss.path));
        if text.len() + entry.len() > LONGEST {
            text.push_str(&format!("{before}and {} more", losses.len() - place));
            break;
        }
        text.push_str(&entry);
    }
    text
}

/// How many bytes of losses a header lists; servers and proxies refuse headers of some kilobytes.
const LONGEST: usize = 2000;

/// Writes what a header cannot carry, and the comma that parts its entries, as JSON escapes it.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for letter in path.chars() {
        match letter {
            ' '..='~' if letter != ',' => text.push(letter),
            _ => {
                let mut units = [0; 2];
                text.extend(letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
        }
    }
    text
}
