use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use futures_core::Stream;

use crate::{CallContext, Error, Timeouts};

/// The bytes of a reply's body as they arrive. Dropping it closes the connection.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

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
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled); the same may end the body.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeouts: Timeouts,
        cx: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error>;
}
