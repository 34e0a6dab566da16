//! Messages of `application/vnd.amazon.eventstream`, after the event stream encoding of AWS's Smithy specification.
//!
//! A message is its whole length, the length of its headers, a CRC of those eight bytes, the headers, the payload, and
//! a CRC of everything before. All numbers are big-endian, both checksums are the CRC-32 of gzip.

use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::Json;

use crate::object::Fields;

/// Both lengths and their CRC.
const PRELUDE: usize = 12;

/// What a message has beside headers and payload.
const OVERHEAD: usize = PRELUDE + 4;

/// The type of a header whose value is a text; AWS's services send no other.
const TEXT: u8 = 7;

/// Returns the length of the message at the start of `buffer`, once all of it is there.
///
/// # Errors
/// [`ErrorKind::Decode`] for a prelude whose CRC or lengths are wrong, or a message longer than `limit`.
pub(crate) fn message_end(buffer: &[u8], limit: usize) -> Result<Option<usize>, Error> {
    let (Some(lengths), Some(crc)) = (buffer.get(..8), number(buffer, 8)) else { return Ok(None) };
    if crc32fast::hash(lengths) != crc {
        return Err(broken("the CRC of its prelude is wrong"));
    }
    let total = number(buffer, 0).and_then(|total| usize::try_from(total).ok()).unwrap_or(usize::MAX);
    let headers = number(buffer, 4).and_then(|headers| usize::try_from(headers).ok()).unwrap_or(usize::MAX);
    if total < OVERHEAD || headers > total - OVERHEAD {
        return Err(broken("its lengths contradict each other"));
    }
    if total > limit {
        return Err(broken(&format!("it is longer than {limit} bytes")));
    }
    Ok((buffer.len() >= total).then_some(total))
}

/// Reads a whole message. An exception's name takes the place of the event's.
///
/// # Errors
/// [`ErrorKind::Decode`] for a message whose CRC is wrong or whose headers cannot be read.
pub(crate) fn parse(raw: Bytes) -> Result<Frame, Error> {
    let end = raw.len().saturating_sub(4);
    let (Some(content), Some(crc)) = (raw.get(..end), number(&raw, end)) else {
        return Err(broken("it is shorter than its prelude"));
    };
    if crc32fast::hash(content) != crc {
        return Err(broken("its CRC is wrong"));
    }
    let headers_end = headers_end(&raw).filter(|headers_end| *headers_end <= end);
    let headers_end = headers_end.ok_or_else(|| broken("its headers are longer than itself"))?;
    let headers = headers(&raw).ok_or_else(|| broken("its headers cannot be read"))?;
    let find = |name: &str| headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
    let event = find(":event-type").or_else(|| find(":exception-type")).or_else(|| find(":error-code"));
    let data = match find(":error-message") {
        // An error of the protocol itself has no payload: its words stand in a header.
        Some(message) if headers_end == end => Bytes::from(told(&message).as_str().to_owned()),
        _ => raw.slice(headers_end..end),
    };
    Ok(Frame::new(raw, event, data))
}

/// Returns the name of the exception or error that a frame holds instead of an event.
pub(crate) fn exception(frame: &Frame) -> Option<&str> {
    let name = frame.event.as_deref().unwrap_or_default();
    let told = name.ends_with("Exception")
        || headers(&frame.raw).is_some_and(|headers| {
            headers
                .iter()
                .any(|(name, value)| name == ":message-type" && matches!(value.as_str(), "exception" | "error"))
        });
    told.then_some(name)
}

/// Writes an event with a JSON payload.
pub(crate) fn event(name: &str, payload: &Json) -> Frame {
    message("event", ":event-type", name, payload)
}

/// Writes an exception with its message.
pub(crate) fn failure(name: &str, message: &str) -> Frame {
    self::message("exception", ":exception-type", name, &told(message))
}

fn message(kind: &str, name_header: &str, name: &str, payload: &Json) -> Frame {
    let headers = [(name_header, name), (":content-type", "application/json"), (":message-type", kind)];
    let data = Bytes::from(payload.as_str().to_owned());
    Frame::new(encode(&headers, &data), Some(name.to_owned()), data)
}

/// Writes a message; a header that is too long for the format is cut.
fn encode(headers: &[(&str, &str)], payload: &[u8]) -> Bytes {
    let mut block = Vec::new();
    for (name, value) in headers {
        let name = name.as_bytes().get(..name.len().min(usize::from(u8::MAX))).unwrap_or_default();
        let value = value.as_bytes().get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
        block.push(u8::try_from(name.len()).unwrap_or_default());
        block.extend_from_slice(name);
        block.push(TEXT);
        block.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        block.extend_from_slice(value);
    }
    let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut message = Vec::with_capacity(OVERHEAD + block.len() + payload.len());
    message.extend_from_slice(&length(OVERHEAD + block.len() + payload.len()));
    message.extend_from_slice(&length(block.len()));
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&block);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.into()
}

fn told(message: &str) -> Json {
    Fields::one("message", message).to_json()
}

fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Decode, format!("a message of the event stream cannot be read: {what}"))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn headers_end(message: &[u8]) -> Option<usize> {
    usize::try_from(number(message, 4)?).ok()?.checked_add(PRELUDE)
}

/// Reads the headers that are texts; those of other types say nothing that is needed here.
fn headers(message: &[u8]) -> Option<Vec<(String, String)>> {
    let mut rest = message.get(PRELUDE..headers_end(message)?)?;
    let mut headers = Vec::new();
    while !rest.is_empty() {
        let name = take(&mut rest, 1)?.first().copied()?;
        let name = take(&mut rest, usize::from(name))?;
        let kind = take(&mut rest, 1)?.first().copied()?;
        let length = match kind {
            // True and false have no value.
            0 | 1 => 0,
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            6 | TEXT => usize::from(u16::from_be_bytes(take(&mut rest, 2)?.try_into().ok()?)),
            _ => return None,
        };
        let value = take(&mut rest, length)?;
        if kind == TEXT {
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            headers.push((text(name), text(value)));
        }
    }
    Some(headers)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}
