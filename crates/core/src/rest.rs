use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::ByteStream;

/// What of a request's body is still on its way from the client.
///
/// It can be taken once: a call that sends it cannot be repeated.
#[derive(Clone)]
pub struct Rest {
    stream: Arc<Mutex<Option<ByteStream>>>,
    length: Option<u64>,
}

impl Rest {
    /// Makes it of a stream, and of how many bytes that has if the client said so.
    pub fn new(stream: ByteStream, length: Option<u64>) -> Self {
        Self { stream: Arc::new(Mutex::new(Some(stream))), length }
    }

    /// Takes the stream; `None` if it was taken before.
    pub fn take(&self) -> Option<ByteStream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns how many bytes there are, if the client said so.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("length", &self.length).finish_non_exhaustive()
    }
}
