use std::collections::BTreeMap;

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Extras, Json, Opaque, Signature, Start, ToolCallKind};

use super::{CONVERSE_PROTOCOL as PROTOCOL, reply};
use crate::object::{Compactor, Fields, Object, json};
use crate::{ChatStreamDecoder, vendor_error};

/// Reads the messages of ConverseStream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    blocks: BTreeMap<i64, Block>,
    calls: u32,
    stopped: bool,
}

#[derive(Debug)]
enum Block {
    Text,
    Thought {
        signed: bool,
    },
    Call {
        number: u32,
        compactor: Compactor,
        any: bool,
    },
    /// A call of a tool that the vendor runs.
    Vendors {
        call: Fields,
        input: String,
    },
    Whole,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        self.frames += 1;
        let kind = frame.event.clone().unwrap_or_default();
        let mut event = Object::from_vendor(&frame.data, &format!("message {} of the stream", self.frames))?;
        if kind.ends_with("Exception") || kind.ends_with("Error") {
            let mut told = Fields::new();
            told.put("type", &kind).put_some("message", event.find_text("message"));
            return Err(vendor_error::from_event(&told.to_json()));
        }
        self.event(&kind, event, events);
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.stopped {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before `messageStop`"))
    }
}

impl Decoder {
    /// Reads an event, whether its kind stands in a header or around it.
    pub(crate) fn event(&mut self, kind: &str, mut event: Object, events: &mut Vec<ChatEvent>) {
        let index = event.find("contentBlockIndex").unwrap_or_default();
        let choice = 0;
        match kind {
            "messageStart" => events.push(ChatEvent::Start(Start::default())),
            "contentBlockStart" => self.open(index, event.find_object("start").find_object("toolUse"), events),
            "contentBlockDelta" => self.delta(index, event.find_object("delta"), events),
            "contentBlockStop" => self.close(index, events),
            "messageStop" => {
                self.stopped = true;
                let finish = event.find_text("stopReason").map(reply::finish);
                let extras = reply::present(event);
                if !extras.is_empty() {
                    events.push(ChatEvent::Extras { choice: None, extras });
                }
                events.extend(finish.map(|finish| ChatEvent::Finish { choice, finish }));
            }
            "metadata" => {
                if let Some(usage) = event.take("usage") {
                    events.push(ChatEvent::Usage(reply::usage(&usage)));
                }
                let extras = reply::present(event);
                if !extras.is_empty() {
                    events.push(ChatEvent::Extras { choice: None, extras });
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, index: i64, mut call: Object, events: &mut Vec<ChatEvent>) {
        if reply::is_vendors(&call) {
            let mut inner = Fields::new();
            inner.put_extras(&call.into_extras(PROTOCOL), PROTOCOL);
            self.blocks.insert(index, Block::Vendors { call: inner, input: String::new() });
            return;
        }
        let Some(name) = call.find_text("name") else { return };
        let number = self.calls;
        self.calls += 1;
        let (id, kind) = (call.find_text("toolUseId"), ToolCallKind::Function);
        let extras = Extras::default();
        events.push(ChatEvent::ToolCallStart { choice: 0, call: number, id, name, kind, signature: None, extras });
        self.blocks.insert(index, Block::Call { number, compactor: Compactor::default(), any: false });
    }

    fn delta(&mut self, index: i64, mut delta: Object, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        if let Some(text) = delta.find_text("text") {
            self.blocks.entry(index).or_insert(Block::Text);
            events.push(ChatEvent::Text { choice, text });
        }
        if let Some(piece) = delta.find_object("toolUse").find_text("input") {
            match self.blocks.get_mut(&index) {
                Some(Block::Call { number, compactor, any }) => {
                    let fragment = compactor.push(&piece);
                    if !fragment.is_empty() {
                        *any = true;
                        events.push(ChatEvent::ToolCallArguments { choice, call: *number, fragment });
                    }
                }
                Some(Block::Vendors { input, .. }) => input.push_str(&piece),
                _ => {}
            }
        }
        let mut reasoning = delta.find_object("reasoningContent");
        if let Some(data) = reasoning.find_text("redactedContent") {
            self.blocks.insert(index, Block::Whole);
            events.push(ChatEvent::RedactedThought { choice, data: Signature::new(PROTOCOL, data) });
        }
        if let Some(text) = reasoning.find_text("text") {
            self.blocks.entry(index).or_insert(Block::Thought { signed: false });
            events.push(ChatEvent::Thought { choice, text });
        }
        if let Some(value) = reasoning.find_text("signature").filter(|value| !value.is_empty()) {
            self.blocks.insert(index, Block::Thought { signed: true });
            events.push(ChatEvent::Thought { choice, text: String::new() });
            events.push(ChatEvent::Signature { choice, signature: Signature::new(PROTOCOL, value) });
        }
        if let Some(json) = delta.take("citation") {
            events.push(ChatEvent::Citation { choice, citation: reply::citation(&json) });
        }
    }

    fn close(&mut self, index: i64, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        match self.blocks.remove(&index) {
            Some(Block::Text) => events.push(ChatEvent::PartEnd { choice }),
            Some(Block::Thought { signed }) => {
                if !signed {
                    events.push(ChatEvent::PartExtras { choice, extras: reply::unsigned() });
                }
                events.push(ChatEvent::PartEnd { choice });
            }
            Some(Block::Call { number, any, .. }) => {
                if !any {
                    events.push(ChatEvent::ToolCallArguments { choice, call: number, fragment: "{}".to_owned() });
                }
                events.push(ChatEvent::ToolCallEnd { choice, call: number });
            }
            Some(Block::Vendors { mut call, input }) => {
                let input = Json::from_text(input).unwrap_or_else(|_| json(&serde_json::json!({})));
                call.put("input", &input);
                let mut fields = Fields::new();
                fields.put("toolUse", &call);
                events.push(ChatEvent::Opaque { choice, part: Opaque::new(PROTOCOL, fields.to_json()) });
            }
            Some(Block::Whole) | None => {}
        }
    }
}
