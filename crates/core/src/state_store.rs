use std::fmt;
use std::sync::Arc;

/// Keeps what clients may not send back whole, for a while, under ids that they do send back.
///
/// A client may drop a field that carries a vendor's state, or send a reference in the place of an item that it was given.
/// Then what was kept takes its place. Nothing relies on it: what is not there any more is left out of the next turn.
pub trait StateStore: Send + Sync + fmt::Debug {
    /// Keeps a text under an id, in the place of what was kept under it before.
    fn keep(&self, id: &str, text: String);

    /// Returns what is kept under an id.
    fn find(&self, id: &str) -> Option<Arc<str>>;
}
