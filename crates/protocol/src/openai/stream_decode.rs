use std::collections::BTreeMap;

use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Extras, Json, Opaque, Start, ToolCallKind};

use super::reply_decode::{self, Piece, named};
use super::request_decode::thought;
use super::{CHAT_PROTOCOL as PROTOCOL, logprobs, usage};
use crate::object::Object;
use crate::{ChatStreamDecoder, endings, vendor_error};

/// Reads the chat completion chunk objects of a stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    frames: u64,
    start: Start,
    started: bool,
    done: bool,
    choices: BTreeMap<u32, Choice>,
    extras: Extras,
}

#[derive(Debug, Default)]
struct Choice {
    calls: Vec<Call>,
    /// The field that thoughts come in, once it is known.
    thinking: bool,
    finished: bool,
    extras: Extras,
    rest: Extras,
}

#[derive(Debug)]
struct Call {
    index: Option<i64>,
    id: Option<String>,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.frames += 1;
        if frame.data.trim_ascii() == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let mut chunk = Object::from_vendor(&frame.data, &format!("event {} of the stream", self.frames))?;
        if let Some(error) = chunk.take("error") {
            return Err(vendor_error::from_event(&reply_decode::whole_error(&error)));
        }
        if reply_decode::is_error(&chunk) {
            let whole: Json = serde_json::from_slice(&frame.data).unwrap_or_else(|_| crate::object::json("error"));
            return Err(vendor_error::from_event(&whole));
        }
        let choices = chunk.find_list("choices");
        self.head(&mut chunk, !choices.is_empty(), events);
        for (place, json) in choices.iter().enumerate() {
            self.choice(Object::lenient(json), place, events);
        }
        if let Some(mut usage) = usage::take(&mut chunk) {
            usage.service_tier = usage.service_tier.or_else(|| self.start.service_tier.clone());
            events.push(ChatEvent::Usage(usage));
        }
        chunk.take("usage");
        for noise in ["object", "obfuscation", "p"] {
            chunk.take(noise);
        }
        keep(&mut self.extras, chunk);
        Ok(())
    }

    fn finish(&mut self, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        for (index, choice) in &mut self.choices {
            if !choice.rest.is_empty() {
                choice.extras.insert(PROTOCOL, "choice", named(&choice.rest).to_json());
            }
            if !choice.extras.is_empty() {
                events.push(ChatEvent::Extras { choice: Some(*index), extras: choice.extras.clone() });
            }
        }
        if !self.extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras: self.extras.clone() });
        }
        // Many servers leave `[DONE]` out; a choice that says why it ended is as good.
        let complete = !self.choices.is_empty() && self.choices.values().all(|choice| choice.finished);
        if self.done || complete {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before the answer was complete"))
    }
}

impl Decoder {
    fn head(&mut self, chunk: &mut Object, answers: bool, events: &mut Vec<ChatEvent>) {
        let before = self.start.clone();
        let text = |chunk: &mut Object, name| chunk.find_text(name).filter(|text| !text.is_empty());
        let (id, model) = (text(chunk, "id"), text(chunk, "model"));
        let (created, tier) = (reply_decode::created(chunk), text(chunk, "service_tier"));
        let start = &mut self.start;
        start.id = start.id.take().or(id);
        start.model = start.model.take().or(model);
        // Azure's first chunk, which only tells what its filter thinks, is dated 1970.
        start.created = start.created.filter(|created| *created > 0).or(created);
        start.service_tier = tier.or(start.service_tier.take());
        let known = start.id.is_some() || answers;
        if known && (!self.started || *start != before) {
            self.started = true;
            events.push(ChatEvent::Start(start.clone()));
        }
    }

    fn choice(&mut self, mut fields: Object, place: usize, events: &mut Vec<ChatEvent>) {
        let number = fields.find("index").unwrap_or_else(|| u32::try_from(place).unwrap_or_default());
        let choice = self.choices.entry(number).or_default();
        let finish = reply_decode::take_finish(&mut fields);
        if let Some(logprobs) = fields.take("logprobs").as_ref().and_then(logprobs::decode) {
            let (content, refusal) = (logprobs.content, logprobs.refusal);
            events.push(ChatEvent::LogProbs { choice: number, content, refusal });
        }
        // Perplexity sends the message so far beside each delta.
        let whole = fields.take("message");
        if let Some(delta) = fields.take("delta").or(whole) {
            choice.delta(number, Object::lenient(&delta), events);
        }
        keep(&mut choice.rest, fields);
        if let Some(finish) = finish.filter(|finish| finish.raw.as_deref() != Some("")) {
            // The last call of an answer that was cut may be cut too.
            let ended = choice.calls.len().saturating_sub(usize::from(!endings::is_normal(&finish.reason)));
            let ends = choice.calls.iter().enumerate().take(ended).filter(|_| !choice.finished);
            events.extend(ends.map(|(call, _)| ChatEvent::ToolCallEnd { choice: number, call: place_of(call) }));
            choice.finished = true;
            events.push(ChatEvent::Finish { choice: number, finish });
        }
    }
}

impl Choice {
    fn delta(&mut self, choice: u32, mut delta: Object, events: &mut Vec<ChatEvent>) {
        if let Some((text, field)) = reply_decode::reasoning(&mut delta) {
            self.thought(choice, text, field, events);
        }
        for piece in reply_decode::content(delta.take("content")) {
            match piece {
                Piece::Text(text) => events.push(ChatEvent::Text { choice, text }),
                Piece::Thought(text, signature) => {
                    self.thought(choice, text, "content", events);
                    if let Some(signature) = signature {
                        events.extend([ChatEvent::Signature { choice, signature }, ChatEvent::PartEnd { choice }]);
                        self.thinking = false;
                    }
                }
                Piece::Other(json) => events.push(ChatEvent::Opaque { choice, part: Opaque::new(PROTOCOL, json) }),
            }
        }
        let cited = delta.find_list("annotations");
        let citations = cited.iter().map(|json| ChatEvent::Citation { choice, citation: reply_decode::citation(json) });
        events.extend(citations);
        if let Some(text) = delta.find_text("refusal").filter(|text| !text.is_empty()) {
            events.push(ChatEvent::Refusal { choice, text });
        }
        for json in delta.find_list("tool_calls") {
            self.tool_call(choice, Object::lenient(&json), events);
        }
        if let Some(json) = delta.take("function_call") {
            self.legacy_call(choice, Object::lenient(&json), events);
        }
        for json in delta.find_list("images") {
            let url: Option<String> = Object::lenient(&json).find_object("image_url").find("url");
            events.extend(url.map(|url| {
                let media = tollbridge_types::Media::url(url);
                ChatEvent::Media { choice, kind: tollbridge_types::MediaKind::Image, media }
            }));
        }
        delta.take("role");
        keep(&mut self.extras, delta);
    }

    fn thought(&mut self, choice: u32, text: String, field: &str, events: &mut Vec<ChatEvent>) {
        events.push(ChatEvent::Thought { choice, text });
        if let (false, tollbridge_types::Part::Thought(thought)) = (self.thinking, thought(String::new(), field)) {
            self.thinking = true;
            events.push(ChatEvent::PartExtras { choice, extras: thought.extras });
        }
    }

    /// Adds a piece of a tool call to the call that it belongs to.
    fn tool_call(&mut self, choice: u32, mut fields: Object, events: &mut Vec<ChatEvent>) {
        let index: Option<i64> = fields.find("index");
        let id = fields.find_text("id").filter(|id| !id.is_empty());
        let kind = fields.find_text("type");
        let custom = kind.as_deref() == Some("custom") || fields.peek("custom").is_some();
        let mut inner = fields.find_object(if custom { "custom" } else { "function" });
        let name = inner.find_text("name").filter(|name| !name.is_empty());
        let fragment = reply_decode::arguments(inner.take(if custom { "input" } else { "arguments" }));
        let known = match (index, &id) {
            (Some(_), _) => self.calls.iter().rposition(|call| call.index == index),
            (None, Some(id)) => self.calls.iter().rposition(|call| call.id.as_ref() == Some(id)),
            (None, None) if name.is_some() => None,
            (None, None) => self.calls.len().checked_sub(1),
        };
        // A new id together with a name under a used index is another call.
        let another = |call: &Call| name.is_some() && id.is_some() && call.id.is_some() && call.id != id;
        let known = known.filter(|place| self.calls.get(*place).is_some_and(|call| !another(call)));
        // Some servers announce calls that never come: no name, no id, nothing in them.
        if known.is_none() && name.is_none() && id.is_none() && fragment.is_empty() {
            return;
        }
        let place = known.unwrap_or_else(|| {
            let call = place_of(self.calls.len());
            let name = name.unwrap_or_default();
            self.calls.push(Call { index, id: id.clone() });
            let kind = if custom { ToolCallKind::Custom } else { ToolCallKind::Function };
            let extras = fields.into_extras(PROTOCOL);
            events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature: None, extras });
            self.calls.len() - 1
        });
        if !fragment.is_empty() {
            events.push(ChatEvent::ToolCallArguments { choice, call: place_of(place), fragment });
        }
    }

    fn legacy_call(&mut self, choice: u32, mut inner: Object, events: &mut Vec<ChatEvent>) {
        if self.calls.is_empty() {
            let name = inner.find_text("name").unwrap_or_default();
            self.calls.push(Call { index: None, id: None });
            let (kind, extras) = (ToolCallKind::LegacyFunction, Extras::default());
            events.push(ChatEvent::ToolCallStart { choice, call: 0, id: None, name, kind, signature: None, extras });
        }
        let fragment = reply_decode::arguments(inner.take("arguments"));
        if !fragment.is_empty() {
            events.push(ChatEvent::ToolCallArguments { choice, call: 0, fragment });
        }
    }
}

/// Returns the error of a frame that has no field `error`, by which OpenAI's SDKs know one.
pub(crate) fn foreign_error(frame: &Frame) -> Option<Error> {
    memchr::memmem::find(&frame.data, b"\"error\"")?;
    let whole: Json = serde_json::from_slice(&frame.data).ok()?;
    let fields = Object::lenient(&whole);
    let is_foreign = fields.peek("error").is_none() && reply_decode::is_error(&fields);
    is_foreign.then(|| vendor_error::from_event(&whole))
}

/// Says whether a chunk has no choices and only reports usage.
pub(crate) fn is_usage_frame(frame: &Frame) -> bool {
    if memchr::memmem::find(&frame.data, b"\"usage\"").is_none() {
        return false;
    }
    let Ok(mut chunk) = Object::from_vendor(&frame.data, "the chunk") else { return false };
    let empty = chunk.find::<Vec<Json>>("choices").is_some_and(|choices| choices.is_empty());
    empty && chunk.take("usage").is_some()
}

/// Keeps fields that have no place of their own: arrays of a stream add up, of others the last counts.
fn keep(extras: &mut Extras, fields: Object) {
    for (name, value) in fields.into_fields().filter(|(_, value)| !matches!(value.as_str(), "null" | "[]" | "{}")) {
        let joined = match (extras.get(PROTOCOL, &name).map(Json::parse::<Vec<Json>>), value.parse::<Vec<Json>>()) {
            (Some(Ok(mut before)), Ok(more)) if name == "reasoning_details" => {
                before.extend(more);
                crate::object::json(&before)
            }
            _ => value,
        };
        extras.insert(PROTOCOL, name, joined);
    }
}

fn place_of(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
