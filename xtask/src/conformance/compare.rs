use serde_json::Value;
use tollbridge_core::{Error, Retry};
use tollbridge_types::{
    ChatReply, Choice, EmbedReply, Embedding, ModelInfo, Part, RerankReply, TokenCount, ToolCallKind,
};

/// Lists where a reply differs from what the oracle read.
pub(crate) fn chat(expected: &Value, reply: &ChatReply) -> Vec<String> {
    let mut faults = Faults::default();
    faults.text("text", expected, &reply.text());
    faults.text("reasoning", expected, &reply.reasoning());
    faults.optional("refusal", expected, reply.refusal().as_deref());
    // Of a stream the oracle reads one event, which need not be the one that names the model.
    if expected["stream"].is_null() || !expected["model"].is_null() {
        faults.optional("model", expected, reply.model.as_deref());
    }
    // Of retired completions the oracle leaves the id out.
    if expected["kind"] != "completion" || !expected["response_id"].is_null() {
        faults.optional("response_id", expected, reply.id.as_deref());
    }
    let finish = reply.finish();
    faults.optional("finish_reason", expected, finish.and_then(|finish| finish.raw.as_deref()));
    if !expected["stop_sequence"].is_null() {
        faults.optional("stop_sequence", expected, finish.and_then(|finish| finish.stop_sequence.as_deref()));
    }
    if !expected["service_tier"].is_null() {
        faults.optional("service_tier", expected, reply.service_tier.as_deref());
    }
    let raw = reply.usage.as_ref().and_then(|usage| usage.raw.as_ref());
    let raw: Value = raw.and_then(|raw| raw.parse().ok()).unwrap_or(Value::Null);
    if !same(&expected["usage"], &raw) {
        faults.push("usage", &expected["usage"], &raw);
    }
    faults.calls(&expected["tool_calls"], reply.choices.first());
    if let Some(choices) = expected["choices"].as_array() {
        faults.choices(choices, &reply.choices);
    }
    if let Some(count) = expected["logprobs_tokens"].as_u64() {
        let logprobs = reply.choices.first().and_then(|choice| choice.logprobs.as_ref());
        let read = logprobs.map_or(0, |logprobs| logprobs.content.len().max(logprobs.refusal.len())) as u64;
        if read != count {
            faults.push("logprobs_tokens", &count.into(), &read.into());
        }
    }
    for field in ["thinking_signatures", "thought_signatures"] {
        if let Some(count) = expected[field].as_u64() {
            let read = signatures(reply) as u64;
            if read != count {
                faults.push(field, &count.into(), &read.into());
            }
        }
    }
    faults.0
}

/// Lists where the end of a stream differs from what the oracle saw.
pub(crate) fn ending(expected: &Value, failure: Option<&Error>) -> Vec<String> {
    let error = &expected["stream_error"];
    match (error.is_null(), failure) {
        (true, Some(failure)) if !cut_short(expected) => vec![format!("the stream failed: {failure}")],
        (false, None) => vec!["the stream's error was not seen".to_owned()],
        (false, Some(failure)) => {
            let message = failure.vendor().and_then(|vendor| vendor.message.as_deref());
            if message == error["message"].as_str() { Vec::new() } else { vec![format!("stream_error: {message:?}")] }
        }
        _ => Vec::new(),
    }
}

/// Says whether the recording itself ends before its answer does.
fn cut_short(expected: &Value) -> bool {
    let terminated = expected["stream"]["terminated"] == Value::Bool(true);
    !terminated && expected["finish_reason"].is_null()
        || expected["stream"]["terminated"] == Value::Bool(false) && expected["stream"]["event_types"].is_object()
}

/// Lists where an error differs from what the oracle read.
pub(crate) fn error(expected: &Value, error: &Error) -> Vec<String> {
    let mut faults = Faults::default();
    let told = &expected["error"];
    let Some(vendor) = error.vendor() else { return vec![format!("not a vendor's error: {error}")] };
    if let Some(status) = expected["status"].as_u64().filter(|status| vendor.status.map(u64::from) != Some(*status)) {
        faults.push("status", &status.into(), &vendor.status.into());
    }
    // A number is kept as its digits.
    let word =
        |value: &Value| value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|code| code.to_string()));
    for (name, read) in [("code", &vendor.code), ("message", &vendor.message), ("param", &vendor.param)] {
        if let Some(wanted) = word(&told[name]).filter(|wanted| read.as_deref() != Some(wanted)) {
            faults.push(name, &wanted.into(), &read.clone().into());
        }
    }
    if let Some(wanted) = told["type"].as_str().filter(|wanted| vendor.error_type.as_deref() != Some(wanted)) {
        faults.push("type", &wanted.into(), &vendor.error_type.clone().into());
    }
    let after = expected["retry_after"].as_f64().or_else(|| expected["retry_after"].as_str()?.parse().ok());
    if let Some(after) = after {
        let read = vendor.retry_after.map(|after| after.as_secs_f64());
        let advised = matches!(error.retry(), Retry::SameTarget { .. } | Retry::OtherTarget | Retry::Never);
        if read.is_none_or(|read| (read - after).abs() > 0.001) || !advised {
            faults.push("retry_after", &after.into(), &read.into());
        }
    }
    faults.0
}

pub(crate) fn embeddings(expected: &Value, reply: &EmbedReply) -> Vec<String> {
    let mut faults = Faults::default();
    let counts = ["count", "n", "vectors"];
    if let Some(count) = counts.iter().find_map(|name| expected[*name].as_u64())
        && count != reply.embeddings.len() as u64
    {
        faults.push("count", &count.into(), &reply.embeddings.len().into());
    }
    if let Some(length) = expected["dims"].as_u64()
        && let Some(Embedding::Floats(first)) = reply.embeddings.first()
        && first.len() as u64 != length
    {
        faults.push("dims", &length.into(), &first.len().into());
    }
    if let Some(model) = expected["model"].as_str().filter(|model| reply.model.as_deref() != Some(model)) {
        faults.push("model", &model.into(), &reply.model.clone().into());
    }
    faults.0
}

pub(crate) fn models(expected: &Value, list: &[ModelInfo]) -> Vec<String> {
    let mut faults = Faults::default();
    let wanted = expected["ids"].as_array().or_else(|| expected["models"].as_array());
    if let Some(wanted) = wanted.filter(|wanted| wanted.iter().all(Value::is_string)) {
        let strip = |id: &str| id.strip_prefix("models/").unwrap_or(id).to_owned();
        let wanted: Vec<_> = wanted.iter().filter_map(Value::as_str).map(strip).collect();
        let read: Vec<_> = list.iter().map(|model| strip(&model.id)).collect();
        if wanted.iter().any(|id| !read.contains(id)) {
            faults.push("ids", &wanted.into(), &read.into());
        }
    }
    if let Some(count) = expected["count"].as_u64().filter(|count| *count != list.len() as u64) {
        faults.push("count", &count.into(), &list.len().into());
    }
    faults.0
}

pub(crate) fn count(expected: &Value, counted: &TokenCount) -> Vec<String> {
    let mut faults = Faults::default();
    if expected["tokens"].as_u64() != Some(counted.input) {
        faults.push("tokens", &expected["tokens"], &counted.input.into());
    }
    faults.0
}

pub(crate) fn rerank(expected: &Value, reply: &RerankReply) -> Vec<String> {
    let mut faults = Faults::default();
    let order: Vec<u64> = reply.results.iter().map(|ranked| ranked.index).collect();
    let scores: Vec<f64> = reply.results.iter().map(|ranked| ranked.score).collect();
    for (name, read) in [("order", Value::from(order)), ("scores", Value::from(scores))] {
        if !same(&expected[name], &read) {
            faults.push(name, &expected[name], &read);
        }
    }
    faults.0
}

pub(crate) fn model(expected: &Value, list: &[ModelInfo]) -> Vec<String> {
    let mut faults = Faults::default();
    let strip = |id: &str| id.strip_prefix("models/").unwrap_or(id).to_owned();
    let read = list.first().map(|model| strip(&model.id));
    if expected["id"].as_str().map(strip) != read {
        faults.push("id", &expected["id"], &read.into());
    }
    faults.0
}

fn signatures(reply: &ChatReply) -> usize {
    let signed = |part: &&Part| match part {
        Part::Text(text) => text.signature.is_some(),
        Part::Thought(thought) => thought.signature.is_some(),
        Part::ToolCall(call) => call.signature.is_some(),
        Part::Image(media) | Part::Audio(media) | Part::Video(media) | Part::Document(media) => {
            media.signature.is_some()
        }
        Part::Opaque(opaque) => opaque.json.as_str().contains("\"thoughtSignature\""),
        _ => false,
    };
    reply.choices.iter().flat_map(|choice| &choice.parts).filter(signed).count()
}

/// Compares numbers by value: `1` and `1.0` are one.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same(value, other)))
        }
        _ => left == right,
    }
}

#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn push(&mut self, what: &str, expected: &Value, read: &Value) {
        let cut = |value: &Value| value.to_string().chars().take(160).collect::<String>();
        self.0.push(format!("{what}: expected {}, read {}", cut(expected), cut(read)));
    }

    fn text(&mut self, name: &str, expected: &Value, read: &str) {
        let wanted = expected[name].as_str().unwrap_or_default();
        if wanted != read {
            self.push(name, &wanted.into(), &read.into());
        }
    }

    fn optional(&mut self, name: &str, expected: &Value, read: Option<&str>) {
        // Numbers are kept as their digits, and an empty text says as little as none.
        let number = expected[name].as_u64().map(|number| number.to_string());
        let wanted = expected[name].as_str().or(number.as_deref()).filter(|text| !text.is_empty());
        if wanted != read.filter(|text| !text.is_empty()) {
            self.push(name, &expected[name], &read.into());
        }
    }

    fn calls(&mut self, expected: &Value, choice: Option<&Choice>) {
        let Some(wanted) = expected.as_array() else { return };
        let parts = choice.into_iter().flat_map(|choice| &choice.parts);
        let read = parts.filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None });
        // The oracle counts calls of functions, and not those of tools that the vendor describes.
        let read: Vec<_> = read.filter(|call| call.kind != ToolCallKind::BuiltIn).collect();
        if wanted.len() != read.len() {
            let names: Vec<_> = read.iter().map(|call| call.name.as_str()).collect();
            return self.push("tool_calls", expected, &names.into());
        }
        for (place, (wanted, read)) in wanted.iter().zip(&read).enumerate() {
            let at = format!("tool_calls[{place}]");
            if wanted["name"].as_str() != Some(&read.name) {
                self.push(&format!("{at}.name"), &wanted["name"], &read.name.clone().into());
            }
            let id = wanted["id"].as_str().filter(|id| !id.is_empty());
            if id != read.id.as_deref() && read.kind != ToolCallKind::LegacyFunction {
                self.push(&format!("{at}.id"), &wanted["id"], &read.id.clone().into());
            }
            if read.kind == ToolCallKind::Custom {
                continue;
            }
            let raw = wanted["args_raw"].as_str();
            let parsed: Option<Value> = serde_json::from_str(&read.arguments).ok();
            let equal = raw == Some(&read.arguments)
                || parsed.is_some_and(|parsed| same(&parsed, &wanted["args"]))
                || raw.is_none_or(str::is_empty)
                    && wanted["args"].is_null()
                    && matches!(read.arguments.as_str(), "" | "{}");
            if !equal {
                self.push(&format!("{at}.args"), &wanted["args_raw"], &read.arguments.clone().into());
            }
        }
    }

    fn choices(&mut self, wanted: &[Value], read: &[Choice]) {
        if wanted.len() != read.len() {
            return self.push("choices", &wanted.len().into(), &read.len().into());
        }
        for (wanted, read) in wanted.iter().zip(read) {
            let text: String = read.parts.iter().filter_map(Part::as_text).collect();
            self.text("text", wanted, &text);
            self.optional("finish_reason", wanted, read.finish.as_ref().and_then(|finish| finish.raw.as_deref()));
        }
    }
}
