use std::fmt;
use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use crate::{CallContext, Error, Timeouts};

/// The bytes of a reply's body as they arrive. Dropping it closes the connection.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// The body of a request.
#[non_exhaustive]
pub enum RequestBody {
    /// All of it.
    Whole(Bytes),
    /// A stream, and how many bytes it has if that is known. An error in it ends the call with that error.
    Stream(ByteStream, Option<u64>),
}

impl RequestBody {
    /// Returns the bytes of a body that is no stream.
    pub fn into_whole(self) -> Option<Bytes> {
        match self {
            Self::Whole(body) => Some(body),
            Self::Stream(..) => None,
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(body) => write!(f, "{} bytes", body.len()),
            Self::Stream(_, Some(length)) => write!(f, "a stream of {length} bytes"),
            Self::Stream(_, None) => f.write_str("a stream"),
        }
    }
}

impl From<Bytes> for RequestBody {
    fn from(body: Bytes) -> Self {
        Self::Whole(body)
    }
}

/// Moves HTTP requests to vendors and replies back.
///
/// One is shared by all providers, so that connections are pooled in one place. It follows no
/// redirects, and holds time limits and cancellation, also while the body arrives.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a request and returns as soon as the reply's head is there, whatever its status.
    ///
    /// # Errors
    /// [`ErrorKind::Network`](crate::ErrorKind::Network), [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) or
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled), which may end the reply's body as well; and what ended the
    /// request's body.
    async fn send(
        &self,
        request: http::Request<RequestBody>,
        timeouts: Timeouts,
        cx: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error>;
}
