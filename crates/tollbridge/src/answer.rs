use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http::HeaderMap;
use tollbridge_core::{CallContext, Error, ErrorKind, Loss, Money, Protocol, Reply, ReplyBody};
use tollbridge_protocol::{ChatEvents, chat_events, chat_reply};
use tollbridge_types::{ChatAssembler, ChatEvent, ChatReply, EmbedReply, Embedding};

/// A model's whole answer; reads like the [`ChatReply`] that it holds.
#[derive(Debug)]
pub struct Answer {
    reply: ChatReply,
    head: Head,
    raw: Bytes,
}

impl Answer {
    pub(crate) async fn read(mut reply: Reply, cx: CallContext) -> Result<Self, Error> {
        let head = Head::of(&mut reply, cx);
        let raw = match &reply.body {
            ReplyBody::Whole(bytes) => bytes.clone(),
            _ => Bytes::new(),
        };
        let reply = chat_reply(reply).await?;
        match filtered(&reply, &head) {
            Some(error) => Err(error.with_partial(reply)),
            None => Ok(Self { reply, head, raw }),
        }
    }

    /// Returns the typed answer.
    pub fn into_reply(self) -> ChatReply {
        self.reply
    }

    /// Returns what the call cost, over all its attempts; `None` if nobody prices it, or no price is known.
    pub fn cost(&self) -> Option<Money> {
        self.head.cx.cost()
    }

    /// Returns the vendor's bytes of the answer, in the protocol of [`protocol`](Self::protocol).
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Returns the bytes that were sent to the vendor.
    pub fn sent(&self) -> &Bytes {
        &self.head.sent
    }

    /// Returns the protocol of the raw bytes.
    pub fn protocol(&self) -> Protocol {
        self.head.protocol
    }

    /// Returns the vendor's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns the provider that served.
    pub fn provider(&self) -> &str {
        &self.head.provider
    }

    /// Returns the id of the call, which stands in logs.
    pub fn request_id(&self) -> &str {
        &self.head.cx.request_id
    }

    /// Returns what of the request the vendor's protocol could not carry.
    pub fn losses(&self) -> &[Loss] {
        &self.head.losses
    }
}

impl Deref for Answer {
    type Target = ChatReply;

    fn deref(&self) -> &ChatReply {
        &self.reply
    }
}

/// A model's answer as it comes. Dropping it cancels the call.
///
/// It ends after its first error. What had arrived until then is in [`so_far`](Self::so_far).
#[derive(Debug)]
pub struct ChatStream {
    events: ChatEvents,
    assembler: ChatAssembler,
    head: Head,
    /// Whether the end has been told.
    over: bool,
}

impl ChatStream {
    pub(crate) fn new(mut reply: Reply, cx: CallContext) -> Result<Self, Error> {
        let head = Head::of(&mut reply, cx);
        Ok(Self { events: chat_events(reply)?, assembler: ChatAssembler::default(), head, over: false })
    }

    /// Reads the stream to its end and returns the whole answer.
    ///
    /// # Errors
    /// What broke the stream, with what had arrived in [`Error::partial`].
    pub async fn collect(mut self) -> Result<ChatReply, Error> {
        while let Some(event) = self.next().await {
            if let Err(error) = event {
                return Err(error.with_partial(self.assembler.into_partial()));
            }
        }
        Ok(self.assembler.into_reply())
    }

    /// Returns what the call cost, known from the end of the answer on; `None` if nobody prices it, or no price is known.
    pub fn cost(&self) -> Option<Money> {
        self.head.cx.cost()
    }

    /// Returns what has arrived.
    pub fn so_far(&self) -> ChatReply {
        self.assembler.clone().into_reply()
    }

    /// Returns the bytes that were sent to the vendor.
    pub fn sent(&self) -> &Bytes {
        &self.head.sent
    }

    /// Returns the provider that serves.
    pub fn provider(&self) -> &str {
        &self.head.provider
    }

    /// Returns the id of the call, which stands in logs.
    pub fn request_id(&self) -> &str {
        &self.head.cx.request_id
    }

    /// Returns the vendor's headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Returns what of the request the vendor's protocol could not carry.
    pub fn losses(&self) -> &[Loss] {
        &self.head.losses
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.events.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(event))) = &next {
            self.assembler.push(event.clone());
        }
        match next {
            Poll::Ready(None) if !std::mem::replace(&mut self.over, true) => {
                let error = filtered(&self.assembler.clone().into_reply(), &self.head);
                Poll::Ready(error.map(Err))
            }
            Poll::Ready(Some(Err(_))) => {
                self.over = true;
                next
            }
            next => next,
        }
    }
}

/// The vectors of some texts; reads like the [`EmbedReply`] that it holds.
#[derive(Debug)]
pub struct Embeddings {
    reply: EmbedReply,
    head: Head,
    raw: Bytes,
}

impl Embeddings {
    pub(crate) fn new(decoded: EmbedReply, mut reply: Reply, cx: CallContext) -> Self {
        let head = Head::of(&mut reply, cx);
        let raw = match reply.body {
            ReplyBody::Whole(bytes) => bytes,
            _ => Bytes::new(),
        };
        Self { reply: decoded, head, raw }
    }

    /// Returns the vectors as numbers, in the order of the inputs.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`] for a vector that came as base64, which only a request for it brings.
    pub fn floats(&self) -> Result<Vec<&[f64]>, Error> {
        let vectors = self.reply.embeddings.iter().map(|embedding| match embedding {
            Embedding::Floats(numbers) => Ok(numbers.as_slice()),
            _ => Err(Error::new(ErrorKind::Decode, "a vector came as base64").with_provider(&self.head.provider)),
        });
        vectors.collect()
    }

    /// Returns what the call cost, over all its attempts; `None` if nobody prices it, or no price is known.
    pub fn cost(&self) -> Option<Money> {
        self.head.cx.cost()
    }

    /// Returns the vendor's bytes of the answer.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Returns the bytes that were sent to the vendor.
    pub fn sent(&self) -> &Bytes {
        &self.head.sent
    }

    /// Returns the provider that served.
    pub fn provider(&self) -> &str {
        &self.head.provider
    }

    /// Returns what of the request the vendor's protocol could not carry.
    pub fn losses(&self) -> &[Loss] {
        &self.head.losses
    }
}

impl Deref for Embeddings {
    type Target = EmbedReply;

    fn deref(&self) -> &EmbedReply {
        &self.reply
    }
}

/// Returns the error of an answer of which a filter left nothing.
fn filtered(reply: &ChatReply, head: &Head) -> Option<Error> {
    if !reply.is_filtered() {
        return None;
    }
    let finish = reply.finish();
    let told = finish.and_then(|finish| finish.message.as_deref().or(finish.raw.as_deref())).unwrap_or("filtered");
    let error = Error::new(ErrorKind::ContentPolicy, format!("the vendor's filter left no answer: {told}"));
    Some(error.with_provider(&head.provider).with_hint("change the prompt; the same one is filtered again"))
}

/// What is known of a reply besides its body.
#[derive(Debug)]
struct Head {
    cx: CallContext,
    protocol: Protocol,
    headers: HeaderMap,
    provider: String,
    losses: Vec<Loss>,
    sent: Bytes,
}

impl Head {
    fn of(reply: &mut Reply, cx: CallContext) -> Self {
        Self {
            cx,
            protocol: reply.protocol,
            headers: std::mem::take(&mut reply.headers),
            provider: reply.provider.clone(),
            losses: std::mem::take(&mut reply.losses),
            sent: std::mem::take(&mut reply.sent),
        }
    }
}
