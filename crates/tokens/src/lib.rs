//! Counts tokens: exactly where the vocabulary is public, estimated where it is not.
