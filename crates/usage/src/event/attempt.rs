use serde::{Deserialize, Serialize};
use tollbridge_core::Error;

use super::Fields;
use super::fields::Open;

/// One attempt at a vendor is over, well or not: `MODEL_CALL_ATTEMPT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Attempt {
    /// Which attempt of the call it is, from 1.
    pub attempt: u32,
    /// The alias or model that was asked for.
    pub model_alias: String,
    /// The model, as the vendor knows it.
    pub model_name: String,
    /// The provider.
    pub provider: String,
    /// From sending to the end, in milliseconds.
    pub duration_ms: u64,
    /// The stable name of the kind of failure, such as `timeout`; `None` if it went well.
    pub error_type: Option<String>,
    /// What went wrong, without secrets.
    pub error_message: Option<String>,
    /// Fields of later versions.
    #[serde(flatten, skip_deserializing)]
    pub rest: Fields,
}

impl Attempt {
    /// Tells which attempt it is and where it went.
    pub fn new(attempt: u32, provider: impl Into<String>, model_name: impl Into<String>) -> Self {
        Self { attempt, provider: provider.into(), model_name: model_name.into(), ..Self::default() }
    }

    /// Tells why it failed.
    #[must_use]
    pub fn failed(mut self, error: &Error) -> Self {
        self.error_type = Some(error.kind().as_str().to_owned());
        self.error_message = Some(error.to_string());
        self
    }
}

impl Open for Attempt {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}
