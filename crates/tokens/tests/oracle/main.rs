//! What the oracle says of texts and of messages, and what must hold of any text.

mod rows;
mod texts;
