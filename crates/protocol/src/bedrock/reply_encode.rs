use std::collections::BTreeSet;

use bytes::Bytes;
use tollbridge_types::{ChatReply, Json, Media, MediaKind, Part};

use super::{CONVERSE_PROTOCOL as PROTOCOL, blocks, media, usage};
use crate::object::{Fields, arguments_object, json};
use crate::{ReplyContext, endings, ids};

/// Writes the response of Converse. It has one answer: further choices have no place in it.
pub(crate) fn encode(reply: &ChatReply, context: &ReplyContext<'_>) -> Bytes {
    let id = reply.id.as_deref().unwrap_or(context.id);
    let choice = reply.choices.first();
    let mut content = Vec::new();
    let (mut calls, mut refused) = (0, false);
    for part in choice.into_iter().flat_map(endings::whole_parts) {
        match part {
            Part::ToolCall(call) => {
                let made_up = ids::made_up(id, 0, calls);
                calls += 1;
                let input = input_or_text(&call.arguments);
                content.push(blocks::call(call.id.as_deref().unwrap_or(&made_up), call, &input).to_json());
            }
            part => {
                refused |= matches!(part, Part::Refusal(_));
                content.extend(block(part));
            }
        }
    }
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let mut message = Fields::new();
    message.put("role", "assistant").put("content", &content);
    let mut body = Fields::new();
    body.put("output", &Fields::one("message", &message));
    let finish = finish.map(|finish| endings::refused(finish, refused && calls == 0));
    body.put_some("stopReason", finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, calls > 0)));
    body.put("usage", &usage::encode(&reply.usage.clone().unwrap_or_default()));
    if let Some(tier) = &reply.service_tier {
        body.put("serviceTier", &Fields::one("type", tier));
    }
    body.put_extras(&reply.extras, PROTOCOL);
    body.to_bytes()
}

/// Writes a part that is not a tool call as a block.
fn block(part: &Part) -> Option<Json> {
    match part {
        Part::Text(text) if text.text.is_empty() && text.citations.is_empty() => None,
        Part::Text(text) => Some(blocks::text(text, text.citations.iter()).to_json()),
        Part::Refusal(text) => Some(Fields::one("text", text).to_json()),
        Part::Thought(thought) => Some(blocks::thought(thought)?.to_json()),
        Part::Image(media) => image(media),
        Part::Opaque(opaque) if opaque.protocol == PROTOCOL => Some(opaque.json.clone()),
        _ => None,
    }
}

/// Writes an image; one that stands elsewhere comes as Markdown.
pub(crate) fn image(image: &Media) -> Option<Json> {
    let block = media::encode(MediaKind::Image, image, &mut BTreeSet::new(), "image", &mut Vec::new());
    match block {
        Ok(block) => Some(block.to_json()),
        Err(_) => Some(Fields::one("text", &format!("![image]({})", image.to_url()?)).to_json()),
    }
}

/// Reads arguments as an object; a text that is none stands under `arguments` in one.
fn input_or_text(arguments: &str) -> Json {
    arguments_object(arguments).unwrap_or_else(|| json(&serde_json::json!({"arguments": arguments})))
}
