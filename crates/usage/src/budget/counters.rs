use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::counter::Counter;

/// The counters of one budget by value, in parts so that unrelated calls do not wait for each other.
pub(crate) struct Counters {
    parts: [RwLock<Part>; PARTS],
    hasher: RandomState,
}

#[derive(Default)]
struct Part {
    slots: HashMap<String, Slot>,
    /// How many there may be before the idle ones are put away.
    room: usize,
}

/// A place that is filled once: only calls that need this very counter wait for the ledger.
type Slot = Arc<OnceLock<Arc<Counter>>>;

impl Counters {
    pub(crate) fn new() -> Self {
        Self { parts: Default::default(), hasher: RandomState::new() }
    }

    /// Returns the counter of a value, or the one that `make` makes.
    pub(crate) fn find_or(&self, value: &str, now_ms: u64, make: impl FnOnce() -> Counter) -> Arc<Counter> {
        Arc::clone(self.slot(value, now_ms).get_or_init(|| Arc::new(make())))
    }

    fn slot(&self, value: &str, now_ms: u64) -> Slot {
        let part = self.part(value);
        let known = part.read().unwrap_or_else(PoisonError::into_inner).slots.get(value).cloned();
        if let Some(slot) = known {
            return slot;
        }
        let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
        if part.slots.len() >= part.room.max(ROOM) {
            part.slots.retain(|_, slot| is_used(slot, now_ms));
            part.room = part.slots.len() * 2;
        }
        Arc::clone(part.slots.entry(value.to_owned()).or_default())
    }

    /// Returns all counters, sorted by value.
    pub(crate) fn all(&self) -> Vec<Arc<Counter>> {
        let mut all = Vec::new();
        for part in &self.parts {
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(part.slots.values().filter_map(|slot| slot.get().cloned()));
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

/// Says whether a call holds the counter or is about to, or did lately.
fn is_used(slot: &Slot, now_ms: u64) -> bool {
    let held = |counter: &Arc<Counter>| Arc::strong_count(counter) > 1 || counter.used_since(now_ms, IDLE_MS);
    Arc::strong_count(slot) > 1 || slot.get().is_some_and(held)
}

const PARTS: usize = 16;

/// How many counters a part keeps before it looks for idle ones.
const ROOM: usize = 4096;

/// A counter that nobody used for so long is in the ledger with all it counted.
const IDLE_MS: u64 = 3_600_000;
