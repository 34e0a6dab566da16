//! OpenAI's responses.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::kind::Kind;
use crate::upstream::UsageMode;
use crate::wire::{Wire, texts};

/// Reads a request.
pub(crate) fn ask(body: &Value) -> Ask {
    let mut ask = Ask { model: body["model"].as_str().unwrap_or_default().to_owned(), answers: 1, ..Ask::default() };
    if let Some(text) = body["instructions"].as_str() {
        ask.messages.push(("system".to_owned(), text.to_owned()));
    }
    if let Some(text) = body["input"].as_str() {
        ask.messages.push(("user".to_owned(), text.to_owned()));
    }
    for item in body["input"].as_array().into_iter().flatten() {
        match item["type"].as_str().unwrap_or("message") {
            "message" => {
                ask.results.clear();
                let role = item["role"].as_str().unwrap_or("user").to_owned();
                ask.messages.push((role, texts(&item["content"])));
            }
            "function_call_output" => ask.results.push(texts(&item["output"])),
            _ => {}
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten().filter(|tool| tool["type"] == "function") {
        ask.tools.extend(tool["name"].as_str().map(|name| (name.to_owned(), tool["parameters"].clone())));
    }
    ask.choice = match &body["tool_choice"] {
        Value::String(word) if word == "none" => Choice::None,
        Value::String(word) if word == "required" => Choice::Required,
        Value::Object(choice) => match choice.get("name").and_then(Value::as_str) {
            Some(name) => Choice::Tool(name.to_owned()),
            None => Choice::Required,
        },
        _ => Choice::Auto,
    };
    let format = &body["text"]["format"];
    ask.schema = (format["type"] == "json_schema").then(|| format["schema"].clone());
    if format["type"] == "json_object" {
        ask.schema = Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}}));
    }
    ask.reasoning = body["reasoning"]["effort"].as_str().is_some_and(|effort| effort != "none");
    ask.limit = body["max_output_tokens"].as_u64();
    ask.stream = body["stream"] == true;
    ask.stream_usage = true;
    ask
}

/// Returns the answer to a request that asks nothing special.
pub(crate) fn usual(kind: Kind, model: &str, ask: &Ask) -> String {
    let (_, word) = kind.openai_names();
    match ask.messages.last() {
        Some((_, text)) if !text.is_empty() => format!("{word}({model}): {text}"),
        _ => format!("{word}({model})"),
    }
}

/// Writes the answer.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    if ask.stream { stream(ask, say, mode) } else { Wire::Whole(response(ask, say, mode, &output(say))) }
}

fn output(say: &Say) -> Vec<Value> {
    let mut output = Vec::new();
    if let Some(reasoning) = &say.reasoning {
        output.push(json!({
            "id": "rs_mock", "type": "reasoning", "summary": [{"type": "summary_text", "text": reasoning}],
            "encrypted_content": "mock-encrypted-reasoning",
        }));
    }
    if say.calls.is_empty() {
        output.push(json!({
            "id": "msg_mock", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": say.text, "annotations": [], "logprobs": []}],
        }));
    }
    for (place, (id, name, arguments)) in say.calls.iter().enumerate() {
        output.push(json!({
            "id": format!("fc_mock_{place}"), "type": "function_call", "status": "completed",
            "arguments": arguments.to_string(), "call_id": id, "name": name,
        }));
    }
    output
}

fn response(ask: &Ask, say: &Say, mode: UsageMode, output: &[Value]) -> Value {
    let incomplete = (say.end == End::Limit).then(|| json!({"reason": "max_output_tokens"}));
    let written = say.output + say.thinking;
    let usage = match mode {
        UsageMode::True => json!({
            "input_tokens": say.input, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": written, "output_tokens_details": {"reasoning_tokens": say.thinking},
            "total_tokens": say.input + written,
        }),
        UsageMode::Constant => json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}),
        UsageMode::Omit => Value::Null,
    };
    json!({
        "id": format!("resp_mock{}", say.id_end), "object": "response", "created_at": 1_700_000_000,
        "status": if incomplete.is_some() { "incomplete" } else { "completed" },
        "error": null, "incomplete_details": incomplete, "instructions": null, "metadata": {},
        "model": ask.model, "output": output, "parallel_tool_calls": true, "temperature": 1.0,
        "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": usage,
    })
}

fn stream(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    let mut events = Vec::new();
    let mut push = |kind: &str, mut event: Value| {
        event["type"] = kind.into();
        event["sequence_number"] = events.len().into();
        events.push(Bytes::from(format!("event: {kind}\ndata: {event}\n\n")));
    };
    let mut begun = response(ask, say, UsageMode::Omit, &[]);
    begun["status"] = "in_progress".into();
    push("response.created", json!({"response": begun}));
    push("response.in_progress", json!({"response": begun}));
    let output = output(say);
    for (index, item) in output.iter().enumerate() {
        let at = json!({"item_id": item["id"], "output_index": index});
        let with = |more: Value| {
            let mut event = at.clone();
            if let (Some(event), Some(more)) = (event.as_object_mut(), more.as_object()) {
                event.extend(more.clone());
            }
            event
        };
        let mut empty = item.clone();
        match item["type"].as_str() {
            Some("reasoning") => {
                empty["summary"] = json!([]);
                push("response.output_item.added", json!({"output_index": index, "item": empty}));
                let whole = item["summary"][0]["text"].as_str().unwrap_or_default();
                let part =
                    |text: &str| with(json!({"summary_index": 0, "part": {"type": "summary_text", "text": text}}));
                push("response.reasoning_summary_part.added", part(""));
                for piece in pieces(whole) {
                    push("response.reasoning_summary_text.delta", with(json!({"summary_index": 0, "delta": piece})));
                }
                push("response.reasoning_summary_text.done", with(json!({"summary_index": 0, "text": whole})));
                push("response.reasoning_summary_part.done", part(whole));
            }
            Some("message") => {
                (empty["content"], empty["status"]) = (json!([]), "in_progress".into());
                push("response.output_item.added", json!({"output_index": index, "item": empty}));
                let part = |text: &str| {
                    let part = json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []});
                    with(json!({"content_index": 0, "part": part}))
                };
                push("response.content_part.added", part(""));
                for piece in pieces(&say.text) {
                    push(
                        "response.output_text.delta",
                        with(json!({"content_index": 0, "delta": piece, "logprobs": []})),
                    );
                }
                push("response.output_text.done", with(json!({"content_index": 0, "text": say.text, "logprobs": []})));
                push("response.content_part.done", part(&say.text));
            }
            _ => {
                (empty["arguments"], empty["status"]) = ("".into(), "in_progress".into());
                push("response.output_item.added", json!({"output_index": index, "item": empty}));
                let arguments = item["arguments"].as_str().unwrap_or_default();
                for piece in pieces(arguments) {
                    push("response.function_call_arguments.delta", with(json!({"delta": piece})));
                }
                push("response.function_call_arguments.done", with(json!({"arguments": arguments})));
            }
        }
        push("response.output_item.done", json!({"output_index": index, "item": item}));
    }
    let whole = response(ask, say, mode, &output);
    let kind = if say.end == End::Limit { "response.incomplete" } else { "response.completed" };
    push(kind, json!({"response": whole}));
    let answered = events.len();
    Wire::Stream { events, answered, content_type: "text/event-stream; charset=utf-8" }
}

/// Writes the error event of a stream that began well.
pub(crate) fn error_event(body: &Value) -> Bytes {
    let event = json!({"type": "error", "sequence_number": 2, "error": body["error"]});
    Bytes::from(format!("event: error\ndata: {event}\n\n"))
}
