use serde::Deserialize;
use serde_json::value::RawValue;
use tollbridge_core::Loss;

use super::walk::{Walk, fields, list, string};
use crate::gemini::ANY_SIGNATURE;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    contents: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "generateContentRequest", alias = "generate_content_request")]
    whole: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "thoughtSignature", alias = "thought_signature")]
    signature: Option<&'a RawValue>,
    #[serde(borrow, default)]
    thought: Option<&'a RawValue>,
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "functionCall", alias = "function_call")]
    call: Option<&'a RawValue>,
}

/// Walks through the contents of a request; `signatures` says whether a call without one is refused.
pub(super) fn through(walk: &mut Walk<'_>, signatures: bool) -> Option<()> {
    let body: Body<'_> = serde_json::from_str(walk.text).ok()?;
    let nested = body.whole.and_then(fields::<Body<'_>>).and_then(|whole| whole.contents);
    let before = if nested.is_some() { "generateContentRequest." } else { "" };
    let contents = list(nested.or(body.contents));
    let mut empty = vec![false; contents.len()];
    for ((place, raw), empty) in contents.iter().enumerate().zip(&mut empty) {
        let parts = list(fields::<Content<'_>>(raw).and_then(|content| content.parts));
        let mut gone = vec![false; parts.len()];
        let mut called = false;
        for ((number, raw), gone) in parts.iter().enumerate().zip(&mut gone) {
            let Some(part) = fields::<Part<'_>>(raw) else { continue };
            let first = part.call.is_some() && !std::mem::replace(&mut called, true);
            let path = || format!("{before}contents[{place}].parts[{number}].thoughtSignature");
            let Some(signature) = part.signature.filter(|_| walk.is_sealed(part.signature, path)) else {
                if let Some(call) = part.call.filter(|_| first && signatures && part.signature.is_none()) {
                    walk.add_behind(call, &format!(",\"thoughtSignature\":\"{ANY_SIGNATURE}\""));
                    let reason = "another model made the call: sent with the documented placeholder";
                    walk.tell(|| Loss::adapted(path(), reason));
                }
                continue;
            };
            let thought = part.thought.is_some_and(|thought| thought.get() == "true");
            let silent = part.text.and_then(string).is_some_and(|text| text.is_empty());
            *gone = part.call.is_none() && (thought || silent);
            if !*gone && first && signatures {
                walk.replace(signature, ANY_SIGNATURE);
            } else if !*gone {
                walk.leave_out(signature);
            }
        }
        *empty = !gone.is_empty() && !gone.contains(&false);
        if !*empty {
            walk.leave_out_of(&parts, &gone);
        }
    }
    walk.leave_out_of(&contents, &empty);
    Some(())
}
