//! The bodies of replies, metered while they pass.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt};
use tollbridge_core::{ByteStream, Error, Fault, Frame, FrameStream, Reply, ReplyBody};
use tollbridge_protocol::{FrameKind, UsageMeter};
use tollbridge_types::Protocol;

use super::OnLeave;
use super::recorder::Recorder;

/// Settles a whole reply, or has a stream settle itself at its end.
///
/// A reply in another protocol than the `client`'s, who may be a program without any, will be read here.
pub(super) async fn metered(mut reply: Reply, client: Option<Protocol>, recorder: Arc<Recorder>) -> Reply {
    recorder.answered(&reply);
    let mut meter = UsageMeter::new(reply.protocol);
    if client != Some(reply.protocol) {
        meter = meter.read();
    }
    let missing = announced(&reply);
    reply.body = match reply.body {
        ReplyBody::Whole(bytes) => {
            meter.whole(&bytes);
            recorder.first_piece();
            recorder.content(&bytes);
            let metered = meter.metered();
            if let Some(error) = metered.failure() {
                reply.fault.tell(&error);
            }
            Arc::clone(&recorder).finish(metered).await;
            ReplyBody::Whole(bytes)
        }
        ReplyBody::Frames(frames) => {
            let (protocol, fault) = (reply.protocol, reply.fault.clone());
            let metering =
                Box::pin(Frames { inner: Some(frames), protocol, meter, recorder, fault, state: State::Open });
            ReplyBody::Frames(metering)
        }
        ReplyBody::Stream(bytes) => {
            ReplyBody::Stream(Box::pin(Bytes { inner: bytes, meter, recorder, missing, settling: None, done: false }))
        }
        other => other,
    };
    reply
}

/// Reads a reply that nobody else reads, until a moment.
pub(super) async fn drain(reply: Reply, recorder: &Recorder, until: tokio::time::Instant) {
    let reading = async {
        match reply.body {
            ReplyBody::Frames(mut frames) => while frames.next().await.is_some() {},
            ReplyBody::Stream(mut bytes) => while bytes.next().await.is_some() {},
            _ => {}
        }
    };
    tokio::pin!(reading);
    if tokio::time::timeout_at(until, &mut reading).await.is_err() {
        // What it has told until now is settled when it is dropped, and not read on for once more.
        recorder.drained();
    }
}

type Settling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The frames of an answer.
struct Frames {
    inner: Option<FrameStream>,
    protocol: Protocol,
    meter: UsageMeter,
    recorder: Arc<Recorder>,
    fault: Fault,
    state: State,
}

enum State {
    Open,
    /// The record is on its way to the disk; then this goes to the reader.
    Settling(Settling, Option<Result<Frame, Error>>),
    Settled,
}

impl Stream for Frames {
    type Item = Result<Frame, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let State::Settling(settling, held) = &mut this.state {
                ready!(settling.as_mut().poll(cx));
                let held = held.take();
                this.state = State::Settled;
                return Poll::Ready(held);
            }
            let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
            let next = ready!(inner.as_mut().poll_next(cx));
            if matches!(this.state, State::Settled) {
                return Poll::Ready(next);
            }
            let settling: Settling = match &next {
                Some(Ok(frame)) => {
                    let kind = this.meter.frame(frame);
                    if let Some(error) = this.meter.error() {
                        this.fault.tell(&error);
                    }
                    if !frame.is_comment() {
                        this.recorder.first_piece();
                        this.recorder.content(&frame.data);
                    }
                    // The reader knows by this frame that the answer is over: it must be recorded before.
                    if kind != FrameKind::End {
                        return Poll::Ready(next);
                    }
                    Box::pin(Arc::clone(&this.recorder).finish(this.meter.metered()))
                }
                Some(Err(error)) => {
                    // An event that could not be read is why the stream ended before its time.
                    let first = this.fault.error();
                    this.fault.tell(error);
                    let error = first.as_ref().unwrap_or(error);
                    Box::pin(Arc::clone(&this.recorder).fail(error, this.meter.metered()))
                }
                None => Box::pin(Arc::clone(&this.recorder).finish(this.meter.metered())),
            };
            this.state = State::Settling(settling, next);
        }
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let metered = self.meter.metered();
        // Who reads the answer let go of it for what is wrong with it, and not because nobody wants it.
        if let Some(error) = self.fault.error() {
            self.recorder.broke(&error, metered);
            return;
        }
        if metered.finished && metered.usage.is_some() {
            return self.recorder.left_at_the_end(&metered);
        }
        let OnLeave::Drain(limit) = self.recorder.on_leave() else { return self.recorder.left(&metered) };
        let (Some(inner), Ok(runtime)) = (self.inner.take(), tokio::runtime::Handle::try_current()) else {
            return self.recorder.left(&metered);
        };
        let meter = std::mem::replace(&mut self.meter, UsageMeter::new(self.protocol));
        let unread = Unread { meter, recorder: Arc::clone(&self.recorder) };
        runtime.spawn(read_on(inner, unread, limit));
    }
}

/// Reads a stream to its end for what it tells of usage, within the limit.
async fn read_on(mut frames: FrameStream, mut unread: Unread, limit: Duration) {
    let until = tokio::time::Instant::now() + limit;
    while let Ok(Some(Ok(frame))) = tokio::time::timeout_at(until, frames.next()).await {
        unread.meter.frame(&frame);
    }
}

/// An answer without a reader; settled when it is dropped, be it at its end or with the runtime.
struct Unread {
    meter: UsageMeter,
    recorder: Arc<Recorder>,
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.recorder.left(&self.meter.metered());
    }
}

/// The bytes of sound and the like, which tell no usage.
struct Bytes {
    inner: ByteStream,
    meter: UsageMeter,
    recorder: Arc<Recorder>,
    /// How many bytes are still to come, where the vendor said how many there are.
    missing: Option<u64>,
    /// The record is on its way to the disk; then the last piece goes to the reader.
    settling: Option<(Settling, Option<bytes::Bytes>)>,
    done: bool,
}

impl Stream for Bytes {
    type Item = Result<bytes::Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some((settling, last)) = &mut this.settling {
                ready!(settling.as_mut().poll(cx));
                let last = last.take();
                (this.settling, this.done) = (None, true);
                return Poll::Ready(last.map(Ok));
            }
            if this.done {
                return Poll::Ready(None);
            }
            let last = match ready!(this.inner.as_mut().poll_next(cx)) {
                None => None,
                Some(Ok(bytes)) => {
                    this.recorder.first_piece();
                    this.missing = this.missing.map(|missing| missing.saturating_sub(bytes.len() as u64));
                    // A reader who was told the length knows by this piece that the answer is over.
                    if this.missing != Some(0) {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                    Some(bytes)
                }
                Some(Err(error)) => {
                    this.done = true;
                    this.recorder.broke(&error, this.meter.metered());
                    return Poll::Ready(Some(Err(error)));
                }
            };
            let settling = Arc::clone(&this.recorder).finish(this.meter.metered());
            this.settling = Some((Box::pin(settling), last));
        }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        if !self.done && self.settling.is_none() {
            self.recorder.left(&self.meter.metered());
        }
    }
}

/// Returns how many bytes a vendor says that its answer has.
fn announced(reply: &Reply) -> Option<u64> {
    reply.headers.get("content-length")?.to_str().ok()?.parse().ok()
}

/// Returns the microseconds since a moment.
pub(super) fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
