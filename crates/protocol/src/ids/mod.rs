//! Ids of tool calls: those that are made up here, and the form in which each vendor takes them.
//!
//! Clients get the ids that the vendor made, and send them back. Where another vendor takes the next
//! turn, ids that break its rules are renamed on the way out, the same each time, so that the client
//! never sees it and what a vendor keeps of a prompt still matches.

mod form;
mod order;
mod pairs;

use std::borrow::Cow;

use tollbridge_types::{ChatRequest, Part, Role};

pub(crate) use form::spread;
pub use form::{IdForm, IdLetters};
pub(crate) use order::{InOrder, Order};
pub(crate) use pairs::Pairs;

/// Makes the id of a call from where it stands, the same each time, short enough for every vendor.
pub(crate) fn made_up(reply: &str, choice: u32, call: u32) -> String {
    let mut clean: String = reply.chars().filter(|letter| letter.is_ascii_alphanumeric()).take(READABLE + 1).collect();
    if clean.len() > READABLE {
        clean = spread(reply, 0, READABLE);
    }
    format!("{PREFIX}{clean}_{choice}_{call}")
}

/// Says whether an id was made here, and means nothing to the vendor.
pub(crate) fn is_made_up(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// Returns the request with ids that its vendor takes, each result under its call's. Without need it stays as it is.
pub(crate) fn settled<'r>(request: &'r ChatRequest, form: &IdForm) -> Cow<'r, ChatRequest> {
    let mut pairs = Pairs::new(form);
    let mut renamed = Vec::new();
    let mut speaks = false;
    for (place, message) in request.messages.iter().enumerate() {
        let model = message.role == Role::Assistant;
        if model && !std::mem::replace(&mut speaks, model) {
            pairs.turn();
        }
        speaks = model;
        for (number, part) in message.parts.iter().enumerate() {
            let (id, new) = match part {
                Part::ToolCall(call) => (&call.id, Some(pairs.call(call.id.as_deref(), &call.name))),
                Part::ToolResult(result) => (&result.id, pairs.result(result.id.as_deref(), result.name.as_deref())),
                _ => continue,
            };
            if new != *id {
                renamed.push((place, number, new));
            }
        }
    }
    if renamed.is_empty() {
        return Cow::Borrowed(request);
    }
    let mut request = request.clone();
    for (place, number, new) in renamed {
        match request.messages.get_mut(place).and_then(|message| message.parts.get_mut(number)) {
            Some(Part::ToolCall(call)) => call.id = new,
            Some(Part::ToolResult(result)) => result.id = new,
            _ => {}
        }
    }
    Cow::Owned(request)
}

const PREFIX: &str = "call_tb_";

/// Letters of a reply's id that are kept; a longer one is hashed into as many.
const READABLE: usize = 11;
