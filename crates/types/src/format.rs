use serde::{Deserialize, Serialize};

use crate::{Extras, Json};

/// Says what form the answer must have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResponseFormat {
    /// Plain text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    #[non_exhaustive]
    JsonSchema {
        /// A name for the schema; some protocols demand one.
        name: Option<String>,
        /// What the schema is for.
        description: Option<String>,
        /// The schema.
        schema: Json,
        /// Whether the vendor must hold the model to it.
        strict: Option<bool>,
    },
}

impl ResponseFormat {
    /// Asks for JSON that fits a schema.
    pub fn json_schema(name: Option<String>, description: Option<String>, schema: Json, strict: Option<bool>) -> Self {
        Self::JsonSchema { name, description, schema, strict }
    }
}

/// Says how much the model is to think, and what of it is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct Reasoning {
    /// `Some(false)` turns thinking off, `Some(true)` on, `None` leaves it to the model.
    pub enabled: Option<bool>,
    /// How hard to think.
    pub effort: Option<ReasoningEffort>,
    /// The most tokens to think with.
    pub budget: Option<u64>,
    /// Whether the thinking is to be part of the reply.
    pub visible: Option<bool>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

/// Says how hard the model is to think.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReasoningEffort {
    /// Not at all.
    None,
    /// As little as possible.
    Minimal,
    /// A little.
    Low,
    /// The usual amount.
    Medium,
    /// A lot.
    High,
    /// Harder than high.
    ExtraHigh,
    /// As hard as the model can.
    Max,
    /// A vendor's own word.
    #[serde(untagged)]
    Unknown(String),
}

impl ReasoningEffort {
    /// Reads the word that OpenAI and Anthropic use on the wire.
    pub fn from_word(word: &str) -> Self {
        match word {
            "none" => Self::None,
            "minimal" => Self::Minimal,
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "xhigh" => Self::ExtraHigh,
            "max" => Self::Max,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Returns the word on the wire.
    pub fn as_word(&self) -> &str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::ExtraHigh => "xhigh",
            Self::Max => "max",
            Self::Unknown(word) => word,
        }
    }
}
