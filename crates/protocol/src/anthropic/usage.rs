use tollbridge_types::{Json, Usage, UsageBasis};

use crate::buckets::{Share, put_tools, put_writes};
use crate::object::{Fields, Object, sum};

/// Reads a `usage` object: `input_tokens` are those that no cache served or stored.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut usage = Usage::default();
    usage.input = fields.find_count("input_tokens");
    usage.cache_read = fields.find_count("cache_read_input_tokens");
    let stored = fields.find_count("cache_creation_input_tokens");
    put_writes(&mut usage, stored, fields.find_object("cache_creation"));
    let mut output = Share::of(fields.find_count("output_tokens"));
    usage.reasoning = output.take(fields.find_object("output_tokens_details").find_count("thinking_tokens"));
    usage.output = output.rest();
    for iteration in fields.find_list("iterations") {
        add_compaction(&mut usage, &iteration);
    }
    put_tools(&mut usage, fields.find_object("server_tool_use"));
    usage.service_tier = fields.find_text("service_tier");
    usage.speed = fields.find_text("speed");
    usage.inference_geo = fields.find_text("inference_geo");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

/// Adds what it took to shorten the conversation, which the numbers at the top leave out.
fn add_compaction(usage: &mut Usage, iteration: &Json) {
    if Object::lenient(iteration).find_text("type").as_deref() != Some("compaction") {
        return;
    }
    let more = decode(iteration);
    let add = |bucket: &mut Option<u64>, more: Option<u64>| {
        *bucket = bucket.or(more).map(|_| sum([*bucket, more]));
    };
    add(&mut usage.input, more.input);
    add(&mut usage.cache_read, more.cache_read);
    add(&mut usage.cache_write, more.cache_write);
    add(&mut usage.cache_write_1h, more.cache_write_1h);
    add(&mut usage.output, more.output);
    add(&mut usage.reasoning, more.reasoning);
}

/// Lays what a later event says over what an earlier one said.
pub(crate) fn overlay(earlier: Option<&Json>, later: &Json) -> Json {
    let Some(earlier) = earlier else { return later.clone() };
    let mut fields = Fields::new();
    let later_fields: Vec<_> = Object::lenient(later).into_fields().collect();
    for (name, value) in Object::lenient(earlier).into_fields() {
        let newer = later_fields.iter().find(|(later, newer)| *later == name && newer.as_str() != "null");
        fields.put(&name, newer.map_or(&value, |(_, newer)| newer));
    }
    for (name, value) in later_fields {
        if !fields.has(&name) {
            fields.put(&name, &value);
        }
    }
    fields.to_json()
}

/// Writes a `usage` object. It knows two lifetimes: a longer one is written as the next shorter.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let mut fields = Fields::new();
    fields.put("input_tokens", &usage.fresh_input());
    fields.put("cache_creation_input_tokens", &usage.cache_writes().unwrap_or_default());
    let long = [usage.cache_write_1h, usage.cache_write_12h];
    if long.iter().any(Option::is_some) {
        let mut created = Fields::new();
        created.put("ephemeral_5m_input_tokens", &sum([usage.cache_write, usage.cache_write_30m]));
        created.put("ephemeral_1h_input_tokens", &sum(long));
        fields.put("cache_creation", &created);
    }
    fields.put("cache_read_input_tokens", &usage.cache_reads());
    fields.put("output_tokens", &usage.total_output());
    if let Some(thinking) = usage.reasoning {
        fields.put("output_tokens_details", &serde_json::json!({"thinking_tokens": thinking}));
    }
    if let Some(searches) = usage.tools.get("web_search") {
        fields.put("server_tool_use", &serde_json::json!({"web_search_requests": searches}));
    }
    fields
}
