//! Amazon Bedrock's Converse, and its binary streams.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::upstream::UsageMode;
use crate::wire::Wire;

/// Reads a Converse request; model and stream come from the path.
pub(crate) fn ask(body: &Value, model: &str, stream: bool) -> Ask {
    let mut ask = Ask { model: model.to_owned(), stream, answers: 1, stream_usage: true, ..Ask::default() };
    let text = |blocks: &Value| {
        let list = blocks.as_array().into_iter().flatten();
        let texts = list.filter_map(|block| match block {
            _ if block["text"].is_string() => block["text"].as_str(),
            _ if block["image"].is_object() => Some("[image]"),
            _ if block["document"].is_object() => Some("[document]"),
            _ => None,
        });
        texts.collect::<Vec<_>>().join(" ")
    };
    if body["system"].is_array() {
        ask.messages.push(("system".to_owned(), text(&body["system"])));
    }
    for message in body["messages"].as_array().into_iter().flatten() {
        let blocks = message["content"].as_array().into_iter().flatten();
        let results = blocks.filter(|block| block["toolResult"].is_object());
        let results: Vec<String> = results.map(|block| text(&block["toolResult"]["content"])).collect();
        let said = text(&message["content"]);
        if results.is_empty() || !said.is_empty() {
            ask.messages.push((message["role"].as_str().unwrap_or("user").to_owned(), said));
        }
        ask.results = results;
    }
    let config = &body["toolConfig"];
    for tool in config["tools"].as_array().into_iter().flatten() {
        let spec = &tool["toolSpec"];
        ask.tools.extend(spec["name"].as_str().map(|name| (name.to_owned(), spec["inputSchema"]["json"].clone())));
    }
    let choice = &config["toolChoice"];
    ask.choice = match choice["tool"]["name"].as_str() {
        Some(name) => Choice::Tool(name.to_owned()),
        None if choice["any"].is_object() => Choice::Required,
        None => Choice::Auto,
    };
    let schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str();
    ask.schema = schema.and_then(|schema| serde_json::from_str(schema).ok());
    let inference = &body["inferenceConfig"];
    ask.limit = inference["maxTokens"].as_u64();
    let stop = inference["stopSequences"].as_array().into_iter().flatten();
    ask.stop = stop.filter_map(Value::as_str).map(str::to_owned).collect();
    ask.reasoning = body["additionalModelRequestFields"]["thinking"].is_object();
    ask
}

/// Returns the answer to a request that asks nothing special.
pub(crate) fn usual(ask: &Ask) -> String {
    ask.messages.last().map(|(_, text)| format!("bedrock: {text}")).unwrap_or_default()
}

fn usage(say: &Say, mode: UsageMode) -> Value {
    let written = say.output + say.thinking;
    match mode {
        UsageMode::Omit => Value::Null,
        _ => json!({"inputTokens": say.input, "outputTokens": written, "totalTokens": say.input + written}),
    }
}

fn stop(say: &Say) -> &'static str {
    match say.end {
        End::Calls => "tool_use",
        End::Limit => "max_tokens",
        End::Stop(_) => "stop_sequence",
        End::Done => "end_turn",
    }
}

/// Writes the answer.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode) -> Wire {
    if ask.stream { stream(say, mode) } else { Wire::Whole(whole(say, mode)) }
}

fn whole(say: &Say, mode: UsageMode) -> Value {
    let mut content = Vec::new();
    if let Some(text) = &say.reasoning {
        content.push(json!({"reasoningContent": {"reasoningText": {"text": text, "signature": "bW9jaw=="}}}));
    }
    if say.calls.is_empty() {
        content.push(json!({"text": say.text}));
    }
    content.extend(
        say.calls.iter().map(|(id, name, input)| json!({"toolUse": {"toolUseId": id, "name": name, "input": input}})),
    );
    json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop(say), "usage": usage(say, mode), "metrics": {"latencyMs": 1},
    })
}

fn stream(say: &Say, mode: UsageMode) -> Wire {
    let mut events = vec![message("messageStart", &json!({"role": "assistant"}))];
    let mut index = 0;
    let mut block = |start: Option<Value>, deltas: Vec<Value>| {
        if let Some(start) = start {
            events.push(message("contentBlockStart", &json!({"contentBlockIndex": index, "start": start})));
        }
        for delta in deltas {
            events.push(message("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta})));
        }
        events.push(message("contentBlockStop", &json!({"contentBlockIndex": index})));
        index += 1;
    };
    if let Some(text) = &say.reasoning {
        let words = pieces(text).into_iter().map(|piece| json!({"reasoningContent": {"text": piece}}));
        block(None, words.chain([json!({"reasoningContent": {"signature": "bW9jaw=="}})]).collect());
    }
    if say.calls.is_empty() {
        block(None, pieces(&say.text).into_iter().map(|piece| json!({"text": piece})).collect());
    }
    for (id, name, input) in &say.calls {
        let input = input.to_string();
        let deltas = pieces(&input).into_iter().map(|piece| json!({"toolUse": {"input": piece}}));
        block(Some(json!({"toolUse": {"toolUseId": id, "name": name}})), deltas.collect());
    }
    events.push(message("messageStop", &json!({"stopReason": stop(say)})));
    let answered = events.len();
    events.push(message("metadata", &json!({"usage": usage(say, mode), "metrics": {"latencyMs": 1}})));
    Wire::Stream { events, answered, content_type: "application/vnd.amazon.eventstream" }
}

/// Writes one binary message with the checksums that Amazon puts into it.
pub(crate) fn message(kind: &str, payload: &Value) -> Bytes {
    let name = if kind.ends_with("Exception") { ":exception-type" } else { ":event-type" };
    let mut headers = Vec::new();
    for (name, value) in [(name, kind), (":content-type", "application/json")] {
        headers.push(u8::try_from(name.len()).unwrap_or_default());
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or_default().to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let payload = payload.to_string();
    let length = |length: usize| u32::try_from(length).unwrap_or_default().to_be_bytes();
    let mut bytes = length(16 + headers.len() + payload.len()).to_vec();
    bytes.extend_from_slice(&length(headers.len()));
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(&headers);
    bytes.extend_from_slice(payload.as_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.into()
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({"modelSummaries": [{
        "modelId": model, "modelName": model, "providerName": "Mock",
        "inputModalities": ["TEXT"], "outputModalities": ["TEXT"],
    }]})
}
