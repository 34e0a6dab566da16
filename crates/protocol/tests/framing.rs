//! Framing survives whatever the network does to the bytes.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use proptest::prelude::*;
use tollbridge_core::Frame;
use tollbridge_protocol::{ChatCodec, FrameDecoder, Framing, codec};
use tollbridge_types::{ChatAssembler, ChatReply};

fn frames(framing: Framing, chunks: &[&[u8]]) -> Vec<Frame> {
    let mut decoder = FrameDecoder::new(framing);
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut frames).unwrap();
    }
    decoder.finish(&mut frames).unwrap();
    frames
}

fn shown(frames: &[Frame]) -> Vec<(Option<&str>, String)> {
    let shown = frames.iter().filter(|frame| !frame.is_comment());
    shown.map(|frame| (frame.event.as_deref(), String::from_utf8(frame.data.to_vec()).unwrap())).collect()
}

const FIXTURE: &str = "\u{feff}: hello\n\nevent: first\ndata: {\"text\": \"héllo 你好\"}\n\nid: 5\nretry: 10\ndata: one\r\ndata:two\r\n\r\ndata\rdata: x\r\runknown: y\nevent: second\ndata: last";

#[test]
fn every_split_reads_the_same() {
    let bytes = FIXTURE.as_bytes();
    let whole = frames(Framing::Sse, &[bytes]);
    insta::assert_debug_snapshot!(shown(&whole), @r#"
    [
        (
            Some(
                "first",
            ),
            "{\"text\": \"héllo 你好\"}",
        ),
        (
            None,
            "one\ntwo",
        ),
        (
            None,
            "\nx",
        ),
        (
            Some(
                "second",
            ),
            "last",
        ),
    ]
    "#);
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(frames(Framing::Sse, &[first, second]), whole, "cut at {at}");
    }
}

#[test]
fn a_large_event_and_one_too_large() {
    let data = "x".repeat(1 << 20);
    let event = format!("data: {data}\n\n");
    let read = frames(Framing::Sse, &event.as_bytes().chunks(1000).collect::<Vec<_>>());
    assert_eq!((read.len(), read[0].data.len()), (1, 1 << 20));
    let mut decoder = FrameDecoder::new(Framing::Sse).with_limit(1000);
    let error = decoder.push(event.as_bytes(), &mut Vec::new());
    // A whole event in one push is cut out before the limit counts what is left.
    assert!(error.is_ok());
    let error = FrameDecoder::new(Framing::Sse).with_limit(1000).push(&event.as_bytes()[..2000], &mut Vec::new());
    assert_eq!(error.unwrap_err().to_string(), "event 0 of the stream is longer than 1000 bytes");
}

#[test]
fn elements_of_an_array_are_frames() {
    let text = "[{\"a\": \"}]{\\\"\"},\r\n{\"b\": {\"c\": []}}\n]";
    let whole = frames(Framing::JsonArray, &[text.as_bytes()]);
    assert_eq!(
        shown(&whole).iter().map(|(_, data)| data.as_str()).collect::<Vec<_>>(),
        ["{\"a\": \"}]{\\\"\"}", "{\"b\": {\"c\": []}}"]
    );
    for at in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(at);
        assert_eq!(frames(Framing::JsonArray, &[first, second]), whole, "cut at {at}");
    }
    let mut decoder = FrameDecoder::new(Framing::JsonArray);
    decoder.push(b"[{\"a\": {", &mut Vec::new()).unwrap();
    assert_eq!(decoder.finish(&mut Vec::new()).unwrap_err().to_string(), "the stream ended inside its element 0");
}

fn chat(chunks: &[&[u8]]) -> Result<ChatReply, tollbridge_core::Error> {
    let mut decoder = codec::OPENAI_CHAT.stream_decoder();
    let mut assembler = ChatAssembler::default();
    let mut events = Vec::new();
    for frame in frames(Framing::Sse, chunks) {
        decoder.decode(&frame, &mut events)?;
    }
    decoder.finish(&mut events)?;
    events.into_iter().for_each(|event| assembler.push(event));
    Ok(assembler.into_reply())
}

#[test]
fn text_is_whole_at_every_split_and_an_early_end_is_an_error() {
    let chunk = |delta: &str, finish: &str| {
        format!("data: {{\"id\":\"1\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n")
    };
    let text =
        [chunk("{\"content\":\"héllo \"}", "null"), chunk("{\"content\":\"你好\"}", "null"), chunk("{}", "\"stop\"")]
            .concat();
    for at in 0..=text.len() {
        let (first, second) = text.as_bytes().split_at(at);
        assert_eq!(chat(&[first, second]).unwrap().text(), "héllo 你好", "cut at {at}");
    }
    let early = text.split("data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{},").next().unwrap();
    assert_eq!(chat(&[early.as_bytes()]).unwrap_err().to_string(), "the stream ended before the answer was complete");
}

#[test]
fn a_bad_event_is_an_error_that_names_it() {
    for (codec, what) in
        [(codec::OPENAI_CHAT, "object"), (codec::ANTHROPIC_MESSAGES, "JSON"), (codec::GEMINI_GENERATE, "JSON")]
    {
        let codec: &dyn ChatCodec = codec;
        let read = frames(Framing::Sse, &[b"data: {}\n\ndata: {\"a\": \n\n"]);
        let mut decoder = codec.stream_decoder();
        decoder.decode(&read[0], &mut Vec::new()).unwrap();
        let error = decoder.decode(&read[1], &mut Vec::new()).unwrap_err().to_string();
        assert!(error.starts_with("event 2 of the stream is not") && error.contains(what), "{error}");
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_and_chunks_do_not_matter(bytes in "[a-d:\\n\\r \u{feff}é]{0,200}", cuts in prop::collection::vec(0usize..50, 0..20)) {
        let whole = frames(Framing::Sse, &[bytes.as_bytes()]);
        let raw: Vec<u8> = whole.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        prop_assert_eq!(&raw, bytes.as_bytes());
        let mut rest = bytes.as_bytes();
        let mut chunks = Vec::new();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        prop_assert_eq!(frames(Framing::Sse, &chunks), whole);
    }
}
