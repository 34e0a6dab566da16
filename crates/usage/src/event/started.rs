use serde::{Deserialize, Serialize};

use super::Fields;
use super::fields::Open;

/// A call came in: `MODEL_CALL_STARTED`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Started {
    /// The alias or model that was asked for.
    pub model_alias: String,
    /// What it resolved to.
    pub runtime_group: String,
    /// How many messages the prompt has.
    pub message_count: u64,
    /// The beginning of the last thing the user said; empty unless content is on.
    pub request_summary: String,
    /// The artifact that holds the whole prompt.
    pub artifact_ref: Option<String>,
    /// Fields of later versions.
    #[serde(flatten, skip_deserializing)]
    pub rest: Fields,
}

impl Started {
    /// Tells which alias was asked for, and what it resolved to.
    pub fn new(model_alias: impl Into<String>, runtime_group: impl Into<String>) -> Self {
        Self { model_alias: model_alias.into(), runtime_group: runtime_group.into(), ..Self::default() }
    }
}

impl Open for Started {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}
