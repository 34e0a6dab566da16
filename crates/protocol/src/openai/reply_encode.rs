use std::sync::Arc;

use bytes::Bytes;
use tollbridge_core::StateStore;
use tollbridge_types::{ChatReply, Choice, Citation, Part, ToolCallKind};

use super::carrier::{self, Carrier, ON_CALL};
use super::request_encode::tool_call;
use super::{CHAT_PROTOCOL as PROTOCOL, logprobs, usage};
use crate::object::{Fields, json};
use crate::{ReplyContext, endings, ids};

/// Writes the chat completion object.
pub(crate) fn encode(reply: &ChatReply, context: &ReplyContext<'_>) -> Bytes {
    let id = reply.id.as_deref().unwrap_or(context.id);
    let mut body = Fields::new();
    body.put("id", id).put("object", "chat.completion");
    body.put("created", &reply.created.unwrap_or(context.created));
    body.put("model", reply.model.as_deref().unwrap_or(context.model));
    body.put("choices", &reply.choices.iter().map(|one| choice(one, id, context.states)).collect::<Vec<_>>());
    body.put_some("usage", reply.usage.as_ref().map(usage::encode));
    body.put_some("service_tier", reply.service_tier.as_ref());
    body.put_extras(&reply.extras, PROTOCOL);
    body.to_bytes()
}

fn choice(choice: &Choice, id: &str, states: Option<&Arc<dyn StateStore>>) -> Fields {
    let mut message = Fields::new();
    message.put("role", "assistant");
    let mut text: Option<String> = None;
    let (mut reasoning, mut refusal) = (String::new(), String::new());
    let mut carrier = Carrier::default();
    let mut named = Vec::new();
    let (mut calls, mut legacy, mut citations, mut images) = (Vec::new(), None, Vec::new(), Vec::new());
    for part in &choice.parts {
        match part {
            Part::Text(part) => {
                let said = text.get_or_insert_default();
                let offset = said.chars().count() as u64;
                said.push_str(&part.text);
                carrier.said();
                carrier.signature_of(part);
                citations.extend(part.citations.iter().map(|one| citation(one, offset)));
            }
            Part::Thought(thought) => {
                reasoning.push_str(&thought.text);
                carrier.whole(thought);
            }
            Part::Opaque(opaque) => carrier.opaque(opaque),
            Part::Refusal(words) => refusal.push_str(words),
            Part::ToolCall(call) if call.kind == ToolCallKind::LegacyFunction => {
                let mut fields = Fields::new();
                fields.put("name", &call.name).put("arguments", &call.arguments);
                legacy = Some(fields);
            }
            Part::ToolCall(call) => {
                let number = u32::try_from(calls.len()).unwrap_or(u32::MAX);
                let known = call.id.clone().unwrap_or_else(|| ids::made_up(id, choice.index, number));
                let carried = carrier.call(&known, call);
                let mut fields = tool_call(call, id, choice.index, calls.len());
                named.push((known, call));
                fields.put_some(ON_CALL, carried);
                calls.push(fields);
            }
            Part::Image(media) => images.extend(media.to_url().map(|url| image(&url))),
            // What stands in content and belongs to this protocol alone has no place in a string.
            _ => {}
        }
    }
    let function_call = legacy.take();
    let legacy = function_call.is_some();
    message.put("content", &text);
    message.put("refusal", &(!refusal.is_empty()).then_some(refusal));
    message.put_some("reasoning_content", (!reasoning.is_empty()).then_some(reasoning));
    if let Some(seal) = carrier.seal() {
        message.put("reasoning_details", &carrier::details(&seal));
        if let Some(states) = states.filter(|_| !named.is_empty()) {
            let named = named.iter().map(|(id, call)| (&**id, &*call.name, &*call.arguments));
            states.keep(&carrier::name_of(named), seal);
        }
    }
    message.put_some("tool_calls", (!calls.is_empty()).then_some(&calls)).put_some("function_call", function_call);
    message.put_some("annotations", (!citations.is_empty()).then_some(citations));
    message.put_some("images", (!images.is_empty()).then_some(images));
    message.put_missing(choice.extras.of(PROTOCOL).filter(|(name, _)| *name != "choice"));
    let mut fields = Fields::new();
    fields.put("index", &choice.index).put("message", &message);
    fields.put("logprobs", &choice.logprobs.as_ref().map(logprobs::encode));
    let called = legacy || !calls.is_empty();
    let word = choice.finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, called));
    fields.put("finish_reason", &word.map(|word| if legacy { retired(word) } else { word }));
    if let Some(rest) = choice.extras.get(PROTOCOL, "choice") {
        for (name, value) in crate::object::Object::lenient(rest).into_fields().filter(|(name, _)| name != "logprobs") {
            fields.put(&name, &value);
        }
    }
    fields
}

pub(crate) fn citation(citation: &Citation, offset: u64) -> tollbridge_types::Json {
    if let Some(raw) = citation.raw.as_ref().filter(|raw| raw.protocol == PROTOCOL) {
        return raw.json.clone();
    }
    let (start, end) = citation.span.unwrap_or_default();
    let mut inner = Fields::new();
    inner.put("url", citation.url.as_deref().unwrap_or_default());
    inner.put("title", citation.title.as_deref().unwrap_or_default());
    inner.put("start_index", &start.saturating_add(offset)).put("end_index", &end.saturating_add(offset));
    let mut fields = Fields::new();
    fields.put("type", "url_citation").put("url_citation", &inner);
    fields.to_json()
}

pub(crate) fn image(url: &str) -> tollbridge_types::Json {
    json(&serde_json::json!({"type": "image_url", "image_url": {"url": url}}))
}

/// Returns the word of the time of `function_call`.
pub(crate) fn retired(word: &str) -> &str {
    if word == "tool_calls" { "function_call" } else { word }
}
