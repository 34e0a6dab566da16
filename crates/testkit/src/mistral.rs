//! Where Mistral differs from OpenAI, whose protocol it speaks: thinking in parts of the content, ids
//! of nine letters and digits, usage on streams unasked, and a refusal of everything that it does not know.

use serde_json::{Value, json};

use crate::answer::Say;

/// Turns an answer into one of Mistral's: only its ids differ before it is written.
pub(crate) fn own(mut say: Say) -> Say {
    for (id, ..) in &mut say.calls {
        let letters: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
        *id = format!("{letters:0>9}").chars().rev().take(9).collect::<Vec<_>>().into_iter().rev().collect();
    }
    say
}

/// Writes thinking as an element of content.
pub(crate) fn thinking(text: &str) -> Value {
    json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]})
}

/// Returns what a strict upstream refuses a chat request with.
pub(crate) fn fault(body: &Value) -> Option<(u16, Value)> {
    let mut extra: Vec<Value> = unknown(body, CHAT, &[]);
    for (place, message) in body["messages"].as_array().into_iter().flatten().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        let known: &[&str] = match role {
            "assistant" => &["role", "content", "tool_calls", "prefix"],
            "tool" => &["role", "content", "tool_call_id", "name"],
            _ => &["role", "content"],
        };
        extra.extend(unknown(message, known, &[json!("messages"), json!(place), json!(role)]));
        let calls = message["tool_calls"].as_array().into_iter().flatten().map(|call| &call["id"]);
        for id in calls.chain(message.get("tool_call_id")) {
            let id = id.as_str().unwrap_or("null");
            if id.len() != 9 || !id.chars().all(|letter| letter.is_ascii_alphanumeric()) {
                let message = format!("Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9.");
                return Some((400, error(&json!(message), "invalid_function_call", "3280")));
            }
        }
    }
    let detail = json!({"detail": extra});
    (!extra.is_empty()).then(|| (422, error(&detail, "invalid_request_error", "1000")))
}

/// Lists the fields of an object that are not among these.
fn unknown(object: &Value, known: &[&str], path: &[Value]) -> Vec<Value> {
    let fields = object.as_object().into_iter().flatten();
    let extra = fields.filter(|(name, _)| !known.contains(&name.as_str()));
    let fault = |(name, value): (&String, &Value)| {
        let loc: Vec<Value> = [json!("body")].into_iter().chain(path.iter().cloned()).chain([json!(name)]).collect();
        json!({"type": "extra_forbidden", "loc": loc, "msg": "Extra inputs are not permitted", "input": value})
    };
    extra.map(fault).collect()
}

/// Writes an error in Mistral's form.
pub(crate) fn error(message: &Value, kind: &str, code: &str) -> Value {
    json!({"object": "error", "message": message, "type": kind, "param": null, "code": code})
}

/// The fields of a chat request, after Mistral's API reference.
const CHAT: &[&str] = &[
    "frequency_penalty",
    "guardrails",
    "logprobs",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_mode",
    "random_seed",
    "reasoning_effort",
    "response_format",
    "safe_prompt",
    "stop",
    "stream",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
];
