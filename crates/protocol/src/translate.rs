//! Moves whole calls from one protocol to another: requests towards a vendor, replies to a client.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tollbridge_core::{Error, ErrorKind, Frame, FrameStream, Loss, Reply, ReplyBody, Request};
use tollbridge_types::{ChatRequest, Protocol, Role};

use crate::read::{known, whole};
use crate::{
    ChatCodec, ChatEvents, ChatStreamEncoder, EmbedCodec, ReplyContext, Target, chat, chat_request, embed, embed_reply,
    embed_request, models, models_reply, peek,
};

/// A request body for a vendor.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Encoded {
    /// The bytes.
    pub body: Bytes,
    /// What the protocol could not carry.
    pub losses: Vec<Loss>,
    /// Whether usage was asked for on a stream that would not have reported it.
    pub asked_usage: bool,
}

/// Writes a chat request in the protocol of `codec`: spliced if it already is, else translated.
///
/// `ask_usage` asks for usage on a stream that does not say whether it wants it, in protocols where
/// one must ask.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request cannot be read, or the protocol cannot carry it.
pub fn request(request: &Request, codec: &dyn ChatCodec, ask_usage: bool) -> Result<Encoded, Error> {
    if let Some(wire) = request.wire().filter(|wire| wire.protocol == codec.protocol()) {
        // Model and stream stand in the URL.
        if matches!(wire.protocol, Protocol::GEMINI_GENERATE | Protocol::BEDROCK_CONVERSE) {
            return Ok(Encoded { body: wire.body.clone(), losses: Vec::new(), asked_usage: false });
        }
        let peek = peek(&wire.body)?;
        let asked_usage =
            ask_usage && request.stream && peek.stream_usage.is_none() && wire.protocol == Protocol::OPENAI_CHAT;
        let body = peek.splice(&wire.body, Some(&request.model), asked_usage);
        return Ok(Encoded { body, losses: Vec::new(), asked_usage });
    }
    let typed = chat_request(request)?;
    let mut losses = Vec::new();
    let asked_usage = ask_usage && request.stream && typed.stream_usage.is_none();
    let mut target = Target::new(&request.model, request.stream);
    target.ask_usage = ask_usage;
    let body = codec.encode_request(&typed, &target, &mut losses).map_err(|error| match request.wire() {
        Some(wire) => in_client_terms(error, wire.protocol, &typed),
        None => error,
    })?;
    Ok(Encoded { body, losses, asked_usage })
}

/// Turns a path into the typed request into one into the client's own body.
fn in_client_terms(error: Error, protocol: Protocol, typed: &ChatRequest) -> Error {
    let Some(path) = error.path() else { return error };
    let Some((index, rest)) = path.strip_prefix("messages[").and_then(|rest| rest.split_once(']')) else {
        return error;
    };
    let Ok(index) = index.parse::<usize>() else { return error };
    // Instructions that stand in a field of their own are the first message of the typed form.
    let lifted = protocol != Protocol::OPENAI_CHAT
        && typed.messages.first().is_some_and(|message| message.role == Role::System && message.extras.is_empty());
    let (list, parts, instructions) = match protocol {
        Protocol::GEMINI_GENERATE => ("contents", "parts", "systemInstruction"),
        _ => ("messages", "content", "system"),
    };
    let rest = rest.replacen(".parts[", &format!(".{parts}["), 1);
    let path = match index.checked_sub(usize::from(lifted)) {
        Some(index) => format!("{list}[{index}]{rest}"),
        None => format!("{instructions}{rest}"),
    };
    error.with_path(path)
}

/// Writes an embeddings request in the protocol of `codec`.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request cannot be read, or the protocol cannot carry it.
pub fn embed_body(request: &Request, codec: &dyn EmbedCodec) -> Result<Encoded, Error> {
    if let Some(wire) = request.wire().filter(|wire| wire.protocol == codec.protocol()) {
        let body = peek(&wire.body)?.splice(&wire.body, Some(&request.model), false);
        return Ok(Encoded { body, losses: Vec::new(), asked_usage: false });
    }
    let typed = embed_request(request)?;
    let mut losses = Vec::new();
    let body = codec.encode_request(&typed, &Target::new(&request.model, false), &mut losses)?;
    Ok(Encoded { body, losses, asked_usage: false })
}

/// Turns a chat reply into a client's protocol, whole or as a stream as the client asked.
///
/// A reply that already is in the protocol passes byte for byte, but for usage frames that the
/// client did not ask for. If a stream fails in the middle, the protocol's form of the error comes
/// as its last frames, and the error itself after them: it is for the log, not for the client.
///
/// # Errors
/// [`ErrorKind::Decode`] if a whole reply cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn reply(mut reply: Reply, to: Protocol, stream: bool, context: &ReplyContext<'_>) -> Result<Reply, Error> {
    let codec = known(chat(to), to)?;
    let same = reply.protocol == to;
    match &mut reply.body {
        ReplyBody::Whole(_) if same && !stream => Ok(reply),
        ReplyBody::Whole(body) if !stream => {
            let decoded = known(chat(reply.protocol), reply.protocol)?.decode_reply(body);
            let decoded = decoded.map_err(|error| error.with_provider(&reply.provider))?;
            let body = codec.encode_reply(&decoded, context)?;
            Ok(reply.with_body(to, body))
        }
        ReplyBody::Frames(frames) if same && stream => {
            let frames = std::mem::replace(frames, Box::pin(stream::empty()));
            let hide = !context.stream_usage;
            let keep = move |frame: &Frame| !(hide && codec.is_usage_frame(frame));
            Ok(reply.with_body(to, forward(frames, codec.stream_encoder(context), keep)))
        }
        body if stream => {
            let body = std::mem::replace(body, ReplyBody::Whole(Bytes::new()));
            let events = ChatEvents::new(reply.protocol, &reply.provider, body)?;
            Ok(reply.with_body(to, encode(events, codec.stream_encoder(context))))
        }
        _ => Err(Error::new(ErrorKind::Decode, "the provider streamed a reply that was wanted whole")
            .with_provider(&reply.provider)),
    }
}

/// Turns an embeddings reply into a client's protocol; `base64` is the form of vectors that it asked for.
///
/// # Errors
/// [`ErrorKind::Decode`] if the reply cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn embed_to(reply: Reply, to: Protocol, base64: bool, context: &ReplyContext<'_>) -> Result<Reply, Error> {
    if reply.protocol == to {
        return Ok(reply);
    }
    let body = known(embed(to), to)?.encode_reply(&embed_reply(&reply)?, base64, context)?;
    Ok(reply.with_body(to, body))
}

/// Turns a model list into another form.
///
/// # Errors
/// [`ErrorKind::Decode`] if the list cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn models_to(reply: Reply, to: Protocol) -> Result<Reply, Error> {
    whole(&reply)?;
    if reply.protocol == to {
        return Ok(reply);
    }
    let body = known(models(to), to)?.encode_reply(&models_reply(&reply)?)?;
    Ok(reply.with_body(to, body))
}

type Queue = VecDeque<Result<Frame, Error>>;

/// Passes frames on as they are, and writes an error behind them if the stream fails.
fn forward(
    frames: FrameStream,
    encoder: Box<dyn ChatStreamEncoder>,
    keep: impl Fn(&Frame) -> bool + Send + 'static,
) -> FrameStream {
    let state = (Some((frames, encoder)), keep, Queue::new());
    Box::pin(stream::unfold(state, |(mut source, keep, mut queue)| async move {
        loop {
            if let Some(item) = queue.pop_front() {
                return Some((item, (source, keep, queue)));
            }
            let (mut frames, mut encoder) = source.take()?;
            match frames.next().await {
                Some(Ok(frame)) => {
                    source = Some((frames, encoder));
                    if keep(&frame) {
                        return Some((Ok(frame), (source, keep, queue)));
                    }
                }
                Some(Err(error)) => fail(&mut *encoder, error, &mut queue),
                None => return None,
            }
        }
    }))
}

/// Writes events as frames of the encoder's protocol.
fn encode(events: ChatEvents, encoder: Box<dyn ChatStreamEncoder>) -> FrameStream {
    Box::pin(stream::unfold((Some((events, encoder)), Queue::new()), |(mut source, mut queue)| async move {
        loop {
            if let Some(item) = queue.pop_front() {
                return Some((item, (source, queue)));
            }
            let (mut events, mut encoder) = source.take()?;
            match events.next().await {
                Some(Ok(event)) => {
                    let mut frames = Vec::new();
                    encoder.encode(event, &mut frames);
                    queue.extend(frames.into_iter().map(Ok));
                    source = Some((events, encoder));
                }
                Some(Err(error)) => fail(&mut *encoder, error, &mut queue),
                None => {
                    let mut frames = Vec::new();
                    encoder.finish(&mut frames);
                    queue.extend(frames.into_iter().map(Ok));
                }
            }
        }
    }))
}

fn fail(encoder: &mut dyn ChatStreamEncoder, error: Error, queue: &mut Queue) {
    let mut frames = Vec::new();
    encoder.fail(&error, &mut frames);
    queue.extend(frames.into_iter().map(Ok));
    queue.push_back(Err(error));
}
