//! What must hold for the codecs of chats, whatever the bytes are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame, Loss};
use tollbridge_protocol::{ChatCodec, FrameDecoder, Framing, ReplyContext, Target, chat, framing_of};
use tollbridge_types::{ChatAssembler, ChatEvent, ChatReply, ChatRequest, Part, Protocol};

use crate::bytes::{assert_json, assert_same, split};
use crate::normal;

fn codecs() -> impl Iterator<Item = &'static dyn ChatCodec> {
    Protocol::ALL.iter().filter_map(|protocol| chat(*protocol))
}

/// Those that clients speak, and so read what is written for one.
pub(crate) fn clients() -> impl Iterator<Item = &'static dyn ChatCodec> {
    codecs().filter(|codec| has_clients(*codec))
}

pub(crate) fn has_clients(codec: &dyn ChatCodec) -> bool {
    codec.decode_request(b"{}").err().is_none_or(|error| error.kind() != ErrorKind::Unsupported)
}

fn context() -> ReplyContext<'static> {
    ReplyContext::new("fallback", "asked", 1_700_000_000)
}

/// A client's body: read, written in every protocol, and read again.
pub(crate) fn request(codec: &dyn ChatCodec, data: &[u8]) {
    let Ok(request) = codec.decode_request(data) else { return };
    for to in codecs() {
        let mut losses = Vec::new();
        let Some(body) = written(&request, codec, to, data.len(), &mut losses) else { continue };
        let way = format!("{} to {}", codec.protocol(), to.protocol());
        let mut again = match to.decode_request(&body) {
            Ok(again) => again,
            // A result before its call is the client's fault, and each protocol refuses it in its own way.
            Err(error) if error.message().contains("no earlier") => continue,
            Err(error) if error.hint().is_some_and(|hint| hint.contains("before its result")) => continue,
            // An id that looks sealed means something only to clients of the protocol that sealed it.
            Err(error) if error.message().contains("state of an earlier answer") => continue,
            Err(_) if !has_clients(to) => continue,
            Err(error) => panic!("{way}: cannot read what it wrote: {error}\n{}", String::from_utf8_lossy(&body)),
        };
        if to.protocol() != codec.protocol() || !losses.is_empty() {
            continue;
        }
        // In some protocols these stand in the URL.
        again.model.clone_from(&request.model);
        again.stream = request.stream;
        let (before, after) = (normal::request(&request, codec.protocol()), normal::request(&again, codec.protocol()));
        let what = format!("{way}: reads otherwise what it wrote: {}", String::from_utf8_lossy(&body));
        assert_same(&before, &after, &what);
    }
}

/// Writes a request in every protocol; what a forged seal brought no protocol need be able to read.
pub(crate) fn forged(codec: &dyn ChatCodec, data: &[u8]) {
    let Ok(request) = codec.decode_request(data) else { return };
    for to in codecs() {
        written(&request, codec, to, data.len(), &mut Vec::new());
    }
}

fn written(
    request: &ChatRequest,
    from: &dyn ChatCodec,
    to: &dyn ChatCodec,
    length: usize,
    losses: &mut Vec<Loss>,
) -> Option<Bytes> {
    let mut target = Target::new(&request.model, request.stream);
    target.ask_usage = false;
    let body = to.encode_request(request, &target, losses).ok()?;
    let way = format!("{} to {}", from.protocol(), to.protocol());
    assert_json(&body, &way);
    assert!(body.len() <= 64 * length + (64 << 10), "{way}: {length} bytes became {}", body.len());
    Some(body)
}

/// A vendor's whole reply: read, taken apart into events, and written whole and as a stream in every protocol.
pub(crate) fn reply(codec: &dyn ChatCodec, data: &[u8]) {
    let Ok(reply) = codec.decode_reply(data) else { return };
    let events = reply.clone().into_events();
    assert_same(&reply, &assembled(events.clone()), "the reply and its own events differ");
    for to in clients() {
        let way = format!("{} to {}", codec.protocol(), to.protocol());
        let Ok(body) = to.encode_reply(&reply, &context()) else { continue };
        assert_json(&body, &way);
        assert!(body.len() <= 64 * data.len() + (64 << 10), "{way}: {} bytes became {}", data.len(), body.len());
        match to.decode_reply(&body) {
            Ok(again) => assert_same_answer(&reply, &again, to, &way),
            Err(error) => panic!("{way}: cannot read what it wrote: {error}\n{}", String::from_utf8_lossy(&body)),
        }
    }
    write_streams(codec, &reply, &events, data.len());
}

/// A vendor's stream, in the pieces that the fuzzer chooses.
pub(crate) fn stream(codec: &dyn ChatCodec, data: &[u8]) {
    let (bytes, chunks) = split(data);
    let framing = framing(codec, bytes);
    let (events, outcome) = read(codec, framing, &[bytes]);
    let (in_pieces, other) = read(codec, framing, &chunks);
    assert_same(&events, &in_pieces, "the pieces change the events");
    assert_eq!(outcome.as_ref().err().map(Error::to_string), other.err().map(|error| error.to_string()));
    let reply = assembled(events.clone());
    assert_same(&reply, &assembled(reply.clone().into_events()), "the reply and its own events differ");
    if outcome.is_ok() {
        write_streams(codec, &reply, &events, bytes.len());
    }
}

/// Returns how a stream's frames stand in these bytes.
///
/// Binary frames have checksums, which no fuzzer would guess: the target `framing` tries those, and here their names and
/// contents come as events do.
fn framing(codec: &dyn ChatCodec, bytes: &[u8]) -> Framing {
    match framing_of(codec.protocol()) {
        Framing::AwsEventStream => Framing::Sse,
        Framing::Sse if bytes.trim_ascii_start().starts_with(b"[") => Framing::JsonArray,
        framing => framing,
    }
}

fn read(codec: &dyn ChatCodec, framing: Framing, chunks: &[&[u8]]) -> (Vec<ChatEvent>, Result<(), Error>) {
    let mut splitter = FrameDecoder::new(framing);
    let mut decoder = codec.stream_decoder();
    let mut events = Vec::new();
    let mut read = || {
        for chunk in chunks {
            let mut frames = Vec::new();
            splitter.push(chunk, &mut frames)?;
            frames.into_iter().try_for_each(|frame| decoder.decode(&wrapped(codec, frame), &mut events))?;
        }
        let mut frames = Vec::new();
        splitter.finish(&mut frames)?;
        frames.into_iter().try_for_each(|frame| decoder.decode(&wrapped(codec, frame), &mut events))?;
        decoder.finish(&mut events)
    };
    let outcome = read();
    (events, outcome)
}

/// Puts an event into base64 where its protocol wants that, which the fuzzer could not change from within.
fn wrapped(codec: &dyn ChatCodec, mut frame: Frame) -> Frame {
    if codec.protocol() == Protocol::BEDROCK_INVOKE && frame.event.as_deref() == Some(INSIDE) {
        frame.data = format!("{{\"bytes\":\"{}\"}}", STANDARD.encode(&frame.data)).into();
    }
    frame
}

/// The name of events that stand here without their base64.
const INSIDE: &str = "chunk";

/// Writes events as a stream of every protocol, and reads it again.
fn write_streams(codec: &dyn ChatCodec, reply: &ChatReply, events: &[ChatEvent], length: usize) {
    for to in clients() {
        let way = format!("a stream of {} to {}", codec.protocol(), to.protocol());
        let mut encoder = to.stream_encoder(&context());
        let mut frames = Vec::new();
        events.iter().cloned().for_each(|event| encoder.encode(event, &mut frames));
        encoder.finish(&mut frames);
        // Some protocols say in each frame whose answer it is.
        let texts = [&reply.id, &reply.model, &reply.service_tier].into_iter().flatten().map(String::len);
        let extras = reply.extras.iter().map(|(_, name, value)| name.len() + value.as_str().len() + 8);
        let head: usize = texts.chain(extras).sum::<usize>() * 6 + 1024;
        let written: usize = frames.iter().map(|frame| frame.raw.len()).sum();
        let limit = 64 * length + frames.len() * head + (64 << 10);
        assert!(written <= limit, "{way}: {length} bytes became {written}");
        for frame in frames.iter().filter(|frame| frame.data.as_ref() != b"[DONE]") {
            assert_json(&frame.data, &way);
        }
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        let (again, outcome) = read_frames(to, &raw, &frames);
        // A stream that has no answer has no end that could be written.
        if reply.choices.iter().any(|choice| choice.finish.is_some()) {
            if let Err(error) = outcome {
                panic!("{way}: cannot read what it wrote: {error}\n{}", String::from_utf8_lossy(&raw));
            }
            assert_same_answer(reply, &assembled(again), to, &way);
        }
    }
}

/// Reads what was written, and checks that its bytes hold the same frames as its values.
fn read_frames(codec: &dyn ChatCodec, raw: &[u8], written: &[Frame]) -> (Vec<ChatEvent>, Result<(), Error>) {
    let mut decoder = codec.stream_decoder();
    let mut events = Vec::new();
    let mut outcome = written.iter().try_for_each(|frame| decoder.decode(frame, &mut events));
    if outcome.is_ok() {
        outcome = decoder.finish(&mut events);
    }
    let (from_bytes, _) = read(codec, framing_of(codec.protocol()), &[raw]);
    assert_same(&events, &from_bytes, "the bytes of the frames hold something else than the frames");
    (events, outcome)
}

/// Holds what was said to be the same, as far as every protocol can say it.
fn assert_same_answer(before: &ChatReply, after: &ChatReply, to: &dyn ChatCodec, way: &str) {
    let zeroth = |reply: &ChatReply| reply.choices.iter().find(|choice| choice.index == 0).cloned();
    let (Some(first), Some(second)) = (zeroth(before), zeroth(after)) else { return };
    let plain = |part: &Part| matches!(part, Part::Text(_) | Part::Thought(_) | Part::ToolCall(_));
    if !first.parts.iter().all(plain) {
        return;
    }
    let text = |parts: &[Part]| parts.iter().filter_map(Part::as_text).collect::<String>();
    assert_eq!(text(&first.parts), text(&second.parts), "{way}: the text differs");
    if to.protocol() == Protocol::OPENAI_COMPLETIONS {
        // It has nothing but text.
        return;
    }
    let names = |parts: &[Part]| {
        // Some servers fill in the fields of a call where there is none.
        let name = |part: &Part| match part {
            Part::ToolCall(call) => Some(call.name.clone()).filter(|name| !name.is_empty()),
            _ => None,
        };
        parts.iter().filter_map(name).collect::<Vec<_>>()
    };
    assert_eq!(names(&first.parts), names(&second.parts), "{way}: the calls differ");
}

fn assembled(events: Vec<ChatEvent>) -> ChatReply {
    let mut assembler = ChatAssembler::default();
    events.into_iter().for_each(|event| assembler.push(event));
    assembler.into_reply()
}
