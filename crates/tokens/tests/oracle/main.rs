//! What the oracle says of texts, of conversations and of estimates.

mod estimates;
mod messages;
mod rows;
mod texts;
