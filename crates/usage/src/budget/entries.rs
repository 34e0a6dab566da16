use std::collections::HashMap;
use std::sync::Arc;

use super::counters::Counters;
use super::{Budget, Subject};

/// The budgets, those of keys apart: there may be very many, and a call has to do with those of its own key alone.
#[derive(Clone, Default)]
pub(crate) struct Entries {
    pub(crate) plain: Vec<Arc<Entry>>,
    /// Those that came with virtual keys, by the id of the key.
    pub(crate) of_keys: HashMap<String, Vec<Arc<Entry>>>,
}

/// One budget with its counters.
pub(crate) struct Entry {
    /// Where it stands among all budgets.
    pub(crate) place: usize,
    pub(crate) budget: Arc<Budget>,
    pub(crate) counters: Counters,
}

impl Entry {
    pub(crate) fn new(place: usize, budget: Budget) -> Self {
        Self { place, budget: Arc::new(budget), counters: Counters::new() }
    }
}

impl Entries {
    /// Iterates over the budgets that apply to calls of a subject, each with a value under which it counts them.
    pub(crate) fn applying<'a>(&'a self, subject: &Subject<'a>) -> impl Iterator<Item = (&'a Arc<Entry>, &'a str)> {
        let subject = *subject;
        let of_key = subject.key.and_then(|key| self.of_keys.get(key)).into_iter().flatten();
        self.plain.iter().chain(of_key).flat_map(move |entry| {
            let of = entry.budget.of.as_deref();
            let values = subject.values(&entry.budget.scope).filter(move |value| of.is_none_or(|of| of == *value));
            values.map(move |value| (entry, value))
        })
    }

    /// Finds the entry of a key's budget.
    pub(crate) fn of_key(&self, key: &str, budget: &Budget) -> Option<&Arc<Entry>> {
        self.of_keys.get(key)?.iter().find(|entry| *entry.budget == *budget)
    }

    /// Lists all, in the order of their places.
    pub(crate) fn all(&self) -> Vec<&Entry> {
        let all = self.plain.iter().chain(self.of_keys.values().flatten());
        let mut all: Vec<_> = all.map(|entry| &**entry).collect();
        all.sort_by_key(|entry| entry.place);
        all
    }
}
