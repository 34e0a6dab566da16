//! Cohere's protocol.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::tokens;
use crate::upstream::UsageMode;
use crate::wire::{Wire, texts, vector};

/// Reads a chat request.
pub(crate) fn ask(body: &Value) -> Ask {
    let mut ask = crate::openai::ask(body);
    ask.answers = 1;
    ask.limit = body["max_tokens"].as_u64();
    let stop = body["stop_sequences"].as_array().into_iter().flatten();
    ask.stop = stop.filter_map(Value::as_str).map(str::to_owned).collect();
    ask.choice = match body["tool_choice"].as_str() {
        Some("NONE") => Choice::None,
        Some("REQUIRED") => Choice::Required,
        _ => Choice::Auto,
    };
    let schema = &body["response_format"]["json_schema"];
    ask.schema = if schema.is_object() { Some(schema.clone()) } else { ask.schema };
    ask.reasoning = body["thinking"]["type"] == "enabled";
    ask
}

/// Returns the answer to a request that asks nothing special.
pub(crate) fn usual(ask: &Ask) -> String {
    ask.messages.last().map(|(_, text)| format!("cohere: {text}")).unwrap_or_default()
}

fn finish(say: &Say) -> &'static str {
    match say.end {
        End::Calls => "TOOL_CALL",
        End::Limit => "MAX_TOKENS",
        End::Stop(_) => "STOP_SEQUENCE",
        End::Done => "COMPLETE",
    }
}

fn usage(say: &Say, mode: UsageMode) -> Value {
    let tokens = json!({"input_tokens": say.input, "output_tokens": say.output + say.thinking});
    if mode == UsageMode::Omit { Value::Null } else { json!({"billed_units": tokens, "tokens": tokens}) }
}

fn call((id, name, arguments): &(String, String, Value)) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
}

/// Writes the answer.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    if ask.stream { stream(say, mode) } else { Wire::Whole(whole(say, mode)) }
}

fn whole(say: &Say, mode: UsageMode) -> Value {
    let mut content = Vec::new();
    content.extend(say.reasoning.as_ref().map(|text| json!({"type": "thinking", "thinking": text})));
    if say.calls.is_empty() {
        content.push(json!({"type": "text", "text": say.text}));
    }
    let mut message = json!({"role": "assistant", "content": content});
    if !say.calls.is_empty() {
        message["tool_plan"] = json!("I will ask.");
        message["tool_calls"] = say.calls.iter().map(call).collect();
    }
    json!({"id": "mock-cohere", "finish_reason": finish(say), "message": message, "usage": usage(say, mode)})
}

fn stream(say: &Say, mode: UsageMode) -> Wire {
    let mut events = Vec::new();
    let mut push = |kind: &str, mut event: Value| {
        event["type"] = kind.into();
        events.push(self::event(&event));
    };
    push("message-start", json!({"id": "mock-cohere", "delta": {"message": {"role": "assistant", "content": []}}}));
    let mut index = 0;
    for (kind, text) in
        [("thinking", say.reasoning.as_deref()), ("text", say.calls.is_empty().then_some(say.text.as_str()))]
    {
        let Some(text) = text else { continue };
        push("content-start", json!({"index": index, "delta": {"message": {"content": {"type": kind, kind: ""}}}}));
        for piece in pieces(text) {
            push("content-delta", json!({"index": index, "delta": {"message": {"content": {kind: piece}}}}));
        }
        push("content-end", json!({"index": index}));
        index += 1;
    }
    if !say.calls.is_empty() {
        push("tool-plan-delta", json!({"delta": {"message": {"tool_plan": "I will ask."}}}));
    }
    for (place, one) in say.calls.iter().enumerate() {
        let mut begun = call(one);
        begun["function"]["arguments"] = "".into();
        push("tool-call-start", json!({"index": place, "delta": {"message": {"tool_calls": begun}}}));
        for piece in pieces(&one.2.to_string()) {
            let delta = json!({"message": {"tool_calls": {"function": {"arguments": piece}}}});
            push("tool-call-delta", json!({"index": place, "delta": delta}));
        }
        push("tool-call-end", json!({"index": place}));
    }
    push("message-end", json!({"delta": {"finish_reason": finish(say), "usage": usage(say, mode)}}));
    let answered = events.len();
    Wire::Stream { events, answered, content_type: "text/event-stream" }
}

pub(crate) fn event(event: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or("error")))
}

/// Answers `/v2/embed`.
pub(crate) fn embeddings(body: &Value, seed: u64) -> Value {
    let inputs: Vec<String> = body["texts"].as_array().into_iter().flatten().map(texts).collect();
    let dimensions = body["output_dimension"].as_u64().unwrap_or(8).min(4096);
    let vectors: Vec<_> = inputs.iter().map(|text| vector(seed, text, dimensions)).collect();
    let count: u64 = inputs.iter().map(|text| tokens::count(text)).sum();
    json!({
        "id": "mock-embed", "embeddings": {"float": vectors}, "texts": inputs,
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": count}},
    })
}

/// Answers `/v1/tokenize`.
pub(crate) fn tokenize(body: &Value) -> Value {
    let count = tokens::count(body["text"].as_str().unwrap_or_default());
    json!({"tokens": (0..count).collect::<Vec<_>>(), "meta": {"api_version": {"version": "1"}}})
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({"models": [{"name": model, "endpoints": ["chat", "embed"], "context_length": 128_000}]})
}
