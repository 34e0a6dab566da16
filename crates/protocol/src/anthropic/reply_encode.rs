use bytes::Bytes;
use tollbridge_types::{ChatReply, Json, Part, Thought, ToolCall};

use super::{MESSAGES_PROTOCOL as PROTOCOL, blocks, usage};
use crate::object::{Fields, arguments_object, json};
use crate::state::{self, State};
use crate::{ReplyContext, endings, ids};

/// Writes the message object. Anthropic has one answer: further choices have no place in it.
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
                let id = call.id.as_deref().unwrap_or(&made_up);
                content.extend(call_state(call, id).as_ref().map(carrier));
                content.push(blocks::tool_use(id, call, &input).to_json());
            }
            Part::Refusal(_) => {
                refused = true;
                content.extend(block(part));
            }
            part => {
                content.extend(block(part));
                if let Part::Text(text) = part {
                    content.extend(State::of_text(text, PROTOCOL).as_ref().map(carrier));
                }
            }
        }
    }
    let finish = choice.and_then(|choice| choice.finish.as_ref());
    let mut body = Fields::new();
    body.put("id", id).put("type", "message").put("role", "assistant");
    body.put("model", reply.model.as_deref().unwrap_or(context.model)).put("content", &content);
    let finish = finish.map(|finish| endings::refused(finish, refused && calls == 0));
    body.put("stop_reason", &finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, calls > 0)));
    body.put("stop_sequence", &finish.as_ref().and_then(|finish| finish.stop_sequence.as_ref()));
    body.put("usage", &usage::encode(&reply.usage.clone().unwrap_or_default()));
    body.put_extras(&reply.extras, PROTOCOL);
    body.to_bytes()
}

/// Writes a part that is not a tool call as a block.
fn block(part: &Part) -> Option<Json> {
    match part {
        Part::Text(text) if text.text.is_empty() && text.citations.is_empty() => None,
        Part::Text(text) => Some(blocks::text(text).to_json()),
        Part::Refusal(text) => Some(json(&serde_json::json!({"type": "text", "text": text}))),
        Part::Thought(thought) => thought_block(thought),
        Part::Image(media) => {
            // The model's blocks hold no images, so one of another vendor comes as Markdown.
            let text = format!("![image]({})", media.to_url()?);
            Some(json(&serde_json::json!({"type": "text", "text": text})))
        }
        Part::Opaque(opaque) if opaque.protocol == PROTOCOL => Some(opaque.json.clone()),
        Part::Opaque(opaque) => State::of_opaque(opaque, PROTOCOL).as_ref().map(carrier),
        _ => None,
    }
}

fn thought_block(thought: &Thought) -> Option<Json> {
    if let Some(fields) = blocks::thought(thought) {
        return Some(fields.to_json());
    }
    let state = State::of_thought(thought, PROTOCOL);
    if thought.text.is_empty() {
        return state.as_ref().map(carrier);
    }
    // A seal on nothing says that this thinking is another vendor's.
    let signature = state::seal(state.as_slice());
    Some(json(&serde_json::json!({"type": "thinking", "thinking": thought.text, "signature": signature})))
}

/// Writes a block that only carries state for another protocol's vendor.
pub(crate) fn carrier(state: &State) -> Json {
    let data = state::seal(std::slice::from_ref(state));
    json(&serde_json::json!({"type": "redacted_thinking", "data": data}))
}

/// Returns what is attached to a call that the client will know by this id.
pub(crate) fn call_state(call: &ToolCall, id: &str) -> Option<State> {
    let mut named = call.clone();
    named.id = Some(id.to_owned());
    State::of_call(&named, PROTOCOL)
}

/// Reads arguments as an object; a text that is none stands under `arguments` in one.
pub(crate) fn input_or_text(arguments: &str) -> Json {
    arguments_object(arguments).unwrap_or_else(|| json(&serde_json::json!({"arguments": arguments})))
}
