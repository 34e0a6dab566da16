//! The items that a model wrote, which requests and replies share.

use tollbridge_types::{
    Citation, Extras, Json, LogProbs, Opaque, Part, Signature, Text, Thought, ToolCall, ToolCallKind,
};

use super::{RESPONSES_PROTOCOL as PROTOCOL, built_in};
use crate::object::{Fields, Object, json};
use crate::openai::logprobs;

/// Reads an item that the model wrote, tolerantly.
pub(crate) fn decode(item: &Json, logprobs: &mut LogProbs) -> Vec<Part> {
    let mut fields = Object::lenient(item);
    match fields.find_text("type").as_deref() {
        Some("message") => message(fields, logprobs),
        Some("function_call") => vec![Part::ToolCall(call(fields, ToolCallKind::Function))],
        Some("custom_tool_call") => vec![Part::ToolCall(call(fields, ToolCallKind::Custom))],
        Some("reasoning") => vec![Part::Thought(thought(fields))],
        _ => match built_in::call(item) {
            Some(call) => vec![Part::ToolCall(call)],
            None => vec![Part::Opaque(Opaque::new(PROTOCOL, item.clone()))],
        },
    }
}

fn message(mut fields: Object, all: &mut LogProbs) -> Vec<Part> {
    let content = fields.take("content");
    fields.take("role");
    let mut parts = Vec::new();
    for part in content.and_then(|json| json.parse::<Vec<Json>>().ok()).unwrap_or_default() {
        let mut inner = Object::lenient(&part);
        match inner.find_text("type").as_deref() {
            Some("output_text" | "text") => {
                if let Some(mut found) = inner.take("logprobs").as_ref().and_then(tokens) {
                    all.content.append(&mut found);
                }
                parts.push(Part::Text(text(inner)));
            }
            Some("refusal") => parts.push(Part::Refusal(inner.find_text("refusal").unwrap_or_default())),
            _ => parts.push(Part::Opaque(Opaque::new(PROTOCOL, part.clone()))),
        }
    }
    // What stands beside the content is known at its end, in a stream too.
    if let Some(Part::Text(last)) = parts.last_mut() {
        last.extras.extend(item_extras(fields));
    }
    parts
}

/// Says whether a type is that of a part of a message: those are named after the direction in which they go, and no item is.
pub(crate) fn is_part(kind: &str) -> bool {
    ["input_", "output_"].iter().any(|direction| kind.starts_with(direction))
}

/// Keeps what stands beside an item's content, as far as a vendor wants it back.
pub(crate) fn item_extras(mut fields: Object) -> Extras {
    for noise in ["type", "status", "id"] {
        fields.take(noise);
    }
    let mut extras = Extras::default().at(fields.path());
    for (name, value) in fields.into_fields().filter(|(_, value)| value.as_str() != "null") {
        extras.insert(PROTOCOL, format!("item.{name}"), value);
    }
    extras
}

/// Reads a part `output_text`.
pub(crate) fn text(mut fields: Object) -> Text {
    let mut text = Text::default();
    text.text = fields.find_text("text").unwrap_or_default();
    text.citations = fields.find_list("annotations").iter().map(citation).collect();
    fields.take("type");
    text.extras = fields.into_extras(PROTOCOL);
    text
}

/// Reads the list of tokens of a text's `logprobs`.
pub(crate) fn tokens(list: &Json) -> Option<Vec<tollbridge_types::TokenLogProb>> {
    let mut fields = Fields::new();
    fields.put("content", list);
    logprobs::decode(&fields.to_json()).map(|found| found.content)
}

/// Reads an annotation.
pub(crate) fn citation(json: &Json) -> Citation {
    let mut fields = Object::lenient(json);
    let mut citation = Citation::default();
    citation.url = fields.find_text("url");
    citation.title = fields.find_text("title").or_else(|| fields.find_text("filename"));
    citation.span = fields.find_count("start_index").zip(fields.find_count("end_index"));
    citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
    citation
}

/// Writes an annotation; one of another vendor in the form of a web search's.
pub(crate) fn annotation(citation: &Citation) -> Json {
    if let Some(raw) = citation.raw.as_ref().filter(|raw| raw.protocol == PROTOCOL) {
        return raw.json.clone();
    }
    let (start, end) = citation.span.unwrap_or_default();
    let mut fields = Fields::new();
    fields.put("type", "url_citation").put("url", citation.url.as_deref().unwrap_or_default());
    fields.put("title", citation.title.as_deref().unwrap_or_default());
    fields.put("start_index", &start).put("end_index", &end);
    fields.to_json()
}

/// Reads the items `function_call` and `custom_tool_call`.
pub(crate) fn call(mut fields: Object, kind: ToolCallKind) -> ToolCall {
    let mut call = ToolCall::default();
    call.kind = kind;
    call.id = fields.find_text("call_id").filter(|id| !id.is_empty());
    call.name = fields.find_text("name").unwrap_or_default();
    let field = if kind == ToolCallKind::Custom { "input" } else { "arguments" };
    call.arguments = fields.take(field).map(|json| json.parse().unwrap_or_else(|_| json.compact())).unwrap_or_default();
    fields.take("type");
    fields.take("status");
    call.extras = fields.into_extras(PROTOCOL);
    call
}

/// Reads the item `reasoning`.
pub(crate) fn thought(mut fields: Object) -> Thought {
    let mut thought = Thought::default();
    let words = |list: Option<&Json>| {
        let list = list.and_then(|json| json.parse::<Vec<Json>>().ok()).unwrap_or_default();
        list.iter().filter_map(|part| Object::lenient(part).find_text("text")).collect::<String>()
    };
    thought.text = words(fields.peek("summary")) + &words(fields.peek("content"));
    let sealed = fields.find_text("encrypted_content").filter(|text| !text.is_empty());
    thought.signature = sealed.map(|value| Signature::new(PROTOCOL, value));
    fields.take("type");
    fields.take("status");
    thought.extras = fields.into_extras(PROTOCOL);
    thought
}

/// Writes a thought that this protocol issued; `None` for one of another.
pub(crate) fn own_reasoning(thought: &Thought) -> Option<Fields> {
    let signature = thought.signature.as_ref().and_then(|signature| signature.of(PROTOCOL));
    if signature.is_none() && thought.extras.of(PROTOCOL).next().is_none() {
        return None;
    }
    let mut fields = Fields::new();
    fields.put("type", "reasoning");
    fields.put_some("id", thought.extras.get(PROTOCOL, "id"));
    match thought.extras.get(PROTOCOL, "summary") {
        Some(summary) => fields.put("summary", summary),
        None if thought.text.is_empty() || thought.extras.get(PROTOCOL, "content").is_some() => {
            fields.put::<[Json]>("summary", &[])
        }
        None => fields.put("summary", &summary(&thought.text)),
    };
    fields.put_some("encrypted_content", signature).put_extras(&thought.extras, PROTOCOL);
    Some(fields)
}

pub(crate) fn summary(text: &str) -> Vec<Json> {
    if text.is_empty() {
        return Vec::new();
    }
    vec![json(&serde_json::json!({"type": "summary_text", "text": text}))]
}
