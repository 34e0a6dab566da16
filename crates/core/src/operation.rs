use std::fmt;

use serde::{Deserialize, Serialize};

/// What a call asks of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Operation {
    /// Answer a conversation.
    Chat,
    /// Turn texts into vectors.
    Embed,
    /// List the models.
    Models,
    /// Count the tokens of a conversation without answering it.
    CountTokens,
    /// Sort documents by how well they answer a query.
    Rerank,
    /// Judge whether content breaks a vendor's rules.
    Moderate,
    /// Make or change pictures.
    Image,
    /// Speak a text.
    Speech,
    /// Write down what is spoken.
    Transcribe,
}

impl Operation {
    /// Returns the name used in configuration and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embed => "embed",
            Self::Models => "models",
            Self::CountTokens => "count_tokens",
            Self::Rerank => "rerank",
            Self::Moderate => "moderate",
            Self::Image => "image",
            Self::Speech => "speech",
            Self::Transcribe => "transcribe",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
