//! Anthropic's protocol.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::upstream::UsageMode;
use crate::wire::{Wire, texts};

/// Reads a messages request.
pub(crate) fn ask(body: &Value) -> Ask {
    let mut ask = Ask { model: body["model"].as_str().unwrap_or_default().to_owned(), answers: 1, ..Ask::default() };
    if !body["system"].is_null() {
        ask.messages.push(("system".to_owned(), texts(&body["system"])));
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let blocks = message["content"].as_array();
        let results = blocks.into_iter().flatten().filter(|block| block["type"] == "tool_result");
        let results: Vec<String> = results.map(|result| texts(&result["content"])).collect();
        let text = texts(&message["content"]);
        if results.is_empty() || !text.is_empty() {
            ask.messages.push((message["role"].as_str().unwrap_or("user").to_owned(), text));
        }
        ask.results = results;
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        ask.tools.extend(tool["name"].as_str().map(|name| (name.to_owned(), tool["input_schema"].clone())));
    }
    ask.choice = match body["tool_choice"]["type"].as_str() {
        Some("none") => Choice::None,
        Some("any") => Choice::Required,
        Some("tool") => Choice::Tool(body["tool_choice"]["name"].as_str().unwrap_or_default().to_owned()),
        _ => Choice::Auto,
    };
    let format = [&body["output_config"]["format"], &body["output_format"]];
    ask.schema =
        format.into_iter().find(|format| format["type"] == "json_schema").map(|format| format["schema"].clone());
    ask.reasoning = matches!(body["thinking"]["type"].as_str(), Some("enabled" | "adaptive"));
    ask.limit = body["max_tokens"].as_u64();
    let stop = body["stop_sequences"].as_array().into_iter().flatten();
    ask.stop = stop.filter_map(Value::as_str).map(str::to_owned).collect();
    ask.stream = body["stream"] == true;
    ask
}

/// Returns the answer to a request that asks nothing special: all that was said.
pub(crate) fn usual(ask: &Ask) -> String {
    ask.messages.iter().map(|(role, text)| format!("{role}: {text}")).collect::<Vec<_>>().join("\n")
}

fn usage(say: &Say, mode: UsageMode) -> Value {
    if mode == UsageMode::Constant {
        return json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2});
    }
    let mut usage = json!({
        "input_tokens": say.input,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": say.output + say.thinking,
    });
    if say.thinking > 0 {
        usage["output_tokens_details"] = json!({"thinking_tokens": say.thinking});
    }
    usage
}

fn stop(say: &Say) -> (&'static str, Value) {
    match &say.end {
        End::Calls => ("tool_use", Value::Null),
        End::Limit => ("max_tokens", Value::Null),
        End::Stop(text) => ("stop_sequence", json!(text)),
        End::Done => ("end_turn", Value::Null),
    }
}

/// Writes the answer.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    let (reason, sequence) = stop(say);
    let id = format!("local-anthropic-mock{}", say.id_end);
    let head = json!({"id": id, "type": "message", "role": "assistant", "model": ask.model});
    if ask.stream {
        return stream(head, say, mode);
    }
    let mut content = Vec::new();
    if let Some(reasoning) = &say.reasoning {
        content.push(json!({"type": "thinking", "thinking": reasoning, "signature": SIGNATURE}));
    }
    if !say.text.is_empty() || say.calls.is_empty() {
        content.push(json!({"type": "text", "text": say.text}));
    }
    let calls =
        say.calls.iter().map(|(id, name, input)| json!({"type": "tool_use", "id": id, "name": name, "input": input}));
    content.extend(calls);
    let mut body = head;
    body["content"] = content.into();
    body["stop_reason"] = reason.into();
    body["stop_sequence"] = sequence;
    if mode != UsageMode::Omit {
        body["usage"] = usage(say, mode);
    }
    Wire::Whole(body)
}

fn stream(mut head: Value, say: &Say, mode: UsageMode) -> Wire {
    let (reason, sequence) = stop(say);
    head["content"] = json!([]);
    head["stop_reason"] = Value::Null;
    head["stop_sequence"] = Value::Null;
    head["usage"] = json!({"input_tokens": say.input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 1});
    let mut events = vec![event(&json!({"type": "message_start", "message": head}))];
    let mut index = 0;
    let mut block = |start: Value, deltas: Vec<Value>, events: &mut Vec<Bytes>| {
        events.push(event(&json!({"type": "content_block_start", "index": index, "content_block": start})));
        if index == 0 {
            events.push(event(&json!({"type": "ping"})));
        }
        for delta in deltas {
            events.push(event(&json!({"type": "content_block_delta", "index": index, "delta": delta})));
        }
        events.push(event(&json!({"type": "content_block_stop", "index": index})));
        index += 1;
    };
    if let Some(reasoning) = &say.reasoning {
        let pieces = pieces(reasoning).into_iter().map(|piece| json!({"type": "thinking_delta", "thinking": piece}));
        let signature = json!({"type": "signature_delta", "signature": SIGNATURE});
        let start = json!({"type": "thinking", "thinking": "", "signature": ""});
        block(start, pieces.chain([signature]).collect(), &mut events);
    }
    if !say.text.is_empty() || say.calls.is_empty() {
        let pieces = pieces(&say.text).into_iter().map(|piece| json!({"type": "text_delta", "text": piece}));
        block(json!({"type": "text", "text": ""}), pieces.collect(), &mut events);
    }
    for (id, name, input) in &say.calls {
        let input = input.to_string();
        let (first, second) =
            input.split_at(input.char_indices().nth(input.chars().count() / 2).map_or(0, |(at, _)| at));
        let deltas = ["", first, second].map(|piece| json!({"type": "input_json_delta", "partial_json": piece}));
        block(json!({"type": "tool_use", "id": id, "name": name, "input": {}}), deltas.to_vec(), &mut events);
    }
    let mut end = json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence}});
    end["usage"] = match mode {
        UsageMode::Omit => json!({"output_tokens": 0}),
        mode => usage(say, mode),
    };
    events.push(event(&end));
    let answered = events.len();
    events.push(event(&json!({"type": "message_stop"})));
    Wire::Stream { events, answered, content_type: "text/event-stream; charset=utf-8" }
}

pub(crate) fn event(data: &Value) -> Bytes {
    Bytes::from(format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap_or_default()))
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({
        "data": [{"type": "model", "id": model, "display_name": model, "created_at": "2024-01-01T00:00:00Z"}],
        "has_more": false,
        "first_id": model,
        "last_id": model,
    })
}

const SIGNATURE: &str = "bW9jay1zaWduYXR1cmU=";
