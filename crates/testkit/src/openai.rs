//! OpenAI's protocol, as OpenAI, xAI, Moonshot and Google speak it.

use base64::Engine;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::kind::Kind;
use crate::upstream::UsageMode;
use crate::wire::{Wire, texts, vector};
use crate::{mistral, tokens};

/// Reads a chat request.
pub(crate) fn ask(body: &Value) -> Ask {
    let mut ask = Ask { model: body["model"].as_str().unwrap_or_default().to_owned(), ..Ask::default() };
    for message in body["messages"].as_array().into_iter().flatten() {
        let role = message["role"].as_str().unwrap_or("user");
        let content = if message.is_object() { texts(&message["content"]) } else { texts(message) };
        match role {
            "tool" | "function" => ask.results.push(content),
            _ => {
                ask.results.clear();
                ask.messages.push((role.to_owned(), content));
            }
        }
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        ask.tools.extend(function["name"].as_str().map(|name| (name.to_owned(), function["parameters"].clone())));
    }
    ask.choice = match &body["tool_choice"] {
        Value::String(word) if word == "none" => Choice::None,
        Value::String(word) if word == "required" || word == "any" => Choice::Required,
        Value::Object(choice) => match choice.get("function").and_then(|function| function["name"].as_str()) {
            Some(name) => Choice::Tool(name.to_owned()),
            None => Choice::Required,
        },
        _ => Choice::Auto,
    };
    let format = &body["response_format"];
    ask.schema = (format["type"] == "json_schema").then(|| format["json_schema"]["schema"].clone());
    if format["type"] == "json_object" {
        ask.schema = Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}}));
    }
    let effort = body["reasoning_effort"].as_str();
    ask.reasoning = effort.is_some_and(|effort| effort != "none") || body["thinking"]["type"] == "enabled";
    ask.logprobs = body["logprobs"] == true;
    ask.answers = body["n"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1).clamp(1, 16);
    ask.limit = body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64());
    ask.stop = match &body["stop"] {
        Value::String(text) => vec![text.clone()],
        list => list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    ask.stream = body["stream"] == true;
    ask.stream_usage = body["stream_options"]["include_usage"] == true;
    ask
}

/// Returns the answer to a request that asks nothing special.
pub(crate) fn usual(kind: Kind, model: &str, body: &Value) -> String {
    let (_, word) = kind.openai_names();
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let last =
        last.map_or_else(
            String::new,
            |message| {
                if message.is_object() { texts(&message["content"]) } else { texts(message) }
            },
        );
    if last.is_empty() { format!("{word}({model})") } else { format!("{word}({model}): {last}") }
}

fn usage(say: &Say, answers: u32) -> Value {
    let output = (say.output + say.thinking) * u64::from(answers);
    json!({
        "prompt_tokens": say.input,
        "completion_tokens": output,
        "total_tokens": say.input + output,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": say.thinking * u64::from(answers), "audio_tokens": 0},
    })
}

fn finish(say: &Say) -> &'static str {
    match say.end {
        End::Calls => "tool_calls",
        End::Limit => "length",
        _ => "stop",
    }
}

fn logprobs(ask: &Ask, text: &str) -> Value {
    if !ask.logprobs {
        return Value::Null;
    }
    let content: Vec<_> = pieces(text)
        .into_iter()
        .map(|token| {
            json!({"token": token, "logprob": -0.25, "bytes": token.as_bytes(), "top_logprobs": [
                {"token": token, "logprob": -0.25, "bytes": token.as_bytes()},
            ]})
        })
        .collect();
    json!({"content": content, "refusal": null})
}

/// Writes the answer.
pub(crate) fn chat(kind: Kind, ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    let own;
    let say = match kind {
        Kind::Mistral => {
            own = mistral::own(say.clone());
            &own
        }
        _ => say,
    };
    if ask.stream { stream(kind, ask, say, mode) } else { Wire::Whole(whole(kind, ask, say, mode)) }
}

fn whole(kind: Kind, ask: &Ask, say: &Say, mode: UsageMode) -> Value {
    let mut message = json!({"role": "assistant", "content": say.text, "refusal": null});
    if !say.calls.is_empty() {
        let calls: Vec<_> = say.calls.iter().map(|(id, name, arguments)| {
            json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments.to_string()}})
        }).collect();
        message["content"] = Value::Null;
        message["tool_calls"] = calls.into();
    }
    match &say.reasoning {
        Some(reasoning) if kind == Kind::Mistral => {
            message["content"] = json!([mistral::thinking(reasoning), {"type": "text", "text": say.text}]);
        }
        Some(reasoning) => message["reasoning_content"] = json!(reasoning),
        None => {}
    }
    let choice = |index| json!({"index": index, "message": message, "logprobs": logprobs(ask, &say.text), "finish_reason": finish(say)});
    let mut body = json!({
        "id": format!("{}{}", kind.openai_names().0, say.id_end),
        "object": "chat.completion",
        "created": CREATED,
        "model": ask.model,
        "choices": (0..ask.answers).map(choice).collect::<Vec<_>>(),
    });
    match mode {
        UsageMode::True => body["usage"] = usage(say, ask.answers),
        UsageMode::Constant => body["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}),
        UsageMode::Omit => {}
    }
    body
}

fn stream(kind: Kind, ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    let chunk = |choices: Value| {
        json!({
            "id": format!("{}{}", kind.openai_names().0, say.id_end),
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": ask.model,
            "choices": choices,
        })
    };
    let mut events = Vec::new();
    for index in 0..ask.answers {
        let mut push = |delta: Value, finish: Value, logprobs: Value| {
            let choice = json!([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]);
            events.push(event(&chunk(choice)));
        };
        push(json!({"role": "assistant", "content": "", "refusal": null}), Value::Null, Value::Null);
        for piece in say.reasoning.as_deref().map(pieces).unwrap_or_default() {
            let delta = match kind {
                Kind::Mistral => json!({"content": [mistral::thinking(piece)]}),
                _ => json!({"reasoning_content": piece}),
            };
            push(delta, Value::Null, Value::Null);
        }
        for piece in pieces(&say.text) {
            push(json!({"content": piece}), Value::Null, logprobs(ask, piece));
        }
        for (place, (id, name, arguments)) in say.calls.iter().enumerate() {
            let start =
                json!({"index": place, "id": id, "type": "function", "function": {"name": name, "arguments": ""}});
            push(json!({"tool_calls": [start]}), Value::Null, Value::Null);
            let arguments = arguments.to_string();
            let (first, second) =
                arguments.split_at(arguments.char_indices().nth(arguments.chars().count() / 2).map_or(0, |(at, _)| at));
            for fragment in [first, second].into_iter().filter(|fragment| !fragment.is_empty()) {
                let more = json!({"index": place, "function": {"arguments": fragment}});
                push(json!({"tool_calls": [more]}), Value::Null, Value::Null);
            }
        }
        push(json!({}), json!(finish(say)), Value::Null);
    }
    let answered = events.len();
    if (ask.stream_usage || kind == Kind::Mistral) && mode != UsageMode::Omit {
        let mut last = chunk(json!([]));
        last["usage"] = match mode {
            UsageMode::Constant => json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}),
            _ => usage(say, ask.answers),
        };
        events.push(event(&last));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    Wire::Stream { events, answered, content_type: "text/event-stream; charset=utf-8" }
}

pub(crate) fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\n\n"))
}

/// Answers an embeddings request.
#[expect(clippy::cast_possible_truncation, reason = "the base64 form has 32 bits")]
pub(crate) fn embeddings(body: &Value, seed: u64) -> Value {
    let inputs: Vec<String> = match &body["input"] {
        Value::Array(list) if list.iter().all(Value::is_number) => vec![body["input"].to_string()],
        Value::Array(list) => list.iter().map(texts).collect(),
        one => vec![texts(one)],
    };
    // Mistral's name comes second.
    let dimensions = body["dimensions"].as_u64().or(body["output_dimension"].as_u64()).unwrap_or(8).min(4096);
    let data: Vec<_> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = vector(seed, text, dimensions);
            let embedding = if body["encoding_format"] == "base64" {
                let bytes: Vec<u8> = numbers.iter().flat_map(|number| (*number as f32).to_le_bytes()).collect();
                json!(base64::engine::general_purpose::STANDARD.encode(bytes))
            } else {
                json!(numbers)
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let tokens: u64 = inputs.iter().map(|text| tokens::count(text)).sum();
    json!({
        "object": "list",
        "data": data,
        "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    })
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({"object": "list", "data": [{"id": model, "object": "model", "created": CREATED, "owned_by": "mock"}]})
}

const CREATED: u64 = 1_700_000_000;
