//! What the oracle says of texts, of conversations and of estimates.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]
#![expect(clippy::print_stderr, reason = "a test that cannot run says so, and errors are measured")]

mod estimates;
mod messages;
mod rows;
mod texts;
