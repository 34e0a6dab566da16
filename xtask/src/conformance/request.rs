use serde_json::{Map, Value};
use tollbridge_protocol::{ChatCodec, Target};
use tollbridge_types::Protocol;

use super::Exchange;
use super::compare::same;

/// Decodes the request and encodes it again: every field and value must come back.
pub(crate) fn check(exchange: &Exchange, codec: &dyn ChatCodec) -> Vec<String> {
    // Portkey's prompts name a template and its variables.
    let template = exchange.request_body.get("variables").is_some();
    if exchange.request_body_kind.as_deref() != Some("json") || exchange.request_truncated || template {
        return Vec::new();
    }
    let sent = &exchange.request_body;
    let Some(fields) = sent.as_object() else { return Vec::new() };
    let decoded = match codec.decode_request(sent.to_string().as_bytes()) {
        Ok(decoded) => decoded,
        Err(error) => return vec![format!("request: {error}")],
    };
    let model = fields.get("model").and_then(Value::as_str).unwrap_or_default();
    let mut target = Target::new(model, decoded.stream);
    target.ask_usage = false;
    let encoded = match codec.encode_request(&decoded, &target, &mut Vec::new()) {
        Ok(encoded) => encoded,
        Err(error) => return vec![format!("request, encoded again: {error}")],
    };
    let again: Value = match serde_json::from_slice(&encoded) {
        Ok(again) => again,
        Err(error) => return vec![format!("request, encoded again: {error}")],
    };
    let (before, mut after) = (normal(sent, codec.protocol()), normal(&again, codec.protocol()));
    // Where the model stands in the URL the body has none.
    if let Some(fields) = after.as_object_mut().filter(|_| before.get("model").is_none()) {
        fields.remove("model");
    }
    if same(&before, &after) { Vec::new() } else { vec![difference("request", &before, &after)] }
}

/// Brings forms that mean the same to one of them.
///
/// | form | brought to | why |
/// |---|---|---|
/// | `null` | absent | both mean that nothing is said |
/// | content as a text | an array of one text part | the protocols define them as equal |
/// | texts in an array that are bare strings | text parts | likewise |
/// | `max_tokens` of chat completions | `max_completion_tokens` | its newer name |
/// | snake_case in Gemini requests | camelCase | Google takes both |
/// | an empty or absent list of stop texts, one stop text | a list | likewise |
/// | an image's bare address | the object with `url` | Mistral takes both |
/// | no `type` of a tool, call or choice; no name of a schema | the one that is meant | some servers leave it out |
/// | an id that was made up for a call without one | absent | the protocol demands one, some servers do not |
/// | `thought: false`, a role of an instruction | absent | Google's defaults |
/// | `type: message` of an item, `id` and `status` of a message or output | absent | the protocol's default; the vendor's bookkeeping |
/// | empty settings, lists and instructions; blank texts (Bedrock) | absent | they say nothing, or are refused |
/// | no `tool_name` (Ollama) | that of the call which the result answers | older clients leave it to the order |
/// | an empty `format`, no `options` in them (Ollama) | absent | both mean that nothing is said |
/// | `functions` and `function_call` of chat completions | `tools` and `tool_choice` | their newer names |
/// | a function in chat completions' form (responses) | the form of responses | clients mix them up |
/// | no id of a call and none of its result | absent | the protocol demands one, some servers do not |
/// | ids of calls beyond 40 characters (chat completions) | their last 40 | OpenAI takes no longer ones |
/// | neighbours of one role (Anthropic, Gemini, Bedrock) | one message | the vendors merge them |
fn normal(value: &Value, protocol: Protocol) -> Value {
    let value = strip(value);
    match protocol {
        Protocol::OPENAI_CHAT => openai(value),
        Protocol::OLLAMA_CHAT => ollama(value),
        Protocol::OPENAI_RESPONSES => responses(value),
        Protocol::BEDROCK_CONVERSE => bedrock(value),
        Protocol::OPENAI_COMPLETIONS => completions(value),
        Protocol::ANTHROPIC_MESSAGES => anthropic(value),
        _ => gemini(value),
    }
}

fn strip(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), strip(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(strip).collect()),
        other => other.clone(),
    }
}

fn parts(content: Value) -> Value {
    let part = |item: Value| match item {
        Value::String(text) => serde_json::json!({"type": "text", "text": text}),
        other => other,
    };
    match content {
        Value::String(text) if text.is_empty() => Value::Array(Vec::new()),
        Value::String(text) => Value::Array(vec![part(Value::String(text))]),
        Value::Array(items) => {
            let empty = |item: &Value| item.as_object().is_some_and(|item| item.len() == 2) && item["text"] == "";
            Value::Array(items.into_iter().map(part).filter(|item| !empty(item)).collect())
        }
        other => other,
    }
}

fn ollama(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, value| match name.as_str() {
            "format" => *value != "",
            "options" => *value != Value::Object(Map::new()),
            "tools" => *value != Value::Array(Vec::new()),
            _ => true,
        });
        fields.entry("stream").or_insert(true.into());
    }
    let mut names = Vec::new().into_iter();
    for message in body["messages"].as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        if let Some(Value::Array(calls)) = message.get_mut("tool_calls") {
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                call.remove("type");
            }
            let called: Vec<Value> = calls.iter().map(|call| call["function"]["name"].clone()).collect();
            names = called.into_iter();
        } else if message.get("role").is_some_and(|role| role == "tool") {
            let name = names.next().unwrap_or_default();
            message.entry("tool_name").or_insert(name);
        }
    }
    body
}

/// Brings OpenAI's retired functions to tools.
fn functions(body: &mut Value) {
    let Some(fields) = body.as_object_mut() else { return };
    if let Some(Value::Array(list)) = fields.remove("functions") {
        let tools = list.into_iter().map(|function| serde_json::json!({"type": "function", "function": function}));
        fields.insert("tools".to_owned(), tools.collect());
    }
    match fields.remove("function_call") {
        Some(Value::Object(named)) => {
            fields.insert("tool_choice".to_owned(), serde_json::json!({"type": "function", "function": named}));
        }
        Some(word) => {
            fields.insert("tool_choice".to_owned(), word);
        }
        None => {}
    }
}

/// Leaves of an id what OpenAI takes, and of one that was made up nothing.
fn short_id(fields: &mut Map<String, Value>, name: &str) {
    let Some(id) = fields.get(name).and_then(Value::as_str).map(str::to_owned) else { return };
    if id.starts_with("call_tb_") {
        fields.remove(name);
    } else if let Some(start) = id.len().checked_sub(40).filter(|start| *start > 0) {
        fields.insert(name.to_owned(), id.get(start..).unwrap_or_default().into());
    }
}

fn openai(mut body: Value) -> Value {
    rename(&mut body, "max_tokens", "max_completion_tokens");
    functions(&mut body);
    each(&mut body, "messages", |message| {
        short_id(message, "tool_call_id");
        for call in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(call) = call.as_object_mut() {
                short_id(call, "id");
            }
        }
    });
    each(&mut body, "messages", |message| {
        let content = message.remove("content").map(parts).filter(|content| content != &Value::Array(Vec::new()));
        let content = content.map(|content| {
            each_part(content, |part| {
                if let Some(Value::String(url)) = part.get("image_url") {
                    let object = serde_json::json!({"url": url});
                    part.insert("image_url".to_owned(), object);
                }
            })
        });
        message.extend(content.map(|content| ("content".to_owned(), content)));
        if let Some(Value::Array(calls)) = message.get_mut("tool_calls") {
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                call.entry("type").or_insert("function".into());
                if call.get("id").and_then(Value::as_str).is_some_and(|id| id.starts_with("call_tb_")) {
                    call.remove("id");
                }
                call.remove("index");
            }
        }
    });
    each(&mut body, "tools", |tool| {
        tool.entry("type").or_insert("function".into());
        if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) {
            function.entry("parameters").or_insert(serde_json::json!({"type": "object", "properties": {}}));
        }
    });
    one_stop(&mut body, "stop");
    let stream = body["stream"] == Value::Bool(true);
    if let Some(fields) = body.as_object_mut() {
        let empty = fields.get("tools").is_some_and(|tools| tools == &Value::Array(Vec::new()));
        if empty || fields.get("tools").is_none() {
            for name in ["tools", "tool_choice", "parallel_tool_calls"] {
                fields.remove(name);
            }
        }
        if !stream {
            fields.remove("stream");
            fields.remove("stream_options");
        }
        if fields.get("stream_options").is_some_and(|options| options == &Value::Object(Map::new())) {
            fields.remove("stream_options");
        }
        if let Some(Value::Object(choice)) = fields.get_mut("tool_choice") {
            choice.entry("type").or_insert("function".into());
        }
        let schema = fields.get_mut("response_format").and_then(|format| format.get_mut("json_schema"));
        if let Some(schema) = schema.and_then(Value::as_object_mut) {
            schema.entry("name").or_insert("answer".into());
        }
        if let Some(Value::String(word)) = fields.get_mut("tool_choice")
            && word == "any"
        {
            *word = "required".to_owned();
        }
    }
    body
}

fn completions(mut body: Value) -> Value {
    one_stop(&mut body, "stop");
    if let Some(fields) = body.as_object_mut()
        && fields.get("stream") == Some(&Value::Bool(false))
    {
        fields.remove("stream");
    }
    body
}

fn responses(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        if let Some(Value::String(text)) = fields.get("input") {
            let list = serde_json::json!([{"role": "user", "content": text}]);
            fields.insert("input".to_owned(), list);
        }
        for name in ["tools", "input", "include"] {
            if fields.get(name) == Some(&Value::Array(Vec::new())) {
                fields.remove(name);
            }
        }
        if fields.get("tools").is_none() {
            fields.remove("parallel_tool_calls");
            fields.remove("tool_choice");
        }
        if fields.get("stream") == Some(&Value::Bool(false)) {
            fields.remove("stream");
        }
        for name in ["text", "reasoning"] {
            if fields.get(name) == Some(&Value::Object(Map::new())) {
                fields.remove(name);
            }
        }
    }
    if let Some(Value::Array(tools)) = body.get_mut("tools") {
        for tool in tools.iter_mut().filter(|tool| tool["type"] == "function").filter_map(Value::as_object_mut) {
            if let Some(Value::Object(function)) = tool.remove("function") {
                tool.extend(function);
            }
            tool.entry("parameters").or_insert(serde_json::json!({"type": "object", "properties": {}}));
        }
    }
    if let Some(Value::Array(items)) = body.get_mut("input") {
        for item in items.iter_mut() {
            if let Value::String(text) = item {
                *item = serde_json::json!({"role": "user", "content": text});
            }
        }
    }
    each(&mut body, "input", |item| {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
        let model = item.get("role").and_then(Value::as_str) == Some("assistant");
        if kind == "message" {
            item.remove("type");
            item.remove("id");
        }
        if kind == "reasoning" {
            item.entry("summary").or_insert(Value::Array(Vec::new()));
        }
        if ["message", "reasoning"].contains(&kind.as_str()) || kind.starts_with("function_call") {
            item.remove("status");
        }
        for name in ["content", "output"] {
            if let Some(Value::String(text)) = item.get(name) {
                let part = serde_json::json!({"type": if model { "output_text" } else { "input_text" }, "text": text});
                item.insert(name.to_owned(), Value::Array(vec![part]));
            }
            if let Some(parts) = item.remove(name) {
                let parts = each_part(parts, |part| {
                    for default in ["annotations", "logprobs"] {
                        if part.get(default) == Some(&Value::Array(Vec::new())) {
                            part.remove(default);
                        }
                    }
                });
                item.insert(name.to_owned(), parts);
            }
        }
    });
    body
}

fn anthropic(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        if fields.get("stream") == Some(&Value::Bool(false)) {
            fields.remove("stream");
        }
        for name in ["tools", "stop_sequences"] {
            if fields.get(name) == Some(&Value::Array(Vec::new())) {
                fields.remove(name);
            }
        }
        let system = fields.remove("system").map(parts).filter(|system| system != &Value::Array(Vec::new()));
        fields.extend(system.map(|system| ("system".to_owned(), system)));
        if let Some(format) = fields.remove("output_format") {
            let config = fields.entry("output_config").or_insert(Value::Object(Map::new()));
            config["format"] = format;
        }
        if fields.get("tools").is_none() {
            fields.remove("tool_choice");
        }
    }
    each(&mut body, "messages", |message| {
        let content = message.remove("content").map(parts);
        let content = content.map(|content| {
            each_part(content, |part| {
                if part.get("type").and_then(Value::as_str) == Some("tool_result") {
                    let inner = part.remove("content").map(parts).filter(|inner| inner != &Value::Array(Vec::new()));
                    part.extend(inner.map(|inner| ("content".to_owned(), inner)));
                }
                if part.get("citations").is_some_and(|list| list == &Value::Array(Vec::new())) {
                    part.remove("citations");
                }
            })
        });
        message.extend(content.map(|content| ("content".to_owned(), content)));
    });
    merge(&mut body, "messages", "content");
    body
}

fn gemini(body: Value) -> Value {
    let mut body = camel(body);
    if let Some(fields) = body.as_object_mut() {
        fields.remove("model");
        for name in ["contents", "tools"] {
            if let Some(one) = fields.get(name).filter(|value| value.is_object()).cloned() {
                fields.insert(name.to_owned(), Value::Array(vec![one]));
            }
        }
        if let Some(instruction) = fields.get_mut("systemInstruction") {
            if let Value::String(text) = instruction {
                *instruction = serde_json::json!({"parts": [{"text": text}]});
            }
            if let Some(fields) = instruction.as_object_mut() {
                fields.remove("role");
                let parts = fields.remove("parts").map(listed).map(|parts| each_part(parts, no_default));
                fields.extend(parts.map(|parts| ("parts".to_owned(), parts)));
            }
        }
        for name in ["generationConfig", "toolConfig"] {
            if fields.get(name) == Some(&Value::Object(Map::new())) {
                fields.remove(name);
            }
        }
        if fields.get("tools") == Some(&Value::Array(Vec::new())) {
            fields.remove("tools");
        }
        if fields.get("tools").is_none() && fields.get("cachedContent").is_none() {
            fields.remove("toolConfig");
        }
        if let Some(config) = fields.get_mut("generationConfig").and_then(Value::as_object_mut)
            && config.get("stopSequences") == Some(&Value::Array(Vec::new()))
        {
            config.remove("stopSequences");
        }
        // Functions of several tool objects are one list; what else an object holds stands alone.
        if let Some(Value::Array(tools)) = fields.get_mut("tools") {
            let mut functions = Vec::new();
            let mut others = Vec::new();
            for mut tool in std::mem::take(tools) {
                if let Some(Value::Array(list)) =
                    tool.as_object_mut().and_then(|tool| tool.remove("functionDeclarations"))
                {
                    functions.extend(list);
                }
                if tool.as_object().is_some_and(|tool| !tool.is_empty()) {
                    others.push(tool);
                }
            }
            if !functions.is_empty() {
                others.insert(0, serde_json::json!({"functionDeclarations": functions}));
            }
            *tools = others;
        }
    }
    each(&mut body, "contents", |content| {
        let role = content.get("role").and_then(Value::as_str).unwrap_or_default();
        if matches!(role, "" | "function") {
            content.insert("role".to_owned(), "user".into());
        }
        if let Some(Value::Object(part)) = content.get("parts") {
            let list = Value::Array(vec![Value::Object(part.clone())]);
            content.insert("parts".to_owned(), list);
        }
        let parts = content.remove("parts").map(|parts| {
            each_part(parts, |part| {
                no_default(part);
                for name in ["functionCall", "functionResponse"] {
                    if let Some(call) = part.get_mut(name).and_then(Value::as_object_mut) {
                        if name == "functionCall" {
                            call.entry("args").or_insert(Value::Object(Map::new()));
                        } else {
                            call.entry("response").or_insert(serde_json::json!({"result": ""}));
                        }
                        // An id that only the response has comes from the call that it answers.
                        call.remove("id");
                    }
                }
            })
        });
        content.extend(parts.map(|parts| ("parts".to_owned(), parts)));
    });
    merge(&mut body, "contents", "parts");
    body
}

fn no_default(part: &mut Map<String, Value>) {
    if part.get("thought") == Some(&Value::Bool(false)) {
        part.remove("thought");
    }
}

fn listed(parts: Value) -> Value {
    if parts.is_object() { Value::Array(vec![parts]) } else { parts }
}

fn camel(value: Value) -> Value {
    let Value::Object(fields) = value else { return value };
    let known =
        ["systemInstruction", "toolConfig", "generationConfig", "functionDeclarations", "inlineData", "fileData"];
    let rename = |(name, value): (String, Value)| {
        let spelled: String = name
            .split('_')
            .enumerate()
            .map(|(place, word)| {
                let mut letters = word.chars();
                match letters.next() {
                    Some(first) if place > 0 => first.to_uppercase().chain(letters).collect(),
                    _ => word.to_owned(),
                }
            })
            .collect();
        let deeper = [
            "generationConfig",
            "toolConfig",
            "functionCallingConfig",
            "functionResponse",
            "thinkingConfig",
            "inlineData",
            "fileData",
        ];
        let value = match spelled.as_str() {
            name if deeper.contains(&name) => camel(value),
            "contents" | "parts" | "tools" | "functionDeclarations" | "systemInstruction" => match value {
                Value::Array(items) => Value::Array(items.into_iter().map(camel).collect()),
                other => camel(other),
            },
            _ => value,
        };
        (if known.contains(&spelled.as_str()) || name.contains('_') { spelled } else { name }, value)
    };
    Value::Object(fields.into_iter().map(rename).collect())
}

fn rename(body: &mut Value, from: &str, to: &str) {
    if let Some(fields) = body.as_object_mut()
        && let Some(value) = fields.remove(from)
    {
        fields.entry(to).or_insert(value);
    }
}

fn one_stop(body: &mut Value, name: &str) {
    if let Some(fields) = body.as_object_mut() {
        let list = match fields.remove(name) {
            Some(Value::String(text)) => vec![Value::String(text)],
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        };
        if !list.is_empty() {
            fields.insert(name.to_owned(), Value::Array(list));
        }
    }
}

fn each(body: &mut Value, list: &str, change: impl Fn(&mut Map<String, Value>)) {
    if let Some(Value::Array(items)) = body.get_mut(list) {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    }
}

fn each_part(mut parts: Value, change: impl Fn(&mut Map<String, Value>)) -> Value {
    if let Value::Array(items) = &mut parts {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    }
    parts
}

fn merge(body: &mut Value, list: &str, content: &str) {
    let Some(Value::Array(items)) = body.get_mut(list) else { return };
    let mut merged: Vec<Value> = Vec::new();
    for item in std::mem::take(items) {
        match merged.last_mut().filter(|last| last["role"] == item["role"] && last[content].is_array()) {
            Some(last) => {
                let more = item[content].as_array().cloned().unwrap_or_default();
                if let Some(parts) = last[content].as_array_mut() {
                    parts.extend(more);
                }
            }
            None => merged.push(item),
        }
    }
    for item in &mut merged {
        if let Some(Value::Array(parts)) = item.get_mut(content) {
            parts.sort_by_key(|part| part["type"] != "tool_result");
        }
    }
    merged.retain(|item| item[content] != Value::Array(Vec::new()));
    *items = merged;
}

fn difference(path: &str, before: &Value, after: &Value) -> String {
    match (before, after) {
        (Value::Object(left), Value::Object(right)) => {
            let names = left.keys().chain(right.keys().filter(|name| !left.contains_key(*name)));
            for name in names {
                match (left.get(name), right.get(name)) {
                    (Some(left), Some(right)) if same(left, right) => {}
                    (Some(left), Some(right)) => return difference(&format!("{path}.{name}"), left, right),
                    (Some(_), None) => return format!("{path}.{name} is lost"),
                    (None, _) => return format!("{path}.{name} is new"),
                }
            }
            path.to_owned()
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let place = left.iter().zip(right).position(|(left, right)| !same(left, right)).unwrap_or_default();
            difference(&format!("{path}[{place}]"), &left[place], &right[place])
        }
        _ => {
            let cut = |value: &Value| value.to_string().chars().take(120).collect::<String>();
            format!("{path}: {} became {}", cut(before), cut(after))
        }
    }
}

fn bedrock(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        if let Some(Value::Object(config)) = fields.get_mut("inferenceConfig") {
            config.retain(|_, value| value != &Value::Array(Vec::new()));
        }
        let empty = |value: &Value| value == &Value::Array(Vec::new()) || value == &Value::Object(Map::new());
        fields.retain(|_, value| !empty(value));
    }
    each(&mut body, "messages", |message| {
        if let Some(Value::Array(blocks)) = message.get_mut("content") {
            blocks.retain(|block| block["text"].as_str().is_none_or(|text| !text.trim().is_empty()));
        }
    });
    merge(&mut body, "messages", "content");
    body
}
