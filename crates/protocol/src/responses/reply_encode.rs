use std::sync::Arc;

use tollbridge_core::StateStore;
use tollbridge_types::{ChatReply, Choice, Finish, FinishReason, Json, Part, ToolCall, ToolCallKind};

use super::{RESPONSES_PROTOCOL as PROTOCOL, built_in, items, usage};
use crate::object::{Fields, Object};
use crate::openai::logprobs;
use crate::state::{self, State};
use crate::{ReplyContext, endings, ids};

/// Writes the response object.
pub(crate) fn encode(reply: &ChatReply, context: &ReplyContext<'_>) -> Fields {
    let id = reply.id.as_deref().unwrap_or(context.id);
    let mut output = Vec::new();
    if let Some(choice) = reply.choices.first() {
        let mut writer = Writer { id, output: &mut output, message: None, calls: 0 };
        for part in &choice.parts {
            writer.part(part);
        }
        writer.close(choice);
    }
    output.iter().for_each(|item| keep(item, context.states));
    let ending = Ending::of(reply.choices.first().and_then(|choice| choice.finish.as_ref()));
    let mut body = head(id, reply.created.unwrap_or(context.created), ending.status);
    ending.put(&mut body);
    body.put("model", reply.model.as_deref().unwrap_or(context.model));
    body.put("output", &output);
    body.put_some("service_tier", reply.service_tier.as_ref());
    body.put("usage", &reply.usage.as_ref().map(usage::encode));
    body.put_extras(&reply.extras, PROTOCOL);
    defaults(&mut body);
    body
}

/// Keeps an item whose id was made up here, for clients that send a reference in its place.
pub(crate) fn keep(item: &Json, states: Option<&Arc<dyn StateStore>>) {
    let Some(states) = states else { return };
    if let Some(id) = Object::lenient(item).find_text("id").filter(|id| id.contains(MADE_UP)) {
        states.keep(&id, item.as_str().to_owned());
    }
}

/// What ids of items hold that are made up here.
const MADE_UP: &str = "_tb_";

/// Begins the response object.
pub(crate) fn head(id: &str, created: u64, status: &str) -> Fields {
    let mut body = Fields::new();
    body.put("id", id).put("object", "response").put("created_at", &created).put("status", status);
    body
}

/// Adds the fields that the protocol demands and that repeat a request that was another protocol's.
pub(crate) fn defaults(body: &mut Fields) {
    let fallbacks = serde_json::json!({
        "background": false, "instructions": null, "max_output_tokens": null, "metadata": {},
        "parallel_tool_calls": true, "previous_response_id": null, "store": false, "temperature": null,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": null,
        "truncation": "disabled",
    });
    for (name, value) in fallbacks.as_object().into_iter().flatten() {
        if !body.has(name) {
            body.put(name, value);
        }
    }
}

/// How a response ended: its status, and what belongs to that.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    pub(crate) status: &'static str,
    /// Why it is incomplete.
    reason: Option<String>,
    /// Why it failed.
    error: Option<String>,
}

impl Ending {
    pub(crate) const IN_PROGRESS: Self = Self { status: "in_progress", reason: None, error: None };

    pub(crate) fn of(finish: Option<&Finish>) -> Self {
        let completed = Self { status: "completed", reason: None, error: None };
        let Some(finish) = finish else { return completed };
        match endings::word(PROTOCOL, finish, false) {
            "completed" => completed,
            // This protocol's own refusals are complete answers that say so; others may say nothing at all.
            _ if finish.reason == FinishReason::Refusal && finish.raw.as_deref() == Some("completed") => completed,
            "failed" => {
                let error = Some(endings::failure(finish).message().to_owned());
                Self { status: "failed", reason: None, error }
            }
            reason => Self { status: "incomplete", reason: Some(reason.to_owned()), error: None },
        }
    }

    pub(crate) fn put(&self, body: &mut Fields) {
        let error = self.error.as_ref().map(|told| serde_json::json!({"code": "server_error", "message": told}));
        body.put("error", &error);
        let details = self.reason.as_ref().map(|reason| serde_json::json!({"reason": reason}));
        body.put("incomplete_details", &details);
    }
}

/// Returns the status of a call: one that breaks off is no whole item.
pub(crate) fn status_of(call: &ToolCall) -> &'static str {
    if endings::is_cut(call) { "incomplete" } else { "completed" }
}

/// Returns the id of the item at a place, for items whose vendor gave none.
pub(crate) fn item_id(prefix: &str, reply: &str, place: usize) -> String {
    let made_up = ids::made_up(reply, 0, u32::try_from(place).unwrap_or(u32::MAX));
    format!("{prefix}_{}", made_up.trim_start_matches("call_"))
}

struct Writer<'a> {
    id: &'a str,
    output: &'a mut Vec<Json>,
    /// The content of the message in progress, and what stands beside it.
    message: Option<(Vec<Json>, Fields)>,
    calls: u32,
}

impl Writer<'_> {
    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => {
                let (content, beside) = self.message.get_or_insert_default();
                content.push(output_text(text, None));
                beside.put_fields(&message_extras(text));
                if let Some(state) = State::of_text(text, PROTOCOL) {
                    self.state(&state);
                }
            }
            Part::Refusal(words) => {
                let (content, _) = self.message.get_or_insert_default();
                content.push(refusal(words));
            }
            Part::Image(media) => {
                if let Some(url) = media.to_url() {
                    let text = Part::text(format!("![image]({url})"));
                    self.part(&text);
                }
            }
            Part::Thought(thought) => {
                self.flush();
                let place = self.output.len();
                self.output.push(reasoning(thought, self.id, place).to_json());
            }
            Part::ToolCall(call) => {
                self.flush();
                if let Some(state) = State::of_call(call, PROTOCOL) {
                    self.state(&with_id(state, &call_id(call, self.id, self.calls)));
                }
                let place = self.output.len();
                let call_id = call_id(call, self.id, self.calls);
                self.calls += 1;
                self.output.push(tool_call(call, &call_id, self.id, place, status_of(call)).to_json());
            }
            Part::Opaque(opaque) if opaque.protocol == PROTOCOL => {
                self.flush();
                self.output.push(opaque.json.clone());
            }
            Part::Opaque(opaque) => {
                if let Some(state) = State::of_opaque(opaque, PROTOCOL) {
                    self.state(&state);
                }
            }
            _ => {}
        }
    }

    fn state(&mut self, state: &State) {
        self.flush();
        let place = self.output.len();
        self.output.push(carrier(state, self.id, place).to_json());
    }

    fn flush(&mut self) {
        if let Some((content, beside)) = self.message.take() {
            let place = self.output.len();
            self.output.push(message(self.id, place, "completed", &content, &beside).to_json());
        }
    }

    fn close(mut self, choice: &Choice) {
        if let (Some(found), Some((content, _))) = (&choice.logprobs, &mut self.message)
            && let Some(first) = content.first_mut()
        {
            let mut fields = Fields::new();
            for (name, value) in Object::lenient(first).into_fields() {
                if name != "logprobs" {
                    fields.put(&name, &value);
                }
            }
            fields.put("logprobs", &logprobs::tokens(&found.content));
            *first = fields.to_json();
        }
        self.flush();
    }
}

/// Names the call that a state belongs to by the id that the client will know it by.
pub(crate) fn with_id(state: State, id: &str) -> State {
    match state {
        State::Call { signature, extras, .. } => State::Call { id: Some(id.to_owned()), signature, extras },
        other => other,
    }
}

pub(crate) fn call_id(call: &ToolCall, reply: &str, number: u32) -> String {
    call.id.clone().unwrap_or_else(|| ids::made_up(reply, 0, number))
}

/// Returns what stood beside the content of the message that a text began.
pub(crate) fn message_extras(text: &tollbridge_types::Text) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in text.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("item.") {
            fields.put(name, value);
        }
    }
    fields
}

pub(crate) fn message(id: &str, place: usize, status: &str, content: &[Json], beside: &Fields) -> Fields {
    let mut fields = Fields::new();
    fields.put("id", &item_id("msg", id, place)).put("type", "message").put("status", status);
    fields.put("role", "assistant").put("content", content).put_fields(beside);
    fields
}

pub(crate) fn output_text(text: &tollbridge_types::Text, logprobs: Option<&[Fields]>) -> Json {
    let mut fields = Fields::new();
    fields.put("type", "output_text").put("text", &text.text);
    fields.put("annotations", &text.citations.iter().map(items::annotation).collect::<Vec<_>>());
    match logprobs {
        Some(logprobs) => fields.put("logprobs", logprobs),
        None => fields.put::<[Json]>("logprobs", &[]),
    };
    for (name, value) in text.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with("item.")) {
        if !fields.has(name) {
            fields.put(name, value);
        }
    }
    fields.to_json()
}

pub(crate) fn refusal(words: &str) -> Json {
    let mut fields = Fields::new();
    fields.put("type", "refusal").put("refusal", words);
    fields.to_json()
}

/// Writes a thought as a reasoning item; one of another protocol carries its state sealed.
pub(crate) fn reasoning(thought: &tollbridge_types::Thought, id: &str, place: usize) -> Fields {
    if let Some(mut own) = items::own_reasoning(thought) {
        if !own.has("id") {
            own.put("id", &item_id("rs", id, place));
        }
        return own;
    }
    let mut fields = Fields::new();
    fields.put("id", &item_id("rs", id, place)).put("type", "reasoning");
    fields.put("summary", &items::summary(&thought.text));
    let state = State::of_thought(thought, PROTOCOL);
    fields.put_some("encrypted_content", state.map(|state| state::seal(&[state])));
    fields
}

/// Writes a reasoning item that only carries state for another protocol's vendor.
pub(crate) fn carrier(state: &State, id: &str, place: usize) -> Fields {
    let mut fields = Fields::new();
    fields.put("id", &item_id("rs", id, place)).put("type", "reasoning");
    fields.put::<[Json]>("summary", &[]).put("encrypted_content", &state::seal(std::slice::from_ref(state)));
    fields
}

pub(crate) fn tool_call(call: &ToolCall, call_id: &str, id: &str, place: usize, status: &str) -> Fields {
    let own_id = item_id(prefix(call), id, place);
    if let Some(item) = built_in::call_item(call, call_id, Some(&own_id), Some(status)) {
        return item;
    }
    let mut fields = Fields::new();
    let (kind, field) = match call.kind {
        ToolCallKind::Custom => ("custom_tool_call", "input"),
        _ => ("function_call", "arguments"),
    };
    match call.extras.get(PROTOCOL, "id") {
        Some(own) => fields.put("id", own),
        None => fields.put("id", &own_id),
    };
    fields.put("type", kind).put("status", status);
    fields.put(field, &call.arguments).put("call_id", call_id).put("name", &call.name);
    fields.put_extras(&call.extras, PROTOCOL);
    fields
}

/// Returns what the id of a call's item begins with.
pub(crate) fn prefix(call: &ToolCall) -> &'static str {
    match call.kind {
        ToolCallKind::Custom => "ctc",
        ToolCallKind::BuiltIn => built_in::prefix(&call.name),
        _ => "fc",
    }
}
