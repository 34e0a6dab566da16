use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{FutureExt, StreamExt};
use tokio::sync::oneshot;
use tollbridge_core::{ByteStream, Error};

/// Watches a request's body on its way.
pub(crate) struct Upload {
    sent: oneshot::Receiver<()>,
    failure: Arc<Mutex<Option<Error>>>,
}

impl Upload {
    /// Makes a body of a stream.
    pub(crate) fn new(stream: ByteStream) -> (reqwest::Body, Self) {
        let (done, sent) = oneshot::channel();
        let failure = Arc::default();
        let slot: Arc<Mutex<Option<Error>>> = Arc::clone(&failure);
        let watched = stream.map(move |item| {
            // It goes with the stream, and its end is what `sent` waits for.
            let _ = &done;
            item.map_err(|error| {
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                io::Error::other("the request's body broke off")
            })
        });
        (reqwest::Body::wrap_stream(watched), Self { sent, failure })
    }

    /// Waits until all is sent, or nothing more will be.
    pub(crate) fn sent(&mut self) -> impl Future<Output = ()> + Unpin {
        (&mut self.sent).map(drop)
    }

    /// Takes what ended the body too early.
    pub(crate) fn failure(&self) -> Option<Error> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
