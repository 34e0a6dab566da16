use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tollbridge_core::{Error, Frame, StateStore};
use tollbridge_types::{
    ChatEvent, Extras, Finish, Json, Signature, Start, Text, Thought, TokenLogProb, ToolCall, ToolCallKind, Usage,
};

use super::reply_encode::Ending;
use super::{RESPONSES_PROTOCOL as PROTOCOL, items, reply_encode, usage};
use crate::object::Fields;
use crate::openai::logprobs;
use crate::state::State;
use crate::{ChatStreamEncoder, ReplyContext, openai};

/// Writes the events of a streamed response, and in the last one the whole of it.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    created: u64,
    service_tier: Option<String>,
    sequence: u64,
    started: bool,
    /// The items in their order; those still open are `null`.
    output: Vec<Json>,
    open: Option<Open>,
    calls: BTreeMap<u32, (usize, String, ToolCall)>,
    calls_begun: u32,
    usage: Option<Usage>,
    finish: Option<Finish>,
    extras: Extras,
    states: Option<Arc<dyn StateStore>>,
}

#[derive(Debug)]
enum Open {
    Message { place: usize, content: Vec<Json>, part: Option<Growing>, beside: Fields },
    Thought { place: usize, thought: Thought },
}

/// The part of a message in progress.
#[derive(Debug)]
enum Growing {
    Text(Text, Vec<TokenLogProb>),
    Refusal(String),
}

impl Encoder {
    pub(crate) fn new(context: &ReplyContext<'_>) -> Self {
        Self {
            id: context.id.to_owned(),
            model: context.model.to_owned(),
            created: context.created,
            service_tier: None,
            sequence: 0,
            started: false,
            output: Vec::new(),
            open: None,
            calls: BTreeMap::new(),
            calls_begun: 0,
            usage: None,
            finish: None,
            extras: Extras::default(),
            states: context.states.cloned(),
        }
    }

    fn push(&mut self, kind: &str, fields: &Fields, frames: &mut Vec<Frame>) {
        let mut event = Fields::new();
        event.put("type", kind).put("sequence_number", &self.sequence).put_fields(fields);
        self.sequence += 1;
        let data = event.to_line();
        let raw = Bytes::from(format!("event: {kind}\ndata: {data}\n\n"));
        frames.push(Frame::new(raw, Some(kind.to_owned()), Bytes::from(data)));
    }

    fn response(&self, ending: &Ending) -> Fields {
        let status = ending.status;
        let mut body = reply_encode::head(&self.id, self.created, status);
        ending.put(&mut body);
        body.put("model", &self.model);
        let output: &[Json] = if status == "in_progress" { &[] } else { &self.output };
        body.put("output", output).put_some("service_tier", self.service_tier.as_ref());
        body.put("usage", &self.usage.as_ref().filter(|_| status != "in_progress").map(usage::encode));
        body.put_extras(&self.extras, PROTOCOL);
        reply_encode::defaults(&mut body);
        body
    }

    fn start(&mut self, frames: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut fields = Fields::new();
        fields.put("response", &self.response(&Ending::IN_PROGRESS));
        self.push("response.created", &fields, frames);
        self.push("response.in_progress", &fields, frames);
    }

    /// Takes the next place in the output.
    fn place(&mut self, frames: &mut Vec<Frame>) -> usize {
        self.start(frames);
        self.close(frames);
        self.output.push(Json::from(serde_json::Value::Null));
        self.output.len() - 1
    }

    fn added(&mut self, place: usize, item: &Json, frames: &mut Vec<Frame>) {
        let mut fields = Fields::new();
        fields.put("output_index", &place).put("item", item);
        self.push("response.output_item.added", &fields, frames);
    }

    fn done(&mut self, place: usize, item: Json, frames: &mut Vec<Frame>) {
        let mut fields = Fields::new();
        fields.put("output_index", &place).put("item", &item);
        self.push("response.output_item.done", &fields, frames);
        reply_encode::keep(&item, self.states.as_ref());
        if let Some(slot) = self.output.get_mut(place) {
            *slot = item;
        }
    }

    /// Writes an item that comes all at once.
    fn whole(&mut self, item: impl FnOnce(&str, usize) -> Json, frames: &mut Vec<Frame>) {
        let place = self.place(frames);
        let item = item(&self.id, place);
        self.added(place, &item, frames);
        self.done(place, item, frames);
    }

    fn state(&mut self, state: Option<State>, frames: &mut Vec<Frame>) {
        if let Some(state) = state {
            self.whole(|id, place| reply_encode::carrier(&state, id, place).to_json(), frames);
        }
    }

    /// Returns the text in progress, beginning a message or a part of it if there is none.
    fn text(&mut self, frames: &mut Vec<Frame>) {
        self.message(frames);
        if !matches!(self.open, Some(Open::Message { part: Some(Growing::Text(..)), .. })) {
            self.close_part(frames);
            self.begin_part(Growing::Text(Text::default(), Vec::new()), frames);
        }
    }

    fn message(&mut self, frames: &mut Vec<Frame>) {
        if matches!(self.open, Some(Open::Message { .. })) {
            return;
        }
        let place = self.place(frames);
        let item = reply_encode::message(&self.id, place, "in_progress", &[], &Fields::new());
        self.added(place, &item.to_json(), frames);
        self.open = Some(Open::Message { place, content: Vec::new(), part: None, beside: Fields::new() });
    }

    fn begin_part(&mut self, growing: Growing, frames: &mut Vec<Frame>) {
        let empty = match &growing {
            Growing::Text(..) => reply_encode::output_text(&Text::default(), None),
            Growing::Refusal(_) => reply_encode::refusal(""),
        };
        if let Some(Open::Message { part, .. }) = &mut self.open {
            *part = Some(growing);
        }
        let mut fields = self.part_fields();
        fields.put("part", &empty);
        self.push("response.content_part.added", &fields, frames);
    }

    /// Returns the fields that say which part of which message an event is about.
    fn part_fields(&self) -> Fields {
        let mut fields = Fields::new();
        if let Some(Open::Message { place, content, .. }) = &self.open {
            fields.put("item_id", &reply_encode::item_id("msg", &self.id, *place));
            fields.put("output_index", place).put("content_index", &content.len());
        }
        fields
    }

    fn close_part(&mut self, frames: &mut Vec<Frame>) {
        let Some(Open::Message { part, .. }) = &mut self.open else { return };
        let Some(growing) = part.take() else { return };
        let mut fields = self.part_fields();
        let (written, beside) = match growing {
            Growing::Text(text, tokens) => {
                let tokens = logprobs::tokens(&tokens);
                let mut done = fields.clone();
                done.put("text", &text.text).put("logprobs", &tokens);
                self.push("response.output_text.done", &done, frames);
                let beside = reply_encode::message_extras(&text);
                let state = State::of_text(&text, PROTOCOL);
                (reply_encode::output_text(&text, Some(&tokens)), Some((beside, state)))
            }
            Growing::Refusal(words) => {
                let mut done = fields.clone();
                done.put("refusal", &words);
                self.push("response.refusal.done", &done, frames);
                (reply_encode::refusal(&words), None)
            }
        };
        fields.put("part", &written);
        self.push("response.content_part.done", &fields, frames);
        if let Some(Open::Message { content, beside: all, .. }) = &mut self.open {
            content.push(written);
            if let Some((beside, _)) = &beside {
                all.put_fields(beside);
            }
        }
        if let Some((_, Some(state))) = beside {
            self.state(Some(state), frames);
        }
    }

    /// Closes the item in progress.
    fn close(&mut self, frames: &mut Vec<Frame>) {
        self.close_part(frames);
        match self.open.take() {
            Some(Open::Message { place, content, beside, .. }) => {
                let item = reply_encode::message(&self.id, place, "completed", &content, &beside);
                self.done(place, item.to_json(), frames);
            }
            Some(Open::Thought { place, thought }) => {
                let item = reply_encode::reasoning(&thought, &self.id, place);
                if !thought.text.is_empty() {
                    let mut fields = self.thought_fields(place);
                    let mut done = fields.clone();
                    done.put("text", &thought.text);
                    self.push("response.reasoning_summary_text.done", &done, frames);
                    fields.put("part", &serde_json::json!({"type": "summary_text", "text": thought.text}));
                    self.push("response.reasoning_summary_part.done", &fields, frames);
                }
                self.done(place, item.to_json(), frames);
            }
            None => {}
        }
    }

    fn thought_fields(&self, place: usize) -> Fields {
        let mut fields = Fields::new();
        fields.put("item_id", &reply_encode::item_id("rs", &self.id, place));
        fields.put("output_index", &place).put("summary_index", &0);
        fields
    }

    fn thought(&mut self, piece: &str, frames: &mut Vec<Frame>) {
        if !matches!(self.open, Some(Open::Thought { .. })) {
            let place = self.place(frames);
            let item = reply_encode::reasoning(&Thought::default(), &self.id, place);
            self.added(place, &item.to_json(), frames);
            self.open = Some(Open::Thought { place, thought: Thought::default() });
        }
        let Some(Open::Thought { place, thought }) = &mut self.open else { return };
        let (place, first) = (*place, thought.text.is_empty());
        thought.text.push_str(piece);
        if piece.is_empty() {
            return;
        }
        let fields = self.thought_fields(place);
        if first {
            let mut added = fields.clone();
            added.put("part", &serde_json::json!({"type": "summary_text", "text": ""}));
            self.push("response.reasoning_summary_part.added", &added, frames);
        }
        let mut delta = fields;
        delta.put("delta", piece);
        self.push("response.reasoning_summary_text.delta", &delta, frames);
    }

    fn words(&mut self, piece: &str, frames: &mut Vec<Frame>) {
        self.text(frames);
        if let Some(Open::Message { part: Some(Growing::Text(text, _)), .. }) = &mut self.open {
            text.text.push_str(piece);
        }
        if !piece.is_empty() {
            let mut fields = self.part_fields();
            fields.put("delta", piece).put::<[Json]>("logprobs", &[]);
            self.push("response.output_text.delta", &fields, frames);
        }
    }

    fn refusal(&mut self, piece: &str, frames: &mut Vec<Frame>) {
        self.message(frames);
        if !matches!(self.open, Some(Open::Message { part: Some(Growing::Refusal(_)), .. })) {
            self.close_part(frames);
            self.begin_part(Growing::Refusal(String::new()), frames);
        }
        if let Some(Open::Message { part: Some(Growing::Refusal(words)), .. }) = &mut self.open {
            words.push_str(piece);
        }
        let mut fields = self.part_fields();
        fields.put("delta", piece);
        self.push("response.refusal.delta", &fields, frames);
    }

    fn begin_call(&mut self, number: u32, call: ToolCall, frames: &mut Vec<Frame>) {
        let call_id = reply_encode::call_id(&call, &self.id, self.calls_begun);
        self.calls_begun += 1;
        let state = State::of_call(&call, PROTOCOL).map(|state| reply_encode::with_id(state, &call_id));
        self.state(state, frames);
        let place = self.place(frames);
        // An item without arguments in pieces is told once it is whole.
        if call.kind != ToolCallKind::BuiltIn {
            let item = reply_encode::tool_call(&call, &call_id, &self.id, place, "in_progress");
            self.added(place, &item.to_json(), frames);
        }
        self.calls.insert(number, (place, call_id, call));
    }

    fn arguments(&mut self, number: u32, fragment: &str, frames: &mut Vec<Frame>) {
        let Some((place, _, call)) = self.calls.get_mut(&number) else { return };
        call.arguments.push_str(fragment);
        if call.kind == ToolCallKind::BuiltIn {
            return;
        }
        let mut fields = call_fields(&self.id, *place, call);
        let kind = call.kind;
        fields.put("delta", fragment);
        self.push(events_of(kind).0, &fields, frames);
    }

    fn end_call(&mut self, number: u32, frames: &mut Vec<Frame>) {
        let Some((place, call_id, call)) = self.calls.remove(&number) else { return };
        if call.kind == ToolCallKind::BuiltIn {
            let item = reply_encode::tool_call(&call, &call_id, &self.id, place, "in_progress");
            self.added(place, &item.to_json(), frames);
        } else {
            let mut fields = call_fields(&self.id, place, &call);
            let (_, kind, field) = events_of(call.kind);
            fields.put(field, &call.arguments);
            self.push(kind, &fields, frames);
        }
        let item = reply_encode::tool_call(&call, &call_id, &self.id, place, reply_encode::status_of(&call));
        self.done(place, item.to_json(), frames);
    }

    fn sign(&mut self, signature: Signature, frames: &mut Vec<Frame>) {
        match &mut self.open {
            Some(Open::Thought { thought, .. }) => thought.signature = Some(signature),
            _ => {
                self.text(frames);
                if let Some(Open::Message { part: Some(Growing::Text(text, _)), .. }) = &mut self.open {
                    text.signature = Some(signature);
                }
            }
        }
    }
}

/// Returns the fields that say which call an event is about.
fn call_fields(reply: &str, place: usize, call: &ToolCall) -> Fields {
    let prefix = reply_encode::prefix(call);
    let mut fields = Fields::new();
    match call.extras.get(PROTOCOL, "id") {
        Some(own) => fields.put("item_id", own),
        None => fields.put("item_id", &reply_encode::item_id(prefix, reply, place)),
    };
    fields.put("output_index", &place);
    fields
}

/// Returns the events of a call's arguments: a piece, the end, and the end's field.
fn events_of(kind: ToolCallKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        ToolCallKind::Custom => {
            ("response.custom_tool_call_input.delta", "response.custom_tool_call_input.done", "input")
        }
        _ => ("response.function_call_arguments.delta", "response.function_call_arguments.done", "arguments"),
    }
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start(Start { id, model, created, service_tier, .. }) => {
                // The SDKs know a response by the id that its first event gave it.
                if !self.started {
                    self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                }
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
                self.created = created.unwrap_or(self.created);
                self.service_tier = service_tier.or(self.service_tier.take());
            }
            ChatEvent::Text { choice: 0, text } => self.words(&text, frames),
            ChatEvent::Refusal { choice: 0, text } => self.refusal(&text, frames),
            ChatEvent::Thought { choice: 0, text } => self.thought(&text, frames),
            ChatEvent::Signature { choice: 0, signature } => self.sign(signature, frames),
            ChatEvent::PartExtras { choice: 0, extras } => match &mut self.open {
                Some(Open::Thought { thought, .. }) => thought.extras.extend(extras),
                Some(Open::Message { part: Some(Growing::Text(text, _)), .. }) => text.extras.extend(extras),
                _ => {}
            },
            ChatEvent::RedactedThought { choice: 0, data } => {
                let mut thought = Thought::default();
                thought.redacted = Some(data);
                self.whole(|id, place| reply_encode::reasoning(&thought, id, place).to_json(), frames);
            }
            ChatEvent::ToolCallStart { choice: 0, call: number, id, name, kind, signature, extras } => {
                let mut call = ToolCall::default();
                (call.id, call.name, call.kind) = (id, name, kind);
                (call.signature, call.extras) = (signature, extras);
                self.begin_call(number, call, frames);
            }
            ChatEvent::ToolCallArguments { choice: 0, call, fragment } => self.arguments(call, &fragment, frames),
            ChatEvent::ToolCallEnd { choice: 0, call } => self.end_call(call, frames),
            ChatEvent::Citation { choice: 0, citation } => {
                self.text(frames);
                let mut fields = self.part_fields();
                let annotation = items::annotation(&citation);
                if let Some(Open::Message { part: Some(Growing::Text(text, _)), .. }) = &mut self.open {
                    fields.put("annotation_index", &text.citations.len()).put("annotation", &annotation);
                    text.citations.push(citation);
                }
                self.push("response.output_text.annotation.added", &fields, frames);
            }
            ChatEvent::Media { choice: 0, media, .. } => {
                if let Some(url) = media.to_url() {
                    self.text(frames);
                    self.close_part(frames);
                    self.words(&format!("![image]({url})"), frames);
                    self.close_part(frames);
                }
            }
            ChatEvent::Opaque { choice: 0, part } if part.protocol == PROTOCOL => {
                self.whole(|_, _| part.json, frames);
            }
            ChatEvent::Opaque { choice: 0, part } => self.state(State::of_opaque(&part, PROTOCOL), frames),
            ChatEvent::LogProbs { choice: 0, content, .. } => {
                if let Some(Open::Message { part: Some(Growing::Text(_, tokens)), .. }) = &mut self.open {
                    tokens.extend(content);
                }
            }
            ChatEvent::PartEnd { choice: 0 } => match self.open {
                Some(Open::Thought { .. }) => self.close(frames),
                _ => self.close_part(frames),
            },
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Extras { choice: None, extras } => self.extras.extend(extras),
            ChatEvent::Finish { choice: 0, finish } => self.finish = Some(finish),
            // Further choices have no form in this protocol.
            _ => {}
        }
    }

    fn finish(&mut self, frames: &mut Vec<Frame>) {
        self.start(frames);
        self.close(frames);
        let open: Vec<u32> = self.calls.keys().copied().collect();
        for call in open {
            self.end_call(call, frames);
        }
        let ending = Ending::of(self.finish.take().as_ref());
        let mut fields = Fields::new();
        fields.put("response", &self.response(&ending));
        self.push(&format!("response.{}", ending.status), &fields, frames);
    }

    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>) {
        let body = openai::error_body(error);
        let mut fields = Fields::new();
        let inner = crate::object::Object::lenient(&body.to_json()).find_object("error");
        // The reference names these fields; what the API sends, and SDKs look for, is the object.
        for (name, value) in inner.into_fields().filter(|(name, _)| name != "type") {
            fields.put(&name, &value);
        }
        fields.put_fields(&body);
        self.push("error", &fields, frames);
    }
}
