use std::future::ready;

use futures_util::{StreamExt, stream};
use tollbridge::core::FrameStream;
use tollbridge::protocol::StreamCost;
use tollbridge::{CallContext, Reply, ReplyBody};

/// Has a stream's last usage tell what the call cost; whole replies have a header for that.
pub(crate) fn told(mut reply: Reply, cx: &CallContext) -> Reply {
    let telling = StreamCost::new(reply.protocol);
    reply.body = match reply.body {
        ReplyBody::Frames(frames) => ReplyBody::Frames(telling_frames(frames, telling, cx.clone())),
        other => other,
    };
    reply
}

/// The meter settles before it passes on what ends a stream, so that by then the context knows the cost.
fn telling_frames(frames: FrameStream, mut telling: StreamCost, cx: CallContext) -> FrameStream {
    let end = stream::once(ready(None));
    Box::pin(frames.map(Some).chain(end).flat_map(move |next| {
        let (mut passed, mut failure) = (Vec::new(), None);
        match next {
            Some(Ok(frame)) => telling.frame(frame, || cx.cost(), &mut passed),
            Some(Err(error)) => failure = Some(Err(error)),
            None => telling.end(cx.cost(), &mut passed),
        }
        stream::iter(passed.into_iter().map(Ok).chain(failure))
    }))
}
