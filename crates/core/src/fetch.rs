use async_trait::async_trait;
use bytes::Bytes;

use crate::{CallContext, Error};

/// Fetches what the addresses in a request lead to, for vendors that take bytes only.
///
/// Addresses come from callers, so an implementation decides which of them it may reach, and how
/// much it reads.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Fetches all of these URLs, each once, in their order.
    ///
    /// # Errors
    /// The first that failed, by its place in `urls`, with why.
    async fn fetch(&self, urls: &[String], cx: &CallContext) -> Result<Vec<FetchedBytes>, (usize, Error)>;
}

impl std::fmt::Debug for dyn Fetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetch")
    }
}

/// What an address led to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchedBytes {
    /// The bytes.
    pub bytes: Bytes,
    /// The type that the server said.
    pub content_type: Option<String>,
}

impl FetchedBytes {
    /// Holds what an address led to.
    pub fn new(bytes: Bytes, content_type: Option<String>) -> Self {
        Self { bytes, content_type }
    }
}
