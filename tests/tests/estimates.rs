//! What is recorded of calls whose vendors did not say, or not to the end, what they used.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge::tokens::{Encoding, count};
use tollbridge::types::{Usage, UsageBasis};
use tollbridge::usage::Status;
use tollbridge_testkit::Step;
use tollbridge_tests::{Recorded, calls};

const ENGLISH: &str = "The sky is blue because the molecules of the air scatter short waves of sunlight far more than \
    long ones. Towards the horizon the light has crossed so much air that most of the blue is gone, which leaves the \
    reds and oranges of an evening. On Mars, where fine dust does the scattering, it happens to be the other way round.";
const CHINESE: &str = "天空呈蓝色，是因为空气分子对短波光的散射远远强于长波光。傍晚时分，阳光要穿过更厚的大气层，蓝光大多已经散失，\
    所以我们看到的是红色和橙色。火星上的情况正好相反：那里的细小尘埃使白天的天空泛黄，而日落时却显得发蓝。";

#[tokio::test]
async fn a_vendor_without_usage_is_counted() {
    let recorded = Recorded::start(|_, _| {}).await;
    for stream in [false, true] {
        recorded.bench.openai.script(["no-usage"]).unwrap();
        let (path, body) = &calls("openai/gpt-4o", stream)[0];
        recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    }
    for record in recorded.records() {
        let usage = record.usage.unwrap();
        assert_eq!(usage.basis, UsageBasis::Counted, "{}", record.stream);
        assert!(usage.total_input() > 0 && usage.total_output() > 0, "{usage:?}");
        assert!(record.charge.cost.unwrap().pico() > 0);
    }
}

#[tokio::test]
async fn without_a_counter_four_bytes_are_a_token() {
    let recorded = Recorded::start(|options, _| options.count = None).await;
    recorded.bench.openai.script(["no-usage"]).unwrap();
    let (path, body) = &calls("openai/gpt-4o", false)[0];
    recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    let usage = recorded.records().remove(0).usage.unwrap();
    assert_eq!(usage.basis, UsageBasis::Estimated);
    assert!(usage.total_input() > 0 && usage.total_output() > 0, "{usage:?}");
}

/// A stream that breaks off after some events.
fn broken(events: &[Value]) -> Vec<Step> {
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let chunks = events.iter().map(|event| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    });
    vec![Step::canned(200, headers, chunks.collect()).cut()]
}

/// Cuts a text as vendors do, without regard to words.
fn pieces(text: &str) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(3).map(|piece| piece.iter().collect()).collect()
}

fn delta(delta: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

/// Sends a question that is answered by a stream which breaks off, and returns the usage that is recorded.
async fn broken_usage(provider: &str, (path, body): &(String, Value), events: &[Value]) -> Usage {
    let recorded = Recorded::start(|_, _| {}).await;
    let (_, upstream) = recorded.bench.upstreams().find(|(name, _)| *name == provider).unwrap();
    upstream.play(broken(events));
    recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    let record = recorded.records_once(1).await.remove(0);
    assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some("network")), "{provider}");
    record.usage.unwrap()
}

/// Says whether a count is at most 15 % off.
fn is_near(count: u64, truth: u64) -> bool {
    count.abs_diff(truth) * 100 <= truth * 15
}

#[tokio::test]
async fn what_was_written_until_a_stream_broke_off_is_counted_in_any_script() {
    for text in [ENGLISH.to_owned(), CHINESE.to_owned(), ENGLISH.repeat(300), CHINESE.repeat(300)] {
        let mut events = vec![delta(&json!({"role": "assistant", "content": ""}))];
        events.extend(pieces(&text).iter().map(|piece| delta(&json!({"content": piece}))));
        let usage = broken_usage("openai", &calls("openai/gpt-4o", true)[0], &events).await;
        let truth = Encoding::O200K.count(&text);
        assert!(is_near(usage.total_output(), truth), "{} instead of {truth}", usage.total_output());
        // Of the longest answers only the beginning is kept, and the rest estimated.
        let basis = if text.len() > 1 << 16 { UsageBasis::Estimated } else { UsageBasis::Counted };
        // One message of two words.
        assert_eq!((usage.basis, usage.input), (basis, Some(8)));
    }
}

#[tokio::test]
async fn thoughts_and_the_arguments_of_calls_are_output() {
    let arguments = r#"{"city":"Reykjavík","unit":"celsius"}"#;
    let mut events = vec![delta(&json!({"reasoning_content": ENGLISH}))];
    let call = |function: Value| delta(&json!({"tool_calls": [{"index": 0, "function": function}]}));
    events.push(call(json!({"name": "weather", "arguments": ""})));
    events.extend(pieces(arguments).iter().map(|piece| call(json!({"arguments": piece}))));
    let usage = broken_usage("openai", &calls("openai/gpt-4o", true)[0], &events).await;
    assert_eq!(usage.total_output(), Encoding::O200K.count(&format!("{ENGLISH}{arguments}")));

    let arguments: Value = serde_json::from_str(arguments).unwrap();
    let parts = json!([{"text": ENGLISH, "thought": true}, {"functionCall": {"name": "weather", "args": arguments}}]);
    let events = [json!({"candidates": [{"content": {"role": "model", "parts": parts}}]})];
    let usage = broken_usage("gemini", &calls("gemini/gemini-2.5-pro", true)[3], &events).await;
    let estimate = count("gemini-2.5-pro", &format!("{ENGLISH}{arguments}"));
    assert_eq!((usage.total_output(), usage.basis), estimate);
}

#[tokio::test]
async fn what_a_vendor_told_before_it_broke_off_is_the_least() {
    let start = |output: u64| {
        let usage = json!({"input_tokens": 9, "output_tokens": output});
        json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5", "content": [], "usage": usage}})
    };
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let text = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": CHINESE}});
    let (estimate, basis) = count("claude-sonnet-4-5", CHINESE);
    for (told, output, basis) in [(1, estimate, basis), (9999, 9999, UsageBasis::VendorPartial)] {
        let events = [start(told), block.clone(), text.clone()];
        let usage = broken_usage("anthropic", &calls("anthropic/claude-sonnet-4-5", true)[2], &events).await;
        assert_eq!((usage.total_input(), usage.total_output(), usage.basis), (9, output, basis));
    }
}

#[tokio::test]
async fn tools_and_texts_to_embed_are_counted_as_input() {
    let recorded = Recorded::start(|_, _| {}).await;
    let json_reply = |body: &Value| {
        vec![Step::canned(
            200,
            vec![("content-type".to_owned(), "application/json".to_owned())],
            vec![body.to_string()],
        )]
    };
    let message = json!({"role": "assistant", "content": CHINESE});
    let choices = json!([{"index": 0, "finish_reason": "stop", "message": message}]);
    recorded.bench.openai.play(json_reply(&json!({"id": "c", "object": "chat.completion", "choices": choices})));
    let tool = json!({"name": "weather", "description": "Tells the weather.", "parameters":
        {"type": "object", "properties": {"city": {"type": "string", "description": "The city."}}}});
    let body = json!({"model": "openai/gpt-4o", "messages": [{"role": "user", "content": CHINESE}],
        "tools": [{"type": "function", "function": tool}]});
    recorded.bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap();
    let vectors = json!([{"object": "embedding", "index": 0, "embedding": [0.5, 1]}]);
    recorded.bench.openai.play(json_reply(&json!({"object": "list", "data": vectors})));
    let body = json!({"model": "openai/text-embedding-3-small", "input": CHINESE});
    recorded.bench.send(Method::POST, "/v1/embeddings", body.to_string()).await.unwrap();

    let usages: Vec<_> = recorded.records().into_iter().map(|record| record.usage.unwrap()).collect();
    let words = Encoding::O200K.count(CHINESE);
    assert!(usages[0].total_input() > words + 20 && usages[0].total_input() < words + 60, "{:?}", usages[0]);
    assert_eq!(usages[0].total_output(), words);
    let embedded = (usages[1].total_input(), usages[1].total_output(), usages[1].basis);
    assert_eq!(embedded, (Encoding::CL100K.count(CHINESE), 0, UsageBasis::Counted));
}
