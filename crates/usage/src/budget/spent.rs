use std::collections::VecDeque;
use std::time::Duration;

use super::{Amount, Budget, Spending, Window};

/// What was spent in the window that is now.
#[derive(Debug)]
pub(crate) enum Spent {
    /// One sum from `start` until before `end`, in milliseconds since 1970.
    Period { start: u64, end: u64, sum: i128 },
    /// Sums of pieces of time, oldest first, each under its number; only those that are not zero.
    Rolling { piece_ms: u64, pieces: VecDeque<(u64, i128)>, sum: i128 },
}

impl Spent {
    /// Begins with what the calls of a value of the budget's scope spent before.
    pub(crate) fn seeded(budget: &Budget, value: &str, spending: &dyn Spending, now_ms: u64) -> Self {
        let count = |amount: Amount| amount.in_unit(budget.limit.unit()).unwrap_or(0);
        let Window::Rolling(length) = budget.window else {
            let (start, end) = budget.window.period(now_ms, &budget.zone);
            return Self::Period { start, end, sum: count(spending.spent(&budget.scope, value, start, end)) };
        };
        let piece_ms = piece(length);
        let newest = now_ms / piece_ms;
        let numbers = newest.saturating_sub(PIECES)..newest.saturating_add(1);
        let amounts = spending.spent_in_pieces(&budget.scope, value, piece_ms, numbers);
        let counts = amounts.into_iter().map(|(number, amount)| (number, count(amount)));
        let pieces: VecDeque<_> = counts.filter(|(_, count)| *count != 0).collect();
        let sum = pieces.iter().fold(0, |sum: i128, (_, count)| sum.saturating_add(*count));
        Self::Rolling { piece_ms, pieces, sum }
    }

    /// Leaves behind what no longer counts, and says whether a new period began.
    pub(crate) fn advance(&mut self, budget: &Budget, now_ms: u64) -> bool {
        match self {
            Self::Period { end, .. } if now_ms < *end => false,
            Self::Period { start, end, sum } => {
                (*start, *end) = budget.window.period(now_ms, &budget.zone);
                *sum = 0;
                true
            }
            Self::Rolling { piece_ms, pieces, sum } => {
                let newest = now_ms / *piece_ms;
                while let Some((number, count)) = pieces.front().copied()
                    && number.saturating_add(PIECES) < newest
                {
                    *sum = sum.saturating_sub(count);
                    pieces.pop_front();
                }
                false
            }
        }
    }

    pub(crate) fn add(&mut self, now_ms: u64, count: i128) {
        match self {
            Self::Period { sum, .. } => *sum = sum.saturating_add(count),
            Self::Rolling { piece_ms, pieces, sum } => {
                let newest = now_ms / *piece_ms;
                *sum = sum.saturating_add(count);
                match pieces.back_mut() {
                    Some((number, piece)) if *number == newest => *piece = piece.saturating_add(count),
                    _ => pieces.push_back((newest, count)),
                }
            }
        }
    }

    pub(crate) fn sum(&self) -> i128 {
        match self {
            Self::Period { sum, .. } | Self::Rolling { sum, .. } => *sum,
        }
    }

    /// Returns from when until before when the sum counts; a rolling window ends now.
    pub(crate) fn span(&self, now_ms: u64) -> (u64, u64) {
        match self {
            Self::Period { start, end, .. } => (*start, *end),
            Self::Rolling { piece_ms, .. } => {
                ((now_ms / *piece_ms).saturating_sub(PIECES).saturating_mul(*piece_ms), now_ms)
            }
        }
    }

    /// Returns when so much will no longer count; `None` if never.
    pub(crate) fn frees_at(&self, wanted: i128) -> Option<u64> {
        match self {
            Self::Period { end, .. } => (*end != u64::MAX).then_some(*end),
            Self::Rolling { piece_ms, pieces, .. } => {
                let mut freed = 0_i128;
                let enough = |(_, count): &&(u64, i128)| {
                    freed = freed.saturating_add(*count);
                    freed >= wanted
                };
                let (number, _) = pieces.iter().find(enough)?;
                Some(number.saturating_add(PIECES + 1).saturating_mul(*piece_ms))
            }
        }
    }
}

fn piece(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX).div_ceil(PIECES).max(1)
}

/// Into how many pieces a rolling window is cut. Spending counts until its whole piece is out of the window, so for the
/// window's length and at most one piece more: never shorter.
const PIECES: u64 = 240;
