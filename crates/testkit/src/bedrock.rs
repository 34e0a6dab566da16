//! Bedrock's protocol: Converse, and its binary event stream.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::tokens;
use crate::upstream::UsageMode;
use crate::wire::{Wire, vector};

/// Reads a Converse request; model and stream come from the path.
pub(crate) fn ask(body: &Value, model: &str, stream: bool) -> Ask {
    let mut ask = Ask { model: model.to_owned(), stream, answers: 1, ..Ask::default() };
    if body["system"].as_array().is_some_and(|system| !system.is_empty()) {
        ask.messages.push(("system".to_owned(), texts(&body["system"])));
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let blocks = message["content"].as_array().into_iter().flatten();
        let results = blocks.filter(|block| block["toolResult"].is_object());
        let results: Vec<String> = results.map(|block| texts(&block["toolResult"]["content"])).collect();
        let text = texts(&message["content"]);
        if results.is_empty() || !text.is_empty() {
            ask.messages.push((message["role"].as_str().unwrap_or("user").to_owned(), text));
        }
        ask.results = results;
    }
    for tool in body["toolConfig"]["tools"].as_array().into_iter().flatten() {
        let spec = &tool["toolSpec"];
        ask.tools.extend(spec["name"].as_str().map(|name| (name.to_owned(), spec["inputSchema"]["json"].clone())));
    }
    let choice = &body["toolConfig"]["toolChoice"];
    ask.choice = match choice["tool"]["name"].as_str() {
        Some(name) => Choice::Tool(name.to_owned()),
        None if choice["any"].is_object() => Choice::Required,
        None => Choice::Auto,
    };
    // The schema is a text that holds JSON.
    let schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str();
    ask.schema = schema.and_then(|text| serde_json::from_str(text).ok());
    let fields = &body["additionalModelRequestFields"];
    let thinking = [&fields["thinking"]["type"], &fields["reasoningConfig"]["type"]];
    ask.reasoning = thinking.iter().any(|kind| matches!(kind.as_str(), Some("enabled" | "adaptive")))
        || fields["reasoning_effort"].is_string();
    let config = &body["inferenceConfig"];
    ask.limit = config["maxTokens"].as_u64();
    let stop = config["stopSequences"].as_array().into_iter().flatten();
    ask.stop = stop.filter_map(Value::as_str).map(str::to_owned).collect();
    ask
}

fn texts(content: &Value) -> String {
    let part = |part: &Value| match part {
        _ if part["text"].is_string() => part["text"].as_str().map(str::to_owned),
        _ if !part["json"].is_null() => Some(part["json"].to_string()),
        _ if part["image"].is_object() => Some("[image]".to_owned()),
        _ if part["document"].is_object() => Some("[document]".to_owned()),
        _ if part["video"].is_object() => Some("[video]".to_owned()),
        _ => None,
    };
    content.as_array().into_iter().flatten().filter_map(part).collect::<Vec<_>>().join(" ")
}

fn usage(say: &Say, mode: UsageMode) -> Value {
    let (input, output) = match mode {
        UsageMode::Constant => (1, 1),
        _ => (say.input, say.output + say.thinking),
    };
    json!({
        "inputTokens": input,
        "outputTokens": output,
        "totalTokens": input + output,
        "cacheReadInputTokens": 0,
        "cacheWriteInputTokens": 0,
        "serverToolUsage": {},
    })
}

fn stop(say: &Say) -> &'static str {
    match &say.end {
        End::Calls => "tool_use",
        End::Limit => "max_tokens",
        End::Stop(_) => "stop_sequence",
        End::Done => "end_turn",
    }
}

/// Writes the answer.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    if ask.stream {
        return stream(say, mode);
    }
    let mut content = Vec::new();
    if let Some(text) = &say.reasoning {
        content.push(json!({"reasoningContent": {"reasoningText": {"text": text, "signature": SIGNATURE}}}));
    }
    if !say.text.is_empty() || say.calls.is_empty() {
        content.push(json!({"text": say.text}));
    }
    let calls = say.calls.iter();
    content.extend(calls.map(|(id, name, input)| json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})));
    let mut body = json!({
        "metrics": {"latencyMs": 1},
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop(say),
    });
    if mode != UsageMode::Omit {
        body["usage"] = usage(say, mode);
    }
    Wire::Whole(body)
}

fn stream(say: &Say, mode: UsageMode) -> Wire {
    let mut events = vec![event("messageStart", json!({"role": "assistant"}))];
    let mut index = 0;
    let mut block = |start: Option<Value>, deltas: Vec<Value>| {
        if let Some(start) = start {
            events.push(event("contentBlockStart", json!({"contentBlockIndex": index, "start": start})));
        }
        for delta in deltas {
            events.push(event("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta})));
        }
        events.push(event("contentBlockStop", json!({"contentBlockIndex": index})));
        index += 1;
    };
    if let Some(text) = &say.reasoning {
        let pieces = pieces(text).into_iter().map(|piece| json!({"reasoningContent": {"text": piece}}));
        let signature = json!({"reasoningContent": {"signature": SIGNATURE}});
        block(None, pieces.chain([signature]).collect());
    }
    if !say.text.is_empty() || say.calls.is_empty() {
        block(None, pieces(&say.text).into_iter().map(|piece| json!({"text": piece})).collect());
    }
    for (id, name, input) in &say.calls {
        let input = input.to_string();
        let (first, second) =
            input.split_at(input.char_indices().nth(input.chars().count() / 2).map_or(0, |(at, _)| at));
        let deltas = ["", first, second].map(|piece| json!({"toolUse": {"input": piece}}));
        block(Some(json!({"toolUse": {"toolUseId": id, "name": name}})), deltas.to_vec());
    }
    events.push(event("messageStop", json!({"stopReason": stop(say)})));
    let answered = events.len();
    let mut metadata = json!({"metrics": {"latencyMs": 1}});
    if mode != UsageMode::Omit {
        metadata["usage"] = usage(say, mode);
    }
    events.push(event("metadata", metadata));
    Wire::Stream { events, answered, content_type: "application/vnd.amazon.eventstream" }
}

/// Writes an event, with letters that hide its length as Bedrock adds them.
fn event(name: &str, mut payload: Value) -> Bytes {
    payload["p"] = json!("abcdefghij".get(..name.len() % 10).unwrap_or_default());
    message("event", ":event-type", name, &payload)
}

/// Writes an exception in the place of an event.
pub(crate) fn exception(name: &str, body: &Value) -> Bytes {
    // In a stream the name begins with a small letter.
    let mut letters = name.chars();
    let name: String = letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect();
    message("exception", ":exception-type", &name, body)
}

/// Writes a message of AWS's event stream encoding.
fn message(kind: &str, key: &str, name: &str, payload: &Value) -> Bytes {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (name, value) in [(key, name), (":content-type", "application/json"), (":message-type", kind)] {
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend(name.bytes());
        // A text.
        headers.push(7);
        headers.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend(value.bytes());
    }
    let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = [size(16 + headers.len() + payload.len()), size(headers.len())].concat();
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload.bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.into()
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({"modelSummaries": [{
        "modelId": model,
        "modelName": model,
        "modelArn": format!("arn:aws:bedrock:us-east-1::foundation-model/{model}"),
        "providerName": "Mock",
        "inputModalities": ["TEXT"],
        "outputModalities": ["TEXT"],
        "responseStreamingSupported": true,
    }]})
}

/// Answers InvokeModel of embeddings: Titan's one text, or Cohere's list.
pub(crate) fn embeddings(body: &Value, seed: u64) -> Value {
    let of = |text: &str, dimensions: &Value| vector(seed, text, dimensions.as_u64().unwrap_or(8).min(4096));
    match body["inputText"].as_str() {
        Some(text) => json!({"embedding": of(text, &body["dimensions"]), "inputTextTokenCount": tokens::count(text)}),
        None => {
            let texts = body["texts"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let vectors: Vec<_> = texts.map(|text| of(text, &body["output_dimension"])).collect();
            json!({"id": "mock", "response_type": "embeddings_floats", "embeddings": vectors, "texts": body["texts"]})
        }
    }
}

const SIGNATURE: &str = "bW9jay1zaWduYXR1cmU=";
