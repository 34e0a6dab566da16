use std::collections::BTreeMap;

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Extras, Json, Start, ToolCall};

use super::{reply, usage};
use crate::object::Object;
use crate::{ChatStreamDecoder, vendor_error};

/// Reads the events of a streamed reply.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    plan: String,
    calls: BTreeMap<i64, u32>,
    ended: bool,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() || frame.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        self.frames += 1;
        if self.ended {
            // Whatever comes behind the end belongs to no answer.
            return Ok(());
        }
        let what = format!("event {} of the stream", self.frames);
        let json: Json = serde_json::from_slice(&frame.data)
            .map_err(|error| Error::new(ErrorKind::Decode, format!("{what} is not valid JSON: {error}")))?;
        let mut event = Object::lenient(&json);
        let kind = event.find_text("type").or_else(|| frame.event.clone()).unwrap_or_default();
        let index = event.find("index").unwrap_or_default();
        let choice = 0;
        let mut delta = event.find_object("delta");
        let mut message = delta.find_object("message");
        match kind.as_str() {
            "message-start" => {
                let mut start = Start::default();
                start.id = event.find_text("id");
                events.push(ChatEvent::Start(start));
            }
            "content-start" | "content-delta" => self.content(message.find_object("content"), events),
            "content-end" => events.push(ChatEvent::PartEnd { choice }),
            "tool-plan-delta" => self.plan.push_str(&message.find_text("tool_plan").unwrap_or_default()),
            "tool-call-start" => {
                self.end_plan(events);
                let call = u32::try_from(self.calls.len()).unwrap_or(u32::MAX);
                self.calls.insert(index, call);
                let json = message.take("tool_calls").unwrap_or_else(|| Json::from(serde_json::Value::Null));
                let ToolCall { id, name, arguments, kind, .. } = reply::call(&json);
                let extras = Extras::default();
                events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature: None, extras });
                if !arguments.is_empty() {
                    events.push(ChatEvent::ToolCallArguments { choice, call, fragment: arguments });
                }
            }
            "tool-call-delta" => {
                let mut function = message.find_object("tool_calls").find_object("function");
                if let (Some(call), Some(fragment)) = (self.calls.get(&index), function.find_text("arguments")) {
                    events.push(ChatEvent::ToolCallArguments { choice, call: *call, fragment });
                }
            }
            "tool-call-end" => {
                events.extend(self.calls.get(&index).map(|call| ChatEvent::ToolCallEnd { choice, call: *call }));
            }
            "citation-start" => {
                if let Some(json) = message.take("citations") {
                    events.push(ChatEvent::Citation { choice, citation: reply::citation(&json) });
                }
            }
            "message-end" => {
                self.end_plan(events);
                if let Some(error) = delta.find_text("error").filter(|error| !error.is_empty()) {
                    let told = serde_json::json!({"message": error});
                    return Err(vendor_error::from_event(&crate::object::json(&told)));
                }
                if let Some(told) = delta.take("usage") {
                    events.push(ChatEvent::Usage(usage::decode(&told)));
                }
                self.ended = true;
                let finish = delta.find_text("finish_reason").map(reply::finish);
                events.extend(finish.map(|finish| ChatEvent::Finish { choice, finish }));
            }
            "error" => return Err(vendor_error::from_event(&json)),
            "" if event.peek("message").is_some() || event.peek("error").is_some() => {
                return Err(vendor_error::from_event(&json));
            }
            // The ends of citations, debug events, and whatever will be added.
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before `message-end`"))
    }
}

impl Decoder {
    fn content(&self, mut content: Object, events: &mut Vec<ChatEvent>) {
        let choice = 0;
        let starts_thinking = content.find_text("type").as_deref() == Some("thinking");
        if let Some(text) = content.find_text("thinking") {
            events.push(ChatEvent::Thought { choice, text });
            if starts_thinking {
                let extras = reply::thought(String::new()).extras;
                events.push(ChatEvent::PartExtras { choice, extras });
            }
        }
        if let Some(text) = content.find_text("text").filter(|text| !text.is_empty()) {
            events.push(ChatEvent::Text { choice, text });
        }
    }

    fn end_plan(&mut self, events: &mut Vec<ChatEvent>) {
        let plan = std::mem::take(&mut self.plan);
        if !plan.is_empty() {
            let (choice, extras) = (0, reply::tool_plan(&plan).extras);
            events.extend([
                ChatEvent::PartEnd { choice },
                ChatEvent::Thought { choice, text: String::new() },
                ChatEvent::PartExtras { choice, extras },
                ChatEvent::PartEnd { choice },
            ]);
        }
    }
}
