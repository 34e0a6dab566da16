use serde::{Deserialize, Serialize};
use tollbridge_core::Money;

use super::fields::Open;
use super::{Fields, Summary, TokenUsage, token_usage, usd};

/// A call is over and has an answer: `MODEL_CALL_COMPLETED`.
///
/// What would contradict itself cannot be said: an unknown cost has no amount, and a fallback always has a reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
#[non_exhaustive]
pub struct Completed {
    /// The alias or model that was asked for.
    pub model_alias: String,
    /// What it resolved to.
    pub runtime_group: String,
    /// The model that answered, as the vendor knows it.
    pub model_name: String,
    /// The provider that answered.
    pub provider: String,
    /// The answer, cut; empty unless content is on.
    pub response: Summary,
    /// From the call's arrival to its end, in milliseconds.
    pub duration_ms: u64,
    /// What was used, over all attempts.
    pub token_usage: TokenUsage,
    /// What it cost in US dollars; `None` if no price is known.
    pub cost: Option<Money>,
    /// Where the cost comes from, such as the row of the price book.
    pub cost_source: String,
    /// Why another than the first choice answered; `None` if it was the first.
    pub fallback_reason: Option<String>,
    /// Whether the answer came from our cache.
    pub cached: bool,
    /// The artifact that holds the whole answer.
    pub artifact_ref: Option<String>,
    /// Fields of later versions.
    pub rest: Fields,
}

impl Completed {
    /// Tells which alias was asked for, and what it resolved to.
    pub fn new(model_alias: impl Into<String>, runtime_group: impl Into<String>) -> Self {
        Self { model_alias: model_alias.into(), runtime_group: runtime_group.into(), ..Self::default() }
    }
}

impl Open for Completed {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}

/// The fields as they stand in JSON.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct Wire {
    model_alias: String,
    runtime_group: String,
    model_name: String,
    provider: String,
    response_summary: String,
    original_bytes: u64,
    truncated: bool,
    duration_ms: u64,
    #[serde(deserialize_with = "token_usage::deserialize")]
    token_usage: TokenUsage,
    #[serde(with = "usd")]
    cost_usd: Money,
    cost_unavailable: bool,
    cost_source: String,
    is_fallback: bool,
    fallback_reason: Option<String>,
    cached: bool,
    artifact_ref: Option<String>,
    #[serde(flatten, skip_deserializing)]
    rest: Fields,
}

impl Default for Wire {
    fn default() -> Self {
        // An old event without a cost says nothing about it; zero and known is what its readers took it for.
        Completed { cost: Some(Money::ZERO), ..Completed::default() }.into()
    }
}

impl From<Completed> for Wire {
    fn from(completed: Completed) -> Self {
        Self {
            model_alias: completed.model_alias,
            runtime_group: completed.runtime_group,
            model_name: completed.model_name,
            provider: completed.provider,
            response_summary: completed.response.text,
            original_bytes: completed.response.original_bytes,
            truncated: completed.response.truncated,
            duration_ms: completed.duration_ms,
            token_usage: completed.token_usage,
            cost_usd: completed.cost.unwrap_or(Money::ZERO),
            cost_unavailable: completed.cost.is_none(),
            cost_source: completed.cost_source,
            is_fallback: completed.fallback_reason.is_some(),
            fallback_reason: super::reason(completed.fallback_reason.is_some(), completed.fallback_reason),
            cached: completed.cached,
            artifact_ref: completed.artifact_ref,
            rest: completed.rest,
        }
    }
}

impl From<Wire> for Completed {
    fn from(wire: Wire) -> Self {
        Self {
            model_alias: wire.model_alias,
            runtime_group: wire.runtime_group,
            model_name: wire.model_name,
            provider: wire.provider,
            response: Summary {
                text: wire.response_summary,
                original_bytes: wire.original_bytes,
                truncated: wire.truncated,
            },
            duration_ms: wire.duration_ms,
            token_usage: wire.token_usage,
            cost: (!wire.cost_unavailable).then_some(wire.cost_usd),
            cost_source: wire.cost_source,
            fallback_reason: super::reason(wire.is_fallback, wire.fallback_reason),
            cached: wire.cached,
            artifact_ref: wire.artifact_ref,
            rest: wire.rest,
        }
    }
}
