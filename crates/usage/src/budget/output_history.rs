use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use super::recent::Recent;

/// Knows how long the answers are that each key gets of each model, to reserve what a call likely uses.
///
/// It keeps the lengths of the last 32 answers of each pair, and of the pairs those that were used last.
///
/// ```
/// use tollbridge_usage::budget::OutputHistory;
///
/// let history = OutputHistory::new(1000);
/// assert_eq!(history.likely_output("key-1", "openai/gpt-5", Some(8000)), 8000);
/// for _ in 0..8 {
///     history.record("key-1", "openai/gpt-5", 200);
/// }
/// assert_eq!(history.likely_output("key-1", "openai/gpt-5", Some(8000)), 300);
/// assert_eq!(history.likely_output("key-1", "openai/gpt-5", Some(50)), 50);
/// ```
#[derive(Debug)]
pub struct OutputHistory {
    parts: [Mutex<Recent<u64, Lengths>>; PARTS],
    hasher: RandomState,
}

/// The lengths of the last answers, the latest last.
type Lengths = VecDeque<u64>;

impl OutputHistory {
    /// Keeps at least the `pairs` of key and model that were used last, and at most about twice as many.
    pub fn new(pairs: usize) -> Self {
        let room = pairs.div_ceil(PARTS);
        Self { parts: std::array::from_fn(|_| Mutex::new(Recent::new(room))), hasher: RandomState::new() }
    }

    /// Notes how many output tokens, reasoning included, a call of a model used.
    pub fn record(&self, key: &str, model: &str, tokens: u64) {
        self.with(key, model, |lengths| {
            if lengths.len() == KEPT {
                lengths.pop_front();
            }
            lengths.push_back(tokens);
        });
    }

    /// Returns how many output tokens to reserve for a call that asks for at most `asked_max`.
    ///
    /// That is the longest of the last 32 answers and half as much again, and never more than was asked for: a vendor
    /// stops there. Below eight answers, what was asked for; or if nothing was, at least 4096.
    pub fn likely_output(&self, key: &str, model: &str, asked_max: Option<u64>) -> u64 {
        let (known, longest) = self.with(key, model, |lengths| (lengths.len(), lengths.iter().copied().max()));
        let with_room = longest.map_or(0, |longest| longest.saturating_add(longest.div_ceil(2)));
        let likely = if known < ENOUGH { with_room.max(asked_max.unwrap_or(UNKNOWN)) } else { with_room };
        likely.min(asked_max.unwrap_or(u64::MAX))
    }

    fn with<T>(&self, key: &str, model: &str, act: impl FnOnce(&mut Lengths) -> T) -> T {
        // Two pairs of one hash share their lengths; that makes a reservation less apt, and nothing worse.
        let hash = self.hasher.hash_one((key, model));
        let [first, ..] = &self.parts;
        let part = usize::try_from(hash % PARTS as u64).ok().and_then(|part| self.parts.get(part)).unwrap_or(first);
        part.lock().unwrap_or_else(PoisonError::into_inner).with(&hash, Lengths::new, act)
    }
}

const PARTS: usize = 16;

/// How many answers of each pair are kept.
const KEPT: usize = 32;

/// How many answers say enough about the next one.
const ENOUGH: usize = 8;

/// What an answer may have of which nothing is known.
const UNKNOWN: u64 = 4096;
