use tollbridge_types::{Usage, UsageBasis};

use crate::object::{Fields, Object};

/// Takes the counts and times that stand at the top of the last object.
pub(crate) fn take(body: &mut Object) -> Option<Usage> {
    take_of(METRICS, body)
}

/// Takes the count of an embeddings reply, whose times stay where they are.
pub(crate) fn take_prompt(body: &mut Object) -> Option<Usage> {
    take_of(&["prompt_eval_count"], body)
}

fn take_of(names: &[&str], body: &mut Object) -> Option<Usage> {
    let mut raw = Fields::new();
    for name in names {
        raw.put_some(name, body.take(name));
    }
    if raw.is_empty() {
        return None;
    }
    let raw = raw.to_json();
    let mut fields = Object::lenient(&raw);
    let mut usage = Usage::default();
    // A prompt that the cache of the last call served whole is not counted, and its field left out.
    usage.input = fields.find_count("prompt_eval_count");
    usage.output = fields.find_count("eval_count");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(raw);
    Some(usage)
}

/// Writes the counts.
pub(crate) fn put(usage: &Usage, body: &mut Fields) {
    body.put("prompt_eval_count", &usage.total_input()).put("eval_count", &usage.total_output());
}

/// The counts, and times in nanoseconds.
const METRICS: &[&str] =
    &["prompt_eval_count", "eval_count", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"];
