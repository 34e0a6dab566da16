use tollbridge_types::{Json, Usage, UsageBasis};

use crate::object::{Fields, Object, sum};

/// Reads the `usage` object of a response.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut read = fields.find_object("input_tokens_details");
    let mut written = fields.find_object("output_tokens_details");
    let (cached, stored) = (read.find_count("cached_tokens"), read.find_count("cache_write_tokens"));
    let (audio_in, image_in) = (read.find_count("audio_tokens"), read.find_count("image_tokens"));
    let reasoning = written.find_count("reasoning_tokens");
    let (audio_out, image_out) = (written.find_count("audio_tokens"), written.find_count("image_tokens"));
    let rest = |total: Option<u64>, inside: &[Option<u64>]| {
        total.map(|total| total.saturating_sub(sum(inside.iter().copied())))
    };
    let mut usage = Usage::default();
    usage.input = rest(fields.find_count("input_tokens"), &[cached, stored, audio_in, image_in]);
    (usage.cache_read, usage.cache_write) = (cached, stored);
    (usage.input_audio, usage.input_image) = (audio_in, image_in);
    usage.output = rest(fields.find_count("output_tokens"), &[reasoning, audio_out, image_out]);
    (usage.reasoning, usage.output_audio, usage.output_image) = (reasoning, audio_out, image_out);
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

/// Writes the `usage` object of a response.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let mut read = Fields::new();
    read.put("cached_tokens", &usage.cache_read.unwrap_or_default());
    let stored = [usage.cache_write, usage.cache_write_1h];
    if stored.iter().any(Option::is_some) {
        read.put("cache_write_tokens", &sum(stored));
    }
    read.put_some("audio_tokens", usage.input_audio).put_some("image_tokens", usage.input_image);
    let mut written = Fields::new();
    written.put("reasoning_tokens", &usage.reasoning.unwrap_or_default());
    written.put_some("audio_tokens", usage.output_audio).put_some("image_tokens", usage.output_image);
    let mut fields = Fields::new();
    fields.put("input_tokens", &usage.total_input()).put("input_tokens_details", &read);
    fields.put("output_tokens", &usage.total_output()).put("output_tokens_details", &written);
    fields.put("total_tokens", &usage.total());
    fields
}
