use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::capture::Recorded;
use crate::respond::Body;
use crate::upstream::Shared;

/// Keeps what is answered to a request, and notices whether the client goes away before its end.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    recorded: Arc<Recorded>,
    ended: bool,
}

impl Watch {
    /// Begins before there is an answer.
    pub(crate) fn new(shared: Arc<Shared>, recorded: Arc<Recorded>) -> Self {
        Self { shared, recorded, ended: false }
    }

    /// Follows an answer until its end.
    pub(crate) fn over(mut self, response: Response<Body>) -> Response<Body> {
        self.recorded.answering(response.status().as_u16());
        // Nobody can leave in the middle of what is written at once.
        self.ended = response.body().size_hint().exact().is_some();
        self.shared.changed.notify_waiters();
        response.map(|body| BodyExt::boxed(Watched { body, watch: self }))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            self.recorded.disconnected.store(true, Ordering::Release);
            self.shared.changed.notify_waiters();
        }
    }
}

struct Watched {
    body: Body,
    watch: Watch,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = Pin::new(&mut self.body).poll_frame(cx);
        match &next {
            Poll::Pending => return next,
            Poll::Ready(Some(Ok(frame))) => self.watch.recorded.answered(frame.data_ref().map_or(&[], |data| data)),
            Poll::Ready(None | Some(Err(_))) => self.watch.ended = true,
        }
        if matches!(next, Poll::Ready(None)) || self.body.is_end_stream() {
            self.watch.recorded.answer_ended();
            self.watch.ended = true;
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
