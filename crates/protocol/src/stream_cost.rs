use serde::Deserialize;
use tollbridge_core::{Currency, Frame, Money};
use tollbridge_types::Protocol;

use crate::frame_kind::says;
use crate::peek::{Field, edited_frame, head};
use crate::usage_meter::tells_usage;
use crate::{FrameKind, frame_kind};

/// Writes what a call cost into the last usage of its stream; every other byte stays.
///
/// The cost is settled at the stream's end and no sooner, so the frame that may be the last to tell usage waits for
/// it, and whatever comes in between. Usage gets a field `cost`, a JSON number of US dollars to the last digit, or
/// `null` if that is not known. A stream that fails passes as it is, and so does one that tells no usage.
///
/// ```
/// use tollbridge_core::{Frame, Money};
/// use tollbridge_protocol::StreamCost;
/// use tollbridge_types::Protocol;
///
/// let frame = |data: &'static str| Frame::new(format!("data: {data}\n\n").into(), None, data.into());
/// let mut stream = StreamCost::new(Protocol::OPENAI_CHAT);
/// let mut passed = Vec::new();
/// let cost = || "0.000185".parse::<Money>().ok();
/// stream.frame(frame(r#"{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}"#), cost, &mut passed);
/// stream.frame(frame(r#"{"choices": [], "usage": {"total_tokens": 20}}"#), cost, &mut passed);
/// assert_eq!(passed.len(), 1);
/// stream.frame(frame("[DONE]"), cost, &mut passed);
/// assert_eq!(passed[1].data, r#"{"choices": [], "usage": {"total_tokens": 20,"cost":0.000185}}"#);
/// ```
#[derive(Debug)]
pub struct StreamCost {
    protocol: Protocol,
    /// Whether a choice is complete; usage that is told before is not the last.
    finished: bool,
    /// The frame that may be the last to tell usage, and what came after it.
    waiting: Vec<Frame>,
}

impl StreamCost {
    /// Starts on a stream in a client's protocol.
    pub fn new(protocol: Protocol) -> Self {
        Self { protocol, finished: false, waiting: Vec::new() }
    }

    /// Takes the next frame and appends those that need not wait; `cost` is asked for at the protocol's own end.
    pub fn frame(&mut self, frame: Frame, cost: impl FnOnce() -> Option<Money>, frames: &mut Vec<Frame>) {
        let kind = frame_kind(self.protocol, &frame);
        self.finished |= match self.protocol {
            Protocol::ANTHROPIC_MESSAGES => says(&frame.data, "\"stop_reason\""),
            _ => matches!(kind, FrameKind::Finish | FrameKind::End),
        };
        let tells = self.finished && tells_usage(self.protocol, &frame);
        if tells {
            frames.append(&mut self.waiting);
        }
        let waits = tells || !self.waiting.is_empty();
        if waits { &mut self.waiting } else { &mut *frames }.push(frame);
        if kind == FrameKind::End {
            self.end(cost(), frames);
        } else if kind == FrameKind::Error || self.waiting.len() > WAITING {
            frames.append(&mut self.waiting);
        }
    }

    /// Takes the end of the stream, and appends the frames that waited for it.
    pub fn end(&mut self, cost: Option<Money>, frames: &mut Vec<Frame>) {
        let mut waiting = self.waiting.drain(..);
        frames.extend(waiting.next().map(|last| with_cost(&last, cost).unwrap_or(last)));
        frames.extend(waiting);
    }
}

/// Returns a frame with the cost in its usage; `None` if it has none.
fn with_cost(frame: &Frame, cost: Option<Money>) -> Option<Frame> {
    let (text, told) = head::<Told<'_>>(&frame.data).ok()?;
    let usage = told.usage.span(text).or_else(|| told.response?.usage.span(text))?;
    let inside = text.get(usage.clone())?;
    let (_, priced) = head::<Priced<'_>>(inside.as_bytes()).ok()?;
    let known = cost.filter(|cost| cost.currency() == Currency::USD);
    let number = known.map_or_else(|| "null".to_owned(), Money::to_decimal);
    let (span, written) = match priced.cost.span(inside) {
        Some(span) => (usage.start + span.start..usage.start + span.end, number),
        None => {
            let end = usage.end - 1;
            let empty = text.get(usage.start + 1..end)?.trim().is_empty();
            (end..end, format!("{}\"cost\":{number}", if empty { "" } else { "," }))
        }
    };
    edited_frame(frame, span, written)
}

/// Where the protocols that clients speak tell usage.
#[derive(Deserialize)]
struct Told<'a> {
    #[serde(borrow, default, alias = "usageMetadata")]
    usage: Field<'a>,
    #[serde(borrow, default)]
    response: Option<Response<'a>>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    usage: Field<'a>,
}

#[derive(Deserialize)]
struct Priced<'a> {
    #[serde(borrow, default)]
    cost: Field<'a>,
}

/// How many frames wait at most. Behind the last usage stand no more than an end mark, a comment, a vendor's remark.
const WAITING: usize = 16;
