//! What of a client's history may not reach a vendor of the client's own protocol as it is: states that were sealed for
//! another vendor, and ids that this one refuses.
//!
//! A body is looked through only if it can hold such a thing, and without reading it into values; what must change is
//! a list of splices.

mod anthropic;
mod chat;
mod gemini;
mod responses;
mod walk;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use tollbridge_core::{Loss, StateStore, Wire};
use tollbridge_types::Protocol;

use crate::IdForm;
use crate::peek::edited;
use crate::state;
use walk::Walk;

/// What a vendor demands of a history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demands {
    /// Which ids of calls it takes.
    pub(crate) ids: IdForm,
    /// Whether a call without a signature is refused.
    pub(crate) signatures: bool,
}

/// The splices of a body, and what they lose.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) edits: Vec<(Range<usize>, String)>,
    pub(crate) losses: Vec<Loss>,
}

impl Changes {
    /// Returns the body with the changes, and every other byte as it was.
    pub(crate) fn apply(self, body: &Bytes) -> (Bytes, Vec<Loss>) {
        match self.edits.is_empty() {
            true => (body.clone(), self.losses),
            false => (edited(body, self.edits), self.losses),
        }
    }
}

/// Finds what of a body must change before a vendor of its protocol gets it.
pub(crate) fn changes(body: &[u8], protocol: Protocol, demands: &Demands) -> Changes {
    let unsigned = demands.signatures && memmem::find(body, b"Call\"").is_some();
    if !unsigned && !is_concerned(body, protocol) {
        return Changes::default();
    }
    let Ok(text) = std::str::from_utf8(body) else { return Changes::default() };
    let mut walk = Walk::new(text, &demands.ids);
    through(&mut walk, protocol, demands.signatures);
    walk.changes
}

/// Tells which sealed states of a body were changed on their way, at their places, and so are left out of a translation.
pub(crate) fn damages(body: &[u8], protocol: Protocol) -> Vec<Loss> {
    if memmem::find(body, state::MARK.as_bytes()).is_none() {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let mut walk = Walk::new(text, &IdForm::OPEN).for_damage_only();
    through(&mut walk, protocol, false);
    walk.changes.losses
}

/// Returns a body of responses in which what was kept stands in the place of references to it; `None` if there are none.
pub(crate) fn resolved(wire: &Wire, states: Option<&Arc<dyn StateStore>>) -> Option<Bytes> {
    let speaks = matches!(wire.protocol, Protocol::OPENAI_RESPONSES | Protocol::OPENAI_INPUT_TOKENS);
    let states = states.filter(|_| speaks && memmem::find(&wire.body, b"\"item_reference\"").is_some())?;
    let mut walk = Walk::new(std::str::from_utf8(&wire.body).ok()?, &IdForm::OPEN);
    responses::resolve(&mut walk, &**states)?;
    (!walk.changes.edits.is_empty()).then(|| edited(&wire.body, walk.changes.edits))
}

fn through(walk: &mut Walk<'_>, protocol: Protocol, signatures: bool) {
    // What cannot be read is its vendor's to judge.
    let _ = match protocol {
        Protocol::OPENAI_CHAT => chat::through(walk),
        Protocol::OPENAI_RESPONSES | Protocol::OPENAI_INPUT_TOKENS => responses::through(walk),
        Protocol::ANTHROPIC_MESSAGES | Protocol::ANTHROPIC_COUNT_TOKENS => anthropic::through(walk),
        Protocol::GEMINI_GENERATE | Protocol::GEMINI_COUNT_TOKENS => gemini::through(walk, signatures),
        _ => None,
    };
}

/// Says whether a body can hold calls, or anything that was sealed or made up here.
fn is_concerned(body: &[u8], protocol: Protocol) -> bool {
    let signs: &[&[u8]] = match protocol {
        Protocol::OPENAI_CHAT => &[b"tool_call", state::MARK.as_bytes()],
        Protocol::OPENAI_RESPONSES | Protocol::OPENAI_INPUT_TOKENS => {
            &[b"call_id", b"\"rs_tb_", state::MARK.as_bytes()]
        }
        Protocol::ANTHROPIC_MESSAGES | Protocol::ANTHROPIC_COUNT_TOKENS => &[b"\"tool_use\"", state::MARK.as_bytes()],
        Protocol::GEMINI_GENERATE | Protocol::GEMINI_COUNT_TOKENS => &[state::MARK.as_bytes()],
        _ => &[],
    };
    signs.iter().any(|sign| memmem::find(body, sign).is_some())
}
