//! What a vendor wants back in the next turn, carried through a client of another protocol.
//!
//! A signature, encrypted thinking or a part that only its vendor understands is sealed into one
//! base64 text, which rides in the field that the client's own protocol has for such things and
//! its SDKs send back untouched. The checksum tells damage, and what is damaged is left out; forgery
//! is the vendor's to detect, since it signs what it issues.

use std::collections::{HashMap, HashSet, VecDeque};

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use tollbridge_types::{Extras, Json, Opaque, Part, Protocol, Signature, Text, Thought, ToolCall};

use crate::object::{Fields, Object};

/// The first bytes of a sealed state: nine of them, so that their base64 form is always the same.
const MAGIC: &[u8] = b"tollstate";
/// How every sealed text begins.
pub(crate) const MARK: &str = "dG9sbHN0YXRl";

/// One thing that a vendor wants back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    /// A thought; its text is empty where it travels beside the state.
    Thought(Thought),
    /// What was attached to a tool call; the id says which, unless the state travels on the call itself.
    Call { id: Option<String>, signature: Option<Signature>, extras: Extras },
    /// The signature on the text before it.
    Text(Signature),
    /// A part that only its protocol knows.
    Part(Opaque),
    /// The place of the words that were said aloud, among states that travel apart from them.
    Said,
}

impl State {
    /// Returns what of a thought a client of `own` could not hold, without its text.
    pub(crate) fn of_thought(thought: &Thought, own: Protocol) -> Option<Self> {
        let foreign = |signature: &Option<Signature>| signature.clone().filter(|signature| signature.protocol != own);
        let mut state = Thought::default();
        state.signature = foreign(&thought.signature);
        state.redacted = foreign(&thought.redacted);
        state.extras = foreign_extras(&thought.extras, own);
        (state != Thought::default()).then_some(Self::Thought(state))
    }

    /// Leaves out which call the state belongs to, as it travels on that call itself.
    pub(crate) fn without_id(self) -> Self {
        match self {
            Self::Call { signature, extras, .. } => Self::Call { id: None, signature, extras },
            other => other,
        }
    }

    /// Returns what of a tool call a client of `own` could not hold.
    pub(crate) fn of_call(call: &ToolCall, own: Protocol) -> Option<Self> {
        let signature = call.signature.clone().filter(|signature| signature.protocol != own);
        let extras = foreign_extras(&call.extras, own);
        // The id of an item means something only in its vendor's store.
        let any = signature.is_some() || extras.iter().any(|(_, name, _)| name != "id");
        any.then(|| Self::Call { id: call.id.clone(), signature, extras })
    }

    /// Returns whose vendor wants it back.
    pub(crate) fn issuer(&self) -> Option<Protocol> {
        let first = |extras: &Extras| extras.iter().next().map(|(owner, ..)| owner);
        match self {
            Self::Thought(thought) => {
                let issued = thought.signature.as_ref().or(thought.redacted.as_ref());
                issued.map(|issued| issued.protocol).or_else(|| first(&thought.extras))
            }
            Self::Call { signature, extras, .. } => {
                signature.as_ref().map(|signature| signature.protocol).or_else(|| first(extras))
            }
            Self::Text(signature) => Some(signature.protocol),
            Self::Part(opaque) => Some(opaque.protocol),
            Self::Said => None,
        }
    }

    /// Says whether this only tells where something stood.
    pub(crate) fn is_place(&self) -> bool {
        match self {
            Self::Said => true,
            Self::Call { signature, extras, .. } => signature.is_none() && extras.is_empty(),
            _ => false,
        }
    }

    /// Returns the signature of a text, if it is not the client's protocol's own.
    pub(crate) fn of_text(text: &Text, own: Protocol) -> Option<Self> {
        text.signature.clone().filter(|signature| signature.protocol != own).map(Self::Text)
    }

    /// Returns a part that only another protocol knows.
    pub(crate) fn of_opaque(opaque: &Opaque, own: Protocol) -> Option<Self> {
        (opaque.protocol != own).then(|| Self::Part(opaque.clone()))
    }

    /// Puts the state back behind the parts of its message that stand before it.
    pub(crate) fn restore(self, parts: &mut Vec<Part>) {
        match self {
            Self::Thought(mut thought) => {
                // A streamed thought may have come back in pieces, with its state behind them.
                let bare = |part: &Part| matches!(part, Part::Thought(one) if one.signature.is_none() && one.redacted.is_none());
                while thought.redacted.is_none() && parts.last().is_some_and(bare) {
                    if let Some(Part::Thought(piece)) = parts.pop() {
                        thought.text.insert_str(0, &piece.text);
                    }
                }
                parts.push(Part::Thought(thought));
            }
            Self::Part(opaque) => parts.push(Part::Opaque(opaque)),
            Self::Text(signature) => match parts.last_mut() {
                Some(Part::Text(text)) => text.signature = Some(signature),
                _ => {
                    let mut text = Text::default();
                    text.signature = Some(signature);
                    parts.push(Part::Text(text));
                }
            },
            Self::Call { .. } | Self::Said => {}
        }
    }

    /// Puts what was attached to a call back onto it, if it is this one.
    pub(crate) fn restore_call(&self, call: &mut ToolCall) {
        if let Self::Call { id, signature, extras } = self
            && (id.is_none() || *id == call.id)
        {
            call.signature = signature.clone().or(call.signature.take());
            call.extras.extend(extras.clone());
        }
    }

    fn to_fields(&self) -> Fields {
        let mut fields = Fields::new();
        match self {
            Self::Thought(thought) => {
                fields.put("k", "thought");
                fields.put_some("p", self.issuer());
                fields.put_some("t", Some(&thought.text).filter(|text| !text.is_empty()));
                fields.put_some("s", thought.signature.as_ref().map(|signature| &signature.value));
                fields.put_some("r", thought.redacted.as_ref().map(|redacted| &redacted.value));
                put_extras(&mut fields, &thought.extras);
            }
            Self::Call { id, .. } if self.is_place() => {
                fields.put("k", "place").put_some("id", id.as_ref());
            }
            Self::Call { id, signature, extras } => {
                fields.put("k", "call").put_some("id", id.as_ref());
                fields.put_some("p", self.issuer());
                fields.put_some("s", signature.as_ref().map(|signature| &signature.value));
                put_extras(&mut fields, extras);
            }
            Self::Text(signature) => {
                fields.put("k", "text").put("p", &signature.protocol).put("s", &signature.value);
            }
            Self::Said => {
                fields.put("k", "said");
            }
            Self::Part(opaque) => {
                fields.put("k", "part").put("p", &opaque.protocol).put("j", &opaque.json);
            }
        }
        fields
    }

    /// Reads one state; `None` for kinds and protocols that this version does not know.
    fn from_json(json: &Json) -> Option<Self> {
        let mut fields = Object::lenient(json);
        if fields.peek("k").is_some_and(|kind| kind.as_str() == "\"said\"") {
            return Some(Self::Said);
        }
        if fields.peek("k").is_some_and(|kind| kind.as_str() == "\"place\"") {
            let (signature, extras) = (None, Extras::default());
            return Some(Self::Call { id: fields.find("id"), signature, extras });
        }
        let protocol = Protocol::known(&fields.find::<String>("p")?)?;
        let signature =
            |fields: &mut Object, name| fields.find::<String>(name).map(|value| Signature::new(protocol, value));
        let extras = fields.find_object("x").into_extras(protocol);
        Some(match fields.find::<String>("k")?.as_str() {
            "thought" => {
                let mut thought = Thought::default();
                thought.text = fields.find("t").unwrap_or_default();
                thought.signature = signature(&mut fields, "s");
                thought.redacted = signature(&mut fields, "r");
                thought.extras = extras;
                Self::Thought(thought)
            }
            "call" => Self::Call { id: fields.find("id"), signature: signature(&mut fields, "s"), extras },
            "text" => Self::Text(signature(&mut fields, "s")?),
            "part" => {
                Self::Part(Opaque::new(protocol, fields.take("j").filter(|json| json.as_str().starts_with('{'))?))
            }
            _ => return None,
        })
    }
}

/// Seals states into one base64 text.
pub(crate) fn seal(states: &[State]) -> String {
    let json = crate::object::json(&states.iter().map(State::to_fields).collect::<Vec<_>>());
    let payload = json.as_str().as_bytes();
    let sum = crc32fast::hash(payload).to_be_bytes();
    STANDARD.encode([MAGIC, &sum, payload].concat())
}

/// A text that may hold sealed states.
#[derive(Debug)]
pub(crate) enum Sealed {
    /// It was not sealed here, and so belongs to the client's own vendor.
    Foreign,
    /// It was changed since it was sealed, and says nothing any more.
    Damaged,
    /// What was sealed; states that this version does not know are left out.
    States(Vec<State>),
}

impl Sealed {
    /// Returns the states; none if the seal is damaged or is none.
    pub(crate) fn into_states(self) -> Vec<State> {
        match self {
            Self::States(states) => states,
            Self::Foreign | Self::Damaged => Vec::new(),
        }
    }
}

/// Opens a sealed text.
pub(crate) fn open(text: &str) -> Sealed {
    let Some(rest) = text.strip_prefix(MARK) else { return Sealed::Foreign };
    // SDKs that read it as bytes write it back in either alphabet, with or without padding.
    let standard: String = rest
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let Ok(bytes) = LENIENT.decode(standard.as_bytes()) else { return Sealed::Damaged };
    let whole = bytes.split_at_checked(4).filter(|(sum, payload)| *sum == crc32fast::hash(payload).to_be_bytes());
    let list = whole.and_then(|(_, payload)| serde_json::from_slice::<Vec<Json>>(payload).ok());
    match list {
        Some(list) => Sealed::States(list.iter().filter_map(State::from_json).collect()),
        None => Sealed::Damaged,
    }
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Puts a message together of parts that a client sent and the states that they carry for other protocols.
#[derive(Debug)]
pub(crate) struct Opener {
    own: Protocol,
    /// What belongs to a call that may come later.
    calls: Vec<State>,
    /// The seals on nothing else, which a client may have sent twice.
    seen: HashSet<String>,
}

impl Opener {
    pub(crate) fn new(own: Protocol) -> Self {
        Self { own, calls: Vec::new(), seen: HashSet::new() }
    }

    /// Adds a part, with the state that its signature may hold.
    pub(crate) fn push(&mut self, mut part: Part, parts: &mut Vec<Part>) {
        let (signature, words) = match &mut part {
            Part::Thought(thought) => {
                let signed = thought.signature.is_some();
                (if signed { &mut thought.signature } else { &mut thought.redacted }, thought.text.is_empty())
            }
            Part::ToolCall(call) => (&mut call.signature, false),
            Part::Text(text) => (&mut text.signature, text.text.is_empty()),
            _ => return parts.push(part),
        };
        let text = signature.as_ref().and_then(|signature| signature.of(self.own)).unwrap_or_default();
        let states = match open(text) {
            Sealed::Foreign => return parts.push(part),
            _ if words && !self.seen.insert(text.to_owned()) => return,
            sealed => sealed.into_states(),
        };
        *signature = None;
        let (origin, before) = (part.origin().map(str::to_owned), parts.len());
        match part {
            Part::ToolCall(mut call) => {
                states.iter().for_each(|state| state.restore_call(&mut call));
                parts.push(Part::ToolCall(call));
            }
            Part::Thought(thought) => self.thought(thought, states, parts),
            other => {
                if !words {
                    parts.push(other);
                }
                states.into_iter().for_each(|state| state.restore(parts));
            }
        }
        if let Some(origin) = origin {
            let restored = parts.split_off(before.min(parts.len()));
            parts
                .extend(restored.into_iter().map(|part| if part.origin().is_none() { part.at(&origin) } else { part }));
        }
    }

    fn thought(&mut self, bare: Thought, states: Vec<State>, parts: &mut Vec<Part>) {
        let mut words = bare.text;
        for state in states {
            match state {
                State::Thought(mut thought) if thought.text.is_empty() && !words.is_empty() => {
                    thought.text = std::mem::take(&mut words);
                    parts.push(Part::Thought(thought));
                }
                State::Call { .. } => self.calls.push(state),
                other => other.restore(parts),
            }
        }
        if !words.is_empty() {
            let mut thought = Thought::default();
            thought.text = words;
            parts.push(Part::Thought(thought));
        }
    }

    /// Keeps what was attached to a call that may come later, and restores everything else.
    pub(crate) fn restore(&mut self, states: Vec<State>, parts: &mut Vec<Part>) {
        for state in states {
            match state {
                State::Call { .. } => self.calls.push(state),
                other => other.restore(parts),
            }
        }
    }

    /// Says whether a seal comes for the first time.
    pub(crate) fn is_new(&mut self, seal: &str) -> bool {
        self.seen.insert(seal.to_owned())
    }

    /// Puts what was attached to calls back onto them, wherever in their message they stand.
    pub(crate) fn attach(&mut self, parts: &mut [Part]) {
        let calls = std::mem::take(&mut self.calls);
        self.seen.clear();
        let mut by_id: HashMap<Option<String>, VecDeque<&State>> = HashMap::new();
        for state in &calls {
            if let State::Call { id, .. } = state {
                by_id.entry(id.clone()).or_default().push_back(state);
            }
        }
        for part in parts.iter_mut().filter(|_| !calls.is_empty()) {
            let Part::ToolCall(call) = part else { continue };
            let own = by_id.get_mut(&call.id);
            // Where vendors repeat an id, the n-th state is the n-th call's.
            let state =
                own.and_then(|states| if states.len() > 1 { states.pop_front() } else { states.front().copied() });
            if let Some(state) = state {
                state.restore_call(call);
            }
        }
    }
}

/// Takes sealed states off a tool call's id, where earlier versions put them.
pub(crate) fn off_id(id: &str) -> (&str, Sealed) {
    let mark = id.find(ID_SEAL);
    match mark.and_then(|mark| Some((id.get(..mark)?, id.get(mark + ID_MARK.len()..)?))) {
        Some((id, sealed)) => (id, open(sealed)),
        None => (id, Sealed::Foreign),
    }
}

const ID_MARK: &str = "--";

/// What an id that carries state holds.
const ID_SEAL: &str = "--dG9sbHN0YXRl";

fn foreign_extras(extras: &Extras, own: Protocol) -> Extras {
    let mut foreign = Extras::default();
    for (owner, name, value) in extras.iter().filter(|(owner, ..)| *owner != own) {
        foreign.insert(owner, name, value.clone());
    }
    foreign
}

fn put_extras(fields: &mut Fields, extras: &Extras) {
    let mut inner = Fields::new();
    for (_, name, value) in extras.iter() {
        inner.put(name, value);
    }
    if !inner.is_empty() {
        fields.put("x", &inner);
    }
}
