//! Content blocks, which requests and replies share. A block is a union: the one field it has names its kind.

use tollbridge_core::Error;
use tollbridge_types::{Citation, Json, MediaKind, Opaque, Part, Signature, Text, Thought, ToolCall, ToolResult};

use super::{CONVERSE_PROTOCOL as PROTOCOL, media};
use crate::object::{Fields, Object};

/// Reads a block.
pub(crate) fn decode(json: &Json, path: &str) -> Result<Part, Error> {
    let mut fields = Object::strict(json, path)?;
    if let Some(text) = fields.take_as("text")? {
        let mut part = Text::default();
        part.text = text;
        part.extras = fields.into_extras(PROTOCOL);
        return Ok(Part::Text(part));
    }
    if let Some(call) = fields.take_object("toolUse")? {
        return Ok(tool_use(call)?.map_or_else(|| opaque(json, path), Part::ToolCall));
    }
    if let Some(result) = fields.take_object("toolResult")? {
        return Ok(tool_result(result)?.map_or_else(|| opaque(json, path), Part::ToolResult));
    }
    if let Some(content) = fields.take_object("reasoningContent")? {
        return Ok(reasoning(content)?.map_or_else(|| opaque(json, path), Part::Thought));
    }
    if let Some(content) = fields.take_object("citationsContent")? {
        return Ok(Part::Text(cited(content)));
    }
    for kind in [MediaKind::Image, MediaKind::Document, MediaKind::Video, MediaKind::Audio] {
        let Some(inner) = fields.take_object(media::name_of(kind))? else { continue };
        return Ok(match (media::decode(kind, inner)?, kind) {
            (Some(media), MediaKind::Document) => Part::Document(media),
            (Some(media), MediaKind::Video) => Part::Video(media),
            (Some(media), MediaKind::Audio) => Part::Audio(media),
            (Some(media), _) => Part::Image(media),
            (None, _) => opaque(json, path),
        });
    }
    // Marks of the prompt cache, what a guardrail is to look at, search results, and whatever will be added.
    Ok(opaque(json, path))
}

fn opaque(json: &Json, path: &str) -> Part {
    Part::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path))
}

/// Reads a tool call; `None` for one that Bedrock runs itself.
fn tool_use(mut fields: Object) -> Result<Option<ToolCall>, Error> {
    if is_servers(&fields) {
        return Ok(None);
    }
    let mut call = ToolCall::default();
    call.id = fields.take_as("toolUseId")?;
    call.name = fields.require("name")?;
    call.arguments = fields.take("input").map_or_else(|| "{}".to_owned(), |input| input.compact());
    call.extras = fields.into_extras(PROTOCOL);
    Ok(Some(call))
}

/// Says whether a tool call is one that Bedrock runs itself.
pub(crate) fn is_servers(call: &Object) -> bool {
    call.peek("type").and_then(|kind| kind.parse::<String>().ok()).is_some_and(|kind| kind.starts_with("server_"))
}

/// Reads a tool's result; `None` for that of a tool that Bedrock ran itself.
fn tool_result(mut fields: Object) -> Result<Option<ToolResult>, Error> {
    if fields.peek("type").is_some() {
        return Ok(None);
    }
    let path = fields.path_of("content");
    let mut result = ToolResult::default();
    result.id = Some(fields.require("toolUseId")?);
    for (place, json) in fields.take_as::<Vec<Json>>("content")?.unwrap_or_default().iter().enumerate() {
        result.content.push(result_part(json, &format!("{path}[{place}]"))?);
    }
    result.is_error = match fields.peek("status").map(Json::as_str) {
        Some("\"error\"") => Some(true),
        Some("\"success\"") => Some(false),
        _ => None,
    };
    if result.is_error.is_some() {
        fields.take("status");
    }
    result.extras = fields.into_extras(PROTOCOL);
    Ok(Some(result))
}

/// Reads a part of a result; JSON becomes its text, for vendors that take only that.
fn result_part(block: &Json, path: &str) -> Result<Part, Error> {
    let Some(value) = Object::strict(block, path)?.take(JSON) else { return decode(block, path) };
    let mut text = Text::default();
    text.text = value.compact();
    text.extras.insert(PROTOCOL, JSON, value);
    Ok(Part::Text(text))
}

fn reasoning(mut fields: Object) -> Result<Option<Thought>, Error> {
    let mut thought = Thought::default();
    if let Some(mut told) = fields.take_object("reasoningText")? {
        thought.text = told.take_as("text")?.unwrap_or_default();
        let signature: Option<String> = told.take_as("signature")?;
        thought.signature = signature.map(|value| Signature::new(PROTOCOL, value));
        thought.extras = told.into_extras(PROTOCOL);
    } else if let Some(data) = fields.take_as::<String>("redactedContent")? {
        thought.redacted = Some(Signature::new(PROTOCOL, data));
    } else {
        return Ok(None);
    }
    Ok(Some(thought))
}

fn cited(mut fields: Object) -> Text {
    let texts = fields.find_list("content");
    let mut text = Text::default();
    text.text = texts.iter().filter_map(|json| Object::lenient(json).find_text("text")).collect();
    text.citations = fields.find_list("citations").iter().map(citation).collect();
    text.extras = fields.into_extras(PROTOCOL);
    text
}

pub(crate) fn citation(json: &Json) -> Citation {
    let mut fields = Object::lenient(json);
    let quotes = fields.find_list("sourceContent");
    let quotes: Vec<String> = quotes.iter().filter_map(|json| Object::lenient(json).find_text("text")).collect();
    let mut citation = Citation::default();
    citation.url = fields.find_object("location").find_object("web").find_text("url");
    // The source of a search result is mostly its address.
    let source = fields.find_text("source").filter(|source| source.contains("://"));
    citation.url = citation.url.or(source);
    citation.title = fields.find_text("title");
    citation.quote = (!quotes.is_empty()).then(|| quotes.concat());
    citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
    citation
}

/// Writes a citation; one of another vendor in the form of a web page's.
pub(crate) fn citation_json(citation: &Citation) -> Json {
    if let Some(raw) = citation.raw.as_ref().filter(|raw| raw.protocol == PROTOCOL) {
        return raw.json.clone();
    }
    let mut fields = Fields::new();
    fields.put_some("title", citation.title.as_ref());
    if let Some(quote) = &citation.quote {
        fields.put("sourceContent", &serde_json::json!([{"text": quote}]));
    }
    if let Some(url) = &citation.url {
        fields.put("location", &serde_json::json!({"web": {"url": url}}));
    }
    fields.to_json()
}

/// Writes a text, with these of its citations.
pub(crate) fn text<'a>(text: &Text, citations: impl Iterator<Item = &'a Citation>) -> Fields {
    let citations: Vec<Json> = citations.map(citation_json).collect();
    let mut fields = Fields::new();
    if citations.is_empty() {
        fields.put("text", &text.text).put_extras(&text.extras, PROTOCOL);
        return fields;
    }
    let mut content = Fields::new();
    content.put("content", &serde_json::json!([{"text": text.text}])).put("citations", &citations);
    content.put_extras(&text.extras, PROTOCOL);
    fields.put("citationsContent", &content);
    fields
}

/// Writes a part of a result that came as JSON, as it came.
pub(crate) fn result_json(part: &Part) -> Option<Json> {
    let Part::Text(text) = part else { return None };
    text.extras.get(PROTOCOL, JSON).map(|value| Fields::one(JSON, value).to_json())
}

/// Writes thinking; its signature or its encrypted form only if Bedrock issued them.
pub(crate) fn thought(thought: &Thought) -> Option<Fields> {
    let mut content = Fields::new();
    if let Some(data) = &thought.redacted {
        content.put("redactedContent", data.of(PROTOCOL)?);
    } else {
        let signature = thought.signature.as_ref().and_then(|signature| signature.of(PROTOCOL));
        if thought.text.is_empty() && signature.is_none() {
            return None;
        }
        let mut told = Fields::new();
        told.put("text", &thought.text).put_some("signature", signature).put_extras(&thought.extras, PROTOCOL);
        content.put("reasoningText", &told);
    }
    Some(Fields::one("reasoningContent", &content))
}

pub(crate) fn call(id: &str, call: &ToolCall, input: &Json) -> Fields {
    let mut inner = Fields::new();
    inner.put("toolUseId", id).put("name", &call.name).put("input", input);
    inner.put_extras(&call.extras, PROTOCOL);
    Fields::one("toolUse", &inner)
}

/// Writes the mark that ends a cached prefix, which lasts five minutes unless it says otherwise.
pub(crate) fn cache_point(ttl: Option<&str>) -> Json {
    let mut point = Fields::new();
    point.put("type", "default").put_some("ttl", ttl);
    Fields::one(CACHE_POINT, &point).to_json()
}

/// Says whether a block is such a mark.
pub(crate) fn is_cache_point(block: &Json) -> bool {
    Object::lenient(block).peek(CACHE_POINT).is_some()
}

const CACHE_POINT: &str = "cachePoint";

/// The field of a result that is no text.
const JSON: &str = "json";
