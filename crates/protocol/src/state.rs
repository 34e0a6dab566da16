//! What a vendor wants back in the next turn, carried through a client of another protocol.
//!
//! A signature, encrypted thinking or a part that only its vendor understands is sealed into one
//! base64 text, which rides in the field that the client's own protocol has for such things and
//! its SDKs send back untouched. The checksum tells damage; forgery is the vendor's to detect,
//! since it signs what it issues.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use tollbridge_core::Error;
use tollbridge_types::{Extras, Json, Opaque, Part, Protocol, Signature, Text, Thought, ToolCall};

use crate::object::{Fields, Object};

/// The first bytes of a sealed state: nine of them, so that their base64 form is always the same.
const MAGIC: &[u8] = b"tollstate";
const MAGIC_TEXT: &str = "dG9sbHN0YXRl";

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
                let issuer = thought.signature.as_ref().or(thought.redacted.as_ref()).map(|issued| issued.protocol);
                let owner = issuer.or_else(|| thought.extras.iter().next().map(|(owner, ..)| owner));
                fields.put_some("p", owner);
                fields.put_some("t", Some(&thought.text).filter(|text| !text.is_empty()));
                fields.put_some("s", thought.signature.as_ref().map(|signature| &signature.value));
                fields.put_some("r", thought.redacted.as_ref().map(|redacted| &redacted.value));
                put_extras(&mut fields, &thought.extras);
            }
            Self::Call { id, signature, extras } => {
                fields.put("k", "call").put_some("id", id.as_ref());
                let owner = signature.as_ref().map(|signature| signature.protocol);
                fields.put_some("p", owner.or_else(|| extras.iter().next().map(|(owner, ..)| owner)));
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

/// Opens a sealed text; `None` if it is none, and so belongs to the client's own vendor.
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if the text was changed since it was sealed.
pub(crate) fn open(text: &str, path: &str) -> Result<Option<Vec<State>>, Error> {
    let Some(rest) = text.strip_prefix(MAGIC_TEXT) else { return Ok(None) };
    let damaged = || {
        Error::invalid(path, format!("`{path}` holds state of an earlier answer and was changed on the way"))
            .with_hint("send it back exactly as it came, or leave it out")
    };
    // SDKs that read it as bytes write it back in either alphabet, with or without padding.
    let standard: String = rest
        .chars()
        .map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    let bytes = LENIENT.decode(standard.as_bytes()).map_err(|_| damaged())?;
    let (sum, payload) = bytes.split_at_checked(4).ok_or_else(damaged)?;
    if sum != crc32fast::hash(payload).to_be_bytes() {
        return Err(damaged());
    }
    let list: Vec<Json> = serde_json::from_slice(payload).map_err(|_| damaged())?;
    Ok(Some(list.iter().filter_map(State::from_json).collect()))
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Adds a part that a client sent, with the state that its signature may hold for another protocol.
///
/// What belongs to a call that may come later is kept in `calls`, for [`attach`].
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if a state was changed since it was sealed.
pub(crate) fn push_opened(
    part: Part,
    own: Protocol,
    path: &str,
    parts: &mut Vec<Part>,
    calls: &mut Vec<State>,
) -> Result<(), Error> {
    let sealed = match &part {
        Part::Thought(thought) => thought.signature.as_ref().or(thought.redacted.as_ref()),
        Part::ToolCall(call) => call.signature.as_ref(),
        Part::Text(text) => text.signature.as_ref(),
        _ => None,
    };
    let sealed = sealed.and_then(|signature| signature.of(own));
    let Some(states) = sealed.map(|sealed| open(sealed, path)).transpose()?.flatten() else {
        parts.push(part);
        return Ok(());
    };
    match part {
        Part::ToolCall(mut call) => {
            call.signature = None;
            states.iter().for_each(|state| state.restore_call(&mut call));
            parts.push(Part::ToolCall(call));
        }
        Part::Text(mut text) => {
            text.signature = None;
            if !text.text.is_empty() {
                parts.push(Part::Text(text));
            }
            states.into_iter().for_each(|state| state.restore(parts));
        }
        other => {
            let mut words = match other {
                Part::Thought(thought) => thought.text,
                _ => String::new(),
            };
            for state in states {
                match state {
                    State::Thought(mut thought) if thought.text.is_empty() && !words.is_empty() => {
                        thought.text = std::mem::take(&mut words);
                        parts.push(Part::Thought(thought));
                    }
                    State::Call { .. } => calls.push(state),
                    other => other.restore(parts),
                }
            }
        }
    }
    Ok(())
}

/// Puts what was attached to calls back onto them, wherever in their message they stand.
pub(crate) fn attach(calls: &[State], parts: &mut [Part]) {
    for part in parts {
        if let Part::ToolCall(call) = part {
            calls.iter().for_each(|state| state.restore_call(call));
        }
    }
}

/// Appends sealed states to a tool call's id, the one field that every client sends back.
pub(crate) fn onto_id(id: &str, states: &[State]) -> String {
    if states.is_empty() { id.to_owned() } else { format!("{id}{ID_MARK}{}", url_safe(&seal(states))) }
}

/// Takes sealed states off a tool call's id.
///
/// # Errors
/// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) if the id was changed since it was made.
pub(crate) fn off_id(id: &str, path: &str) -> Result<(String, Vec<State>), Error> {
    match id.split_once(ID_MARK) {
        Some((id, sealed)) if sealed.starts_with(MAGIC_TEXT) => {
            Ok((id.to_owned(), open(sealed, path)?.unwrap_or_default()))
        }
        _ => Ok((id.to_owned(), Vec::new())),
    }
}

const ID_MARK: &str = "--";

/// What an id that carries state holds.
pub(crate) const ID_SEAL: &str = "--dG9sbHN0YXRl";

fn url_safe(text: &str) -> String {
    text.chars()
        .filter(|letter| *letter != '=')
        .map(|letter| match letter {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect()
}

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
