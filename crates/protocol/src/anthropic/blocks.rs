//! Content blocks, which requests and replies share.

use tollbridge_core::Error;
use tollbridge_types::{Citation, Json, Opaque, Part, Signature, Text, Thought, ToolCall};

use super::MESSAGES_PROTOCOL as PROTOCOL;
use crate::object::{Fields, Object};

/// Reads a block that the model wrote.
pub(crate) fn decode(json: &Json, path: &str) -> Result<Part, Error> {
    let mut fields = Object::strict(json, path)?;
    let kind = fields.find_text("type").unwrap_or_default();
    Ok(match kind.as_str() {
        "text" => {
            let mut text = Text::default();
            text.text = fields.require("text")?;
            text.citations = fields.find_list("citations").iter().map(citation).collect();
            text.extras = fields.into_extras(PROTOCOL);
            Part::Text(text)
        }
        "thinking" => {
            let mut thought = Thought::default();
            thought.text = fields.require("thinking")?;
            let signature = fields.find_text("signature").filter(|signature| !signature.is_empty());
            thought.signature = signature.map(|value| Signature::new(PROTOCOL, value));
            thought.extras = fields.into_extras(PROTOCOL);
            Part::Thought(thought)
        }
        "redacted_thinking" => {
            let mut thought = Thought::default();
            thought.redacted = Some(Signature::new(PROTOCOL, fields.require::<String>("data")?));
            thought.extras = fields.into_extras(PROTOCOL);
            Part::Thought(thought)
        }
        "tool_use" => {
            let mut call = ToolCall::default();
            call.id = fields.take_as("id")?;
            call.name = fields.require("name")?;
            call.arguments = fields.take("input").map_or_else(|| "{}".to_owned(), |input| input.compact());
            call.extras = fields.into_extras(PROTOCOL);
            Part::ToolCall(call)
        }
        "" => {
            let path = fields.path_of("type");
            return Err(Error::invalid(path.clone(), format!("`{path}` is missing"))
                .with_hint("name the kind of the block, such as `text` or `image`"));
        }
        _ => Part::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path)),
    })
}

pub(crate) fn citation(json: &Json) -> Citation {
    let mut fields = Object::lenient(json);
    let mut citation = Citation::default();
    citation.url = fields.find_text("url");
    citation.title = fields.find_text("title").or_else(|| fields.find_text("document_title"));
    citation.quote = fields.find_text("cited_text");
    citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
    citation
}

/// Writes a citation; one of another vendor in the form of a web search's.
pub(crate) fn citation_json(citation: &Citation) -> Json {
    if let Some(raw) = citation.raw.as_ref().filter(|raw| raw.protocol == PROTOCOL) {
        return raw.json.clone();
    }
    let mut fields = Fields::new();
    fields.put("type", "web_search_result_location");
    fields.put("url", citation.url.as_deref().unwrap_or_default());
    fields.put("title", &citation.title);
    fields.put("cited_text", citation.quote.as_deref().unwrap_or_default());
    fields.put("encrypted_index", "");
    fields.to_json()
}

pub(crate) fn text(text: &Text) -> Fields {
    let mut fields = Fields::new();
    fields.put("type", "text").put("text", &text.text);
    if !text.citations.is_empty() {
        fields.put("citations", &text.citations.iter().map(citation_json).collect::<Vec<_>>());
    }
    fields.put_extras(&text.extras, PROTOCOL).put_mark(&text.extras);
    fields
}

/// Writes a thought if this protocol can prove it, or needs no proof.
pub(crate) fn thought(thought: &Thought) -> Option<Fields> {
    let mut fields = Fields::new();
    if let Some(data) = thought.redacted.as_ref().and_then(|data| data.of(PROTOCOL)) {
        fields.put("type", "redacted_thinking").put("data", data);
    } else {
        let signature = thought.signature.as_ref()?.of(PROTOCOL)?;
        fields.put("type", "thinking").put("thinking", &thought.text).put("signature", signature);
    }
    fields.put_extras(&thought.extras, PROTOCOL);
    Some(fields)
}

pub(crate) fn tool_use(id: &str, call: &ToolCall, input: &Json) -> Fields {
    let mut fields = Fields::new();
    fields.put("type", "tool_use").put("id", id).put("name", &call.name).put("input", input);
    fields.put_extras(&call.extras, PROTOCOL).put_mark(&call.extras);
    fields
}
