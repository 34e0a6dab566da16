//! Where another protocol's state rides in a chat completion, which has no field for it.
//!
//! What comes before a tool call rides on the call's id, the one thing that every client sends
//! back. What no call follows rides in `reasoning_details`, as a form that OpenRouter's clients know.

use tollbridge_core::Error;
use tollbridge_types::{Extras, Json, Opaque, Part, Signature, Text, Thought, ToolCall};

use super::CHAT_PROTOCOL as PROTOCOL;
use crate::object::{Object, json};
use crate::state::{self, State};

/// Gathers the state of an answer while it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carrier {
    states: Vec<State>,
    /// Parts that only another protocol knows: too long for an id.
    parts: Vec<State>,
    thought: Option<Thought>,
}

impl Carrier {
    /// Notes that words were said aloud.
    pub(crate) fn said(&mut self) {
        self.end();
        if self.states.last() != Some(&State::Said) {
            self.states.push(State::Said);
        }
    }

    /// Takes more of a thought.
    pub(crate) fn thought(&mut self, words: &str) {
        self.thought.get_or_insert_default().text.push_str(words);
    }

    /// Takes what stands beside a thought's words.
    pub(crate) fn extras(&mut self, extras: Extras) {
        if let Some(thought) = &mut self.thought {
            thought.extras.extend(extras);
        }
    }

    /// Takes the signature on the thought or text in progress.
    pub(crate) fn signature(&mut self, signature: Signature) {
        match &mut self.thought {
            Some(thought) => thought.signature = Some(signature),
            None => {
                let mut text = Text::default();
                text.signature = Some(signature);
                self.states.extend(State::of_text(&text, PROTOCOL));
            }
        }
    }

    /// Takes the signature on a whole text.
    pub(crate) fn signature_of(&mut self, text: &Text) {
        self.states.extend(State::of_text(text, PROTOCOL));
    }

    /// Takes a whole thought.
    pub(crate) fn whole(&mut self, thought: &Thought) {
        self.end();
        self.thought = Some(thought.clone());
        self.end();
    }

    /// Takes a part that only another protocol knows.
    pub(crate) fn opaque(&mut self, opaque: &Opaque) {
        self.end();
        // What came before it stays before it.
        self.parts.append(&mut self.states);
        self.parts.extend(State::of_opaque(opaque, PROTOCOL));
    }

    /// Ends the part in progress.
    pub(crate) fn end(&mut self) {
        if let Some(thought) = self.thought.take()
            && let Some(State::Thought(mut state)) = State::of_thought(&thought, PROTOCOL)
        {
            state.text = thought.text;
            self.states.push(State::Thought(state));
        }
    }

    /// Returns the id that a call is given to the client by, with what came before it.
    pub(crate) fn id(&mut self, id: &str, call: &ToolCall) -> String {
        self.end();
        let mut states = std::mem::take(&mut self.states);
        states.extend(State::of_call(call, PROTOCOL).map(State::without_id));
        if states.iter().all(|state| *state == State::Said) {
            return id.to_owned();
        }
        state::onto_id(id, &states)
    }

    /// Returns the entry of `reasoning_details` for what no call follows.
    pub(crate) fn details(&mut self) -> Option<Json> {
        self.end();
        let mut states = std::mem::take(&mut self.parts);
        states.append(&mut self.states);
        if states.iter().all(|state| *state == State::Said) {
            return None;
        }
        let data = state::seal(&states);
        Some(json(&serde_json::json!([{"type": "reasoning.encrypted", "data": data, "format": FORMAT, "index": 0}])))
    }
}

/// Marks our entries among those of other makers.
const FORMAT: &str = "tollbridge";

/// Takes the entries that are ours out of a message's `reasoning_details`.
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if an entry was changed on the way.
pub(crate) fn take_details(message: &mut Object) -> Result<Vec<State>, Error> {
    let path = message.path_of("reasoning_details");
    let Some(list) = message.peek("reasoning_details").and_then(|json| json.parse::<Vec<Json>>().ok()) else {
        return Ok(Vec::new());
    };
    let mut states = Vec::new();
    for (place, entry) in list.iter().enumerate() {
        let mut fields = Object::lenient(entry);
        if fields.find_text("format").as_deref() == Some(FORMAT) {
            let data = fields.find_text("data").unwrap_or_default();
            states.extend(state::open(&data, &format!("{path}[{place}].data"))?.unwrap_or_default());
        }
    }
    if !states.is_empty() {
        message.take("reasoning_details");
    }
    Ok(states)
}

/// Puts a message together again from what was said and the states that travelled apart.
pub(crate) fn reunite(parts: &mut Vec<Part>, details: Vec<State>, mut calls: Vec<Vec<State>>) {
    if details.is_empty() && calls.iter().all(Vec::is_empty) {
        return;
    }
    let first = if calls.is_empty() { Vec::new() } else { calls.remove(0) };
    let mut opening: Vec<State> = details;
    opening.extend(first.iter().cloned());
    let thinks = opening.iter().chain(calls.iter().flatten()).any(|state| matches!(state, State::Thought(_)));
    let mut said = Vec::new();
    let mut called = Vec::new();
    for part in std::mem::take(parts) {
        match part {
            // The words of thoughts that come back whole are known already.
            Part::Thought(_) if thinks => {}
            Part::ToolCall(call) => called.push(call),
            other => said.push(other),
        }
    }
    let middle = opening.iter().position(|state| *state == State::Said).unwrap_or(opening.len());
    let behind = opening.split_off(middle);
    opening.into_iter().for_each(|state| state.restore(parts));
    parts.append(&mut said);
    behind.into_iter().for_each(|state| state.restore(parts));
    let per_call = std::iter::once(first).chain(calls).chain(std::iter::repeat_with(Vec::new));
    for (place, (mut call, states)) in called.into_iter().zip(per_call).enumerate() {
        states.iter().for_each(|state| state.restore_call(&mut call));
        if place > 0 {
            states.into_iter().for_each(|state| state.restore(parts));
        }
        parts.push(Part::ToolCall(call));
    }
}
