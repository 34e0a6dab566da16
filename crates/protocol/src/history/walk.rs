use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;
use tollbridge_core::Loss;

use super::Changes;
use crate::IdForm;
use crate::ids::Pairs;
use crate::peek::{whole_field, with_comma};
use crate::state::{self, Sealed, State};

/// A walk through the history of a body, which notes what must change.
pub(super) struct Walk<'a> {
    pub(super) text: &'a str,
    pub(super) changes: Changes,
    pairs: Pairs,
    /// Whether the model speaks.
    speaks: bool,
    damage_only: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str, ids: &IdForm) -> Self {
        let (changes, pairs) = (Changes::default(), Pairs::new(ids));
        Self { text, changes, pairs, speaks: false, damage_only: false }
    }

    /// Notes only what was changed on its way.
    pub(super) fn for_damage_only(mut self) -> Self {
        self.damage_only = true;
        self
    }

    /// Notes whose turn it is.
    pub(super) fn speaker(&mut self, model: bool) {
        if model && !self.speaks {
            self.pairs.turn();
        }
        self.speaks = model;
    }

    /// Gives a call an id that the vendor takes, and says whether a state stood on it.
    pub(super) fn call(&mut self, id: Option<&'a RawValue>, name: Option<&'a RawValue>) -> Option<Sealed> {
        let (raw, given) = named(id)?;
        let (own, sealed) = state::off_id(&given);
        let new = self.pairs.call(Some(own), &name.and_then(string).unwrap_or_default());
        self.rename(raw, &given, &new);
        Some(sealed)
    }

    /// Gives a result the id of its call.
    pub(super) fn result(&mut self, id: Option<&'a RawValue>) {
        let Some((raw, given)) = named(id) else { return };
        if let Some(new) = self.pairs.result(Some(state::off_id(&given).0), None) {
            self.rename(raw, &given, &new);
        }
    }

    /// Says whether a text was sealed here, and tells what is lost with it.
    pub(super) fn is_sealed(&mut self, text: Option<&RawValue>, path: impl FnOnce() -> String) -> bool {
        let Some(text) = text.and_then(string).filter(|text| text.starts_with(state::MARK)) else { return false };
        self.lost(&state::open(&text), path);
        true
    }

    /// Tells what is lost with a sealed text.
    pub(super) fn lost(&mut self, sealed: &Sealed, path: impl FnOnce() -> String) {
        let reason = match sealed {
            Sealed::Foreign => return,
            Sealed::Damaged => {
                "state of an earlier answer that was changed on its way: send it back as it came".to_owned()
            }
            Sealed::States(_) if self.damage_only => return,
            Sealed::States(states) => match states.iter().find_map(State::issuer) {
                Some(issuer) => format!("only {issuer} reads it"),
                None => "another vendor's thinking cannot be sent back".to_owned(),
            },
        };
        self.changes.losses.push(Loss::dropped(path(), reason));
    }

    /// Tells that something is gone beside what was sealed.
    pub(super) fn tell(&mut self, loss: impl FnOnce() -> Loss) {
        if !self.damage_only {
            self.changes.losses.push(loss());
        }
    }

    /// Returns where a value stands.
    pub(super) fn span(&self, raw: &RawValue) -> Range<usize> {
        let start = raw.get().as_ptr() as usize - self.text.as_ptr() as usize;
        start..start + raw.get().len()
    }

    /// Puts another value in the place of one.
    pub(super) fn replace(&mut self, raw: &RawValue, value: &str) {
        let span = self.span(raw);
        self.changes.edits.push((span, serde_json::Value::from(value).to_string()));
    }

    /// Adds a text behind a value.
    pub(super) fn add_behind(&mut self, raw: &RawValue, text: &str) {
        let end = self.span(raw).end;
        self.changes.edits.push((end..end, text.to_owned()));
    }

    /// Leaves a field out of its object, of which nothing else may be left out.
    pub(super) fn leave_out(&mut self, value: &RawValue) {
        let field = with_comma(self.text, whole_field(self.text, self.span(value)));
        self.changes.edits.push((field, String::new()));
    }

    /// Leaves elements out of their array.
    pub(super) fn leave_out_of(&mut self, list: &[&RawValue], gone: &[bool]) {
        let is_gone = |place: usize| gone.get(place).copied().unwrap_or_default();
        let mut place = 0;
        while place < list.len() {
            let first = place;
            while place < list.len() && is_gone(place) {
                place += 1;
            }
            let run = list.get(first..place).unwrap_or_default();
            if let (Some(start), Some(end)) = (run.first(), run.last()) {
                // The comma before a run goes with it, or the one behind it.
                let before = first.checked_sub(1).and_then(|before| list.get(before)).map(|raw| self.span(raw).end);
                let behind = list.get(place).map(|raw| self.span(raw).start);
                let span = match (before, behind) {
                    (Some(before), _) => before..self.span(end).end,
                    (None, Some(behind)) => self.span(start).start..behind,
                    (None, None) => self.span(start).start..self.span(end).end,
                };
                self.changes.edits.push((span, String::new()));
            }
            place += 1;
        }
    }

    fn rename(&mut self, raw: &RawValue, given: &str, new: &str) {
        if new != given {
            self.replace(raw, new);
        }
    }
}

/// Reads the fields that `T` names of an object.
pub(super) fn fields<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

/// Reads the elements of an array; of anything else there are none.
pub(super) fn list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Reads a text.
pub(super) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    // Without escapes it can be borrowed; serde borrows a `Cow` in no other place.
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(Cow::Borrowed(inner)),
        true => serde_json::from_str(raw.get()).ok().map(Cow::Owned),
    }
}

/// Says whether a value is this text.
pub(super) fn is(raw: Option<&RawValue>, text: &str) -> bool {
    raw.and_then(string).is_some_and(|found| found == text)
}

/// Returns an id that says something.
fn named<'a>(id: Option<&'a RawValue>) -> Option<(&'a RawValue, Cow<'a, str>)> {
    let raw = id?;
    string(raw).filter(|id| !id.is_empty()).map(|id| (raw, id))
}
