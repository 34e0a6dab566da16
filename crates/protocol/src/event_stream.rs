//! Messages of `application/vnd.amazon.eventstream`, after "Amazon event stream encoding" in AWS's
//! guide for Transcribe and the Smithy specification.

use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};

/// Lengths and checksum before the headers.
const PRELUDE: usize = 12;
/// What a message is long at least: the prelude and the checksum at its end.
const LEAST: usize = 16;

/// Returns the length of the message that begins the buffer, as soon as all of it is there.
///
/// # Errors
/// [`ErrorKind::Decode`] for a prelude whose checksum is wrong, or a message longer than `limit`.
pub(crate) fn message_end(buffer: &[u8], number: u64, limit: usize) -> Result<Option<usize>, Error> {
    let Some(prelude) = buffer.first_chunk::<PRELUDE>() else { return Ok(None) };
    let [a, b, c, d, _, _, _, _, sum @ ..] = *prelude;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let told = prelude.get(..8).unwrap_or_default();
    if u32::from_be_bytes(sum) != crc32fast::hash(told) {
        return Err(broken(number, "the checksum of its lengths is wrong"));
    }
    if length < LEAST {
        return Err(broken(number, "it claims to be shorter than its frame"));
    }
    if length > limit {
        return Err(broken(number, &format!("it is longer than {limit} bytes")));
    }
    Ok((buffer.len() >= length).then_some(length))
}

/// Reads a whole message: its event is the event or exception type, its data the payload.
///
/// # Errors
/// [`ErrorKind::Decode`] for a wrong checksum or headers that cannot be read.
pub(crate) fn parse(raw: Bytes, number: u64) -> Result<Frame, Error> {
    let (body, sum) = raw.split_last_chunk::<4>().ok_or_else(|| broken(number, "it is too short"))?;
    if u32::from_be_bytes(*sum) != crc32fast::hash(body) {
        return Err(broken(number, "its checksum is wrong"));
    }
    let length = body.get(4..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes) as usize;
    let headers = body.get(PRELUDE..PRELUDE + length).ok_or_else(|| broken(number, "its headers end outside it"))?;
    let event = headers_of(headers).ok_or_else(|| broken(number, "its headers cannot be read"))?;
    let data = raw.slice(PRELUDE + length..body.len());
    Ok(Frame::new(raw, event, data))
}

/// Reads the headers, and returns what names the message.
fn headers_of(mut rest: &[u8]) -> Option<Option<String>> {
    let mut event = None;
    while let Some((length, after)) = rest.split_first() {
        let (name, after) = after.split_at_checked(usize::from(*length))?;
        let (kind, after) = after.split_first()?;
        let (size, after) = match kind {
            0 | 1 => (0, after),
            2 => (1, after),
            3 => (2, after),
            4 => (4, after),
            5 | 8 => (8, after),
            9 => (16, after),
            6 | 7 => {
                let (size, after) = after.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*size)), after)
            }
            _ => return None,
        };
        let (value, after) = after.split_at_checked(size)?;
        if matches!(name, b":event-type" | b":exception-type" | b":error-code") {
            event = Some(String::from_utf8_lossy(value).into_owned());
        }
        rest = after;
    }
    Some(event)
}

/// Writes a message with the headers that AWS gives an event.
pub fn encode_event(kind: &str, payload: &[u8]) -> Bytes {
    let is_exception = kind.ends_with("Exception");
    let (name, message) = if is_exception { (":exception-type", "exception") } else { (":event-type", "event") };
    let mut headers = Vec::new();
    for (name, value) in [(name, kind), (":content-type", "application/json"), (":message-type", message)] {
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = Vec::with_capacity(LEAST + headers.len() + payload.len());
    bytes.extend_from_slice(&length(LEAST + headers.len() + payload.len()));
    bytes.extend_from_slice(&length(headers.len()));
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(&headers);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.into()
}

fn broken(number: u64, what: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("message {number} of the stream is damaged: {what}"))
}
