//! Events: their JSON, how they reach who listens, and what a file and a webhook make of them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test needs and cannot have fails it")]

mod bus;
mod examples;
mod json;
mod lines;
mod page;
mod summaries;
mod totals;
mod webhook;
