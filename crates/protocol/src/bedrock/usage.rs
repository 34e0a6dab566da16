use tollbridge_types::{Json, Usage, UsageBasis};

use crate::object::{Fields, Object, sum};

/// Reads a `usage` object: `inputTokens` are those that no cache served or stored.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut either = |names: [&str; 2]| names.map(|name| fields.find_count(name)).into_iter().flatten().next();
    let stored = either(["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    let read = either(["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let mut long = None;
    for detail in fields.find_list("cacheDetails") {
        let mut detail = Object::lenient(&detail);
        if detail.find_text("ttl").as_deref() == Some("1h") {
            long = long
                .or(Some(0))
                .zip(detail.find_count("inputTokens"))
                .map(|(sum, count): (u64, u64)| sum.saturating_add(count));
        }
    }
    let mut usage = Usage::default();
    usage.input = fields.find_count("inputTokens");
    usage.cache_read = read;
    usage.cache_write = stored.map(|stored| stored.saturating_sub(long.unwrap_or_default()));
    usage.cache_write_1h = long;
    usage.output = fields.find_count("outputTokens");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

/// Writes a `usage` object.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let unread = [usage.input, usage.input_audio, usage.input_image];
    let stored = [usage.cache_write, usage.cache_write_1h];
    let mut fields = Fields::new();
    fields.put("inputTokens", &sum(unread));
    fields.put("outputTokens", &usage.total_output()).put("totalTokens", &usage.total());
    fields.put("cacheReadInputTokens", &usage.cache_read.unwrap_or_default());
    fields.put("cacheWriteInputTokens", &sum(stored));
    fields
}
