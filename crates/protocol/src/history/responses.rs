use serde::Deserialize;
use serde_json::value::RawValue;
use tollbridge_core::{Loss, StateStore};

use super::walk::{Walk, fields, is, list, string};
use crate::state;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    role: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    call_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    encrypted_content: Option<&'a RawValue>,
}

/// Walks through the items of a response's input.
pub(super) fn through(walk: &mut Walk<'_>) -> Option<()> {
    let body: Body<'_> = serde_json::from_str(walk.text).ok()?;
    let items = list(body.input);
    let mut gone = vec![false; items.len()];
    for ((place, raw), gone) in items.iter().enumerate().zip(&mut gone) {
        let Some(item) = fields::<Item<'_>>(raw) else { continue };
        let kind = item.kind.and_then(string).unwrap_or_default();
        let path = || format!("input[{place}]");
        match &*kind {
            "" | "message" => walk.speaker(is(item.role, "assistant")),
            "reasoning" => {
                walk.speaker(true);
                *gone = walk.is_sealed(item.encrypted_content, path);
                // One without a seal that was made here has nothing by which its vendor could know it.
                if !*gone && made_here(item.id) {
                    walk.tell(|| Loss::dropped(path(), "another vendor's thinking cannot be sent back"));
                    *gone = true;
                }
            }
            "item_reference" => {
                *gone = made_here(item.id);
                if *gone {
                    walk.tell(|| Loss::dropped(path(), "another vendor's thinking cannot be sent back"));
                }
            }
            kind if kind.ends_with("_output") => {
                walk.speaker(false);
                walk.result(item.call_id);
            }
            _ => {
                walk.speaker(true);
                walk.call(item.call_id, item.name);
            }
        }
    }
    walk.leave_out_of(&items, &gone);
    Some(())
}

/// Puts what was kept in the place of references to it.
pub(super) fn resolve(walk: &mut Walk<'_>, states: &dyn StateStore) -> Option<()> {
    let body: Body<'_> = serde_json::from_str(walk.text).ok()?;
    for raw in list(body.input) {
        let Some(item) = fields::<Item<'_>>(raw).filter(|item| is(item.kind, "item_reference")) else { continue };
        if let Some(kept) = item.id.and_then(string).and_then(|id| states.find(&id)) {
            let span = walk.span(raw);
            walk.changes.edits.push((span, kept.to_string()));
        }
    }
    Some(())
}

/// Says whether an item of reasoning was made here of another vendor's.
fn made_here(id: Option<&RawValue>) -> bool {
    id.and_then(string).is_some_and(|id| id.starts_with(REASONING) || id.contains(state::MARK))
}

/// How ids of reasoning begin that was made into items here.
const REASONING: &str = "rs_tb_";
