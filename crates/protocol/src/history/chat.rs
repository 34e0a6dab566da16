use serde::Deserialize;
use serde_json::value::RawValue;

use super::walk::{Walk, fields, is, list, string};
use crate::state::{self, Sealed};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    messages: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    role: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_call_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function: Option<&'a RawValue>,
    #[serde(borrow, default)]
    extra_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Extra<'a> {
    #[serde(borrow, default)]
    google: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Google<'a> {
    #[serde(borrow, default)]
    thought_signature: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// Walks through a chat completion's messages.
pub(super) fn through(walk: &mut Walk<'_>) -> Option<()> {
    let body: Body<'_> = serde_json::from_str(walk.text).ok()?;
    for (place, raw) in list(body.messages).into_iter().enumerate() {
        let Some(message) = fields::<Message<'_>>(raw) else { continue };
        walk.speaker(is(message.role, "assistant"));
        let told = details(walk, message.reasoning_details, place);
        for (number, raw) in list(message.tool_calls).into_iter().enumerate() {
            let Some(call) = fields::<Call<'_>>(raw) else { continue };
            let name = call.function.and_then(fields::<Named<'_>>).and_then(|function| function.name);
            let on_id = walk.call(call.id, name).unwrap_or(Sealed::Foreign);
            let path = || format!("messages[{place}].tool_calls[{number}]");
            // What rides on calls rides on the message too, where it has been told.
            if !told {
                walk.lost(&on_id, || format!("{}.id", path()));
            }
            let seal = seal(call.extra_content);
            if let (Some(seal), Some(field)) = (seal, call.extra_content) {
                if !told {
                    walk.lost(&seal, || format!("{}.extra_content", path()));
                }
                walk.leave_out(field);
            }
        }
        walk.result(message.tool_call_id);
    }
    Some(())
}

/// Leaves our entries out of a message's `reasoning_details`, and says whether there were any.
fn details(walk: &mut Walk<'_>, field: Option<&RawValue>, place: usize) -> bool {
    let entries = list(field);
    let mut gone = vec![false; entries.len()];
    for ((number, raw), gone) in entries.iter().enumerate().zip(&mut gone) {
        let data = fields::<Detail<'_>>(raw).and_then(|entry| entry.data);
        *gone = walk.is_sealed(data, || format!("messages[{place}].reasoning_details[{number}]"));
    }
    let any = gone.contains(&true);
    match field.filter(|_| any && !gone.contains(&false)) {
        Some(field) => walk.leave_out(field),
        None => walk.leave_out_of(&entries, &gone),
    }
    any
}

/// Opens what stands on a call, if it was sealed here.
fn seal(field: Option<&RawValue>) -> Option<Sealed> {
    let google = field.and_then(fields::<Extra<'_>>)?.google.and_then(fields::<Google<'_>>)?;
    let text = google.thought_signature.and_then(string)?;
    Some(state::open(&text)).filter(|sealed| !matches!(sealed, Sealed::Foreign))
}
