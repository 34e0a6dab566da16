use std::collections::BTreeMap;

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{
    ChatEvent, Extras, Json, Media, MediaKind, MediaSource, Opaque, Signature, Start, ToolCallKind,
};

use super::{CONVERSE_PROTOCOL as PROTOCOL, blocks, reply_decode, usage};
use crate::object::{Compactor, Fields, Object, json};
use crate::{ChatStreamDecoder, endings, eventstream, vendor_error};

/// Reads the events of ConverseStream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    stopped: bool,
    blocks: BTreeMap<i64, Block>,
    calls: u32,
    /// The call that ended without arguments: it has none, unless the answer turns out to be cut there.
    silent: Option<u32>,
}

/// A block that is open.
#[derive(Debug)]
enum Block {
    /// Text or thinking.
    Words,
    /// Thinking that is encrypted, whole in each piece.
    Hidden,
    /// A tool call and whether arguments came.
    Call { number: u32, compactor: Compactor, any: bool },
    /// An image in the making.
    Image { format: Option<String>, data: String },
    /// What Bedrock's own tool was asked, or what it returned.
    Opaque { kind: &'static str, start: Json, input: String, content: Vec<Json> },
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        self.frames += 1;
        let name = frame.event.as_deref().unwrap_or_default();
        if !EVENTS.contains(&name) {
            // Exceptions end the stream; events that are not known yet do not.
            return eventstream::exception(frame)
                .map_or(Ok(()), |name| Err(vendor_error::from_exception(name, &frame.data)));
        }
        let event = Object::from_vendor(&frame.data, &format!("event {} of the stream", self.frames))?;
        self.event(name, event, events);
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.stopped {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before `messageStop`"))
    }
}

const EVENTS: &[&str] =
    &["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"];

impl Decoder {
    fn event(&mut self, name: &str, mut event: Object, events: &mut Vec<ChatEvent>) {
        let index = event.find("contentBlockIndex").unwrap_or_default();
        if matches!(name, "contentBlockStart" | "contentBlockDelta" | "metadata") {
            self.end_silent(events);
        }
        match name {
            "messageStart" => events.push(ChatEvent::Start(Start::default())),
            "contentBlockStart" => self.open(index, event.find_object("start"), events),
            "contentBlockDelta" => self.delta(index, event.find_object("delta"), events),
            "contentBlockStop" => self.close(index, events),
            "messageStop" => {
                self.stopped = true;
                let finish = reply_decode::finish(&mut event);
                if finish.as_ref().is_none_or(|finish| endings::is_normal(&finish.reason)) {
                    self.end_silent(events);
                }
                self.silent = None;
                events.extend(finish.map(|finish| ChatEvent::Finish { choice: 0, finish }));
                keep(event, events);
            }
            _ => {
                events.extend(usage::take(&mut event).map(ChatEvent::Usage));
                keep(event, events);
            }
        }
    }

    fn open(&mut self, index: i64, mut start: Object, events: &mut Vec<ChatEvent>) {
        let block = if let Some(json) = start.take("toolUse") {
            let mut call = Object::lenient(&json);
            if blocks::is_servers(&call) {
                Block::Opaque { kind: "toolUse", start: json, input: String::new(), content: Vec::new() }
            } else {
                let number = self.calls;
                self.calls += 1;
                events.push(ChatEvent::ToolCallStart {
                    choice: 0,
                    call: number,
                    id: call.find_text("toolUseId"),
                    name: call.find_text("name").unwrap_or_default(),
                    kind: ToolCallKind::Function,
                    signature: None,
                    extras: call.into_extras(PROTOCOL),
                });
                Block::Call { number, compactor: Compactor::default(), any: false }
            }
        } else if let Some(json) = start.take("toolResult") {
            Block::Opaque { kind: "toolResult", start: json, input: String::new(), content: Vec::new() }
        } else if let Some(json) = start.take("image") {
            Block::Image { format: Object::lenient(&json).find_text("format"), data: String::new() }
        } else {
            Block::Words
        };
        self.blocks.insert(index, block);
    }

    fn delta(&mut self, index: i64, mut delta: Object, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        // Blocks of words have no start of their own.
        let block = self.blocks.entry(index).or_insert(Block::Words);
        if let Some(text) = delta.find_text("text") {
            events.push(ChatEvent::Text { choice, text });
        }
        if let Some(json) = delta.take("citation") {
            events.push(ChatEvent::Citation { choice, citation: blocks::citation(&json) });
        }
        if let Some(json) = delta.take("reasoningContent") {
            let mut content = Object::lenient(&json);
            if let Some(text) = content.find_text("text") {
                events.push(ChatEvent::Thought { choice, text });
            }
            if let Some(value) = content.find_text("signature") {
                events.push(ChatEvent::Signature { choice, signature: Signature::new(PROTOCOL, value) });
            }
            if let Some(value) = content.find_text("redactedContent") {
                events.push(ChatEvent::RedactedThought { choice, data: Signature::new(PROTOCOL, value) });
                *block = Block::Hidden;
            }
        }
        let piece = delta.find_object("toolUse").find_text("input");
        match block {
            Block::Call { number, compactor, any } => {
                let fragment = compactor.push(&piece.unwrap_or_default());
                if !fragment.is_empty() {
                    *any = true;
                    events.push(ChatEvent::ToolCallArguments { choice, call: *number, fragment });
                }
            }
            Block::Opaque { input, content, .. } => {
                input.push_str(&piece.unwrap_or_default());
                content.extend(delta.find_list("toolResult"));
            }
            Block::Image { data, .. } => {
                let mut source = delta.find_object("image").find_object("source");
                data.push_str(&source.find_text("bytes").unwrap_or_default());
            }
            Block::Words | Block::Hidden => {}
        }
    }

    fn end_silent(&mut self, events: &mut Vec<ChatEvent>) {
        if let Some(call) = self.silent.take() {
            let choice = 0;
            events.push(ChatEvent::ToolCallArguments { choice, call, fragment: "{}".to_owned() });
            events.push(ChatEvent::ToolCallEnd { choice, call });
        }
    }

    fn close(&mut self, index: i64, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        match self.blocks.remove(&index) {
            Some(Block::Words) => events.push(ChatEvent::PartEnd { choice }),
            Some(Block::Call { number, any: false, .. }) => self.silent = Some(number),
            Some(Block::Call { number, .. }) => events.push(ChatEvent::ToolCallEnd { choice, call: number }),
            Some(Block::Image { format, data }) => {
                let mut media = Media::new(MediaSource::Base64(data));
                media.mime = format.map(|format| format!("image/{format}"));
                events.push(ChatEvent::Media { choice, kind: MediaKind::Image, media });
            }
            Some(Block::Opaque { kind, start, input, content }) => {
                let part = Opaque::new(PROTOCOL, whole(kind, &start, input, &content));
                events.push(ChatEvent::Opaque { choice, part });
            }
            Some(Block::Hidden) | None => {}
        }
    }
}

/// Keeps fields that no event has a place for.
fn keep(fields: Object, events: &mut Vec<ChatEvent>) {
    let mut extras = Extras::default();
    for (name, value) in fields.into_fields().filter(|(name, value)| name != PADDING && value.as_str() != "null") {
        extras.insert(PROTOCOL, name, value);
    }
    if !extras.is_empty() {
        events.push(ChatEvent::Extras { choice: None, extras });
    }
}

/// Letters that hide the length of a piece from who watches the network.
const PADDING: &str = "p";

/// Puts a block that came in pieces together, as a whole reply has it.
fn whole(kind: &str, start: &Json, input: String, content: &[Json]) -> Json {
    let mut inner = Fields::new();
    for (name, value) in Object::lenient(start).into_fields() {
        inner.put(&name, &value);
    }
    if kind == "toolUse" {
        let input = if input.is_empty() { "{}".to_owned() } else { input };
        inner.put("input", &Json::from_text(input.as_str()).unwrap_or_else(|_| json(&input)));
    } else {
        inner.put("content", content);
    }
    Fields::one(kind, &inner).to_json()
}
