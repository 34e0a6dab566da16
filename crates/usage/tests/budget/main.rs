//! Budgets: what they refuse, when they begin anew, and that no mix of calls gets past them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test needs and cannot have fails it")]

#[cfg(feature = "meter")]
mod counting;
mod history;
mod keys;
#[cfg(feature = "meter")]
mod ledger;
mod limits;
mod model;
mod setup;
mod specs;
mod stress;
mod windows;
