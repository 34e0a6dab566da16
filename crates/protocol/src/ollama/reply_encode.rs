use bytes::Bytes;
use tollbridge_types::{ChatReply, Choice, Media, MediaSource, Part, ToolCall};

use super::{CHAT_PROTOCOL as PROTOCOL, usage};
use crate::object::{Fields, arguments_object, json};
use crate::{ReplyContext, endings, openai, timestamp};

/// Writes a whole reply. Ollama gives one answer, so that only the first choice has a place.
pub(crate) fn encode(reply: &ChatReply, context: &ReplyContext<'_>) -> Bytes {
    let created = reply.created.unwrap_or(context.created);
    let mut body = head(reply.model.as_deref().unwrap_or(context.model), created);
    let none = Choice::default();
    let choice = reply.choices.first().unwrap_or(&none);
    body.put("message", &message(choice));
    if let Some(logprobs) = &choice.logprobs {
        body.put("logprobs", &openai::logprobs::tokens(&logprobs.content));
    }
    body.put("done", &true)
        .put_some("done_reason", choice.finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, false)));
    if let Some(counted) = &reply.usage {
        usage::put(counted, &mut body);
    }
    body.put_extras(&reply.extras, PROTOCOL);
    body.to_bytes()
}

/// Begins an object: of a whole reply, or of a stream.
pub(crate) fn head(model: &str, created: u64) -> Fields {
    let mut body = Fields::new();
    body.put("model", model).put("created_at", &timestamp::format(created));
    body
}

fn message(choice: &Choice) -> Fields {
    let (mut text, mut thinking) = (String::new(), String::new());
    let (mut images, mut calls) = (Vec::new(), Vec::new());
    for part in endings::whole_parts(choice) {
        match part {
            Part::Text(part) => text.push_str(&part.text),
            Part::Refusal(words) => text.push_str(words),
            Part::Thought(thought) => thinking.push_str(&thought.text),
            Part::Image(media) => images.extend(image(media)),
            Part::ToolCall(call) => calls.push(tool_call(call, calls.len())),
            // Sound, files and other protocols' own parts have no place in a message.
            _ => {}
        }
    }
    let mut fields = Fields::new();
    fields.put("role", "assistant").put("content", &text);
    fields.put_some("thinking", (!thinking.is_empty()).then_some(thinking));
    fields.put_some("images", (!images.is_empty()).then_some(images));
    fields.put_some("tool_calls", (!calls.is_empty()).then_some(calls));
    fields.put_extras(&choice.extras, PROTOCOL);
    fields
}

/// Returns the bytes of an image; one that only has an address cannot be shown.
pub(crate) fn image(media: &Media) -> Option<&str> {
    match &media.source {
        MediaSource::Base64(data) => Some(data),
        _ => None,
    }
}

/// Writes a call. Arguments that are no object, which Ollama demands, stand in one.
pub(crate) fn tool_call(call: &ToolCall, place: usize) -> Fields {
    let arguments = arguments_object(&call.arguments);
    let arguments = arguments.unwrap_or_else(|| json(&serde_json::json!({"arguments": call.arguments})));
    let mut inner = Fields::new();
    inner.put("index", &place).put("name", &call.name).put("arguments", &arguments);
    put_call(call, call.id.as_ref(), &inner)
}

/// Puts the fields of a call around those of its function.
pub(crate) fn put_call(call: &ToolCall, id: Option<&String>, inner: &Fields) -> Fields {
    let mut inner = inner.clone();
    let mut fields = Fields::new();
    fields.put_some("id", id);
    for (name, value) in call.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("function.").filter(|name| !inner.has(name)) {
            inner.put(name, value);
        }
    }
    fields.put("function", &inner);
    for (name, value) in call.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with("function.")) {
        if !fields.has(name) {
            fields.put(name, value);
        }
    }
    fields
}
