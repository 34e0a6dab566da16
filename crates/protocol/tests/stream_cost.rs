//! What is written of a call's cost into its stream, and what is left alone.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use proptest::prelude::*;
use tollbridge_core::{Currency, Frame, Money};
use tollbridge_protocol::{FrameDecoder, Framing, StreamCost};
use tollbridge_types::Protocol;

fn frames(text: &str) -> Vec<Frame> {
    let (mut decoder, mut frames) = (FrameDecoder::new(Framing::Sse), Vec::new());
    decoder.push(text.as_bytes(), &mut frames).unwrap();
    decoder.finish(&mut frames).unwrap();
    frames
}

/// Returns a stream with the cost in it, and how many of its frames have passed before its end.
fn told(protocol: Protocol, text: &str, cost: Option<Money>) -> (String, usize) {
    let (mut stream, mut passed) = (StreamCost::new(protocol), Vec::new());
    for frame in frames(text) {
        stream.frame(frame, || cost, &mut passed);
    }
    let before = passed.len();
    stream.end(cost, &mut passed);
    let raw: Vec<&[u8]> = passed.iter().map(|frame| frame.raw.as_ref()).collect();
    (String::from_utf8(raw.concat()).unwrap(), before)
}

fn dollars(text: &str) -> Option<Money> {
    Some(text.parse().unwrap())
}

const FINISH: &str = "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\"}]}\n\n";

#[test]
fn the_cost_stands_where_each_protocol_tells_usage() {
    let cases = [
        (Protocol::OPENAI_CHAT, format!("{FINISH}data: {{\"usage\": {{}} }}\n\n"), "\"usage\": {\"cost\":0.5}"),
        (
            Protocol::OPENAI_RESPONSES,
            "data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"a\":1 }}}\n\n".to_owned(),
            "{\"a\":1 ,\"cost\":0.5}}}",
        ),
        (
            Protocol::ANTHROPIC_MESSAGES,
            "data: {\"type\":\"message_start\",\"message\":{\"stop_reason\":null,\"usage\":{\"a\":1}}}\n\n\
             data: {\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"b\":[]}}\n\n"
                .to_owned(),
            "{\"b\":[],\"cost\":0.5}}",
        ),
        (
            Protocol::GEMINI_GENERATE,
            "data: {\"usageMetadata\":{\"a\":1}}\r\n\r\n\
             data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"a\":2}}\r\n\r\n"
                .to_owned(),
            "{\"a\":2,\"cost\":0.5}}",
        ),
    ];
    for (protocol, text, place) in cases {
        let (passed, _) = told(protocol, &text, dollars("0.5"));
        assert!(passed.contains(place), "{passed}");
        let field = if passed.contains("{\"cost\"") { "\"cost\":0.5" } else { ",\"cost\":0.5" };
        assert_eq!(passed.replace(field, ""), text);
    }
}

#[test]
fn what_is_not_known_in_dollars_is_null() {
    let text = format!("{FINISH}data: {{\"usage\":{{\"a\":1}}}}\n\n");
    let euros = Currency::from_code("EUR").map(|euro| Money::from_pico(1, euro));
    for cost in [None, euros] {
        assert!(told(Protocol::OPENAI_CHAT, &text, cost).0.ends_with("{\"a\":1,\"cost\":null}}\n\n"));
    }
}

#[test]
fn the_smallest_amount_has_all_its_digits() {
    let text = format!("{FINISH}data: {{\"usage\":{{\"a\":1}}}}\n\n");
    let (passed, _) = told(Protocol::OPENAI_CHAT, &text, dollars("12345678901234567.000000000001"));
    assert!(passed.contains("\"cost\":12345678901234567.000000000001}"), "{passed}");
}

#[test]
fn only_the_last_usage_waits() {
    let running = "data: {\"choices\":[{\"index\":0}],\"usage\":{\"a\":1}}\n\n".repeat(5);
    let text = format!("{running}{FINISH}data: {{\"usage\":{{\"a\":2}}}}\n\ndata: {{\"usage\":{{\"a\":3}}}}\n\n");
    let (passed, before) = told(Protocol::OPENAI_CHAT, &text, dollars("1"));
    assert_eq!(before, 7, "the last one alone has waited");
    assert_eq!(passed, text.replace("\"a\":3", "\"a\":3,\"cost\":1"));
}

#[test]
fn a_stream_that_goes_on_or_fails_passes_as_it_is() {
    let usage = "data: {\"usage\":{\"a\":1}}\n\n";
    let endless = format!("{FINISH}{usage}{}", "data: {\"choices\":[]}\n\n".repeat(100));
    let failed = format!("{FINISH}{usage}data: {{\"error\":{{}}}}\n\n");
    for text in [endless, failed] {
        let (passed, before) = told(Protocol::OPENAI_CHAT, &text, dollars("1"));
        assert_eq!((&passed, before), (&text, text.matches("data:").count()));
    }
}

#[test]
fn what_is_no_usage_is_left_alone() {
    for usage in ["[1]", "7", "\"usage\"", "{\"a\":}"] {
        let text = format!("{FINISH}data: {{\"usage\":{usage}}}\n\n");
        assert_eq!(told(Protocol::OPENAI_CHAT, &text, dollars("1")).0, text);
    }
}

const PIECES: [&str; 9] = [
    FINISH,
    ": ping\n\n",
    "data: {\"usage\":{\"a\":1}}\n\n",
    "data: {\"choices\":[{\"delta\":{}}],\"usage\":null}\n\n",
    "event: x\r\ndata: {\"usage\":\r\ndata: {}}\r\n\r\n",
    "data: {\"error\":{}}\n\n",
    "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"a\":2}}\n\n",
    "data: {\"type\":\"message_stop\"}\n\n",
    "data: [DONE]\n\n",
];

proptest! {
    #[test]
    fn every_byte_passes_in_its_order(places in proptest::collection::vec(0..PIECES.len(), 0..40), protocol in 0..4_usize) {
        let protocols =
            [Protocol::OPENAI_CHAT, Protocol::OPENAI_RESPONSES, Protocol::ANTHROPIC_MESSAGES, Protocol::GEMINI_GENERATE];
        let text: String = places.iter().map(|place| PIECES[*place]).collect();
        let (passed, _) = told(protocols[protocol], &text, dollars("1"));
        prop_assert_eq!(passed.replace(",\"cost\":1", "").replace("\"cost\":1", ""), text);
    }
}
