//! Ollama's own protocol.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, End, Say, pieces};
use crate::tokens;
use crate::upstream::UsageMode;
use crate::wire::{Wire, texts, vector};

/// Reads a chat request.
pub(crate) fn ask(body: &Value) -> Ask {
    let mut ask = crate::openai::ask(body);
    ask.answers = 1;
    let seen = body["messages"].as_array().into_iter().flatten().filter(|message| message["role"] != "tool");
    for (message, (_, text)) in seen.zip(&mut ask.messages) {
        if message["images"].is_array() {
            text.push_str(" [image]");
        }
    }
    let options = &body["options"];
    ask.limit = options["num_predict"].as_u64();
    let stop = options["stop"].as_array().into_iter().flatten();
    ask.stop = stop.filter_map(Value::as_str).map(str::to_owned).collect();
    ask.schema = match &body["format"] {
        Value::String(_) => Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}})),
        schema if schema.is_object() => Some(schema.clone()),
        _ => None,
    };
    ask.reasoning = !matches!(body["think"], Value::Null | Value::Bool(false));
    ask.stream = body["stream"] != false;
    ask
}

/// Returns the answer to a request that asks nothing special.
pub(crate) fn usual(ask: &Ask) -> String {
    ask.messages.last().map(|(_, text)| format!("ollama: {text}")).unwrap_or_default()
}

/// Writes the answer: one object, or one on each line.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    let object = |message: Value| json!({"model": ask.model, "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false});
    let calls: Vec<Value> = say
        .calls
        .iter()
        .map(|(id, name, arguments)| json!({"id": id, "function": {"name": name, "arguments": arguments}}))
        .collect();
    let end = |mut last: Value| {
        last["done"] = true.into();
        last["done_reason"] = (if say.end == End::Limit { "length" } else { "stop" }).into();
        if mode != UsageMode::Omit {
            last["prompt_eval_count"] = say.input.into();
            last["eval_count"] = (say.output + say.thinking).into();
        }
        last
    };
    if !ask.stream {
        let mut message = json!({"role": "assistant", "content": say.text});
        if let Some(thinking) = &say.reasoning {
            message["thinking"] = json!(thinking);
        }
        if !calls.is_empty() {
            message["tool_calls"] = calls.into();
        }
        return Wire::Whole(end(object(message)));
    }
    let mut lines = Vec::new();
    for piece in say.reasoning.as_deref().map(pieces).unwrap_or_default() {
        lines.push(object(json!({"role": "assistant", "content": "", "thinking": piece})));
    }
    for piece in pieces(&say.text) {
        lines.push(object(json!({"role": "assistant", "content": piece})));
    }
    for call in calls {
        lines.push(object(json!({"role": "assistant", "content": "", "tool_calls": [call]})));
    }
    lines.push(end(object(json!({"role": "assistant", "content": ""}))));
    let events: Vec<Bytes> = lines.iter().map(event).collect();
    let answered = events.len();
    Wire::Stream { events, answered, content_type: "application/x-ndjson" }
}

pub(crate) fn event(line: &Value) -> Bytes {
    Bytes::from(format!("{line}\n"))
}

/// Answers `/api/embed`.
pub(crate) fn embeddings(body: &Value, seed: u64) -> Value {
    let inputs: Vec<String> = match &body["input"] {
        Value::Array(list) => list.iter().map(texts).collect(),
        one => vec![texts(one)],
    };
    let dimensions = body["dimensions"].as_u64().unwrap_or(8).min(4096);
    let vectors: Vec<_> = inputs.iter().map(|text| vector(seed, text, dimensions)).collect();
    let count: u64 = inputs.iter().map(|text| tokens::count(text)).sum();
    json!({"model": body["model"], "embeddings": vectors, "prompt_eval_count": count})
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({"models": [{"name": model, "model": model, "size": 1, "capabilities": ["completion", "tools"]}]})
}
