use serde::Serialize;

use crate::{Extras, UsageBasis};

/// The tokens of a conversation that has not been answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenCount {
    /// All input tokens.
    pub input: u64,
    /// Those of them that a cache would serve, where the vendor says.
    pub cached: Option<u64>,
    /// Who counted: the vendor, or we.
    pub basis: UsageBasis,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl TokenCount {
    /// Makes a count.
    pub fn new(input: u64, basis: UsageBasis) -> Self {
        Self { input, basis, ..Self::default() }
    }
}
