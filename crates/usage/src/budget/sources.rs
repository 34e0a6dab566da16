use std::collections::BTreeMap;
use std::ops::Range;

use super::{Amount, Scope};

/// Knows what was spent before: the ledger.
pub trait Spending: Send + Sync {
    /// Sums what the calls of one value of a scope spent from `since_ms` until before `until_ms`.
    ///
    /// Times are milliseconds since 1970 UTC; `value` is empty for [`Scope::Global`]. It is asked when a counter is
    /// first needed, and again once a counter was put away because nobody used it.
    /// It is asked on the thread of the call, so it must answer at once: from memory, or by an index. What a call has
    /// reserved is not in the sum; what it has settled must be, at the latest some minutes later.
    fn spent(&self, scope: &Scope, value: &str, since_ms: u64, until_ms: u64) -> Amount;

    /// Sums the same by pieces of time, for a rolling window, whose counter asks this one question.
    ///
    /// The piece of a number begins at that many times `piece_ms` and ends before the next; `numbers` are those asked
    /// for, and one in which nothing was spent may be left out. Unless a ledger knows better, each piece is
    /// [asked for](Self::spent) by itself.
    fn spent_in_pieces(&self, scope: &Scope, value: &str, piece_ms: u64, numbers: Range<u64>) -> BTreeMap<u64, Amount> {
        let at = |number: u64| number.saturating_mul(piece_ms);
        numbers.map(|number| (number, self.spent(scope, value, at(number), at(number.saturating_add(1))))).collect()
    }
}

/// Says what time it is. Any `Fn() -> u64` is one.
pub trait Clock: Send + Sync {
    /// Returns the milliseconds since 1970 UTC.
    fn now_ms(&self) -> u64;
}

impl<F: Fn() -> u64 + Send + Sync> Clock for F {
    fn now_ms(&self) -> u64 {
        self()
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl SystemClock {
    /// Names the machine's clock.
    pub const fn new() -> Self {
        Self
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        crate::now_ms()
    }
}
