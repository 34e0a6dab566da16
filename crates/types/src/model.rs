use serde::Serialize;

use crate::{Capability, Extras};

/// A model that a provider offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ModelInfo {
    /// Its name; `provider/model` in a list over several providers.
    pub id: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// Who owns it.
    pub owner: Option<String>,
    /// When it was made, in seconds since 1970 UTC.
    pub created: Option<u64>,
    /// The most tokens of a prompt.
    pub input_limit: Option<u64>,
    /// The most tokens of an answer.
    pub output_limit: Option<u64>,
    /// What it can do, in order and each once; empty if the vendor's list does not say.
    pub capabilities: Vec<Capability>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl ModelInfo {
    /// Names a model.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }
}
