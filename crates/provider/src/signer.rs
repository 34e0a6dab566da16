use async_trait::async_trait;
use bytes::Bytes;
use tollbridge_core::{CallContext, Error};

/// Puts a proof of identity into a request that is ready to go out.
///
/// For keys that are more than a header known at the start: a signature over the request's bytes, or
/// a token that must be fetched and renewed. It sees the request last: what it signed is what is sent.
#[async_trait]
pub trait Signer: Send + Sync {
    /// Adds what the vendor asks for, mostly headers, marked sensitive.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](tollbridge_core::ErrorKind::Config) for credentials that cannot be used, or what
    /// fetching a token came to.
    async fn sign(&self, request: &mut http::Request<Bytes>, cx: &CallContext) -> Result<(), Error>;
}
