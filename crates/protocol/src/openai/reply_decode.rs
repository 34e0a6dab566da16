use std::collections::BTreeSet;

use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{
    ChatReply, Choice, Citation, Extras, Finish, FinishReason, Json, Media, Opaque, Part, Signature, Text, ToolCall,
    ToolCallKind,
};

use super::request_decode::{thinking_text, thought};
use super::{CHAT_PROTOCOL as PROTOCOL, logprobs, usage};
use crate::object::Object;
use crate::{endings, vendor_error};

/// Reads the chat completion object, as tolerantly as its many writers need.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let whole = body;
    let mut body = Object::from_vendor(whole, "the reply")?;
    if is_error(&body) {
        let whole: Json = serde_json::from_slice(whole).unwrap_or_else(|_| crate::object::json("error"));
        return Err(vendor_error::from_event(&whole));
    }
    let list: Option<Vec<Json>> = body.find("choices");
    if let Some(error) = body.peek("error").filter(|error| error.as_str() != "null") {
        return Err(vendor_error::from_event(&whole_error(error)));
    }
    let list = list.ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `choices`")
            .with_hint("check that `base_url` is the vendor's API")
    })?;
    let mut reply = ChatReply::default();
    reply.id = body.find_text("id").filter(|id| !id.is_empty());
    reply.model = body.find_text("model").filter(|model| !model.is_empty());
    reply.created = created(&mut body);
    reply.choices = numbered(list.iter().enumerate().map(|(place, json)| choice(json, place)).collect());
    reply.usage = usage::take(&mut body);
    reply.service_tier = body.find_text("service_tier");
    for noise in ["object", "obfuscation"] {
        body.take(noise);
    }
    reply.extras = body.into_extras(PROTOCOL);
    Ok(reply)
}

/// Says whether an object is an error of Mistral's, whose fields stand at the top.
pub(crate) fn is_error(body: &Object) -> bool {
    body.peek("object").is_some_and(|object| object.as_str().eq_ignore_ascii_case("\"error\""))
}

/// Wraps what stood under `error` as it stands in an error's own body.
pub(crate) fn whole_error(error: &Json) -> Json {
    let mut fields = crate::object::Fields::new();
    fields.put("error", error);
    fields.to_json()
}

pub(crate) fn created(body: &mut Object) -> Option<u64> {
    let text = body.find_text("created")?;
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().ok()
}

fn choice(json: &Json, place: usize) -> Choice {
    let mut fields = Object::lenient(json);
    let mut choice = Choice::default();
    choice.index = fields.find("index").unwrap_or_else(|| u32::try_from(place).unwrap_or_default());
    choice.finish = take_finish(&mut fields);
    choice.logprobs = fields.peek("logprobs").and_then(logprobs::decode);
    if choice.logprobs.is_some() || fields.peek("logprobs").is_some_and(|json| json.as_str() == "null") {
        fields.take("logprobs");
    }
    let mut message = match fields.take("message").or_else(|| fields.take("delta")) {
        Some(message) => Object::lenient(&message),
        None => Object::default(),
    };
    choice.parts = parts(&mut message);
    message.take("role");
    choice.extras = present(message);
    let rest = present(fields);
    if !rest.is_empty() {
        choice.extras.insert(PROTOCOL, "choice", crate::object::json(&named(&rest)));
    }
    choice
}

/// Puts choices in the order of their numbers; where two have one number, their places are their numbers.
pub(crate) fn numbered(mut choices: Vec<Choice>) -> Vec<Choice> {
    let numbers: BTreeSet<u32> = choices.iter().map(|choice| choice.index).collect();
    if numbers.len() < choices.len() {
        for (place, choice) in choices.iter_mut().enumerate() {
            choice.index = u32::try_from(place).unwrap_or_default();
        }
    }
    choices.sort_by_key(|choice| choice.index);
    choices
}

/// Keeps the fields that say something.
fn present(fields: Object) -> Extras {
    let mut extras = Extras::default();
    for (name, value) in fields.into_fields().filter(|(_, value)| !matches!(value.as_str(), "null" | "[]" | "{}")) {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}

pub(crate) fn named(extras: &Extras) -> crate::object::Fields {
    let mut fields = crate::object::Fields::new();
    fields.put_extras(extras, PROTOCOL);
    fields
}

fn parts(message: &mut Object) -> Vec<Part> {
    let mut parts = Vec::new();
    parts.extend(reasoning(message).map(|(text, field)| thought(text, field)));
    for piece in content(message.take("content")) {
        match piece {
            Piece::Text(text) => parts.push(Part::text(text)),
            Piece::Thought(text, signature) => parts.push(signed(thought(text, "content"), signature)),
            Piece::Other(json) => parts.push(Part::Opaque(Opaque::new(PROTOCOL, json))),
        }
    }
    merge_texts(&mut parts);
    let cited: Vec<Citation> = message.find_list("annotations").iter().map(citation).collect();
    if !cited.is_empty() {
        match parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None }) {
            Some(text) => text.citations = cited,
            None => {
                let mut text = Text::default();
                text.citations = cited;
                parts.push(Part::Text(text));
            }
        }
    }
    parts.extend(message.find_text("refusal").filter(|text| !text.is_empty()).map(Part::Refusal));
    parts.extend(message.find_list("tool_calls").iter().map(|json| Part::ToolCall(tool_call(json))));
    if let Some(json) = message.take("function_call") {
        let mut inner = Object::lenient(&json);
        // Some servers fill in every field there is with an empty text.
        if inner.peek("name").is_some_and(|name| name.as_str() == "\"\"") {
            return parts;
        }
        let mut call = ToolCall::default();
        call.name = inner.find_text("name").unwrap_or_default();
        call.arguments = inner.find_text("arguments").unwrap_or_default();
        call.kind = ToolCallKind::LegacyFunction;
        parts.push(Part::ToolCall(call));
    }
    for json in message.find_list("images") {
        let url: Option<String> = Object::lenient(&json).find_object("image_url").find("url");
        parts.extend(url.map(|url| Part::Image(Media::url(url))));
    }
    parts
}

/// Takes the reasoning of a message or delta, with the name of its field.
pub(crate) fn reasoning(message: &mut Object) -> Option<(String, &'static str)> {
    let content = message.find::<String>("reasoning_content").filter(|text| !text.is_empty());
    let short = message.find::<String>("reasoning").filter(|text| !text.is_empty());
    content.map(|text| (text, "reasoning_content")).or_else(|| short.map(|text| (text, "reasoning")))
}

/// A piece of a message's or delta's content.
pub(crate) enum Piece {
    Text(String),
    /// A thought and its signature.
    Thought(String, Option<Signature>),
    Other(Json),
}

/// Reads content in any of its forms: a text, or an array of texts and thoughts.
pub(crate) fn content(json: Option<Json>) -> Vec<Piece> {
    let Some(json) = json else { return Vec::new() };
    if let Ok(text) = json.parse::<String>() {
        return if text.is_empty() { Vec::new() } else { vec![Piece::Text(text)] };
    }
    let Ok(list) = json.parse::<Vec<Json>>() else { return vec![Piece::Other(json)] };
    let piece = |json: Json| {
        let mut fields = Object::lenient(&json);
        match fields.find_text("type").as_deref() {
            Some("text") => Piece::Text(fields.find_text("text").unwrap_or_default()),
            Some("thinking") => {
                let signature = fields.find_text("signature").map(|value| Signature::new(PROTOCOL, value));
                Piece::Thought(thinking_text(&json), signature)
            }
            _ => Piece::Other(json),
        }
    };
    list.into_iter().map(piece).collect()
}

fn signed(part: Part, signature: Option<Signature>) -> Part {
    match part {
        Part::Thought(mut thought) => {
            thought.signature = signature;
            Part::Thought(thought)
        }
        other => other,
    }
}

/// Joins texts and thoughts that stand side by side, as their pieces in a stream join.
fn merge_texts(parts: &mut Vec<Part>) {
    parts.dedup_by(|later, earlier| match (earlier, later) {
        (Part::Text(earlier), Part::Text(later)) => {
            earlier.text.push_str(&later.text);
            true
        }
        // A signature ends a thought.
        (Part::Thought(earlier), Part::Thought(later)) if earlier.signature.is_none() => {
            earlier.text.push_str(&later.text);
            earlier.signature = later.signature.take();
            true
        }
        _ => false,
    });
}

pub(crate) fn citation(json: &Json) -> Citation {
    let mut inner = Object::lenient(json).find_object("url_citation");
    let mut citation = Citation::default();
    citation.url = inner.find_text("url");
    citation.title = inner.find_text("title");
    citation.quote = inner.find_text("content");
    citation.span = inner.find_count("start_index").zip(inner.find_count("end_index"));
    citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
    citation
}

fn tool_call(json: &Json) -> ToolCall {
    let mut fields = Object::lenient(json);
    let mut call = ToolCall::default();
    call.id = fields.find_text("id").filter(|id| !id.is_empty());
    fields.take("index");
    if fields.find_text("type").as_deref() == Some("custom") {
        let mut inner = fields.find_object("custom");
        call.kind = ToolCallKind::Custom;
        call.name = inner.find_text("name").unwrap_or_default();
        call.arguments = inner.find_text("input").unwrap_or_default();
    } else {
        let mut inner = fields.find_object("function");
        call.name = inner.find_text("name").unwrap_or_default();
        call.arguments = arguments(inner.take("arguments"));
    }
    call.extras = fields.into_extras(PROTOCOL);
    call
}

/// Reads arguments: a text, or the object that some servers send in its place.
pub(crate) fn arguments(json: Option<Json>) -> String {
    json.map(|json| json.parse().unwrap_or_else(|_| json.compact())).unwrap_or_default()
}

/// Reads a finish reason.
pub(crate) fn finish(raw: String) -> Finish {
    // Some whole answers come with an empty word.
    let reason = if raw.is_empty() { FinishReason::Stop } else { endings::read(PROTOCOL, &raw) };
    Finish::new(reason, Some(raw))
}

/// Takes why a choice ended; OpenRouter puts the error of one that failed beside its word.
pub(crate) fn take_finish(fields: &mut Object) -> Option<Finish> {
    let raw = fields.find_text("finish_reason");
    let error = fields.peek("error").filter(|error| error.as_str() != "null");
    let Some(error) = error else { return raw.map(finish) };
    let mut failed = Finish::new(FinishReason::Error, raw.filter(|raw| !raw.is_empty()));
    failed.message = Object::lenient(error).find_text("message");
    Some(failed)
}
