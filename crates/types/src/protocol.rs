use std::fmt;

use serde::Serialize;

/// Names how bytes look on the wire, one name for each vendor API.
///
/// ```
/// use tollbridge_types::Protocol;
/// assert_eq!(Protocol::OPENAI_CHAT.as_str(), "openai.chat");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Protocol(&'static str);

impl Protocol {
    /// OpenAI chat completions.
    pub const OPENAI_CHAT: Self = Self::new("openai.chat");
    /// OpenAI embeddings.
    pub const OPENAI_EMBEDDINGS: Self = Self::new("openai.embeddings");
    /// OpenAI model list.
    pub const OPENAI_MODELS: Self = Self::new("openai.models");
    /// Anthropic messages.
    pub const ANTHROPIC_MESSAGES: Self = Self::new("anthropic.messages");
    /// Anthropic model list.
    pub const ANTHROPIC_MODELS: Self = Self::new("anthropic.models");
    /// Gemini generateContent and streamGenerateContent.
    pub const GEMINI_GENERATE: Self = Self::new("gemini.generate");
    /// Gemini embedContent and batchEmbedContents.
    pub const GEMINI_EMBED: Self = Self::new("gemini.embed");
    /// Gemini model list.
    pub const GEMINI_MODELS: Self = Self::new("gemini.models");

    /// Amazon Bedrock Converse and ConverseStream.
    pub const BEDROCK_CONVERSE: Self = Self::new("bedrock.converse");
    /// Amazon Bedrock InvokeModel, whose bodies are those of each model's own family.
    pub const BEDROCK_INVOKE: Self = Self::new("bedrock.invoke");
    /// Amazon Bedrock ListFoundationModels.
    pub const BEDROCK_MODELS: Self = Self::new("bedrock.models");

    /// Names a protocol; a provider crate of one's own may add one.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the dotted name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
