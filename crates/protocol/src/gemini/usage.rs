use tollbridge_types::{Json, Usage, UsageBasis};

use crate::object::{Fields, Object, sum};

/// Reads a `usageMetadata` object.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let prompt = fields.find_count("promptTokenCount");
    let tools = fields.find_count("toolUsePromptTokenCount");
    let cached = fields.find_count("cachedContentTokenCount");
    let read = fields.find_list("promptTokensDetails");
    let read_cached = fields.find_list("cacheTokensDetails");
    let written = fields.find_list("candidatesTokensDetails");
    // The details of the prompt count what the cache served too.
    let fresh = |modality| {
        let all = of(&read, modality)?;
        Some(all.saturating_sub(of(&read_cached, modality).unwrap_or_default()))
    };
    let mut usage = Usage::default();
    usage.cache_read = cached;
    (usage.input_audio, usage.input_image) = (fresh("AUDIO"), fresh("IMAGE"));
    let inside = sum([cached, usage.input_audio, usage.input_image]);
    usage.input = prompt.map(|prompt| prompt.saturating_sub(inside).saturating_add(tools.unwrap_or_default()));
    (usage.output_audio, usage.output_image) = (of(&written, "AUDIO"), of(&written, "IMAGE"));
    let inside = sum([usage.output_audio, usage.output_image]);
    usage.output = fields.find_count("candidatesTokenCount").map(|output| output.saturating_sub(inside));
    usage.reasoning = fields.find_count("thoughtsTokenCount");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

fn of(details: &[Json], modality: &str) -> Option<u64> {
    details.iter().find_map(|json| {
        let mut fields = Object::lenient(json);
        (fields.find_text("modality")? == modality).then(|| fields.find_count("tokenCount"))?
    })
}

/// Writes a `usageMetadata` object.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let mut fields = Fields::new();
    fields.put("promptTokenCount", &usage.total_input());
    fields.put("candidatesTokenCount", &sum([usage.output, usage.output_audio, usage.output_image]));
    fields.put("totalTokenCount", &usage.total());
    fields.put_some("cachedContentTokenCount", usage.cache_read);
    fields.put_some("thoughtsTokenCount", usage.reasoning);
    fields
}
