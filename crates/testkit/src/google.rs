//! Gemini's protocol.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{Ask, Choice, End, Say, pieces};
use crate::tokens;
use crate::upstream::UsageMode;
use crate::wire::{Wire, vector};

/// Reads a generateContent request; model and stream come from the path.
pub(crate) fn ask(body: &Value, model: &str, stream: bool) -> Ask {
    let mut ask = Ask { model: model.to_owned(), stream, ..Ask::default() };
    let instruction = &body["systemInstruction"];
    if !instruction.is_null() {
        ask.messages.push(("system".to_owned(), texts(instruction)));
    }
    for content in body["contents"].as_array().into_iter().flatten() {
        let responses =
            content["parts"].as_array().into_iter().flatten().filter(|part| part["functionResponse"].is_object());
        let results: Vec<String> = responses.map(|part| result(&part["functionResponse"]["response"])).collect();
        let text = texts(content);
        if results.is_empty() || !text.is_empty() {
            ask.messages.push((content["role"].as_str().unwrap_or("user").to_owned(), text));
        }
        ask.results = results;
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        for function in tool["functionDeclarations"].as_array().into_iter().flatten() {
            // Google takes names in both spellings, and its SDK sends this one in the other.
            let schemas = ["parametersJsonSchema", "parameters_json_schema", "parameters"];
            let parameters = schemas.map(|name| &function[name]);
            let parameters = parameters.into_iter().find(|schema| schema.is_object()).cloned().unwrap_or_default();
            ask.tools.extend(function["name"].as_str().map(|name| (name.to_owned(), parameters)));
        }
    }
    let calling = &body["toolConfig"]["functionCallingConfig"];
    ask.choice = match (calling["mode"].as_str(), calling["allowedFunctionNames"][0].as_str()) {
        (Some("NONE"), _) => Choice::None,
        (Some("ANY"), Some(name)) => Choice::Tool(name.to_owned()),
        (Some("ANY"), None) => Choice::Required,
        _ => Choice::Auto,
    };
    let config = &body["generationConfig"];
    let schema =
        [&config["responseJsonSchema"], &config["responseSchema"]].into_iter().find(|schema| schema.is_object());
    ask.schema = schema.cloned();
    if ask.schema.is_none() && config["responseMimeType"] == "application/json" {
        ask.schema = Some(json!({"type": "object", "properties": {"answer": {"type": "string"}}}));
    }
    ask.reasoning = config["thinkingConfig"]["includeThoughts"] == true;
    ask.logprobs = config["responseLogprobs"] == true;
    ask.answers = config["candidateCount"].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(1).clamp(1, 8);
    ask.limit = config["maxOutputTokens"].as_u64();
    let stop = config["stopSequences"].as_array().into_iter().flatten();
    ask.stop = stop.filter_map(Value::as_str).map(str::to_owned).collect();
    ask
}

fn texts(content: &Value) -> String {
    let part = |part: &Value| match part {
        _ if part["text"].is_string() => part["text"].as_str().map(str::to_owned),
        _ if part["inlineData"].is_object() || part["fileData"].is_object() => {
            let mime =
                part["inlineData"]["mimeType"].as_str().or(part["fileData"]["mimeType"].as_str()).unwrap_or("image/");
            Some(if mime.starts_with("image/") { "[image]" } else { "[file]" }.to_owned())
        }
        _ => None,
    };
    content["parts"].as_array().into_iter().flatten().filter_map(part).collect::<Vec<_>>().join("\n")
}

fn result(response: &Value) -> String {
    let said = response["result"].as_str().or(response["output"].as_str()).or(response["error"].as_str());
    said.map_or_else(|| response.to_string(), str::to_owned)
}

/// Returns the answer to a request that asks nothing special: all texts.
pub(crate) fn usual(ask: &Ask) -> String {
    ask.messages.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
}

fn usage(ask: &Ask, say: &Say, mode: UsageMode) -> Value {
    if mode == UsageMode::Constant {
        return json!({"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2});
    }
    let (output, thinking) = (say.output * u64::from(ask.answers), say.thinking * u64::from(ask.answers));
    let mut usage = json!({
        "promptTokenCount": say.input,
        "candidatesTokenCount": output,
        "totalTokenCount": say.input + output + thinking,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": say.input}],
    });
    if thinking > 0 {
        usage["thoughtsTokenCount"] = json!(thinking);
    }
    usage
}

/// Writes the answer; a stream without `alt=sse` is one JSON array.
pub(crate) fn chat(ask: &Ask, say: &Say, mode: UsageMode, sse: bool) -> Wire {
    let finish = if say.end == End::Limit { "MAX_TOKENS" } else { "STOP" };
    let calls: Vec<Value> = say
        .calls
        .iter()
        .enumerate()
        .map(|(place, (id, name, args))| {
            let mut part = json!({"functionCall": {"id": id, "name": name, "args": args}});
            if place == 0 {
                part["thoughtSignature"] = json!(SIGNATURE);
            }
            part
        })
        .collect();
    let thought = |text: &str| json!({"text": text, "thought": true});
    let chunk = |candidates: Vec<Value>, last: bool| {
        let mut body = json!({"candidates": candidates, "modelVersion": ask.model, "responseId": format!("mock-google{}", say.id_end)});
        if mode != UsageMode::Omit {
            let mut usage = usage(ask, say, mode);
            if !last {
                usage["candidatesTokenCount"] = json!(0);
                usage["totalTokenCount"] = json!(say.input);
            }
            body["usageMetadata"] = usage;
        }
        body
    };
    if !ask.stream {
        let mut parts: Vec<Value> = say.reasoning.as_deref().map(thought).into_iter().collect();
        if say.calls.is_empty() || !say.text.is_empty() {
            parts.push(json!({"text": say.text}));
        }
        parts.extend(calls);
        let candidates = (0..ask.answers)
            .map(|index| json!({"index": index, "content": {"role": "model", "parts": parts}, "finishReason": finish}));
        return Wire::Whole(chunk(candidates.collect(), true));
    }
    let mut chunks = Vec::new();
    for index in 0..ask.answers {
        let thoughts = say.reasoning.as_deref().map(pieces).unwrap_or_default().into_iter().map(thought);
        let texts = pieces(&say.text).into_iter().map(|piece| json!({"text": piece}));
        for part in thoughts.chain(texts).chain(calls.clone()) {
            chunks.push(chunk(vec![json!({"index": index, "content": {"role": "model", "parts": [part]}})], false));
        }
        let end =
            json!({"index": index, "content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": finish});
        chunks.push(chunk(vec![end], index + 1 == ask.answers));
    }
    let answered = chunks.len();
    let count = chunks.len();
    let event = |(place, chunk): (usize, Value)| {
        let (before, after) = (if place == 0 { "[" } else { ",\r\n" }, if place + 1 == count { "]" } else { "" });
        if sse { event(&chunk) } else { Bytes::from(format!("{before}{chunk}{after}")) }
    };
    let content_type = if sse { "text/event-stream" } else { "application/json; charset=UTF-8" };
    Wire::Stream { events: chunks.into_iter().enumerate().map(event).collect(), answered, content_type }
}

pub(crate) fn event(data: &Value) -> Bytes {
    Bytes::from(format!("data: {data}\r\n\r\n"))
}

/// Answers embedContent and batchEmbedContents.
pub(crate) fn embeddings(body: &Value, seed: u64, batch: bool) -> Value {
    let one = |request: &Value| {
        let text = texts(&request["content"]);
        let dimensions = request["outputDimensionality"].as_u64().unwrap_or(8).min(4096);
        (json!({"values": vector(seed, &text, dimensions)}), tokens::count(&text))
    };
    if !batch {
        return json!({"embedding": one(body).0});
    }
    let (list, counts): (Vec<Value>, Vec<u64>) = body["requests"].as_array().into_iter().flatten().map(one).unzip();
    json!({"embeddings": list, "usageMetadata": {"promptTokenCount": counts.iter().sum::<u64>()}})
}

/// Answers Vertex AI's predict of embeddings.
pub(crate) fn predict(body: &Value, seed: u64) -> Value {
    let dimensions = body["parameters"]["outputDimensionality"].as_u64().unwrap_or(8).min(4096);
    let one = |instance: &Value| {
        let text = instance["content"].as_str().unwrap_or_default();
        let statistics = json!({"truncated": false, "token_count": tokens::count(text)});
        json!({"embeddings": {"statistics": statistics, "values": vector(seed, text, dimensions)}})
    };
    let predictions: Vec<_> = body["instances"].as_array().into_iter().flatten().map(one).collect();
    json!({"predictions": predictions})
}

/// Hands out an access token, another one each time.
pub(crate) fn token(sequence: u64) -> Value {
    json!({"access_token": format!("mock-token-{sequence}"), "expires_in": 3600, "token_type": "Bearer"})
}

/// Says whether a body is as Vertex AI takes it for Claude: with the version, without the model.
pub(crate) fn is_claudes(body: &Value) -> bool {
    body["anthropic_version"] == "vertex-2023-10-16" && body["model"].is_null()
}

/// Lists the one model.
pub(crate) fn models(model: &str) -> Value {
    json!({"models": [{
        "name": format!("models/{model}"),
        "displayName": model,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 8192,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }]})
}

const SIGNATURE: &str = "bW9jay10aG91Z2h0";
