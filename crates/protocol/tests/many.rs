//! What there are ten thousand of crosses in time that grows with their number alone: were anything done for each by
//! each, this would take minutes.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tollbridge_core::{Operation, Request};
use tollbridge_protocol::{ChatCodec, codec, translate};
use tollbridge_types::Protocol;

const MANY: usize = 10_000;

const CLIENTS: [&dyn ChatCodec; 5] = [
    codec::OPENAI_CHAT,
    codec::OPENAI_COMPLETIONS,
    codec::OPENAI_RESPONSES,
    codec::ANTHROPIC_MESSAGES,
    codec::GEMINI_GENERATE,
];

const VENDORS: [&dyn ChatCodec; 8] = [
    codec::OPENAI_CHAT,
    codec::OPENAI_COMPLETIONS,
    codec::OPENAI_RESPONSES,
    codec::ANTHROPIC_MESSAGES,
    codec::GEMINI_GENERATE,
    codec::BEDROCK_CONVERSE,
    codec::COHERE_CHAT,
    codec::OLLAMA_CHAT,
];

/// Returns the name of the conversation in a client's body, and one message with a field that no vendor knows.
fn message(protocol: Protocol) -> (&'static str, Value) {
    match protocol {
        Protocol::OPENAI_RESPONSES => {
            ("input", json!({"role": "user", "content": [{"type": "input_text", "text": "hi", "later": 1}]}))
        }
        Protocol::GEMINI_GENERATE => ("contents", json!({"role": "user", "parts": [{"text": "hi", "later": 1}]})),
        _ => ("messages", json!({"role": "user", "content": [{"type": "text", "text": "hi", "later": 1}]})),
    }
}

fn body(protocol: Protocol, messages: usize) -> Map<String, Value> {
    let (list, message) = message(protocol);
    let body = match protocol {
        Protocol::OPENAI_COMPLETIONS => json!({"model": "m", "prompt": "hi"}),
        _ => json!({"model": "m", "max_tokens": 9, list: vec![message; messages]}),
    };
    body.as_object().unwrap().clone()
}

fn losses(from: &dyn ChatCodec, to: &dyn ChatCodec, body: &Map<String, Value>) -> Vec<String> {
    let bytes = Bytes::from(serde_json::to_vec(body).unwrap());
    let request = Request::from_wire(Operation::Chat, from.protocol(), "m", bytes);
    let encoded = translate::request(&request, to, false).unwrap();
    encoded.losses.into_iter().map(|loss| loss.path).collect()
}

#[test]
fn messages_of_one_role() {
    for from in CLIENTS.into_iter().filter(|from| from.protocol() != Protocol::OPENAI_COMPLETIONS) {
        let body = body(from.protocol(), MANY);
        // Text completions have one text, in which nothing is told apart.
        for to in VENDORS.into_iter().filter(|to| to.protocol() != Protocol::OPENAI_COMPLETIONS) {
            let told = losses(from, to, &body);
            if from.protocol() != to.protocol() {
                let list = message(from.protocol()).0;
                let inner = if from.protocol() == Protocol::GEMINI_GENERATE { "parts" } else { "content" };
                let last = format!("{list}[{}].{inner}[0].later", MANY - 1);
                assert!(told.len() >= MANY && told.contains(&last), "{} → {}", from.protocol(), to.protocol());
            }
        }
    }
}

#[test]
fn fields_that_are_not_known() {
    for from in CLIENTS {
        let mut body = body(from.protocol(), 1);
        body.extend((0..MANY).map(|number| (format!("field_{number}"), Value::from(number))));
        for to in VENDORS {
            let told = losses(from, to, &body);
            if from.protocol() != to.protocol() {
                assert!(told.len() >= MANY, "{} → {}", from.protocol(), to.protocol());
            }
        }
    }
}

#[test]
fn calls_and_their_results() {
    let mut messages = vec![json!({"role": "user", "content": "hi"})];
    for number in 0..MANY / 2 {
        let call = json!({"id": format!("c{number}"), "type": "function", "function": {"name": "f", "arguments": "{}"}, "later": 1});
        messages.push(json!({"role": "assistant", "content": null, "tool_calls": [call]}));
        messages.push(json!({"role": "tool", "tool_call_id": format!("c{number}"), "content": "x", "later": 1}));
    }
    let mut body = body(Protocol::OPENAI_CHAT, 0);
    body.insert("messages".to_owned(), messages.into());
    for to in
        VENDORS.into_iter().filter(|to| ![Protocol::OPENAI_COMPLETIONS, Protocol::OPENAI_CHAT].contains(&to.protocol()))
    {
        let told = losses(codec::OPENAI_CHAT, to, &body);
        let last = format!("messages[{MANY}].later");
        assert!(told.len() >= MANY && told.contains(&last), "{}: {:?}", to.protocol(), told.last());
    }
}
