use tollbridge_types::{Json, Usage, UsageBasis};

use crate::buckets::{Share, put_tool};
use crate::object::Object;

/// Reads `usage`, or the `meta` of an older reply: `tokens` is what the model saw and wrote, `billed_units` what is
/// paid for, which leaves out what Cohere itself puts into a prompt.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut tokens = fields.find_object("tokens");
    let mut billed = fields.find_object("billed_units");
    let mut either = |name| tokens.find_count(name).or_else(|| billed.find_count(name));
    let mut usage = Usage::default();
    let mut input = Share::of(either("input_tokens"));
    usage.cache_read = input.take(fields.find_count("cached_tokens"));
    usage.input = input.rest();
    // Pictures are counted beside the prompt's words.
    usage.input_image = either("image_tokens");
    let mut output = Share::of(either("output_tokens"));
    usage.reasoning = output.take(either("reasoning_tokens"));
    usage.output = output.rest();
    for unit in ["search_units", "images", "classifications"] {
        put_tool(&mut usage, unit, billed.find_count(unit).unwrap_or_default());
    }
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}
