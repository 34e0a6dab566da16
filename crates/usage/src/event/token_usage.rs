use serde::{Deserialize, Serialize};

use super::Fields;
use super::fields::Open;

/// The tokens of a call, as events tell them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Wire")]
#[non_exhaustive]
pub struct TokenUsage {
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens of the answer, reasoning included.
    pub completion_tokens: u64,
    /// Both together.
    pub total_tokens: u64,
    /// Fields of later versions.
    #[serde(flatten)]
    pub rest: Fields,
}

impl TokenUsage {
    /// Counts the tokens of prompt and answer.
    pub fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        let total_tokens = prompt_tokens.saturating_add(completion_tokens);
        Self { prompt_tokens, completion_tokens, total_tokens, rest: Fields::default() }
    }
}

/// The names of now and those of the first events, `prompt`, `completion` and `total`.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Wire {
    prompt_tokens: Option<u64>,
    prompt: Option<u64>,
    completion_tokens: Option<u64>,
    completion: Option<u64>,
    total_tokens: Option<u64>,
    total: Option<u64>,
}

impl From<Wire> for TokenUsage {
    fn from(wire: Wire) -> Self {
        let prompt = wire.prompt_tokens.or(wire.prompt).unwrap_or(0);
        let completion = wire.completion_tokens.or(wire.completion).unwrap_or(0);
        let usage = Self::new(prompt, completion);
        Self { total_tokens: wire.total_tokens.or(wire.total).unwrap_or(usage.total_tokens), ..usage }
    }
}

impl Open for TokenUsage {
    const OLD_NAMES: &'static [&'static str] = &["prompt", "completion", "total"];

    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}

/// Reads a usage of its own, with what it does not know.
pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<TokenUsage, D::Error> {
    let json = Option::<tollbridge_types::Json>::deserialize(deserializer)?;
    let Some(json) = json else { return Ok(TokenUsage::default()) };
    super::fields::read(&json).map_err(serde::de::Error::custom)
}
