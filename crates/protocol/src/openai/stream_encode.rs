use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use tollbridge_core::{Error, Frame, StateStore};
use tollbridge_types::{ChatEvent, Extras, Start, Thought, ToolCall, ToolCallKind, Usage};

use super::carrier::{self, Carrier, ON_CALL};
use super::{CHAT_PROTOCOL as PROTOCOL, error, logprobs, reply_encode, usage};
use crate::object::{Fields, json};
use crate::{ChatStreamEncoder, ReplyContext, endings, ids};

/// Writes the chat completion chunk objects of a stream.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    created: u64,
    service_tier: Option<String>,
    stream_usage: bool,
    started: BTreeSet<u32>,
    called: BTreeSet<u32>,
    /// The calls that are not of functions.
    kinds: BTreeMap<(u32, u32), ToolCallKind>,
    usage: Option<Usage>,
    extras: Extras,
    carriers: BTreeMap<u32, Carrier>,
    states: Option<Arc<dyn StateStore>>,
    /// The calls of each choice, if their state is to be kept: ids, names and arguments.
    named: BTreeMap<u32, Vec<(String, String, String)>>,
}

impl Encoder {
    pub(crate) fn new(context: &ReplyContext<'_>) -> Self {
        Self {
            id: context.id.to_owned(),
            model: context.model.to_owned(),
            created: context.created,
            service_tier: None,
            stream_usage: context.stream_usage,
            started: BTreeSet::new(),
            called: BTreeSet::new(),
            kinds: BTreeMap::new(),
            usage: None,
            extras: Extras::default(),
            carriers: BTreeMap::new(),
            states: context.states.cloned(),
            named: BTreeMap::new(),
        }
    }

    fn carrier(&mut self, choice: u32) -> &mut Carrier {
        self.carriers.entry(choice).or_default()
    }

    fn start(&mut self, start: Start) {
        self.id = start.id.unwrap_or_else(|| std::mem::take(&mut self.id));
        self.model = start.model.unwrap_or_else(|| std::mem::take(&mut self.model));
        self.created = start.created.unwrap_or(self.created);
        self.service_tier = start.service_tier.or(self.service_tier.take());
    }

    fn chunk(&self, choices: &[Fields]) -> Fields {
        let mut chunk = Fields::new();
        chunk.put("id", &self.id).put("object", "chat.completion.chunk").put("created", &self.created);
        chunk.put("model", &self.model).put_some("service_tier", self.service_tier.as_ref());
        chunk.put("choices", choices);
        chunk
    }

    /// Writes a delta; the first of a choice says who speaks.
    fn delta<T: Serialize + ?Sized>(&mut self, choice: u32, name: &str, value: &T, frames: &mut Vec<Frame>) {
        let mut fields = Fields::new();
        if self.started.insert(choice) {
            fields.put("role", "assistant");
        }
        fields.put(name, value);
        self.write(choice, &fields, None, None, frames);
    }

    fn write(
        &self,
        choice: u32,
        delta: &Fields,
        logprobs: Option<Fields>,
        finish: Option<&str>,
        frames: &mut Vec<Frame>,
    ) {
        let mut fields = Fields::new();
        fields.put("index", &choice).put("delta", delta).put_some("logprobs", logprobs).put("finish_reason", &finish);
        let mut chunk = self.chunk(&[fields]);
        if self.stream_usage {
            chunk.put("usage", &None::<u64>);
        }
        frames.push(frame(&chunk.to_line()));
    }
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start(start) => self.start(start),
            ChatEvent::Text { choice, text } => {
                self.carrier(choice).said();
                self.delta(choice, "content", &text, frames);
            }
            ChatEvent::Refusal { choice, text } => self.delta(choice, "refusal", &text, frames),
            ChatEvent::Thought { choice, text } => {
                self.carrier(choice).thought(&text);
                if !text.is_empty() {
                    self.delta(choice, "reasoning_content", &text, frames);
                }
            }
            ChatEvent::PartExtras { choice, extras } => self.carrier(choice).extras(extras),
            ChatEvent::Signature { choice, signature } => self.carrier(choice).signature(signature),
            ChatEvent::RedactedThought { choice, data } => {
                let mut thought = Thought::default();
                thought.redacted = Some(data);
                self.carrier(choice).whole(&thought);
            }
            ChatEvent::Opaque { choice, part } => self.carrier(choice).opaque(&part),
            ChatEvent::PartEnd { choice } => self.carrier(choice).end(),
            ChatEvent::ToolCallStart { choice, call, id, name, kind, signature, extras } => {
                self.called.insert(choice);
                if kind != ToolCallKind::Function {
                    self.kinds.insert((choice, call), kind);
                }
                if kind == ToolCallKind::LegacyFunction {
                    let begun = serde_json::json!({"name": name, "arguments": ""});
                    return self.delta(choice, "function_call", &json(&begun), frames);
                }
                let id = id.unwrap_or_else(|| ids::made_up(&self.id, choice, call));
                let mut begun = ToolCall::default();
                (begun.signature, begun.extras) = (signature, extras.clone());
                let carried = self.carrier(choice).call(&id, &begun);
                if self.states.is_some() {
                    self.named.entry(choice).or_default().push((id.clone(), name.clone(), String::new()));
                }
                let mut inner = Fields::new();
                inner.put("name", &name);
                let mut fields = Fields::new();
                fields.put("index", &call).put("id", &id);
                if kind == ToolCallKind::Custom {
                    inner.put("input", "");
                    fields.put("type", "custom").put("custom", &inner);
                } else {
                    inner.put("arguments", "");
                    fields.put("type", "function").put("function", &inner);
                }
                fields.put_extras(&extras, PROTOCOL).put_some(ON_CALL, carried);
                self.delta(choice, "tool_calls", &[fields], frames);
            }
            ChatEvent::ToolCallArguments { choice, call, fragment } => {
                let named = self.named.get_mut(&choice);
                if let Some((.., whole)) = named.and_then(|calls| calls.get_mut(usize::try_from(call).ok()?)) {
                    whole.push_str(&fragment);
                }
                let piece = match self.kinds.get(&(choice, call)) {
                    Some(ToolCallKind::LegacyFunction) => {
                        let piece = serde_json::json!({"arguments": fragment});
                        return self.delta(choice, "function_call", &json(&piece), frames);
                    }
                    Some(ToolCallKind::Custom) => serde_json::json!({"index": call, "custom": {"input": fragment}}),
                    _ => serde_json::json!({"index": call, "function": {"arguments": fragment}}),
                };
                self.delta(choice, "tool_calls", &[json(&piece)], frames);
            }
            ChatEvent::Citation { choice, citation } => {
                let citation = reply_encode::citation(&citation, 0);
                self.delta(choice, "annotations", &[citation], frames);
            }
            ChatEvent::Media { choice, media, .. } => {
                if let Some(url) = media.to_url() {
                    self.delta(choice, "images", &[reply_encode::image(&url)], frames);
                }
            }
            ChatEvent::LogProbs { choice, content, refusal } => {
                let mut logprobs = tollbridge_types::LogProbs::default();
                (logprobs.content, logprobs.refusal) = (content, refusal);
                self.write(choice, &Fields::new(), Some(logprobs::encode(&logprobs)), None, frames);
            }
            ChatEvent::Finish { choice, finish } => {
                if self.started.insert(choice) {
                    let mut delta = Fields::new();
                    delta.put("role", "assistant").put("content", "");
                    self.write(choice, &delta, None, None, frames);
                }
                if let Some(seal) = self.carrier(choice).seal() {
                    self.delta(choice, "reasoning_details", &carrier::details(&seal), frames);
                    if let (Some(states), Some(calls)) = (&self.states, self.named.remove(&choice)) {
                        let named = calls.iter().map(|(id, name, arguments)| (&**id, &**name, &**arguments));
                        states.keep(&carrier::name_of(named), seal);
                    }
                }
                let of_choice = (choice, 0)..=(choice, u32::MAX);
                let legacy = self.kinds.range(of_choice).any(|(_, kind)| *kind == ToolCallKind::LegacyFunction);
                let word = endings::word(PROTOCOL, &finish, self.called.contains(&choice));
                let word = if legacy { reply_encode::retired(word) } else { word };
                self.write(choice, &Fields::new(), None, Some(word), frames);
            }
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Extras { choice: None, extras } => self.extras.extend(extras),
            // Fields of other protocols have no form in this one's streams.
            _ => {}
        }
    }

    fn finish(&mut self, frames: &mut Vec<Frame>) {
        if self.stream_usage {
            let mut chunk = self.chunk(&[]);
            let usage = self.usage.clone().unwrap_or_default();
            chunk.put("usage", &usage::encode(&usage)).put_extras(&self.extras, PROTOCOL);
            frames.push(frame(&chunk.to_line()));
        }
        frames.push(frame("[DONE]"));
    }

    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>) {
        frames.push(frame(&error::body(error).to_line()));
    }
}

fn frame(data: &str) -> Frame {
    Frame::new(Bytes::from(format!("data: {data}\n\n")), None, Bytes::from(data.to_owned()))
}
