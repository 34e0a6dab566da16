//! Counts tokens: exactly where the vocabulary is public, estimated where it is not.

mod class;
mod encoding;
mod merge;
mod pairs;
mod pieces;
mod prefixes;
mod split;
mod vocabulary;
mod words;

pub use encoding::Encoding;
