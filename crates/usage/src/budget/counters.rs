use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use super::counter::Counter;

/// The counters of one budget by value, in parts so that unrelated calls do not wait for each other.
pub(crate) struct Counters {
    parts: [RwLock<Part>; PARTS],
    hasher: RandomState,
}

#[derive(Default)]
struct Part {
    counters: HashMap<String, Arc<Counter>>,
    /// How many there may be before the idle ones are put away.
    room: usize,
}

impl Counters {
    pub(crate) fn new() -> Self {
        Self { parts: Default::default(), hasher: RandomState::new() }
    }

    /// Returns the counter of a value, or the one that `make` makes.
    pub(crate) fn find_or(&self, value: &str, now_ms: u64, make: impl FnOnce() -> Counter) -> Arc<Counter> {
        let part = self.part(value);
        let known = part.read().unwrap_or_else(PoisonError::into_inner).counters.get(value).cloned();
        if let Some(counter) = known {
            return counter;
        }
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        if part.counters.len() >= part.room.max(ROOM) {
            part.counters.retain(|_, counter| Arc::strong_count(counter) > 1 || counter.used_since(now_ms, IDLE_MS));
            part.room = part.counters.len() * 2;
        }
        Arc::clone(part.counters.entry(value.to_owned()).or_insert_with(|| Arc::new(make())))
    }

    /// Returns all counters, sorted by value.
    pub(crate) fn all(&self) -> Vec<Arc<Counter>> {
        let mut all = Vec::new();
        for part in &self.parts {
            all.extend(part.read().unwrap_or_else(PoisonError::into_inner).counters.values().cloned());
        }
        all.sort_by(|one, other| one.value.cmp(&other.value));
        all
    }

    fn part(&self, value: &str) -> &RwLock<Part> {
        let place = usize::try_from(self.hasher.hash_one(value) % PARTS as u64).unwrap_or(0);
        let [first, ..] = &self.parts;
        self.parts.get(place).unwrap_or(first)
    }
}

const PARTS: usize = 16;

/// How many counters a part keeps before it looks for idle ones.
const ROOM: usize = 4096;

/// A counter that nobody used for so long is in the ledger with all it counted.
const IDLE_MS: u64 = 3_600_000;
