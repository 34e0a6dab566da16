use tollbridge_types::{Json, Usage, UsageBasis};

use crate::buckets::{Share, put_tools};
use crate::object::{Fields, Object, sum};

/// Takes the usage of a reply or of the event `metadata`, with what stands beside it.
pub(crate) fn take(body: &mut Object) -> Option<Usage> {
    let mut usage = decode(&body.take("usage")?);
    let said = |body: &Object, name, field| Object::lenient(body.peek(name)?).find_text(field);
    usage.service_tier = said(body, "serviceTier", "type");
    usage.speed = said(body, "performanceConfig", "latency");
    Some(usage)
}

/// Reads a `usage` object: `inputTokens` are those that no cache served or stored.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut usage = Usage::default();
    usage.input = fields.find_count("inputTokens");
    usage.cache_read = fields.find_count_of(&["cacheReadInputTokens", "cacheReadInputTokenCount"]);
    let details = fields.find_list("cacheDetails");
    let stored = fields.find_count_of(&["cacheWriteInputTokens", "cacheWriteInputTokenCount"]);
    let mut writes = Share::of(stored.or(written(&details, |_| true)));
    usage.cache_write_1h = writes.take(written(&details, |lifetime| lifetime == "1h"));
    usage.cache_write = writes.rest();
    usage.output = fields.find_count("outputTokens");
    put_tools(&mut usage, fields.find_object("serverToolUsage"));
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

/// Adds what was written with a lifetime.
fn written(details: &[Json], wanted: impl Fn(&str) -> bool) -> Option<u64> {
    let counts = details.iter().filter_map(|detail| {
        let mut detail = Object::lenient(detail);
        wanted(&detail.find_text("ttl")?).then(|| detail.find_count("inputTokens"))?
    });
    counts.reduce(u64::saturating_add)
}

/// Writes a `usage` object. It knows two lifetimes: a longer one is written as the next shorter.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let mut fields = Fields::new();
    fields.put("inputTokens", &usage.fresh_input());
    fields.put("outputTokens", &usage.total_output()).put("totalTokens", &usage.total());
    fields.put("cacheReadInputTokens", &usage.cache_reads());
    fields.put("cacheWriteInputTokens", &usage.cache_writes().unwrap_or_default());
    let long = [usage.cache_write_1h, usage.cache_write_12h];
    if long.iter().any(Option::is_some) {
        let detail = |lifetime: &str, tokens: u64| serde_json::json!({"inputTokens": tokens, "ttl": lifetime});
        let short = sum([usage.cache_write, usage.cache_write_30m]);
        fields.put("cacheDetails", &[detail("1h", sum(long)), detail("5m", short)]);
    }
    fields
}
