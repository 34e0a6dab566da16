use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::Instant;
use tollbridge_core::{ByteStream, Error, ErrorKind, Frame, FrameStream};
use tollbridge_protocol::{FrameDecoder, FrameKind, frame_kind, framing_of};
use tollbridge_types::Protocol;

use crate::field_map::FieldMap;

/// Cuts a body into frames, and tells a finished stream from one that was cut short.
///
/// After the answer's end the vendor has `grace` to send usage and its end mark; some never close.
pub(crate) fn frames(
    protocol: Protocol,
    first: &Bytes,
    body: ByteStream,
    grace: Duration,
    fields: FieldMap,
) -> FrameStream {
    let mut reader = Reader {
        protocol,
        body: Some(body),
        decoder: FrameDecoder::new(framing_of(protocol)),
        ready: VecDeque::new(),
        grace,
        fields,
        progress: Progress::Open,
        failure: None,
    };
    reader.take(first);
    Box::pin(stream::unfold(reader, |mut reader| async move {
        let next = reader.next().await?;
        Some((next, reader))
    }))
}

struct Reader {
    protocol: Protocol,
    body: Option<ByteStream>,
    decoder: FrameDecoder,
    ready: VecDeque<Frame>,
    grace: Duration,
    fields: FieldMap,
    progress: Progress,
    failure: Option<Error>,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    /// The answer is not complete.
    Open,
    /// It is complete since then, or the vendor reported an error; the end mark may follow.
    Finished(Instant),
    /// The protocol's end mark came.
    Ended(Instant),
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Frame, Error>> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                self.note(&frame);
                return Some(Ok(frame));
            }
            if let Some(error) = self.failure.take() {
                self.body = None;
                return Some(Err(error));
            }
            let limit = self.limit();
            let body = self.body.as_mut()?;
            let next = match limit {
                Some(limit) => match tokio::time::timeout_at(limit, body.next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.body = None;
                        return None;
                    }
                },
                None => body.next().await,
            };
            match next {
                Some(Ok(bytes)) => self.take(&bytes),
                Some(Err(_)) if matches!(self.progress, Progress::Ended(_)) => self.body = None,
                Some(Err(error)) => self.failure = Some(error),
                None => self.end(),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let mut frames = Vec::new();
        self.failure = self.decoder.push(bytes, &mut frames).err();
        self.ready.extend(frames.into_iter().map(|frame| mapped(frame, &self.fields)));
    }

    fn end(&mut self) {
        self.body = None;
        let mut frames = Vec::new();
        self.failure = self.decoder.finish(&mut frames).err();
        let frames: Vec<_> = frames.into_iter().map(|frame| mapped(frame, &self.fields)).collect();
        for frame in &frames {
            self.note(frame);
        }
        self.ready.extend(frames);
        if self.progress == Progress::Open && self.failure.is_none() {
            // The failure is told after the frames that are still waiting; `body` only marks it pending.
            self.body = Some(Box::pin(stream::empty()));
            self.failure = Some(Error::new(ErrorKind::Network, "the stream ended before the answer was complete"));
        }
    }

    fn note(&mut self, frame: &Frame) {
        let now = Instant::now();
        self.progress = match (frame_kind(self.protocol, frame), self.progress) {
            (FrameKind::End, _) => Progress::Ended(now),
            (FrameKind::Finish | FrameKind::Error, Progress::Open) => Progress::Finished(now),
            (_, progress) => progress,
        };
    }

    fn limit(&self) -> Option<Instant> {
        match self.progress {
            Progress::Open => None,
            // Other protocols may go on after a finish: only OpenAI's leaves nothing but usage and its mark.
            Progress::Finished(_) if !matches!(self.protocol, Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS) => {
                None
            }
            Progress::Finished(since) | Progress::Ended(since) => Some(since + self.grace),
        }
    }
}

/// Returns an event with the server's fields where the protocol has them; what is no JSON, such as an end mark, stays.
fn mapped(frame: Frame, fields: &FieldMap) -> Frame {
    if fields.is_empty() || frame.is_comment() {
        return frame;
    }
    match fields.from_server(&frame.data) {
        Ok(data) => Frame::new([b"data: ".as_slice(), &data, b"\n\n"].concat().into(), None, data),
        Err(_) => frame,
    }
}
