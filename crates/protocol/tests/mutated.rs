//! Answers of the mocks, and recorded ones where `TOLLBRIDGE_CORPUS` names a folder of them, with something gone wrong.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::collections::BTreeSet;
use std::io::BufRead;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_protocol::{ChatCodec, FrameDecoder, Framing, Target, chat, framing_of};
use tollbridge_testkit::{Kind, Upstream};
use tollbridge_types::{ChatAssembler, ChatEvent, ChatReply, ChatRequest, Choice, Part, Protocol, Tool, Usage};

/// An answer that its codec reads to the end, whole or as a stream.
struct Answer {
    codec: &'static dyn ChatCodec,
    name: String,
    bytes: Vec<u8>,
}

fn codecs() -> impl Iterator<Item = &'static dyn ChatCodec> {
    Protocol::ALL.iter().filter_map(|protocol| chat(*protocol))
}

/// Asks every mock in every protocol for whole answers or for streams, and keeps those that are understood.
async fn mocked(stream: bool) -> Vec<Answer> {
    let tool = Tool::function(
        "weather",
        "the weather",
        serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}}),
    );
    let requests = [
        ChatRequest::new("model").max_tokens(100).user("héllo 你好 🌍"),
        ChatRequest::new("model").max_tokens(100).user("weather? parallel").tool(tool),
    ];
    let mut answers = Vec::new();
    for kind in Kind::ALL {
        let upstream = Upstream::new(kind).start().await.unwrap();
        let [whole, streamed] = kind.chat_paths();
        let own = if stream { streamed } else { whole };
        let openai = matches!(kind, Kind::OpenAi).then_some("/v1/responses");
        // Without the parameter, Google's streams are one array.
        let array = own.strip_suffix("?alt=sse");
        let before = answers.len();
        for path in [Some(own), openai, array].into_iter().flatten() {
            for (codec, request) in codecs().flat_map(|codec| requests.iter().map(move |request| (codec, request))) {
                let asked = codec.encode_request(request, &Target::new("model", stream), &mut Vec::new());
                let Ok(body) = asked else { continue };
                let (status, bytes) = upstream.post(path, body).await.unwrap();
                if status == 200 {
                    answers.extend(complete(codec, format!("{kind} in {}", codec.protocol()), bytes.to_vec(), stream));
                }
            }
        }
        assert!(answers.len() > before, "{kind} says nothing that is understood");
    }
    let spoken: BTreeSet<_> = answers.iter().map(|answer| answer.codec.protocol()).collect();
    assert!(spoken.len() >= 7, "the mocks speak only {spoken:?}");
    for wanted in [Framing::Sse, Framing::JsonArray, Framing::JsonLines, Framing::AwsEventStream] {
        let found = answers.iter().any(|answer| framing(answer.codec, &answer.bytes) == wanted);
        assert!(found || !stream, "no stream is in {wanted:?}");
    }
    answers
}

/// Takes recorded answers, up to a number of each protocol.
fn recorded(stream: bool, most: usize) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let folder = std::env::var_os("TOLLBRIDGE_CORPUS").map(std::fs::read_dir);
    let mut files: Vec<_> = folder.into_iter().flatten().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    for path in files {
        for line in std::io::BufReader::new(std::fs::File::open(path).unwrap()).lines() {
            let exchange: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let field = |path: &str| exchange.pointer(path).cloned().unwrap_or_default();
            let body = field("/response_body").as_str().map(str::to_owned).filter(|body| body.len() < 32 << 10);
            let Some(body) = body.filter(|_| field("/expected/stream").is_null() != stream) else { continue };
            let bytes = match field("/response_body_encoding").as_str() {
                Some("base64") => STANDARD.decode(body).unwrap(),
                _ => body.into_bytes(),
            };
            for codec in codecs() {
                if answers.iter().filter(|answer| answer.codec.protocol() == codec.protocol()).count() < most {
                    answers.extend(complete(codec, field("/id").to_string(), bytes.clone(), stream));
                }
            }
        }
    }
    answers
}

fn complete(codec: &'static dyn ChatCodec, name: String, bytes: Vec<u8>, stream: bool) -> Option<Answer> {
    let answers = if stream {
        let (events, outcome) = read(codec, &bytes);
        let told = |event: &ChatEvent| matches!(event, ChatEvent::Text { .. } | ChatEvent::ToolCallStart { .. });
        outcome.is_ok() && events.iter().any(told)
    } else {
        codec.decode_reply(&bytes).is_ok_and(|reply| reply.choices.iter().any(|choice| !choice.parts.is_empty()))
    };
    answers.then_some(Answer { codec, name, bytes })
}

fn framing(codec: &dyn ChatCodec, bytes: &[u8]) -> Framing {
    match framing_of(codec.protocol()) {
        Framing::Sse if bytes.starts_with(b"[") => Framing::JsonArray,
        framing => framing,
    }
}

fn frames(codec: &dyn ChatCodec, bytes: &[u8]) -> Result<Vec<Frame>, Error> {
    let mut splitter = FrameDecoder::new(framing(codec, bytes));
    let mut frames = Vec::new();
    splitter.push(bytes, &mut frames)?;
    splitter.finish(&mut frames)?;
    Ok(frames)
}

fn read(codec: &dyn ChatCodec, bytes: &[u8]) -> (Vec<ChatEvent>, Result<(), Error>) {
    match frames(codec, bytes) {
        Ok(frames) => decode(codec, &frames),
        Err(error) => (Vec::new(), Err(error)),
    }
}

fn decode(codec: &dyn ChatCodec, frames: &[Frame]) -> (Vec<ChatEvent>, Result<(), Error>) {
    let mut decoder = codec.stream_decoder();
    let mut events = Vec::new();
    let outcome = frames.iter().try_for_each(|frame| decoder.decode(frame, &mut events));
    let outcome = outcome.and_then(|()| decoder.finish(&mut events));
    (events, outcome)
}

fn assembled(events: &[ChatEvent]) -> ChatReply {
    let mut assembler = ChatAssembler::default();
    events.iter().cloned().for_each(|event| assembler.push(event));
    assembler.into_reply()
}

fn said(events: &[ChatEvent]) -> String {
    let text = |event: &ChatEvent| match event {
        ChatEvent::Text { choice: 0, text } => Some(text.clone()),
        _ => None,
    };
    events.iter().filter_map(text).collect()
}

/// What of an answer no unknown field may change.
#[derive(Debug, PartialEq)]
struct Known {
    id: Option<String>,
    model: Option<String>,
    usage: Option<Usage>,
    choices: Vec<(u32, Vec<Said>, Option<String>)>,
}

#[derive(Debug, PartialEq)]
enum Said {
    Text(String),
    Thought(String),
    Call(Option<String>, String, Value),
    Other,
}

fn known(reply: &ChatReply) -> Known {
    let part = |part: &Part| match part {
        Part::Text(text) => Said::Text(text.text.clone()),
        Part::Thought(thought) => Said::Thought(thought.text.clone()),
        Part::ToolCall(call) => {
            let arguments = serde_json::from_str(&call.arguments).unwrap_or(Value::Null);
            Said::Call(call.id.clone(), call.name.clone(), arguments)
        }
        _ => Said::Other,
    };
    let choice = |choice: &Choice| {
        let finish = choice.finish.as_ref().and_then(|finish| finish.raw.clone());
        (choice.index, choice.parts.iter().map(part).collect(), finish)
    };
    let usage = reply.usage.clone().map(|mut usage| {
        usage.raw = None;
        usage
    });
    Known {
        id: reply.id.clone(),
        model: reply.model.clone(),
        usage,
        choices: reply.choices.iter().map(choice).collect(),
    }
}

/// What an unknown field may hold.
const UNKNOWN: &str = "{\"choices\":[{\"text\":\"no\"}],\"n\":1e400,\"null\":null}";

/// Objects that are the model's own words, and no part of the protocol.
const DATA: &[&str] = &["args", "arguments", "input", "action", "operation"];

fn with_unknown(text: &str, name: &str) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    add_unknown(&mut value, name);
    value.to_string().replace("\"UNKNOWN\"", UNKNOWN)
}

fn add_unknown(value: &mut Value, name: &str) {
    match value {
        Value::Object(fields) => {
            let inner = fields.iter_mut().filter(|(field, _)| !DATA.contains(&field.as_str()));
            inner.for_each(|(_, value)| add_unknown(value, name));
            fields.insert(name.to_owned(), "UNKNOWN".into());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add_unknown(item, name)),
        _ => {}
    }
}

fn unknown_fields_change_nothing(streams: &[Answer]) {
    // At the start of every object, and at its end.
    for (stream, name) in streams.iter().flat_map(|stream| [(stream, "a_unknown"), (stream, "z_unknown")]) {
        let mut frames = frames(stream.codec, &stream.bytes).unwrap();
        let before = known(&assembled(&decode(stream.codec, &frames).0));
        for frame in frames.iter_mut().filter(|frame| frame.data.starts_with(b"{")) {
            frame.data = with_unknown(std::str::from_utf8(&frame.data).unwrap(), name).into();
        }
        let (events, outcome) = decode(stream.codec, &frames);
        assert!(outcome.is_ok(), "{}: {}", stream.name, outcome.unwrap_err());
        assert_eq!(known(&assembled(&events)), before, "{}", stream.name);
    }
}

fn a_cut_is_an_error_or_the_whole_answer(streams: &[Answer], step: usize) {
    for stream in streams {
        let whole = said(&read(stream.codec, &stream.bytes).0);
        for end in (0..stream.bytes.len()).step_by(step) {
            let (events, outcome) = read(stream.codec, stream.bytes.get(..end).unwrap());
            match outcome {
                Ok(()) => assert_eq!(said(&events), whole, "{} cut at {end}", stream.name),
                Err(error) => assert!(!error.message().is_empty()),
            }
        }
    }
}

fn events_lost_or_doubled_say_what_is_left(streams: &[Answer]) {
    for stream in streams {
        let frames = frames(stream.codec, &stream.bytes).unwrap();
        let mut decoder = stream.codec.stream_decoder();
        let texts: Vec<String> = frames
            .iter()
            .map(|frame| {
                let mut events = Vec::new();
                decoder.decode(frame, &mut events).unwrap();
                said(&events)
            })
            .collect();
        for (place, (frame, text)) in frames.iter().zip(&texts).enumerate() {
            let (mut lost, mut left) = (frames.clone(), texts.clone());
            lost.remove(place);
            left.remove(place);
            let (events, outcome) = decode(stream.codec, &lost);
            let read = said(&events);
            // Protocols that say everything twice bring what one event lost.
            let right = read == left.concat() || read == texts.concat();
            assert!(outcome.is_err() || right, "{} without event {place}", stream.name);
            let (mut doubled, mut more) = (frames.clone(), texts.clone());
            doubled.insert(place, frame.clone());
            more.insert(place, text.clone());
            let (events, outcome) = decode(stream.codec, &doubled);
            let read = said(&events);
            let right = read == more.concat() || read == texts.concat();
            assert!(outcome.is_err() || right, "{} with event {place} twice", stream.name);
        }
    }
}

fn unknown_fields_change_no_reply(replies: &[Answer]) {
    for (reply, name) in replies.iter().flat_map(|reply| [(reply, "a_unknown"), (reply, "z_unknown")]) {
        let before = known(&reply.codec.decode_reply(&reply.bytes).unwrap());
        let with = with_unknown(std::str::from_utf8(&reply.bytes).unwrap(), name);
        let after = reply.codec.decode_reply(with.as_bytes());
        assert!(after.is_ok(), "{}: {}", reply.name, after.unwrap_err());
        assert_eq!(known(&after.unwrap()), before, "{}", reply.name);
    }
}

fn a_cut_reply_is_an_error(replies: &[Answer], step: usize) {
    for reply in replies {
        for end in (0..reply.bytes.trim_ascii_end().len()).step_by(step) {
            let cut = reply.codec.decode_reply(reply.bytes.get(..end).unwrap());
            assert!(cut.is_err(), "{} cut at {end} is a reply", reply.name);
            let error = cut.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "{} cut at {end}: {error}", reply.name);
        }
    }
}

#[tokio::test]
async fn streams_of_the_mocks_with_unknown_fields() {
    unknown_fields_change_nothing(&mocked(true).await);
}

#[tokio::test]
async fn streams_of_the_mocks_cut_at_each_byte() {
    a_cut_is_an_error_or_the_whole_answer(&mocked(true).await, 1);
}

#[tokio::test]
async fn streams_of_the_mocks_with_events_lost_and_doubled() {
    events_lost_or_doubled_say_what_is_left(&mocked(true).await);
}

#[tokio::test]
async fn replies_of_the_mocks_with_unknown_fields() {
    unknown_fields_change_no_reply(&mocked(false).await);
}

#[tokio::test]
async fn replies_of_the_mocks_cut_at_each_byte() {
    a_cut_reply_is_an_error(&mocked(false).await, 1);
}

#[test]
fn recorded_streams_with_unknown_fields() {
    unknown_fields_change_nothing(&recorded(true, 200));
}

#[test]
fn recorded_streams_cut_here_and_there() {
    a_cut_is_an_error_or_the_whole_answer(&recorded(true, 40), 97);
}

#[test]
fn recorded_streams_with_events_lost_and_doubled() {
    events_lost_or_doubled_say_what_is_left(&recorded(true, 20));
}

#[test]
fn recorded_replies_with_unknown_fields() {
    unknown_fields_change_no_reply(&recorded(false, 200));
}

#[test]
fn recorded_replies_cut_here_and_there() {
    a_cut_reply_is_an_error(&recorded(false, 40), 97);
}
