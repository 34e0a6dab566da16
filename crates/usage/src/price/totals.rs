use serde::{Deserialize, Deserializer};
use tollbridge_types::Usage;

/// Token counts of a call as totals with what is inside of them, as most vendors report them.
///
/// [`Totals::to_usage`] takes them apart. Where the parts are more than the whole, the cache goes before, then audio,
/// image, video; text is what is left, and never below 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
#[expect(clippy::exhaustive_structs, reason = "callers fill the fields that they know")]
#[expect(missing_docs, reason = "the names are the vendors' own")]
pub struct Totals {
    #[serde(deserialize_with = "count")]
    pub prompt_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub completion_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub cached_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub cached_audio_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub cache_write_5m: u64,
    #[serde(deserialize_with = "count")]
    pub cache_write_30m: u64,
    #[serde(deserialize_with = "count")]
    pub cache_write_1h: u64,
    #[serde(deserialize_with = "count")]
    pub cache_write_12h: u64,
    #[serde(deserialize_with = "count")]
    pub cache_write_untimed: u64,
    #[serde(deserialize_with = "count")]
    pub reasoning_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub audio_input_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub audio_output_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub image_input_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub image_output_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub video_input_tokens: u64,
    #[serde(deserialize_with = "count")]
    pub web_search_requests: u64,
    #[serde(deserialize_with = "count")]
    pub citation_tokens: u64,
    pub inference_geo: Option<String>,
    pub speed: Option<String>,
}

impl Totals {
    /// Takes the totals apart into disjoint buckets.
    ///
    /// ```
    /// use tollbridge_usage::price::Totals;
    /// let totals = Totals { prompt_tokens: 100, cached_tokens: 70, audio_input_tokens: 40, ..Totals::default() };
    /// let usage = totals.to_usage();
    /// assert_eq!((usage.cache_read, usage.input_audio, usage.input), (Some(70), Some(30), Some(0)));
    /// ```
    pub fn to_usage(&self) -> Usage {
        let written = [
            self.cache_write_5m,
            self.cache_write_untimed,
            self.cache_write_30m,
            self.cache_write_1h,
            self.cache_write_12h,
        ];
        let written = written.into_iter().fold(0, u64::saturating_add);
        let cached_audio = self.cached_audio_tokens.min(self.cached_tokens);
        let mut prompt = Rest(self.prompt_tokens.saturating_sub(self.cached_tokens.saturating_add(written)));
        let mut answer = Rest(self.completion_tokens);
        let mut usage = Usage::default();
        usage.cache_read = Some(self.cached_tokens - cached_audio);
        usage.cache_read_audio = Some(cached_audio);
        usage.cache_write = Some(self.cache_write_5m.saturating_add(self.cache_write_untimed));
        usage.cache_write_30m = Some(self.cache_write_30m);
        usage.cache_write_1h = Some(self.cache_write_1h);
        usage.cache_write_12h = Some(self.cache_write_12h);
        usage.input_audio = Some(prompt.take(self.audio_input_tokens.saturating_sub(cached_audio)));
        usage.input_image = Some(prompt.take(self.image_input_tokens));
        usage.input_video = Some(prompt.take(self.video_input_tokens));
        usage.input = Some(prompt.0);
        // A vendor that counts more reasoning than answer charges the reasoning.
        usage.reasoning = Some(self.reasoning_tokens);
        answer.take(self.reasoning_tokens);
        usage.output_audio = Some(self.audio_output_tokens);
        answer.take(self.audio_output_tokens);
        usage.output_image = Some(self.image_output_tokens);
        answer.take(self.image_output_tokens);
        usage.output = Some(answer.0);
        let tools = [("web_search", self.web_search_requests), ("citation_tokens", self.citation_tokens)];
        usage.tools =
            tools.into_iter().filter(|(_, calls)| *calls > 0).map(|(name, calls)| (name.to_owned(), calls)).collect();
        usage.inference_geo.clone_from(&self.inference_geo);
        usage.speed.clone_from(&self.speed);
        usage
    }
}

/// Reads a count, which some vendors write as null when there is none.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// What is left of a total.
struct Rest(u64);

impl Rest {
    /// Takes as many as there are, and returns how many those were.
    fn take(&mut self, count: u64) -> u64 {
        let taken = count.min(self.0);
        self.0 -= taken;
        taken
    }
}
