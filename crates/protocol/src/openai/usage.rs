use tollbridge_types::{Json, Usage, UsageBasis};

use crate::object::{Fields, Object, sum};

/// Reads the `usage` object of chat completions and embeddings, of OpenAI and of those who copy it.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let prompt = fields.find_count("prompt_tokens");
    let completion = fields.find_count("completion_tokens");
    let total = fields.find_count("total_tokens");
    let mut read = fields.find_object("prompt_tokens_details");
    let mut written = fields.find_object("completion_tokens_details");
    // DeepSeek and Moonshot say what their caches served beside the details.
    let outside = fields.find_count("prompt_cache_hit_tokens").or_else(|| fields.find_count("cached_tokens"));
    let cached = read.find_count("cached_tokens").or(outside);
    let stored = read.find_count("cache_write_tokens").or_else(|| read.find_count("cache_creation_tokens"));
    let (audio_in, image_in) = (read.find_count("audio_tokens"), read.find_count("image_tokens"));
    let reasoning = written.find_count("reasoning_tokens").or_else(|| fields.find_count("reasoning_tokens"));
    let (audio_out, image_out) = (written.find_count("audio_tokens"), written.find_count("image_tokens"));

    let mut usage = Usage::default();
    let inside = sum([cached, stored, audio_in, image_in]);
    usage.input = prompt.map(|prompt| prompt.saturating_sub(inside));
    (usage.cache_read, usage.cache_write) = (cached, stored);
    (usage.input_audio, usage.input_image) = (audio_in, image_in);
    // xAI counts reasoning beside the completion: then only all three add up to the total.
    let beside = match (prompt, completion, reasoning, total) {
        (Some(prompt), Some(completion), Some(reasoning), Some(total)) => {
            reasoning > 0 && prompt.saturating_add(completion).saturating_add(reasoning) == total
        }
        _ => false,
    };
    let inside = sum([reasoning.filter(|_| !beside), audio_out, image_out]);
    usage.output = completion.map(|completion| completion.saturating_sub(inside));
    (usage.reasoning, usage.output_audio, usage.output_image) = (reasoning, audio_out, image_out);
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

/// Writes a `usage` object of chat completions.
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
    fields.put("prompt_tokens", &usage.total_input());
    fields.put("completion_tokens", &usage.total_output());
    fields.put("total_tokens", &usage.total());
    fields.put("prompt_tokens_details", &read);
    fields.put("completion_tokens_details", &written);
    fields
}
