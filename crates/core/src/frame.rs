use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;

use crate::Error;

/// One event of a stream as it stood on the wire, whole and raw.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Frame {
    /// Every byte of the event, comments and the blank line included.
    pub raw: Bytes,
    /// The event's name, if the wire gave one.
    pub event: Option<String>,
    /// The event's data; empty for a comment.
    pub data: Bytes,
}

impl Frame {
    /// Makes a frame from its parts.
    pub fn new(raw: Bytes, event: Option<String>, data: Bytes) -> Self {
        Self { raw, event, data }
    }

    /// Says whether the frame has no data, as a comment or keep-alive has none.
    pub fn is_comment(&self) -> bool {
        self.data.is_empty()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("event", &self.event).field("data", &self.data).finish_non_exhaustive()
    }
}

/// The frames of a reply. Dropping it closes the connection to the vendor.
pub type FrameStream = Pin<Box<dyn Stream<Item = Result<Frame, Error>> + Send>>;
