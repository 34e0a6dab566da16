use async_trait::async_trait;
use tollbridge_core::Error;

/// Fetches a document. Whoever has an HTTP client implements it, and sees to it that the URL leads where it may.
#[async_trait]
pub trait Fetch: Send + Sync {
    /// Gets a URL within a time limit of its own, follows no redirect, and reads no body of more than `most` bytes.
    ///
    /// # Errors
    /// When no answer came, or one that is too long.
    async fn fetch(&self, url: &str, headers: &[(&'static str, &str)], most: usize) -> Result<Fetched, Error>;
}

/// What came of a [`Fetch`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// The status of the answer.
    pub status: u16,
    /// The header `ETag`.
    pub etag: Option<String>,
    /// The header `Last-Modified`.
    pub last_modified: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Fetched {
    /// Begins an answer of a status.
    pub fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }
}
