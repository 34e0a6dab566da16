use bytes::{Buf, Bytes, BytesMut};
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::Protocol;

use crate::eventstream;

/// Says how the frames of a stream stand in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Server-sent events, as the WHATWG HTML standard defines them.
    Sse,
    /// The elements of one JSON array, as Gemini streams without `alt=sse`.
    JsonArray,
    /// One JSON value on each line, as Ollama streams.
    JsonLines,
    /// Amazon's binary messages with checksums.
    AwsEventStream,
}

/// Returns how a protocol's streams stand in bytes.
pub fn framing_of(protocol: Protocol) -> Framing {
    match protocol {
        Protocol::OLLAMA_CHAT => Framing::JsonLines,
        Protocol::BEDROCK_CONVERSE | Protocol::BEDROCK_INVOKE => Framing::AwsEventStream,
        _ => Framing::Sse,
    }
}

/// Cuts the bytes of a stream into frames, wherever the network split them.
///
/// ```
/// use tollbridge_protocol::{FrameDecoder, Framing};
///
/// let mut decoder = FrameDecoder::new(Framing::Sse);
/// let mut frames = Vec::new();
/// decoder.push(b"data: {\"a\"", &mut frames).unwrap();
/// decoder.push(b":1}\r\n\r\n", &mut frames).unwrap();
/// assert_eq!(frames[0].data.as_ref(), b"{\"a\":1}");
/// ```
#[derive(Debug)]
pub struct FrameDecoder {
    framing: Framing,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of a frame.
    scanned: usize,
    /// Where the line in progress begins.
    line: usize,
    /// How deep the JSON value in progress is nested, and whether a string is open.
    depth: usize,
    quoted: bool,
    escaped: bool,
    frames: u64,
    limit: usize,
}

impl FrameDecoder {
    /// Starts a stream whose events are at most 64 MiB long.
    pub fn new(framing: Framing) -> Self {
        Self {
            framing,
            buffer: BytesMut::new(),
            scanned: 0,
            line: 0,
            depth: 0,
            quoted: false,
            escaped: false,
            frames: 0,
            limit: 64 << 20,
        }
    }

    /// Sets how long one event may be, in bytes.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// Takes the next bytes and appends the frames that they complete.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for an event longer than the limit, or one whose checksum is wrong.
    pub fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Error> {
        self.buffer.extend_from_slice(bytes);
        while let Some(end) = match self.framing {
            Framing::Sse => self.event_end(false),
            Framing::JsonArray => self.element_end(),
            Framing::JsonLines => self.line_end(),
            Framing::AwsEventStream => eventstream::message_end(&self.buffer, self.limit)?,
        } {
            self.emit(end, frames)?;
        }
        if self.buffer.len() > self.limit {
            let message = format!("event {} of the stream is longer than {} bytes", self.frames, self.limit);
            return Err(Error::new(ErrorKind::Decode, message));
        }
        Ok(())
    }

    /// Takes the end of the bytes and appends what stood there without its blank line.
    ///
    /// # Errors
    /// [`ErrorKind::Network`] if the bytes end inside a JSON value or a binary message.
    pub fn finish(&mut self, frames: &mut Vec<Frame>) -> Result<(), Error> {
        if self.framing == Framing::AwsEventStream && !self.buffer.is_empty() {
            let message = format!("the stream ended inside its message {}", self.frames);
            return Err(Error::new(ErrorKind::Network, message));
        }
        if matches!(self.framing, Framing::JsonArray | Framing::AwsEventStream) {
            if self.depth > 0 {
                let message = format!("the stream ended inside its element {}", self.frames);
                return Err(Error::new(ErrorKind::Network, message));
            }
            return Ok(());
        }
        while let Some(end) = if self.framing == Framing::Sse { self.event_end(true) } else { None } {
            self.emit(end, frames)?;
        }
        if !self.buffer.is_empty() {
            self.emit(self.buffer.len(), frames)?;
        }
        Ok(())
    }

    fn emit(&mut self, end: usize, frames: &mut Vec<Frame>) -> Result<(), Error> {
        let raw = self.buffer.split_to(end).freeze();
        (self.scanned, self.line) = (0, 0);
        let frame = match self.framing {
            Framing::Sse => parse_event(raw, self.frames == 0),
            Framing::JsonArray => {
                let start = raw.iter().position(|byte| *byte == b'{').unwrap_or(0);
                Frame::new(raw.clone(), None, raw.slice(start..))
            }
            Framing::JsonLines => {
                let data = raw.trim_ascii();
                let start = data.as_ptr() as usize - raw.as_ptr() as usize;
                let range = start..start + data.len();
                Frame::new(raw.clone(), None, raw.slice(range))
            }
            Framing::AwsEventStream => eventstream::parse(raw)?,
        };
        self.frames += 1;
        frames.push(frame);
        Ok(())
    }

    fn line_end(&mut self) -> Option<usize> {
        match memchr::memchr(b'\n', self.buffer.get(self.scanned..)?) {
            Some(offset) => Some(self.scanned + offset + 1),
            None => {
                self.scanned = self.buffer.len();
                None
            }
        }
    }

    /// Finds the end of the event: the blank line behind it, whichever line ends it uses.
    fn event_end(&mut self, at_end: bool) -> Option<usize> {
        loop {
            let rest = self.buffer.get(self.scanned..)?;
            let Some(offset) = memchr::memchr2(b'\n', b'\r', rest) else {
                self.scanned = self.buffer.len();
                return None;
            };
            let at = self.scanned + offset;
            let next = match (self.buffer.get(at), self.buffer.get(at + 1)) {
                (Some(b'\r'), Some(b'\n')) => at + 2,
                // Whether a line feed belongs to this carriage return is known with the next byte.
                (Some(b'\r'), None) if !at_end => {
                    self.scanned = at;
                    return None;
                }
                _ => at + 1,
            };
            let blank = at == self.line;
            (self.scanned, self.line) = (next, next);
            if blank {
                return Some(next);
            }
        }
    }

    /// Finds the end of an object at the top of the array.
    fn element_end(&mut self) -> Option<usize> {
        while let Some(byte) = self.buffer.get(self.scanned) {
            self.scanned += 1;
            if self.quoted {
                self.quoted = self.escaped || *byte != b'"';
                self.escaped = !self.escaped && *byte == b'\\';
                continue;
            }
            match byte {
                b'"' => self.quoted = true,
                b'{' => self.depth += 1,
                b'}' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(self.scanned);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

fn parse_event(raw: Bytes, first: bool) -> Frame {
    let mut event = None;
    let mut data: Vec<Bytes> = Vec::new();
    let mut rest = raw.clone();
    if first && rest.starts_with(b"\xEF\xBB\xBF") {
        rest.advance(3);
    }
    while !rest.is_empty() {
        let end = memchr::memchr2(b'\n', b'\r', &rest).unwrap_or(rest.len());
        let line = rest.split_to(end);
        let line_end = if rest.starts_with(b"\r\n") { 2 } else { 1 };
        rest.advance(line_end.min(rest.len()));
        let colon = memchr::memchr(b':', &line).unwrap_or(line.len());
        let mut value = line.slice((colon + 1).min(line.len())..);
        if value.starts_with(b" ") {
            value.advance(1);
        }
        match line.get(..colon) {
            Some(b"data") => data.push(value),
            // No field of the standard, but what some servers write when they fail in mid-stream.
            Some(b"error") if value.starts_with(b"{") => data.push(value),
            Some(b"event") => event = Some(String::from_utf8_lossy(&value).into_owned()),
            _ => {}
        }
    }
    let data = match data.len() {
        0 | 1 => data.pop().unwrap_or_default(),
        _ => Bytes::from(data.join(&b'\n')),
    };
    Frame::new(raw, event, data)
}
