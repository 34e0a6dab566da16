use serde::{Deserialize, Serialize};
use tollbridge_core::{Error, Money};

use super::fields::Open;
use super::{Fields, TokenUsage, token_usage, usd};

/// A call is over without an answer: `MODEL_CALL_FAILED`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
#[non_exhaustive]
pub struct Failed {
    /// The alias or model that was asked for.
    pub model_alias: String,
    /// What it resolved to.
    pub runtime_group: String,
    /// The model of the last attempt, as the vendor knows it.
    pub model_name: String,
    /// The provider of the last attempt.
    pub provider: String,
    /// The stable name of the kind of failure, such as `timeout` or `auth`.
    pub error_type: String,
    /// What went wrong, without secrets.
    pub error_message: String,
    /// From the call's arrival to its end, in milliseconds.
    pub duration_ms: u64,
    /// The time limit that passed, in seconds; `None` if none did.
    pub limit_s: Option<f64>,
    /// How many attempts reached a vendor.
    pub attempts: u32,
    /// What was used, over all attempts; a vendor may charge for an answer that broke off.
    pub token_usage: TokenUsage,
    /// What it cost in US dollars; `None` if no price is known.
    pub cost: Option<Money>,
    /// Why another than the first choice was tried; `None` if only that was.
    pub fallback_reason: Option<String>,
    /// Fields of later versions.
    pub rest: Fields,
}

impl Failed {
    /// Tells what went wrong with a call.
    pub fn new(model_alias: impl Into<String>, runtime_group: impl Into<String>, error: &Error) -> Self {
        Self {
            model_alias: model_alias.into(),
            runtime_group: runtime_group.into(),
            error_type: error.kind().as_str().to_owned(),
            error_message: error.to_string(),
            attempts: error.attempts(),
            ..Self::default()
        }
    }
}

impl Open for Failed {
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
    error_type: String,
    error_message: String,
    duration_ms: u64,
    limit_s: Option<f64>,
    attempts: u32,
    #[serde(deserialize_with = "token_usage::deserialize")]
    token_usage: TokenUsage,
    #[serde(with = "usd")]
    cost_usd: Money,
    cost_unavailable: bool,
    is_fallback: bool,
    fallback_reason: Option<String>,
    #[serde(flatten, skip_deserializing)]
    rest: Fields,
}

impl Default for Wire {
    fn default() -> Self {
        // An old event says nothing of costs.
        Failed { cost: Some(Money::ZERO), ..Failed::default() }.into()
    }
}

impl From<Failed> for Wire {
    fn from(failed: Failed) -> Self {
        Self {
            model_alias: failed.model_alias,
            runtime_group: failed.runtime_group,
            model_name: failed.model_name,
            provider: failed.provider,
            error_type: failed.error_type,
            error_message: failed.error_message,
            duration_ms: failed.duration_ms,
            limit_s: failed.limit_s,
            attempts: failed.attempts,
            token_usage: failed.token_usage,
            cost_usd: failed.cost.unwrap_or(Money::ZERO),
            cost_unavailable: failed.cost.is_none(),
            is_fallback: failed.fallback_reason.is_some(),
            fallback_reason: super::reason(failed.fallback_reason.is_some(), failed.fallback_reason),
            rest: failed.rest,
        }
    }
}

impl From<Wire> for Failed {
    fn from(wire: Wire) -> Self {
        Self {
            model_alias: wire.model_alias,
            runtime_group: wire.runtime_group,
            model_name: wire.model_name,
            provider: wire.provider,
            error_type: wire.error_type,
            error_message: wire.error_message,
            duration_ms: wire.duration_ms,
            limit_s: wire.limit_s,
            attempts: wire.attempts,
            token_usage: wire.token_usage,
            cost: (!wire.cost_unavailable).then_some(wire.cost_usd),
            fallback_reason: super::reason(wire.is_fallback, wire.fallback_reason),
            rest: wire.rest,
        }
    }
}
