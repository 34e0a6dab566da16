use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Stream, StreamExt};
use tollbridge_core::{
    Error, ErrorKind, Fault, FrameStream, Operation, Reply, ReplyBody, Request, ThinkTags, Typed, Wire,
};
use tollbridge_types::{
    ChatAssembler, ChatEvent, ChatReply, ChatRequest, EmbedReply, EmbedRequest, ModelInfo, Protocol, RerankReply,
    RerankRequest, TokenCount, ToolNames,
};

use crate::client_path::ClientBody;
use crate::think_tags::StreamSplitter;
use crate::tools::{self, Restorer};
use crate::{ChatStreamDecoder, ReplyContext, chat, count, embed, endings, history, models, openai, rerank};

/// Returns the typed form of a chat request, reading its bytes once.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] with the JSON path of the fault.
pub fn chat_request(request: &Request) -> Result<Arc<ChatRequest>, Error> {
    let decode = |wire: &Wire| {
        let whole = history::resolved(wire, request.states.as_ref());
        let body = whole.as_ref().unwrap_or(&wire.body);
        let decoded = match count(wire.protocol) {
            Some(codec) => codec.decode_request(body),
            None => known(chat(wire.protocol), wire.protocol)?.decode_request(body),
        };
        let mut typed = decoded.map_err(|error| ClientBody::new(wire).spell(error))?;
        // In some protocols model and stream stand in the URL and not in the body.
        typed.model.clone_from(&request.model);
        typed.stream = request.stream;
        if let Some(states) = request.states.as_ref().filter(|_| wire.protocol == Protocol::OPENAI_CHAT) {
            openai::recall(&mut typed.messages, &**states);
        }
        Ok(Typed::Chat(Arc::new(typed)))
    };
    match request.typed(decode)? {
        Typed::Chat(typed) => Ok(Arc::clone(typed)),
        _ => Err(wrong_body(Operation::Chat)),
    }
}

/// Returns the typed form of an embeddings request, reading its bytes once.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] with the JSON path of the fault.
pub fn embed_request(request: &Request) -> Result<Arc<EmbedRequest>, Error> {
    let decode = |wire: &Wire| {
        let decoded = known(embed(wire.protocol), wire.protocol)?.decode_request(&wire.body);
        let mut typed = decoded.map_err(|error| ClientBody::new(wire).spell(error))?;
        typed.model.clone_from(&request.model);
        Ok(Typed::Embed(Arc::new(typed)))
    };
    match request.typed(decode)? {
        Typed::Embed(typed) => Ok(Arc::clone(typed)),
        _ => Err(wrong_body(Operation::Embed)),
    }
}

/// Returns the typed form of a request to sort documents, reading its bytes once.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] with the JSON path of the fault.
pub fn rerank_request(request: &Request) -> Result<Arc<RerankRequest>, Error> {
    let decode = |wire: &Wire| {
        let mut typed = known(rerank(wire.protocol), wire.protocol)?.decode_request(&wire.body)?;
        typed.model.clone_from(&request.model);
        Ok(Typed::Rerank(Arc::new(typed)))
    };
    match request.typed(decode)? {
        Typed::Rerank(typed) => Ok(Arc::clone(typed)),
        _ => Err(wrong_body(Operation::Rerank)),
    }
}

/// Reads a count of tokens.
///
/// # Errors
/// [`ErrorKind::Decode`] if the body is no such count.
pub fn count_reply(reply: &Reply) -> Result<TokenCount, Error> {
    let decoded = known(count(reply.protocol), reply.protocol)?.decode_reply(whole(reply)?);
    decoded.map_err(|error| error.with_provider(&reply.provider))
}

/// Reads sorted documents.
///
/// # Errors
/// [`ErrorKind::Decode`] if the body is no such reply.
pub fn rerank_reply(reply: &Reply) -> Result<RerankReply, Error> {
    let decoded = known(rerank(reply.protocol), reply.protocol)?.decode_reply(whole(reply)?);
    decoded.map_err(|error| error.with_provider(&reply.provider))
}

/// Reads a chat reply to its end, whether it is whole or a stream.
///
/// # Errors
/// What the vendor or the network did. An error in the middle of a stream carries what had
/// arrived, in [`Error::partial`].
pub async fn chat_reply(reply: Reply) -> Result<ChatReply, Error> {
    if let ReplyBody::Whole(body) = &reply.body {
        let mut decoded = decode_chat(reply.protocol, body).map_err(|error| error.with_provider(&reply.provider))?;
        tools::restore(&mut decoded, &reply.tool_names);
        return Ok(decoded);
    }
    let mut assembler = ChatAssembler::default();
    let mut events = chat_events(reply)?;
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => assembler.push(event),
            Err(error) => return Err(error.with_partial(assembler.into_partial())),
        }
    }
    Ok(assembler.into_reply())
}

/// Reads a chat reply as events, whether it is whole or a stream.
///
/// # Errors
/// [`ErrorKind::Decode`] for a whole reply that cannot be read. The stream itself ends after its
/// first error.
pub fn chat_events(reply: Reply) -> Result<ChatEvents, Error> {
    let events = ChatEvents::new(reply.protocol, &reply.provider, &reply.fault, reply.body)?;
    Ok(events.restoring(reply.tool_names))
}

/// Reads a whole chat reply of a protocol.
pub(crate) fn decode_chat(protocol: Protocol, body: &[u8]) -> Result<ChatReply, Error> {
    let mut decoded = known(chat(protocol), protocol)?.decode_reply(body)?;
    endings::settle(protocol, &mut decoded);
    Ok(decoded)
}

/// Reads a whole embeddings reply.
///
/// # Errors
/// [`ErrorKind::Decode`] if the body is not such a reply.
pub fn embed_reply(reply: &Reply) -> Result<EmbedReply, Error> {
    let body = whole(reply)?;
    let decoded = known(embed(reply.protocol), reply.protocol)?.decode_reply(body);
    decoded.map_err(|error| error.with_provider(&reply.provider))
}

/// Reads a whole model list.
///
/// # Errors
/// [`ErrorKind::Decode`] if the body is not such a list.
pub fn models_reply(reply: &Reply) -> Result<Vec<ModelInfo>, Error> {
    let body = whole(reply)?;
    let decoded = known(models(reply.protocol), reply.protocol)?.decode_reply(body);
    decoded.map_err(|error| error.with_provider(&reply.provider))
}

/// The events of a reply. Dropping it cancels the call.
pub struct ChatEvents {
    provider: String,
    protocol: Protocol,
    frames: Option<FrameStream>,
    decoder: Box<dyn ChatStreamDecoder>,
    splitter: Option<StreamSplitter>,
    restorer: Option<Restorer>,
    queue: VecDeque<ChatEvent>,
    ending: endings::Watch,
    failure: Option<Error>,
    fault: Fault,
    /// Whether the vendor's name of the model is left out.
    unnamed: bool,
}

impl ChatEvents {
    pub(crate) fn new(protocol: Protocol, provider: &str, fault: &Fault, body: ReplyBody) -> Result<Self, Error> {
        let codec = known(chat(protocol), protocol)?;
        let (frames, queue) = match body {
            ReplyBody::Whole(body) => {
                let whole = decode_chat(protocol, &body).map_err(|error| error.with_provider(provider))?;
                (None, whole.into_events().into())
            }
            ReplyBody::Frames(frames) => (Some(frames), VecDeque::new()),
            _ => return Err(Error::new(ErrorKind::Unsupported, "the reply's body has no events")),
        };
        let decoder = codec.stream_decoder();
        let (provider, fault, ending) = (provider.to_owned(), fault.clone(), endings::Watch::default());
        let (splitter, restorer, failure, unnamed) = (None, None, None, false);
        Ok(Self { provider, protocol, frames, decoder, splitter, restorer, queue, ending, failure, fault, unnamed })
    }

    /// Leaves the vendor's name of the model out if the client is to see the one that it asked for.
    pub(crate) fn named(mut self, context: &ReplyContext<'_>) -> Self {
        let mut name = Some(String::new());
        context.name(&mut name);
        self.unnamed = name.is_none();
        self
    }

    /// Parts the thinking that the model writes into its answer.
    pub(crate) fn splitting(mut self, tags: ThinkTags) -> Self {
        self.splitter = Some(StreamSplitter::new(tags));
        self
    }

    /// Gives calls the names and kinds that the caller gave its tools.
    pub(crate) fn restoring(mut self, names: ToolNames) -> Self {
        if !names.is_empty() {
            let mut restorer = Restorer::new(names);
            // The events of a whole reply are here already.
            let queue = std::mem::take(&mut self.queue);
            self.queue = restorer.restore(queue.into(), self.frames.is_none()).into();
            self.restorer = Some(restorer);
        }
        self
    }
}

impl Stream for ChatEvents {
    type Item = Result<ChatEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(mut event) = self.queue.pop_front() {
                if let (true, ChatEvent::Start(start)) = (self.unnamed, &mut event) {
                    start.model = None;
                }
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(error) = self.failure.take() {
                let error = error.with_provider(&self.provider);
                // Whoever meters the frames is to know why nobody reads on.
                self.fault.tell(&error);
                self.frames = None;
                return Poll::Ready(Some(Err(error)));
            }
            let Some(frames) = &mut self.frames else { return Poll::Ready(None) };
            let next = ready!(frames.as_mut().poll_next(cx));
            let mut events = Vec::new();
            let outcome = match next {
                Some(Ok(frame)) => self.decoder.decode(&frame, &mut events),
                Some(Err(error)) => Err(error),
                None => {
                    self.frames = None;
                    self.decoder.finish(&mut events)
                }
            };
            self.failure = outcome.err();
            events.iter_mut().for_each(|event| self.ending.see(event));
            let over = self.failure.is_some() || self.frames.is_none();
            if over && self.failure.is_none() {
                self.ending.end(self.protocol, &mut events);
            }
            if let Some(splitter) = &mut self.splitter {
                events = splitter.split(events, over);
            }
            if let Some(restorer) = &mut self.restorer {
                events = restorer.restore(events, over);
            }
            self.queue.extend(events);
        }
    }
}

impl fmt::Debug for ChatEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatEvents").field("provider", &self.provider).finish_non_exhaustive()
    }
}

pub(crate) fn whole(reply: &Reply) -> Result<&[u8], Error> {
    match &reply.body {
        ReplyBody::Whole(body) => Ok(body),
        _ => Err(Error::new(ErrorKind::Decode, "a stream came where a whole reply was expected")),
    }
}

pub(crate) fn known<T: ?Sized>(codec: Option<&'static T>, protocol: Protocol) -> Result<&'static T, Error> {
    codec.ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("there is no codec for the protocol `{protocol}`")))
}

fn wrong_body(wanted: Operation) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the request's body is not one of the operation `{wanted}`"))
}
