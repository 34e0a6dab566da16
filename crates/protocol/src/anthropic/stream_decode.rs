use std::collections::BTreeMap;

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Extras, Json, Opaque, Part, Signature, Start, ToolCallKind};

use super::{MESSAGES_PROTOCOL as PROTOCOL, blocks, reply_decode, usage};
use crate::object::{Compactor, Fields, Object, json};
use crate::{ChatStreamDecoder, endings, vendor_error};

/// Reads the events of a streamed message.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    started: bool,
    stopped: bool,
    usage: Option<Json>,
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
    /// A tool call and whether arguments came.
    Call { number: u32, compactor: Compactor, any: bool },
    /// A block that only this protocol knows, and the text of its input.
    Opaque { json: Json, input: String },
    /// A block that was whole at its start.
    Whole,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.frames += 1;
        let what = format!("event {} of the stream", self.frames);
        let json: Json = serde_json::from_slice(&frame.data)
            .map_err(|error| Error::new(ErrorKind::Decode, format!("{what} is not valid JSON: {error}")))?;
        let mut event = Object::lenient(&json);
        let kind = event.find_text("type").or_else(|| frame.event.clone()).unwrap_or_default();
        let index = event.find("index").unwrap_or_default();
        if matches!(kind.as_str(), "content_block_start" | "message_stop") {
            self.end_silent(events);
        }
        match kind.as_str() {
            "message_start" => self.start(event.find_object("message"), events),
            "content_block_start" => {
                let block = event.take("content_block").unwrap_or_else(|| Json::from(serde_json::Value::Null));
                self.open(index, &block, events).map_err(|error| {
                    Error::new(ErrorKind::Decode, format!("{what} cannot be read: {}", error.message()))
                })?;
            }
            "content_block_delta" => self.delta(index, event.find_object("delta"), events),
            "content_block_stop" => self.close(index, events),
            "message_delta" => {
                let mut delta = event.find_object("delta");
                self.count(event.take("usage"), events);
                if let Some(finish) = reply_decode::finish(&mut delta) {
                    if endings::is_normal(&finish.reason) {
                        self.end_silent(events);
                    }
                    self.silent = None;
                    events.push(ChatEvent::Finish { choice: 0, finish });
                }
                self.keep(delta, events);
            }
            "message_stop" => self.stopped = true,
            "error" => return Err(vendor_error::from_event(&json)),
            // `ping`, and whatever will be added.
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.stopped {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before `message_stop`"))
    }
}

impl Decoder {
    fn start(&mut self, mut message: Object, events: &mut Vec<ChatEvent>) {
        self.count(message.take("usage"), events);
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut start = Start::default();
        start.id = message.find_text("id");
        start.model = message.find_text("model");
        events.insert(0, ChatEvent::Start(start));
        for known in ["type", "role", "content", "stop_reason", "stop_sequence", "stop_details"] {
            message.take(known);
        }
        self.keep(message, events);
    }

    fn count(&mut self, usage: Option<Json>, events: &mut Vec<ChatEvent>) {
        if let Some(json) = usage {
            let merged = usage::overlay(self.usage.as_ref(), &json);
            events.push(ChatEvent::Usage(usage::decode(&merged)));
            self.usage = Some(merged);
        }
    }

    fn keep(&self, fields: Object, events: &mut Vec<ChatEvent>) {
        let mut extras = Extras::default();
        for (name, value) in fields.into_fields().filter(|(_, value)| value.as_str() != "null") {
            extras.insert(PROTOCOL, name, value);
        }
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras });
        }
    }

    fn open(&mut self, index: i64, json: &Json, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        let block = match blocks::decode(json, "content_block")? {
            Part::Text(part) => {
                let (choice, text) = (0, part.text);
                events.push(ChatEvent::Text { choice, text });
                events.extend(part_extras(part.extras));
                events.extend(part.citations.into_iter().map(|citation| ChatEvent::Citation { choice, citation }));
                Block::Words
            }
            Part::Thought(part) => match part.redacted {
                Some(data) => {
                    events.push(ChatEvent::RedactedThought { choice: 0, data });
                    Block::Whole
                }
                None => {
                    events.push(ChatEvent::Thought { choice: 0, text: part.text });
                    events.extend(part_extras(part.extras));
                    let signature = part.signature;
                    events.extend(signature.map(|signature| ChatEvent::Signature { choice: 0, signature }));
                    Block::Words
                }
            },
            Part::ToolCall(call) => {
                let number = self.calls;
                self.calls += 1;
                events.push(ChatEvent::ToolCallStart {
                    choice: 0,
                    call: number,
                    id: call.id,
                    name: call.name,
                    kind: ToolCallKind::Function,
                    signature: None,
                    extras: call.extras,
                });
                let any = call.arguments != "{}";
                if any {
                    events.push(ChatEvent::ToolCallArguments { choice: 0, call: number, fragment: call.arguments });
                }
                Block::Call { number, compactor: Compactor::default(), any }
            }
            _ => Block::Opaque { json: json.clone(), input: String::new() },
        };
        self.blocks.insert(index, block);
        Ok(())
    }

    fn delta(&mut self, index: i64, mut delta: Object, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        match delta.find_text("type").as_deref() {
            Some("text_delta") => {
                let text = delta.find_text("text").unwrap_or_default();
                events.push(ChatEvent::Text { choice, text });
            }
            Some("thinking_delta") => {
                let text = delta.find_text("thinking").unwrap_or_default();
                events.push(ChatEvent::Thought { choice, text });
            }
            Some("signature_delta") => {
                let value = delta.find_text("signature").unwrap_or_default();
                events.push(ChatEvent::Signature { choice, signature: Signature::new(PROTOCOL, value) });
            }
            Some("citations_delta") => {
                let citation = delta.take("citation").map(|json| blocks::citation(&json));
                events.extend(citation.map(|citation| ChatEvent::Citation { choice, citation }));
            }
            Some("input_json_delta") => {
                let piece = delta.find_text("partial_json").unwrap_or_default();
                match self.blocks.get_mut(&index) {
                    Some(Block::Call { number, compactor, any }) => {
                        let fragment = compactor.push(&piece);
                        if !fragment.is_empty() {
                            *any = true;
                            events.push(ChatEvent::ToolCallArguments { choice, call: *number, fragment });
                        }
                    }
                    Some(Block::Opaque { input, .. }) => input.push_str(&piece),
                    _ => {}
                }
            }
            _ => {}
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
            Some(Block::Opaque { json, input }) => {
                let part = Opaque::new(PROTOCOL, with_input(json, &input));
                events.push(ChatEvent::Opaque { choice, part });
            }
            Some(Block::Whole) | None => {}
        }
    }
}

fn part_extras(extras: Extras) -> Option<ChatEvent> {
    (!extras.is_empty()).then_some(ChatEvent::PartExtras { choice: 0, extras })
}

/// Puts the input that came in pieces into its block.
fn with_input(block: Json, input: &str) -> Json {
    if input.is_empty() {
        return block;
    }
    let value = Json::from_text(input).unwrap_or_else(|_| json(input));
    let mut fields = Fields::new();
    for (name, old) in Object::lenient(&block).into_fields() {
        let new = if name == "input" { &value } else { &old };
        fields.put(&name, new);
    }
    if !fields.has("input") {
        fields.put("input", &value);
    }
    fields.to_json()
}
