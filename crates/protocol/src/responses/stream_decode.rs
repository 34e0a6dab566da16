use std::collections::BTreeMap;

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Json, LogProbs, Opaque, Part, Start, ToolCall, ToolCallKind};

use super::{RESPONSES_PROTOCOL as PROTOCOL, items, reply_decode, usage};
use crate::ChatStreamDecoder;
use crate::object::Object;
use crate::vendor_error;

/// Reads the events of a streamed response.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    start: Start,
    started: bool,
    ended: bool,
    items: BTreeMap<i64, Item>,
    calls: u32,
    refused: bool,
}

/// What has come of an item.
#[derive(Debug, Default)]
struct Item {
    /// The number of the content part in progress.
    part: i64,
    /// Whether anything of the part in progress has come as pieces.
    streamed: bool,
    /// How many of its annotations have come.
    cited: usize,
    call: Option<u32>,
    done: bool,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.frames += 1;
        if frame.data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let what = format!("event {} of the stream", self.frames);
        let json: Json = serde_json::from_slice(&frame.data)
            .map_err(|error| Error::new(ErrorKind::Decode, format!("{what} is not valid JSON: {error}")))?;
        let mut event = Object::lenient(&json);
        let kind = event.find_text("type").or_else(|| frame.event.clone()).unwrap_or_default();
        let place = event.find("output_index").unwrap_or_default();
        match kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.head(&mut event.find_object("response"), events);
            }
            "response.output_item.added" => self.open(place, event.take("item").as_ref(), events),
            "response.output_text.delta" => {
                let text = event.find_text("delta").unwrap_or_default();
                self.piece(place, &mut event, events).push(ChatEvent::Text { choice: 0, text });
            }
            "response.refusal.delta" => {
                self.refused = true;
                let text = event.find_text("delta").unwrap_or_default();
                self.piece(place, &mut event, events).push(ChatEvent::Refusal { choice: 0, text });
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let text = event.find_text("delta").unwrap_or_default();
                self.items.entry(place).or_default().streamed = true;
                events.push(ChatEvent::Thought { choice: 0, text });
            }
            "response.output_text.annotation.added" => {
                if let Some(citation) = event.take("annotation").map(|json| items::citation(&json)) {
                    self.piece(place, &mut event, events).push(ChatEvent::Citation { choice: 0, citation });
                    self.items.entry(place).or_default().cited += 1;
                }
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(place, event.find_text("delta").unwrap_or_default(), events);
            }
            "response.output_item.done" => {
                if let Some(item) = event.take("item") {
                    self.close(place, &item, events);
                }
            }
            "response.completed" | "response.incomplete" => self.end(event.find_object("response"), events),
            "response.failed" => {
                reply_decode::fail(&mut event.find_object("response"))?;
                return Err(Error::new(ErrorKind::Server, "the provider reports a failed response"));
            }
            "error" => return Err(vendor_error::from_event(&json)),
            // A server that fails before it has said anything has no event for it.
            "" if event.peek("error").is_some() => return Err(vendor_error::from_event(&json)),
            // Progress of vendor-run tools, ends that `output_item.done` repeats, and whatever will be added.
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.ended {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before `response.completed`"))
    }
}

impl Decoder {
    fn head(&mut self, response: &mut Object, events: &mut Vec<ChatEvent>) {
        let mut start = Start::default();
        let text = |response: &mut Object, name| response.find_text(name).filter(|text| !text.is_empty());
        start.id = text(response, "id").or(self.start.id.clone());
        start.model = text(response, "model").or(self.start.model.clone());
        start.created = reply_decode::created(response).or(self.start.created);
        start.service_tier = text(response, "service_tier").or(self.start.service_tier.clone());
        if !std::mem::replace(&mut self.started, true) || start != self.start {
            self.start = start.clone();
            events.push(ChatEvent::Start(start));
        }
    }

    fn open(&mut self, place: i64, item: Option<&Json>, events: &mut Vec<ChatEvent>) {
        let Some(item) = item else { return };
        let mut fields = Object::lenient(item);
        let kind = match fields.find_text("type").as_deref() {
            Some("function_call") => ToolCallKind::Function,
            Some("custom_tool_call") => ToolCallKind::Custom,
            _ => {
                self.items.entry(place).or_default();
                return;
            }
        };
        self.begin_call(place, items::call(fields, kind), events);
    }

    fn begin_call(&mut self, place: i64, call: ToolCall, events: &mut Vec<ChatEvent>) {
        let number = self.calls;
        self.calls += 1;
        let ToolCall { id, name, arguments, kind, extras, .. } = call;
        events.push(ChatEvent::ToolCallStart { choice: 0, call: number, id, name, kind, signature: None, extras });
        let streamed = !arguments.is_empty();
        if streamed {
            events.push(ChatEvent::ToolCallArguments { choice: 0, call: number, fragment: arguments });
        }
        self.items.insert(place, Item { call: Some(number), streamed, ..Item::default() });
    }

    /// Notes a piece of a message's content, and ends the part before it.
    fn piece<'e>(&mut self, place: i64, event: &mut Object, events: &'e mut Vec<ChatEvent>) -> &'e mut Vec<ChatEvent> {
        let part = event.find("content_index").unwrap_or_default();
        let item = self.items.entry(place).or_default();
        if item.part != part {
            if item.streamed {
                events.push(ChatEvent::PartEnd { choice: 0 });
            }
            (item.part, item.cited) = (part, 0);
        }
        item.streamed = true;
        events
    }

    fn arguments(&mut self, place: i64, fragment: String, events: &mut Vec<ChatEvent>) {
        if let Some(item) = self.items.get_mut(&place)
            && let Some(call) = item.call
        {
            item.streamed = true;
            events.push(ChatEvent::ToolCallArguments { choice: 0, call, fragment });
        }
    }

    /// Takes an item that is complete, and tells what of it has not come in pieces.
    fn close(&mut self, place: i64, json: &Json, events: &mut Vec<ChatEvent>) {
        if self.items.get(&place).is_some_and(|item| item.done) {
            return;
        }
        let mut logprobs = LogProbs::default();
        // A call that says that it is incomplete was cut and never ends.
        let whole = Object::lenient(json).find_text("status").as_deref() != Some("incomplete");
        let parts = items::decode(json, &mut logprobs);
        let choice = 0;
        let item = self.items.entry(place).or_default();
        item.done = true;
        let (current, streamed, cited) = (item.part, item.streamed, item.cited);
        for (number, part) in (0_i64..).zip(parts) {
            let is_message = matches!(part, Part::Text(_) | Part::Refusal(_));
            if is_message && streamed && number < current {
                continue;
            }
            let here = streamed && (!is_message || number == current);
            match part {
                Part::Text(text) => {
                    if !here {
                        events.push(ChatEvent::Text { choice, text: text.text });
                    }
                    if !text.extras.is_empty() {
                        events.push(ChatEvent::PartExtras { choice, extras: text.extras });
                    }
                    let unseen = text.citations.into_iter().skip(if here { cited } else { 0 });
                    events.extend(unseen.map(|citation| ChatEvent::Citation { choice, citation }));
                    events.push(ChatEvent::PartEnd { choice });
                }
                Part::Refusal(text) => {
                    self.refused = true;
                    if !here {
                        events.push(ChatEvent::Refusal { choice, text });
                    }
                    events.push(ChatEvent::PartEnd { choice });
                }
                Part::Thought(thought) => {
                    events.push(ChatEvent::Thought { choice, text: if here { String::new() } else { thought.text } });
                    if !thought.extras.is_empty() {
                        events.push(ChatEvent::PartExtras { choice, extras: thought.extras });
                    }
                    let signature = thought.signature;
                    events.extend(signature.map(|signature| ChatEvent::Signature { choice, signature }));
                    events.push(ChatEvent::PartEnd { choice });
                }
                Part::ToolCall(call) => {
                    self.end_call(place, here, call, events);
                    let call = self.items.get(&place).and_then(|item| item.call).filter(|_| whole);
                    events.extend(call.map(|call| ChatEvent::ToolCallEnd { choice, call }));
                }
                Part::Opaque(opaque) => {
                    events.push(ChatEvent::Opaque { choice, part: Opaque::new(PROTOCOL, opaque.json) });
                }
                _ => {}
            }
        }
        if logprobs != LogProbs::default() {
            let LogProbs { content, refusal, .. } = logprobs;
            events.push(ChatEvent::LogProbs { choice, content, refusal });
        }
    }

    fn end_call(&mut self, place: i64, streamed: bool, call: ToolCall, events: &mut Vec<ChatEvent>) {
        match self.items.get(&place).and_then(|item| item.call) {
            None => self.begin_call(place, call, events),
            Some(number) if !streamed && !call.arguments.is_empty() => {
                events.push(ChatEvent::ToolCallArguments { choice: 0, call: number, fragment: call.arguments });
            }
            Some(_) => {}
        }
        if let Some(item) = self.items.get_mut(&place) {
            item.done = true;
        }
    }

    fn end(&mut self, mut response: Object, events: &mut Vec<ChatEvent>) {
        self.ended = true;
        let usage = usage::take(&mut response);
        for (place, item) in (0_i64..).zip(response.find_list("output")) {
            self.close(place, &item, events);
        }
        self.head(&mut response, events);
        events.extend(usage.map(ChatEvent::Usage));
        let finish = reply_decode::finish(&mut response, self.calls > 0, self.refused);
        let extras = reply_decode::rest(response);
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        events.extend(finish.map(|finish| ChatEvent::Finish { choice: 0, finish }));
    }
}
