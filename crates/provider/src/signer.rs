use async_trait::async_trait;
use bytes::Bytes;
use tollbridge_core::{CallContext, Error};

/// Signs requests whose key is no header of its own: the last to touch a request before it is sent.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Adds what proves to the vendor who asks. Of a large form the request holds only the beginning.
    ///
    /// # Errors
    /// [`ErrorKind::Auth`](tollbridge_core::ErrorKind::Auth) or [`ErrorKind::Config`](tollbridge_core::ErrorKind::Config) if
    /// there is nothing to sign with, and what the network did where a token must be fetched.
    async fn sign(&self, request: &mut http::Request<Bytes>, cx: &CallContext) -> Result<(), Error>;
}
