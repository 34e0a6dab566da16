use tollbridge_types::{Json, Usage, UsageBasis};

use crate::buckets::{Share, put_tool, put_tools, put_writes};
use crate::object::{Fields, Object, sum};

/// Takes the usage of a reply or of a chunk, with what stands beside it.
pub(crate) fn take(body: &mut Object) -> Option<Usage> {
    let inner = body.peek("x_groq").and_then(|json| Object::lenient(json).take("usage"));
    let json = body.take("usage").or(inner).filter(|json| json.as_str().starts_with('{'))?;
    let mut usage = decode(&json);
    usage.service_tier = usage.service_tier.or(body.peek_text("service_tier"));
    Some(usage)
}

/// Reads a `usage` object of OpenAI and of those who copy it: of chat completions and responses, which differ in
/// the names of the same numbers, and of what stands beside them.
pub(crate) fn decode(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut told = Told::read(&mut fields);
    told.settle(fields.find_count("total_tokens"));

    let mut usage = Usage::default();
    let mut prompt = Share::of(told.prompt);
    let mut cached = Share::of(prompt.take(told.cached.or(told.cached_audio)));
    usage.cache_read_audio = cached.take(told.cached_audio);
    usage.cache_read = cached.rest();
    put_writes(&mut usage, prompt.take(told.stored), told.lifetimes);
    usage.input_audio = prompt.take(told.audio);
    usage.input_image = prompt.take(told.image);
    usage.input_video = prompt.take(told.video);
    usage.input = prompt.rest();

    let mut completion = Share::of(told.completion);
    usage.reasoning = completion.take(told.reasoning);
    usage.output_audio = completion.take(told.output_audio);
    usage.output_image = completion.take(told.output_image);
    usage.output = completion.rest();

    put_tools(&mut usage, fields.find_object("server_tool_use"));
    put_tools(&mut usage, fields.find_object("server_side_tool_usage_details"));
    // Perplexity reads more than it counts in the prompt, and charges that apart.
    for (name, field) in [("search_queries", "num_search_queries"), ("citation_tokens", "citation_tokens")] {
        put_tool(&mut usage, name, fields.find_count(field).unwrap_or_default());
    }
    usage.service_tier = fields.find_text("service_tier");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

/// The numbers by what they mean; all but the lifetimes count tokens inside `prompt` or `completion`.
struct Told {
    prompt: Option<u64>,
    completion: Option<u64>,
    cached: Option<u64>,
    cached_audio: Option<u64>,
    stored: Option<u64>,
    lifetimes: Object,
    audio: Option<u64>,
    image: Option<u64>,
    video: Option<u64>,
    reasoning: Option<u64>,
    output_audio: Option<u64>,
    output_image: Option<u64>,
}

impl Told {
    fn read(fields: &mut Object) -> Self {
        let details = |fields: &mut Object, names: &[&str]| {
            fields.take_any(names).map(|json| Object::lenient(&json)).unwrap_or_default()
        };
        let mut read = details(fields, READ);
        let mut written = details(fields, WRITTEN);
        let mut cached = read.find_object("cached_tokens_details");
        let (cached_audio, cached_image) = (cached.find_count("audio_tokens"), cached.find_count("image_tokens"));
        // The counts of a modality hold what the cache served of it.
        let fresh = |all: Option<u64>, cached: Option<u64>| Some(all?.saturating_sub(cached.unwrap_or_default()));
        // DeepSeek's two add up to its prompt.
        let (hit, miss) = (fields.find_count("prompt_cache_hit_tokens"), fields.find_count("prompt_cache_miss_tokens"));
        let both = hit.zip(miss).map(|(hit, miss)| hit.saturating_add(miss));
        let named = fields.find_object("cache_creation");
        let lifetimes = read.find_object("cache_creation_token_details");
        Self {
            prompt: fields.find_count_of(&["prompt_tokens", "input_tokens"]).or(both),
            completion: fields.find_count_of(&["completion_tokens", "output_tokens"]),
            cached: read.find_count("cached_tokens").or(hit).or_else(|| fields.find_count_of(CACHED)),
            cached_audio,
            stored: read.find_count_of(STORED).or_else(|| fields.find_count("cache_creation_input_tokens")),
            lifetimes: if lifetimes.is_empty() { named } else { lifetimes },
            audio: fresh(read.find_count("audio_tokens"), cached_audio),
            image: fresh(read.find_count("image_tokens"), cached_image),
            video: read.find_count("video_tokens"),
            reasoning: written.find_count("reasoning_tokens").or_else(|| fields.find_count("reasoning_tokens")),
            output_audio: written.find_count("audio_tokens"),
            output_image: written.find_count("image_tokens"),
        }
    }

    /// Adds to prompt or completion what its vendor counts beside it: only the total tells.
    fn settle(&mut self, total: Option<u64>) {
        let (Some(prompt), Some(completion), Some(total)) = (self.prompt, self.completion, total) else { return };
        let beside = Some(total.saturating_sub(prompt.saturating_add(completion))).filter(|beside| *beside > 0);
        let Some(beside) = beside else { return };
        let caches = sum([self.cached, self.stored]);
        if self.audio == Some(beside) || caches == beside {
            // Mistral's audio, and the caches of gateways that count as Claude does.
            self.prompt = Some(prompt.saturating_add(beside));
        } else if self.reasoning.is_none_or(|reasoning| reasoning == 0 || reasoning == beside) {
            // xAI's reasoning, and that of Gemini in OpenAI's form, which has no name there.
            self.completion = Some(completion.saturating_add(beside));
            self.reasoning = Some(beside);
        }
    }
}

const READ: &[&str] = &["prompt_tokens_details", "input_tokens_details", "input_token_details", "prompt_token_details"];
const WRITTEN: &[&str] =
    &["completion_tokens_details", "output_tokens_details", "output_token_details", "completion_token_details"];
const STORED: &[&str] = &["cache_write_tokens", "cache_creation_tokens"];
/// What Moonshot, Mistral and gateways in front of Claude call it.
const CACHED: &[&str] = &["cached_tokens", "num_cached_tokens", "cache_read_input_tokens"];

/// Writes a `usage` object of chat completions.
pub(crate) fn encode(usage: &Usage) -> Fields {
    let (read, written) = details(usage);
    let mut fields = Fields::new();
    fields.put("prompt_tokens", &usage.total_input());
    fields.put("completion_tokens", &usage.total_output());
    fields.put("total_tokens", &usage.total());
    fields.put("prompt_tokens_details", &read);
    fields.put("completion_tokens_details", &written);
    fields
}

/// Writes what the input and the output are made of. OpenAI counts what a cache served of a modality in both.
pub(crate) fn details(usage: &Usage) -> (Fields, Fields) {
    let mut read = Fields::new();
    read.put("cached_tokens", &usage.cache_reads());
    read.put_some("cache_write_tokens", usage.cache_writes());
    let audio = [usage.input_audio, usage.cache_read_audio];
    read.put_some("audio_tokens", audio.iter().any(Option::is_some).then(|| sum(audio)));
    read.put_some("image_tokens", usage.input_image).put_some("video_tokens", usage.input_video);
    if let Some(audio) = usage.cache_read_audio {
        read.put("cached_tokens_details", &Fields::one("audio_tokens", &audio));
    }
    let mut written = Fields::new();
    written.put("reasoning_tokens", &usage.reasoning.unwrap_or_default());
    written.put_some("audio_tokens", usage.output_audio).put_some("image_tokens", usage.output_image);
    (read, written)
}
