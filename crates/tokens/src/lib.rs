//! Counts tokens: exactly where the vocabulary is public, estimated where it is not.
//!
//! - [`Encoding`]: a public vocabulary, for who knows which one it is.
//! - [`Tokenizer`]: the one of a model, or an estimate by the model's family.
//! - [`count_request`]: a whole conversation with its tools and images.
//!
//! No text makes counting slow: the work grows with its length only. docs/tokens.md has the rules, the errors of
//! the estimates and the speed.
#![cfg_attr(
    not(all(feature = "cl100k", feature = "o200k")),
    expect(dead_code, reason = "a vocabulary that is left out leaves code that only it needs")
)]

mod chat;
mod class;
mod common;
mod encoding;
mod estimate;
mod image;
mod merge;
mod model;
mod pairs;
mod pieces;
mod prefixes;
mod rates;
mod schema;
mod split;
mod tools;
mod vocabulary;
mod words;

pub use chat::count_request;
pub use encoding::Encoding;
pub use model::{Tokenizer, count};
