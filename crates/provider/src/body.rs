use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tollbridge_core::{ByteStream, Error, ErrorKind, VendorError};
use tollbridge_protocol::Framing;

/// The largest whole reply that is read, in bytes.
pub(crate) const WHOLE_LIMIT: usize = 256 << 20;

/// The most of an error's body that is kept, in bytes.
pub(crate) const ERROR_LIMIT: usize = 64 << 10;

/// Reads a body to its end.
pub(crate) async fn read_whole(mut body: ByteStream, first: Bytes, limit: usize) -> Result<Bytes, Error> {
    let mut whole = BytesMut::from(first.as_ref());
    while let Some(bytes) = body.next().await {
        whole.extend_from_slice(&bytes?);
        if whole.len() > limit {
            return Err(Error::new(ErrorKind::Decode, format!("the reply is longer than {limit} bytes")));
        }
    }
    Ok(whole.freeze())
}

/// Reads the beginning of a body; what breaks behind it does not matter any more.
pub(crate) async fn read_start(mut body: ByteStream, limit: usize) -> Bytes {
    let mut start = BytesMut::new();
    while let Some(Ok(bytes)) = body.next().await {
        let room = limit - start.len();
        start.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
        if start.len() == limit {
            break;
        }
    }
    start.freeze()
}

/// Says whether the bytes that came so far tell a stream of this form from anything else.
pub(crate) fn is_telling(framing: Framing, first: &Bytes) -> bool {
    let text = first.trim_ascii_start();
    match framing {
        // The first of many objects looks like the only one until its line ends, which a stream has no
        // reason to put off.
        Framing::JsonLines if text.starts_with(b"{") => text.contains(&b'\n') || text.len() > ERROR_LIMIT,
        _ => !text.is_empty(),
    }
}

/// Says whether bytes can be the beginning of a stream of this form.
pub(crate) fn begins_stream(framing: Framing, first: &Bytes) -> bool {
    match framing {
        Framing::JsonLines => begins_lines(first),
        // A length below 16 MiB begins with zero, and no JSON does.
        Framing::AwsEventStream => first.starts_with(&[0]),
        _ => begins_events(first),
    }
}

/// Says whether a whole body of this form can be events, and not one broken object.
pub(crate) fn has_events(framing: Framing, body: &Bytes) -> bool {
    framing != Framing::JsonLines || body.trim_ascii().contains(&b'\n')
}

/// Says whether bytes can be the beginning of JSON on lines: an object that reports no error.
fn begins_lines(first: &Bytes) -> bool {
    let text = first.trim_ascii_start();
    match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let head = text.get(..end).map(serde_json::from_slice::<Head<'_>>);
            head.is_some_and(|head| head.is_ok_and(|head| matches!(head.error, None | Some(Reported::Nothing(())))))
        }
        None => text.starts_with(b"{"),
    }
}

/// Says whether bytes can be the beginning of server-sent events.
fn begins_events(first: &Bytes) -> bool {
    let text = first.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(first).trim_ascii_start();
    let fields: [&[u8]; 5] = [b"data", b"event", b"id", b"retry", b":"];
    // The network may have split the first word.
    fields.iter().any(|field| text.starts_with(field) || field.starts_with(text))
        // Some servers put a field of their own in front, such as `error: {…}`.
        || text.iter().position(|byte| *byte == b':').is_some_and(|at| text.iter().take(at).all(u8::is_ascii_lowercase))
}

/// What a body that should be a JSON object turned out to be.
pub(crate) enum Shape {
    /// An object that reports no error.
    Answer,
    /// An object that reports an error in spite of its status, with the status it deserves.
    Failure(StatusCode),
}

/// Checks that a successful whole body is JSON without reading it into values.
pub(crate) fn inspect(status: StatusCode, body: &Bytes) -> Result<Shape, Error> {
    let text = body.trim_ascii_start();
    if text.is_empty() {
        return Err(garbage("the reply is empty", status, body));
    }
    if text.first() == Some(&b'[') {
        serde_json::from_slice::<IgnoredAny>(body).map_err(|_| garbage("the reply is broken JSON", status, body))?;
        return Ok(Shape::Answer);
    }
    if text.first() != Some(&b'{') {
        return Err(garbage("the reply is not JSON", status, body));
    }
    let head: Head<'_> = serde_json::from_slice(body).map_err(|_| garbage("the reply is broken JSON", status, body))?;
    match head.error {
        // Mistral's errors, and those of some servers, stand at the top and call themselves one.
        None if head.object.is_some_and(|object| object.get().eq_ignore_ascii_case("\"error\"")) => {
            Ok(Shape::Failure(StatusCode::BAD_GATEWAY))
        }
        None | Some(Reported::Nothing(())) => Ok(Shape::Answer),
        Some(Reported::Object { code }) => {
            let code = code.and_then(|code| u16::try_from(code.as_u64()?).ok());
            let code = code.and_then(|code| StatusCode::from_u16(code).ok());
            let code = code.filter(|code| code.is_client_error() || code.is_server_error());
            Ok(Shape::Failure(code.unwrap_or(StatusCode::BAD_GATEWAY)))
        }
        Some(Reported::Other(_)) => Ok(Shape::Failure(StatusCode::BAD_GATEWAY)),
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(default)]
    error: Option<Reported>,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Reported {
    Nothing(()),
    Object {
        #[serde(default)]
        code: Option<serde_json::Value>,
    },
    Other(IgnoredAny),
}

/// Makes the error for a reply that is nobody's protocol. Its bytes are for the log alone.
pub(crate) fn garbage(what: &str, status: StatusCode, body: &Bytes) -> Error {
    let mut vendor = VendorError::default();
    vendor.status = Some(status.as_u16());
    vendor.body = body.slice(..body.len().min(ERROR_LIMIT));
    Error::new(ErrorKind::Decode, what).with_vendor(vendor).with_hint("check that `base_url` is the vendor's API")
}
