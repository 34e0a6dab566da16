use serde::Deserialize;
use serde_json::value::RawValue;
use tollbridge_core::Loss;

use super::walk::{Walk, fields, is, list};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    messages: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thinking: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_use_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Thinking<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
}

/// What is known of the model's last turn.
#[derive(Default)]
struct Turn {
    /// Whether thinking was taken from its beginning.
    bare: bool,
    /// Whether its calls are answered, so that it goes on.
    answered: bool,
}

/// Walks through a message request, whose vendor verifies each signature.
pub(super) fn through(walk: &mut Walk<'_>) -> Option<()> {
    let body: Body<'_> = serde_json::from_str(walk.text).ok()?;
    let messages = list(body.messages);
    let mut empty = vec![false; messages.len()];
    let mut turn = Turn::default();
    for ((place, raw), empty) in messages.iter().enumerate().zip(&mut empty) {
        let Some(message) = fields::<Message<'_>>(raw) else { continue };
        let model = is(message.role, "assistant");
        walk.speaker(model);
        let blocks = list(message.content);
        let mut gone = vec![false; blocks.len()];
        let (mut first, mut answers) = (None, false);
        for ((number, raw), gone) in blocks.iter().enumerate().zip(&mut gone) {
            let Some(block) = fields::<Block<'_>>(raw) else { continue };
            let path = || format!("messages[{place}].content[{number}]");
            if is(block.kind, "tool_use") {
                walk.call(block.id, block.name);
            } else if is(block.kind, "tool_result") {
                answers = true;
                walk.result(block.tool_use_id);
            } else if is(block.kind, "thinking") {
                *gone = walk.is_sealed(block.signature, path);
            } else if is(block.kind, "redacted_thinking") {
                *gone = walk.is_sealed(block.data, path);
            }
            if !*gone && first.is_none() {
                first = Some(is(block.kind, "thinking") || is(block.kind, "redacted_thinking"));
            }
        }
        let any = gone.contains(&true);
        turn = match model {
            true => Turn { bare: any && first != Some(true), answered: false },
            false => Turn { answered: answers, ..turn },
        };
        *empty = any && first.is_none();
        if any && !*empty {
            walk.leave_out_of(&blocks, &gone);
        }
    }
    walk.leave_out_of(&messages, &empty);
    let thinking = body.thinking.filter(|raw| {
        let thinking = fields::<Thinking<'_>>(raw);
        turn.bare && turn.answered && thinking.is_some_and(|thinking| is(thinking.kind, "enabled"))
    });
    if let Some(thinking) = thinking {
        walk.leave_out(thinking);
        let reason = "off until the next answer: the thinking that began it is not there";
        walk.tell(|| Loss::adapted("thinking", reason));
    }
    Some(())
}
