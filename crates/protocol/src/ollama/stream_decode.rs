use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Extras, MediaKind, ToolCall};

use super::reply_decode::{self, Line};
use super::{image, usage};
use crate::ChatStreamDecoder;
use crate::object::Object;

/// Reads the objects of a stream, one on each line.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    lines: u64,
    started: bool,
    thinking: bool,
    calls: u32,
    done: bool,
    extras: Extras,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.lines += 1;
        let mut body = Object::from_vendor(&frame.data, &format!("line {} of the stream", self.lines))?;
        reply_decode::failure(&mut body)?;
        let start = reply_decode::start(&mut body);
        if !std::mem::replace(&mut self.started, true) {
            events.push(ChatEvent::Start(start));
        }
        if let Some(line) = Line::take(&mut body) {
            self.line(line, events);
        }
        if let Some(finish) = reply_decode::finish(&mut body, self.calls > 0) {
            self.done = true;
            events.extend(usage::take(&mut body).map(ChatEvent::Usage));
            if !self.extras.is_empty() {
                events.push(ChatEvent::Extras { choice: Some(0), extras: std::mem::take(&mut self.extras) });
            }
            events.push(ChatEvent::Finish { choice: 0, finish });
        }
        let extras = reply_decode::present(body);
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.done {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before a line that is done"))
    }
}

impl Decoder {
    fn line(&mut self, line: Line, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        if !line.thinking.is_empty() {
            events.push(ChatEvent::Thought { choice, text: line.thinking });
            if !std::mem::replace(&mut self.thinking, true) {
                let extras = reply_decode::thought(String::new()).extras;
                events.push(ChatEvent::PartExtras { choice, extras });
            }
        }
        if !line.text.is_empty() {
            events.push(ChatEvent::Text { choice, text: line.text });
        }
        for data in line.images {
            events.push(ChatEvent::Media { choice, kind: MediaKind::Image, media: image::decode(data) });
        }
        for ToolCall { id, name, arguments, kind, signature, extras, .. } in line.calls {
            let call = self.calls;
            self.calls += 1;
            events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature, extras });
            events.push(ChatEvent::ToolCallArguments { choice, call, fragment: arguments });
            events.push(ChatEvent::ToolCallEnd { choice, call });
        }
        if !line.logprobs.is_empty() {
            events.push(ChatEvent::LogProbs { choice, content: line.logprobs, refusal: Vec::new() });
        }
        self.extras.extend(line.extras);
    }
}
