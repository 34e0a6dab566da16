use std::collections::BTreeMap;

use tollbridge_types::{Json, Usage, UsageBasis};

use crate::buckets::Share;
use crate::object::{Fields, Object, sum};

/// Reads a `usageMetadata` object: prompts count what the cache served, answers leave out the thoughts.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let prompt = fields.find_count("promptTokenCount");
    // What Google's own tools wrote into the prompt is counted beside it.
    let tools = fields.find_count("toolUsePromptTokenCount");
    let read = fields.find_list("promptTokensDetails");
    let cached = fields.find_list("cacheTokensDetails");
    let written = fields.find_list("candidatesTokensDetails");
    let fresh = |modality| Some(of(&read, modality)?.saturating_sub(of(&cached, modality).unwrap_or_default()));

    let mut usage = Usage::default();
    let mut input = Share::of(prompt.or(tools).map(|_| sum([prompt, tools])));
    let mut served = Share::of(input.take(fields.find_count("cachedContentTokenCount")));
    usage.cache_read_audio = served.rest().and_then(|_| served.take(of(&cached, "AUDIO")));
    usage.cache_read = served.rest();
    usage.input_audio = input.take(fresh("AUDIO"));
    usage.input_image = input.take(fresh("IMAGE"));
    usage.input_video = input.take(fresh("VIDEO"));
    usage.input = input.rest();

    let mut output = Share::of(fields.find_count("candidatesTokenCount"));
    usage.output_audio = output.take(of(&written, "AUDIO"));
    usage.output_image = output.take(of(&written, "IMAGE"));
    usage.output = output.rest();
    usage.reasoning = fields.find_count("thoughtsTokenCount");
    usage.service_tier = fields.find_text("serviceTier").or_else(|| fields.find_text("trafficType"));
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

fn of(details: &[Json], modality: &str) -> Option<u64> {
    let counts = details.iter().filter_map(|json| {
        let mut fields = Object::lenient(json);
        (fields.find_text("modality")? == modality).then(|| fields.find_count("tokenCount"))?
    });
    counts.reduce(u64::saturating_add)
}

/// Counts the searches that a candidate's `groundingMetadata` names. It comes whole, at times more than once.
pub(crate) fn grounding(metadata: &Json) -> BTreeMap<String, u64> {
    let mut fields = Object::lenient(metadata);
    let queries: Vec<String> = fields.find("webSearchQueries").unwrap_or_default();
    let searches = queries.iter().filter(|query| !query.is_empty()).count() as u64;
    let chunks = fields.find_list("groundingChunks");
    let maps = chunks.iter().any(|chunk| Object::lenient(chunk).peek("maps").is_some());
    let mut tools =
        BTreeMap::from([("web_search".to_owned(), searches), ("maps_grounding".to_owned(), u64::from(maps))]);
    tools.retain(|_, count| *count > 0);
    tools
}

/// Writes a `usageMetadata` object.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let mut fields = Fields::new();
    fields.put("promptTokenCount", &usage.total_input());
    fields.put("candidatesTokenCount", &sum([usage.output, usage.output_audio, usage.output_image]));
    fields.put("totalTokenCount", &usage.total());
    let cached = [usage.cache_read, usage.cache_read_audio];
    fields.put_some("cachedContentTokenCount", cached.iter().any(Option::is_some).then(|| usage.cache_reads()));
    fields.put_some("thoughtsTokenCount", usage.reasoning);
    fields
}
