use tollbridge_types::{Json, Usage, UsageBasis};

use crate::object::{Fields, Object, sum};

/// Reads a `usage` object.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut created = fields.find_object("cache_creation");
    let short = created.find_count("ephemeral_5m_input_tokens");
    let long = created.find_count("ephemeral_1h_input_tokens");
    let stored = fields.find_count("cache_creation_input_tokens");
    let thinking = fields.find_object("output_tokens_details").find_count("thinking_tokens");
    let mut usage = Usage::default();
    usage.input = fields.find_count("input_tokens");
    usage.cache_read = fields.find_count("cache_read_input_tokens");
    // The sum counts what the lifetimes leave unexplained as the default one.
    usage.cache_write = stored.map(|stored| stored.saturating_sub(long.unwrap_or_default())).or(short);
    usage.cache_write_1h = long;
    usage.output = fields.find_count("output_tokens").map(|output| output.saturating_sub(thinking.unwrap_or_default()));
    usage.reasoning = thinking;
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
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

/// Writes a `usage` object.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let mut fields = Fields::new();
    fields.put("input_tokens", &sum([usage.input, usage.input_audio, usage.input_image]));
    fields.put("cache_creation_input_tokens", &sum([usage.cache_write, usage.cache_write_1h]));
    fields.put("cache_read_input_tokens", &usage.cache_read.unwrap_or_default());
    fields.put("output_tokens", &usage.total_output());
    if let Some(thinking) = usage.reasoning {
        fields.put("output_tokens_details", &serde_json::json!({"thinking_tokens": thinking}));
    }
    fields
}
