//! Where another protocol's state rides in a chat completion, which has no field for it.
//!
//! All of a message's rides in `reasoning_details`, a form that OpenRouter's clients know; that of a tool
//! call and of what came before it rides on the call too, in the field that Google's own chat completions
//! have for signatures. Ids stay the vendor's.

use std::collections::{HashMap, HashSet, VecDeque};

use tollbridge_core::StateStore;
use tollbridge_types::{Extras, Json, Message, Opaque, Part, Role, Signature, Text, Thought, ToolCall};

use super::CHAT_PROTOCOL as PROTOCOL;
use crate::ids;
use crate::object::{Object, json};
use crate::state::{self, Sealed, State};

/// Gathers the state of an answer while it is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Carrier {
    states: Vec<State>,
    /// Where those begin that came after the last call.
    beside: usize,
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
        self.states.extend(State::of_opaque(opaque, PROTOCOL));
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

    /// Takes a call by the id that the client is given, and returns what rides on the call itself: what came before it,
    /// and what was attached to it.
    pub(crate) fn call(&mut self, id: &str, call: &ToolCall) -> Option<Json> {
        self.end();
        let mut named = call.clone();
        named.id = Some(id.to_owned());
        let own = State::of_call(&named, PROTOCOL);
        let mut states = self.states.get(self.beside..).unwrap_or_default().to_vec();
        states.extend(own.clone().map(State::without_id));
        // The place of the call, among states that travel apart from it.
        let bare = State::Call { id: Some(id.to_owned()), signature: None, extras: Extras::default() };
        self.states.push(own.unwrap_or(bare));
        self.beside = self.states.len();
        let seal = (!states.iter().all(State::is_place)).then(|| state::seal(&states));
        let seal = seal.filter(|seal| seal.len() <= MOST_ON_CALL)?;
        Some(json(&serde_json::json!({"google": {"thought_signature": seal}})))
    }

    /// Seals all that there is.
    pub(crate) fn seal(&mut self) -> Option<String> {
        self.end();
        let mut states = std::mem::take(&mut self.states);
        self.beside = 0;
        while states.pop_if(|last| last.is_place()).is_some() {}
        if states.is_empty() {
            return None;
        }
        Some(state::seal(&states))
    }
}

/// Writes `reasoning_details` with a sealed text.
pub(crate) fn details(seal: &str) -> Json {
    json(&serde_json::json!([{"type": "reasoning.encrypted", "data": seal, "format": "unknown", "index": 0}]))
}

/// Names the calls of a message, for a client that sends back nothing else of it.
///
/// Vendors repeat ids, so their names and arguments count too. Clients may write those anew.
pub(crate) fn name_of<'c>(calls: impl Iterator<Item = (&'c str, &'c str, &'c str)>) -> String {
    let mut all = String::new();
    for (id, name, arguments) in calls {
        let arguments = serde_json::from_str::<serde_json::Value>(arguments);
        let arguments = arguments.map(|value| value.to_string()).unwrap_or_default();
        all.extend([id, "\n", name, "\n", &arguments, "\n"]);
    }
    format!("chat:{}", ids::spread(&all, 0, 22))
}

/// Gives messages whose clients dropped what they carried what was kept of it.
pub(crate) fn recall(messages: &mut [Message], states: &dyn StateStore) {
    let unsigned = |part: &Part| match part {
        Part::Thought(thought) => thought.signature.is_none() && thought.redacted.is_none(),
        Part::ToolCall(call) => call.signature.is_none(),
        Part::Text(text) => text.signature.is_none(),
        other => !matches!(other, Part::Opaque(opaque) if opaque.protocol != PROTOCOL),
    };
    for message in messages.iter_mut().filter(|message| message.role == Role::Assistant) {
        let mut calls = message.parts.iter().filter_map(|part| match part {
            Part::ToolCall(call) => Some((call.id.as_deref().unwrap_or_default(), &*call.name, &*call.arguments)),
            _ => None,
        });
        let Some(first) = calls.next().filter(|_| message.parts.iter().all(unsigned)) else { continue };
        if let Some(seal) = states.find(&name_of(std::iter::once(first).chain(calls))) {
            let details = state::open(&seal).into_states();
            Carried { details, calls: Vec::new(), on_ids: false }.reunite(&mut message.parts);
        }
    }
}

/// The field of a call that Google's own chat completions, and SDKs after them, keep its signature in.
pub(crate) const ON_CALL: &str = "extra_content";

/// The longest seal on a call. What is longer rides in `reasoning_details` alone.
const MOST_ON_CALL: usize = 16 << 10;

/// What a message carries for other protocols, as its client sent it back.
#[derive(Debug)]
pub(crate) struct Carried {
    /// What the whole message carries.
    details: Vec<State>,
    /// What each call carries.
    calls: Vec<Vec<State>>,
    /// Whether that stood on ids, and `details` holds only what came after, as earlier versions wrote it.
    on_ids: bool,
}

impl Carried {
    /// Takes what is ours out of a message's `reasoning_details`.
    pub(crate) fn of(message: &mut Object) -> Self {
        let list = message.peek("reasoning_details").and_then(|json| json.parse::<Vec<Json>>().ok());
        let (mut details, mut ours) = (Vec::new(), HashSet::new());
        for entry in list.iter().flatten() {
            let data = Object::lenient(entry).find_text("data").unwrap_or_default();
            match state::open(&data) {
                Sealed::Foreign => {}
                sealed if ours.insert(data) => details.append(&mut sealed.into_states()),
                _ => {}
            }
        }
        if !ours.is_empty() {
            message.take("reasoning_details");
        }
        Self { details, calls: Vec::new(), on_ids: false }
    }

    /// Takes what is ours off the next call.
    pub(crate) fn call(&mut self, call: &mut ToolCall, on_call: Option<Sealed>) {
        let mut states = Vec::new();
        if let Some((id, sealed)) = call.id.as_deref().map(state::off_id)
            && !matches!(sealed, Sealed::Foreign)
        {
            self.on_ids = true;
            states = sealed.into_states();
            call.id = Some(id.to_owned());
        }
        if let Some(sealed) = on_call.filter(|_| states.is_empty()) {
            states = sealed.into_states();
        }
        self.calls.push(states);
    }

    /// Puts a message together again from what was said and the states that travelled apart.
    pub(crate) fn reunite(self, parts: &mut Vec<Part>) {
        if self.details.is_empty() && self.calls.iter().all(Vec::is_empty) {
            return;
        }
        let thinks =
            self.details.iter().chain(self.calls.iter().flatten()).any(|state| matches!(state, State::Thought(_)));
        let (mut said, mut called) = (Vec::new(), Vec::new());
        for part in std::mem::take(parts) {
            match part {
                // The words of thoughts that come back whole are known already.
                Part::Thought(_) if thinks => {}
                Part::ToolCall(call) => called.push(call),
                other => said.push(other),
            }
        }
        let states = if self.details.is_empty() || self.on_ids { self.in_order(&called) } else { self.details };
        place(states, said, called, parts);
    }

    /// Returns the states of the message and of its calls as those of the message alone.
    fn in_order(self, called: &[ToolCall]) -> Vec<State> {
        let mut states = self.details;
        let mut ends = None;
        for (call, own) in called.iter().zip(self.calls) {
            for state in own {
                match state {
                    State::Call { signature, extras, .. } => {
                        ends = Some(State::Call { id: call.id.clone(), signature, extras });
                    }
                    other => states.push(other),
                }
            }
            let bare = || State::Call { id: call.id.clone(), signature: None, extras: Extras::default() };
            states.push(ends.take().unwrap_or_else(bare));
        }
        states
    }
}

/// Takes what a call's field carries, if it is ours.
pub(crate) fn take_on_call(call: &mut Object) -> Option<Sealed> {
    let seal = Object::lenient(call.peek(ON_CALL)?).find_object("google").find_text("thought_signature")?;
    let sealed = Some(state::open(&seal)).filter(|sealed| !matches!(sealed, Sealed::Foreign))?;
    call.take(ON_CALL);
    Some(sealed)
}

/// Writes states, words and calls as the parts of a message, in the order of the states.
fn place(states: Vec<State>, mut said: Vec<Part>, called: Vec<ToolCall>, parts: &mut Vec<Part>) {
    let mut by_id: HashMap<Option<String>, VecDeque<usize>> = HashMap::new();
    for (number, call) in called.iter().enumerate() {
        by_id.entry(call.id.clone()).or_default().push_back(number);
    }
    let mut called: Vec<Option<ToolCall>> = called.into_iter().map(Some).collect();
    let is_call = |state: &State| matches!(state, State::Call { .. });
    // Words of which no state knows the place come before the calls.
    let told = states.contains(&State::Said);
    for state in states {
        if state == State::Said || (is_call(&state) && !told) {
            parts.append(&mut said);
        }
        match &state {
            State::Call { id, .. } => {
                let number = by_id.get_mut(id).and_then(VecDeque::pop_front);
                if let Some(mut call) = number.and_then(|number| called.get_mut(number)?.take()) {
                    state.restore_call(&mut call);
                    parts.push(Part::ToolCall(call));
                }
            }
            _ => state.restore(parts),
        }
    }
    parts.append(&mut said);
    parts.extend(called.into_iter().flatten().map(Part::ToolCall));
}
