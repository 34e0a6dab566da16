//! Moves whole calls from one protocol to another: requests towards a vendor, replies to a client.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use tollbridge_core::{Error, ErrorKind, Frame, FrameStream, Loss, Reply, ReplyBody, Request, Rest, ThinkTags, Wire};
use tollbridge_profiles::Profile;
use tollbridge_types::{ChatAssembler, ChatEvent, ChatRequest, Finish, Json, Part, Protocol, ToolNames};

use crate::client_path::ClientBody;
use crate::fit;
use crate::history::{self, Demands};
use crate::media::{
    Address, Fetched, MediaRules, addresses_to_fetch, fit_media, fit_own_media, holds_media, with_fetched,
};
use crate::peek::with_nested_models;
use crate::read::{decode_chat, known, whole};
use crate::tools::{self, Offered};
use crate::usage_meter::reported_error;
use crate::{
    ChatCodec, ChatEvents, ChatStreamEncoder, CountCodec, EmbedCodec, FrameDecoder, IdForm, Remedy, ReplyContext,
    RerankCodec, Target, ToolForms, chat, chat_request, count, count_reply, embed, embed_reply, embed_request, endings,
    framing_of, gemini, models, models_reply, multipart, peek, reply_name, rerank, rerank_reply, rerank_request,
    think_tags,
};

/// A request body for a vendor.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Encoded {
    /// The bytes.
    pub body: Bytes,
    /// What the protocol could not carry.
    pub losses: Vec<Loss>,
    /// Whether usage was asked for on a stream that would not have reported it.
    pub asked_usage: bool,
    /// What the caller calls the tools that went out under other names.
    pub tool_names: ToolNames,
    /// Headers that the body needs.
    pub headers: HeaderMap,
    /// What follows the bytes while they are sent.
    pub rest: Option<Rest>,
}

/// Writes a chat request in the protocol of `codec` for a model of which nothing is known.
///
/// # Errors
/// As [`request_for`].
pub fn request(request: &Request, codec: &dyn ChatCodec, ask_usage: bool) -> Result<Encoded, Error> {
    request_for(request, codec, &Profile::default(), ask_usage)
}

/// Writes a chat request in the protocol of `codec`: spliced if it already is and the vendor takes it so,
/// else translated.
///
/// `ask_usage` asks for usage on a stream that does not say whether it wants it, in protocols where
/// one must ask.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request cannot be read, or the protocol cannot carry it.
pub fn request_for(
    request: &Request,
    codec: &dyn ChatCodec,
    profile: &Profile,
    ask_usage: bool,
) -> Result<Encoded, Error> {
    if let Some(wire) = request.wire().filter(|wire| wire.protocol == codec.protocol() && codec.takes(&wire.body)) {
        let (body, losses) = same(request, wire, codec.call_ids(), profile)?;
        // Model and stream stand in the URL.
        if matches!(wire.protocol, Protocol::GEMINI_GENERATE | Protocol::BEDROCK_CONVERSE) {
            return Ok(Encoded { body, losses, ..Encoded::default() });
        }
        let peek = peek(&body)?;
        let asks = matches!(wire.protocol, Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS);
        let asked_usage = asks && ask_usage && request.stream && peek.stream_usage.is_none();
        let body = peek.splice(&body, Some(&request.model), asked_usage);
        return Ok(Encoded { body, losses, asked_usage, ..Encoded::default() });
    }
    let typed = chat_request(request)?;
    needs_no_state(&typed, codec.protocol())?;
    let asked_usage = ask_usage && request.stream && typed.stream_usage.is_none();
    let mut target = Target::new(&request.model, request.stream).with_profile(profile);
    target.ask_usage = ask_usage;
    let forms = codec.tool_forms(&request.model).of(profile);
    let mut told = Vec::new();
    let offered = tools::offer(&typed, codec.protocol(), forms, client(request), &mut told);
    let write = |fitted: &ChatRequest, losses: &mut Vec<Loss>| codec.encode_request(fitted, &target, losses);
    let rules = media_rules(request, codec.protocol(), codec.media(), profile);
    let (body, losses) = written(request, &offered.request, told, profile, codec.protocol(), &rules, write)?;
    let Offered { names: tool_names, headers, .. } = offered;
    Ok(Encoded { body, losses, asked_usage, tool_names, headers, rest: None })
}

/// Writes the body of a count in the protocol of `codec`.
///
/// # Errors
/// As [`request`].
pub fn count_body(request: &Request, codec: &dyn CountCodec, profile: &Profile) -> Result<Encoded, Error> {
    if let Some(wire) = request.wire().filter(|wire| wire.protocol == codec.protocol()) {
        let (body, losses) = same(request, wire, IdForm::OPEN, profile)?;
        let body = match wire.protocol {
            Protocol::GEMINI_COUNT_TOKENS => with_nested_models(&body, &request.model)?,
            _ => peek(&body)?.splice(&body, Some(&request.model), false),
        };
        return Ok(Encoded { body, losses, ..Encoded::default() });
    }
    let typed = chat_request(request)?;
    needs_no_state(&typed, codec.protocol())?;
    let target = Target::new(&request.model, false).with_profile(profile);
    let to = chat_form(codec.protocol());
    let forms = chat(to).map_or(ToolForms::FUNCTIONS, |codec| codec.tool_forms(&request.model)).of(profile);
    let mut told = Vec::new();
    let offered = tools::offer(&typed, to, forms, client(request), &mut told);
    let write = |fitted: &ChatRequest, losses: &mut Vec<Loss>| codec.encode_request(fitted, &target, losses);
    let rules = media_rules(request, codec.protocol(), codec.media(), profile);
    let (body, losses) = written(request, &offered.request, told, profile, codec.protocol(), &rules, write)?;
    Ok(Encoded { body, losses, ..Encoded::default() })
}

/// Refuses or replaces what a model does not take of media in its vendor's own protocol; the rest of the body stays.
fn own_media(
    request: &Request,
    wire: &Wire,
    profile: &Profile,
    losses: &mut Vec<Loss>,
) -> Result<Option<Bytes>, Error> {
    let rules = MediaRules::UNTOUCHED.for_model(&profile.media);
    if rules.takes_all() || !holds_media(&wire.body) {
        return Ok(None);
    }
    // What cannot be read here is the vendor's to judge.
    let Ok(typed) = chat_request(request) else { return Ok(None) };
    let outcome = fit_own_media(&wire.body, wire.protocol, &typed, &rules, losses);
    ClientBody::new(wire).tell(&typed, losses, outcome)
}

/// Lists the addresses in a request that have to be fetched because the vendor takes only bytes.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request cannot be read.
pub fn addresses(request: &Request, codec: &dyn ChatCodec, profile: &Profile) -> Result<Vec<Address>, Error> {
    if request.wire().is_some_and(|wire| wire.protocol == codec.protocol()) {
        return Ok(Vec::new());
    }
    let rules = media_rules(request, codec.protocol(), codec.media(), profile);
    Ok(addresses_to_fetch(&*chat_request(request)?, &rules))
}

/// Puts what was fetched in the place of its addresses.
///
/// # Errors
/// As [`addresses`].
pub fn with_media(request: &Request, fetched: &[Fetched]) -> Result<Request, Error> {
    let typed = chat_request(request)?;
    Ok(request.clone().with_chat(Arc::new(with_fetched(ChatRequest::clone(&typed), fetched))))
}

/// Tells a fault of a medium at its place in the client's body.
pub fn told_at(request: &Request, path: &str, error: Error) -> Error {
    let (Some(wire), Ok(typed)) = (request.wire(), chat_request(request)) else { return error.with_path(path) };
    error.with_path(ClientBody::new(wire).path(path, &typed))
}

/// Returns what a model takes of media. What came in the vendor's own protocol is the vendor's to judge, but for what
/// is known of the model.
fn media_rules<'a>(request: &Request, to: Protocol, vendor: &MediaRules<'a>, profile: &'a Profile) -> MediaRules<'a> {
    let is_own = request.wire().is_some_and(|wire| wire.protocol == to);
    let rules = if is_own { MediaRules::UNTOUCHED } else { *vendor };
    rules.for_model(&profile.media)
}

/// Returns the body of a request for a vendor of its own protocol: fitted to its model, without what was sealed for others.
fn same(request: &Request, wire: &Wire, ids: IdForm, profile: &Profile) -> Result<(Bytes, Vec<Loss>), Error> {
    let mut wire = wire.clone();
    if let Some(whole) = history::resolved(&wire, request.states.as_ref()) {
        wire.body = whole;
    }
    let mut losses = Vec::new();
    let media = own_media(request, &wire, profile, &mut losses)?;
    let told = losses.len();
    let body = media.as_ref().unwrap_or(&wire.body);
    let fitted = fit::wire::fit(body, wire.protocol, profile, &mut losses);
    ClientBody::new(&wire).tell_plain(losses.get_mut(told..).unwrap_or_default(), Ok(()))?;
    let body = fitted.as_ref().unwrap_or(body);
    let demands = Demands { ids: ids.under(profile), signatures: gemini::demands_signatures(profile) };
    let (body, mut lost) = history::changes(body, wire.protocol, &demands).apply(body);
    losses.append(&mut lost);
    refuse_losses(request, &losses)?;
    Ok((body, losses))
}

/// Returns the chat protocol whose form a request has.
fn chat_form(protocol: Protocol) -> Protocol {
    match protocol {
        Protocol::OPENAI_INPUT_TOKENS => Protocol::OPENAI_RESPONSES,
        Protocol::ANTHROPIC_COUNT_TOKENS => Protocol::ANTHROPIC_MESSAGES,
        Protocol::GEMINI_COUNT_TOKENS => Protocol::GEMINI_GENERATE,
        other => other,
    }
}

/// Returns the protocol in whose terms a request's losses are told.
fn client(request: &Request) -> Option<Protocol> {
    request.wire().map(|wire| chat_form(wire.protocol))
}

/// Writes a request as its model takes it, and tells faults and losses by their places in the client's own body.
fn written(
    request: &Request,
    typed: &ChatRequest,
    mut before: Vec<Loss>,
    profile: &Profile,
    to: Protocol,
    rules: &MediaRules<'_>,
    encode: impl FnOnce(&ChatRequest, &mut Vec<Loss>) -> Result<Bytes, Error>,
) -> Result<(Bytes, Vec<Loss>), Error> {
    let client = request.wire().map(ClientBody::new);
    let (mut losses, mut lost) = (Vec::new(), Vec::new());
    // Media change in their places, so that paths stay those of the request as it came.
    let media = match fit_media(typed, rules, &mut losses) {
        Ok(media) => media,
        Err(error) => return told(client.as_ref(), typed, &mut losses, Err(error)),
    };
    let fitted = fit::fit(&media, profile, to, &mut losses);
    let fitted = told(client.as_ref(), &media, &mut losses, fitted)?;
    // The paths of an encoder are into what it was given.
    let body = encode(&fitted, &mut lost);
    let body = told(client.as_ref(), &fitted, &mut lost, body)?;
    before.append(&mut losses);
    before.append(&mut lost);
    if let Some(wire) = request.wire() {
        before.extend(history::damages(&wire.body, wire.protocol));
    }
    refuse_losses(request, &before)?;
    Ok((body, before))
}

/// Tells faults and losses in the terms of the client, if its body is there.
fn told<T>(
    client: Option<&ClientBody<'_>>,
    typed: &ChatRequest,
    losses: &mut [Loss],
    outcome: Result<T, Error>,
) -> Result<T, Error> {
    match client {
        Some(client) => client.tell(typed, losses, outcome),
        None => outcome,
    }
}

/// Takes out of a body what a vendor refused before, and tells that; `false` if there is no such thing in it.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request is strict.
pub fn remedied(request: &Request, encoded: &mut Encoded, remedy: &Remedy) -> Result<bool, Error> {
    let Some((body, loss)) = remedy.apply(&encoded.body) else { return Ok(false) };
    let mut losses = vec![loss];
    if let Some(wire) = request.wire() {
        ClientBody::new(wire).tell_plain(&mut losses, Ok(()))?;
    }
    refuse_losses(request, &losses)?;
    encoded.body = body;
    encoded.losses.append(&mut losses);
    Ok(true)
}

/// Refuses a strict request of which something would be lost.
fn refuse_losses(request: &Request, losses: &[Loss]) -> Result<(), Error> {
    let Some(first) = losses.first().filter(|_| request.strict) else { return Ok(()) };
    let told: Vec<String> = losses.iter().map(|loss| format!("`{}` ({})", loss.path, loss.reason)).collect();
    let message = format!("the model's protocol cannot carry all of the request: {}", told.join(", "));
    Err(Error::invalid(first.path.clone(), message).with_hint("leave these fields out, or switch `strict` off"))
}

/// Refuses what lives in the store of one vendor and cannot be sent to another, or read here.
///
/// # Errors
/// [`ErrorKind::Unsupported`] with the place of what names a state.
pub fn needs_no_state(typed: &ChatRequest, to: Protocol) -> Result<(), Error> {
    const OWN: Protocol = Protocol::OPENAI_RESPONSES;
    if to == OWN || to == Protocol::OPENAI_INPUT_TOKENS {
        return Ok(());
    }
    let said = |value: &Json| !matches!(value.as_str(), "null" | "false");
    if to != Protocol::OPENAI_COMPLETIONS && crate::openai::holds_many(typed) {
        let message = "several prompts, or tokens, in one call need a provider of text completions";
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_path("prompt")
            .with_hint("send one text in each call"));
    }
    for name in ["previous_response_id", "conversation", "prompt", "background"] {
        if typed.extras.get(OWN, name).is_some_and(said) {
            return Err(Error::new(ErrorKind::Unsupported, format!("`{name}` needs a provider that keeps responses"))
                .with_path(name)
                .with_hint("send the whole conversation in `input`, or use a model whose provider speaks responses"));
        }
    }
    let refers = |part: &Part| {
        let json = match part {
            Part::Opaque(opaque) if opaque.protocol == OWN => opaque.json.as_str(),
            _ => return false,
        };
        // Thinking that was made into an item here may be left out, as all thinking may.
        json.contains("\"item_reference\"") && !json.contains("\"rs_tb_")
    };
    match typed.messages.iter().flat_map(|message| &message.parts).find(|part| refers(part)) {
        Some(part) => {
            Err(Error::new(ErrorKind::Unsupported, "an `item_reference` needs a provider that keeps responses")
                .with_path(part.origin().unwrap_or("input"))
                .with_hint("send the item itself; SDKs that send references do so unless `store` is false"))
        }
        None => Ok(()),
    }
}

/// Writes the body of a request to sort documents in the protocol of `codec`.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request cannot be read, or is strict and would lose something.
pub fn rerank_body(request: &Request, codec: &dyn RerankCodec) -> Result<Encoded, Error> {
    if let Some(wire) = request.wire().filter(|wire| wire.protocol == codec.protocol()) {
        let body = peek(&wire.body)?.splice(&wire.body, Some(&request.model), false);
        return Ok(Encoded { body, ..Encoded::default() });
    }
    let typed = rerank_request(request)?;
    let mut losses = Vec::new();
    let body = codec.encode_request(&typed, &Target::new(&request.model, false), &mut losses);
    let body = match request.wire() {
        Some(wire) => ClientBody::new(wire).tell_plain(&mut losses, Ok(body))?,
        None => body,
    };
    refuse_losses(request, &losses)?;
    Ok(Encoded { body, losses, ..Encoded::default() })
}

/// Returns the body of a request that only its own protocol can carry, with the vendor's name of the model.
///
/// # Errors
/// [`ErrorKind::Unsupported`] if the request is not in `protocol`, [`ErrorKind::InvalidRequest`] if it
/// cannot be read.
pub fn pass_body(request: &Request, protocol: Protocol) -> Result<Encoded, Error> {
    let wire = request.wire().filter(|wire| wire.protocol == protocol).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, format!("the request is not in the provider's protocol `{protocol}`"))
    })?;
    let kind = request.headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let body = match kind.and_then(multipart::boundary) {
        Some(boundary) => multipart::replace(&wire.body, boundary, "model", &request.model)?,
        None => peek(&wire.body)?.splice(&wire.body, Some(&request.model), false),
    };
    Ok(Encoded { body, rest: wire.rest.clone(), ..Encoded::default() })
}

/// Writes an embeddings request in the protocol of `codec`.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] if the request cannot be read, or the protocol cannot carry it.
pub fn embed_body(request: &Request, codec: &dyn EmbedCodec) -> Result<Encoded, Error> {
    if let Some(wire) = request.wire().filter(|wire| wire.protocol == codec.protocol() && codec.takes(&wire.body)) {
        let body = match wire.protocol {
            // The model stands in the path alone.
            Protocol::VERTEX_PREDICT | Protocol::BEDROCK_EMBED => wire.body.clone(),
            Protocol::GEMINI_EMBED => with_nested_models(&wire.body, &request.model)?,
            _ => peek(&wire.body)?.splice(&wire.body, Some(&request.model), false),
        };
        return Ok(Encoded { body, ..Encoded::default() });
    }
    let typed = embed_request(request)?;
    let mut losses = Vec::new();
    let body = codec.encode_request(&typed, &Target::new(&request.model, false), &mut losses);
    let body = match request.wire() {
        Some(wire) => ClientBody::new(wire).tell_plain(&mut losses, body)?,
        None => body?,
    };
    refuse_losses(request, &losses)?;
    Ok(Encoded { body, losses, ..Encoded::default() })
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
    let same = reply.protocol == to && reply.tool_names.is_empty();
    let names = std::mem::take(&mut reply.tool_names);
    match &mut reply.body {
        ReplyBody::Whole(_) if same && !stream => Ok(renamed(reply, context)),
        ReplyBody::Whole(body) if !stream => {
            let read = |body| {
                let decoded = decode_chat(reply.protocol, body)?;
                endings::check(&decoded, to).map(|()| decoded)
            };
            let mut decoded = read(body).map_err(|error| error.with_provider(&reply.provider))?;
            context.name(&mut decoded.model);
            tools::restore(&mut decoded, &names);
            let body = codec.encode_reply(&decoded, context)?;
            Ok(reply.with_body(to, body))
        }
        ReplyBody::Frames(frames) if same && stream => {
            let frames = std::mem::replace(frames, Box::pin(stream::empty()));
            let hide = !context.stream_usage;
            let keep = move |frame: &Frame| !(hide && codec.is_usage_frame(frame));
            let provider = reply.provider.clone();
            let foreign = move |frame: &Frame| codec.foreign_error(frame).map(|error| error.with_provider(&provider));
            let own = own_errors(to, &reply);
            let frames = forward(frames, codec.stream_encoder(context), keep, foreign, own);
            Ok(reply.with_body(to, renamed_frames(frames, to, context)))
        }
        body if stream => {
            let body = std::mem::replace(body, ReplyBody::Whole(Bytes::new()));
            let events = ChatEvents::new(reply.protocol, &reply.provider, &reply.fault, body)?.restoring(names);
            let (provider, fault) = (reply.provider.clone(), reply.fault.clone());
            let untold = move |finish: &Finish| {
                // The client of a vendor that speaks its protocol gets the vendor's own word.
                let error = endings::untold(to, finish).filter(|_| !same)?.with_provider(&provider);
                fault.tell(&error);
                Some(error)
            };
            Ok(reply.with_body(to, encode(events.named(context), codec.stream_encoder(context), untold)))
        }
        _ => Err(Error::new(ErrorKind::Decode, "the provider streamed a reply that was wanted whole")
            .with_provider(&reply.provider)),
    }
}

/// Puts a whole chat reply together of the events of a stream that came in its place.
///
/// # Errors
/// [`ErrorKind::Decode`] if an event cannot be read, what the vendor reports, or [`ErrorKind::Network`] if the answer is not
/// complete, each with what had arrived; [`ErrorKind::Unsupported`] if there are no events, or the protocol's whole replies cannot
/// be written here.
pub fn gathered(protocol: Protocol, stream: &[u8], context: &ReplyContext<'_>) -> Result<Bytes, Error> {
    let codec = known(chat(protocol), protocol)?;
    let mut framing = FrameDecoder::new(framing_of(protocol));
    let (mut frames, mut assembler) = (Vec::new(), ChatAssembler::default());
    let mut decoder = codec.stream_decoder();
    let framed = framing.push(stream, &mut frames).and_then(|()| framing.finish(&mut frames));
    if frames.iter().all(Frame::is_comment) {
        return Err(Error::new(ErrorKind::Unsupported, "there are no events in the stream"));
    }
    let mut read = |events: &mut dyn FnMut(&mut Vec<ChatEvent>) -> Result<(), Error>| {
        let mut list = Vec::new();
        let outcome = events(&mut list);
        list.into_iter().for_each(|event| assembler.push(event));
        outcome
    };
    let mut outcome = Ok(());
    for frame in &frames {
        outcome = outcome.and_then(|()| read(&mut |events| decoder.decode(frame, events)));
    }
    outcome = outcome.and(framed).and_then(|()| read(&mut |events| decoder.finish(events)));
    match outcome {
        Ok(()) => codec.encode_reply(&assembler.into_reply(), context),
        Err(error) => Err(error.with_partial(assembler.into_partial())),
    }
}

/// Parts the thinking that a model writes into its answer from the answer; without any, the reply's bytes stay.
///
/// # Errors
/// [`ErrorKind::Decode`] if a whole reply cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn part_thinking(mut reply: Reply, tags: ThinkTags, context: &ReplyContext<'_>) -> Result<Reply, Error> {
    let protocol = reply.protocol;
    let codec = known(chat(protocol), protocol)?;
    match &mut reply.body {
        _ if tags == ThinkTags::Off => Ok(reply),
        ReplyBody::Whole(body) => {
            let mut decoded = decode_chat(protocol, body)?;
            if !think_tags::split(&mut decoded, tags) {
                return Ok(reply);
            }
            let body = codec.encode_reply(&decoded, context)?;
            Ok(reply.with_body(protocol, body))
        }
        body => {
            let body = std::mem::replace(body, ReplyBody::Whole(Bytes::new()));
            let events = ChatEvents::new(protocol, &reply.provider, &reply.fault, body)?.splitting(tags);
            Ok(reply.with_body(protocol, encode(events, codec.stream_encoder(context), |_| None)))
        }
    }
}

/// Turns an embeddings reply into a client's protocol; `base64` is the form of vectors that it asked for.
///
/// # Errors
/// [`ErrorKind::Decode`] if the reply cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn embed_to(reply: Reply, to: Protocol, base64: bool, context: &ReplyContext<'_>) -> Result<Reply, Error> {
    if reply.protocol == to {
        return Ok(renamed(reply, context));
    }
    let mut decoded = embed_reply(&reply)?;
    context.name(&mut decoded.model);
    let body = known(embed(to), to)?.encode_reply(&decoded, base64, context)?;
    Ok(reply.with_body(to, body))
}

/// Turns a count into a client's protocol.
///
/// # Errors
/// [`ErrorKind::Decode`] if the count cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn count_to(reply: Reply, to: Protocol) -> Result<Reply, Error> {
    if reply.protocol == to {
        return Ok(reply);
    }
    let body = known(count(to), to)?.encode_reply(&count_reply(&reply)?);
    Ok(reply.with_body(to, body))
}

/// Turns sorted documents into a client's protocol.
///
/// # Errors
/// [`ErrorKind::Decode`] if the reply cannot be read, [`ErrorKind::Unsupported`] if there is no codec.
pub fn rerank_to(reply: Reply, to: Protocol, context: &ReplyContext<'_>) -> Result<Reply, Error> {
    if reply.protocol == to {
        return Ok(renamed(reply, context));
    }
    let mut decoded = rerank_reply(&reply)?;
    context.name(&mut decoded.model);
    let body = known(rerank(to), to)?.encode_reply(&decoded, context);
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

/// Gives a whole reply in the client's protocol the name of the model that the client is to see, if that is another.
///
/// What is no JSON object passes as it is.
pub fn renamed(mut reply: Reply, context: &ReplyContext<'_>) -> Reply {
    if let (Some(name), ReplyBody::Whole(body)) = (context.name_in_bytes(), &mut reply.body) {
        *body = reply_name::named(std::mem::take(body), reply.protocol, name);
    }
    reply
}

/// Gives each event of a stream that passes the name of the model that the client is to see, if that is another.
fn renamed_frames(frames: FrameStream, protocol: Protocol, context: &ReplyContext<'_>) -> FrameStream {
    let Some(name) = context.name_in_bytes().map(str::to_owned) else { return frames };
    Box::pin(frames.map(move |frame| frame.map(|frame| reply_name::named_frame(frame, protocol, &name))))
}

/// Finds the errors that a vendor reports in the form that the client knows, and says that there is one.
fn own_errors(protocol: Protocol, reply: &Reply) -> impl Fn(&Frame) -> Option<Error> + Send + use<> {
    let (provider, fault) = (reply.provider.clone(), reply.fault.clone());
    move |frame| {
        let error = reported_error(protocol, frame)?.with_provider(&provider);
        fault.tell(&error);
        Some(error)
    }
}

/// Passes frames on as they are, and writes an error behind them if the stream fails.
///
/// A frame with an error in a `foreign` form, which the client would overlook, is such a failure too. One in its `own`
/// form passes like any other; the error comes once more behind the last frame, for the log.
fn forward(
    frames: FrameStream,
    encoder: Box<dyn ChatStreamEncoder>,
    keep: impl Fn(&Frame) -> bool + Send + 'static,
    foreign: impl Fn(&Frame) -> Option<Error> + Send + 'static,
    own: impl Fn(&Frame) -> Option<Error> + Send + 'static,
) -> FrameStream {
    let state = (Some((frames, encoder, None)), (keep, foreign, own), Queue::new());
    Box::pin(stream::unfold(state, |(mut source, (keep, foreign, own), mut queue)| async move {
        loop {
            if let Some(item) = queue.pop_front() {
                return Some((item, (source, (keep, foreign, own), queue)));
            }
            let (mut frames, mut encoder, told) = source.take()?;
            let frame = match frames.next().await {
                Some(Ok(frame)) => foreign(&frame).map_or(Ok(frame), Err),
                Some(Err(error)) => Err(error),
                None => {
                    queue.push_back(Err(told?));
                    continue;
                }
            };
            match frame {
                Ok(frame) => {
                    source = Some((frames, encoder, told.or_else(|| own(&frame))));
                    if keep(&frame) {
                        return Some((Ok(frame), (source, (keep, foreign, own), queue)));
                    }
                }
                Err(error) => fail(&mut *encoder, error, &mut queue),
            }
        }
    }))
}

/// Writes events as frames of the encoder's protocol.
///
/// An end that is `untold` in the protocol makes the stream fail when all else has been read: usage may follow it.
fn encode(
    events: ChatEvents,
    encoder: Box<dyn ChatStreamEncoder>,
    untold: impl Fn(&Finish) -> Option<Error> + Send + 'static,
) -> FrameStream {
    let state = (Some((events, encoder, None)), untold, Queue::new());
    Box::pin(stream::unfold(state, |(mut source, untold, mut queue)| async move {
        loop {
            if let Some(item) = queue.pop_front() {
                return Some((item, (source, untold, queue)));
            }
            let (mut events, mut encoder, mut failure) = source.take()?;
            match events.next().await {
                Some(Ok(event)) => {
                    let ends = match &event {
                        ChatEvent::Finish { finish, .. } => untold(finish),
                        _ => None,
                    };
                    let mut frames = Vec::new();
                    match ends {
                        Some(error) => failure = failure.or(Some(error)),
                        None => encoder.encode(event, &mut frames),
                    }
                    queue.extend(frames.into_iter().map(Ok));
                    source = Some((events, encoder, failure));
                }
                Some(Err(error)) => fail(&mut *encoder, error, &mut queue),
                None => match failure {
                    Some(error) => fail(&mut *encoder, error, &mut queue),
                    None => {
                        let mut frames = Vec::new();
                        encoder.finish(&mut frames);
                        queue.extend(frames.into_iter().map(Ok));
                    }
                },
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
