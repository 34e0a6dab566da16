use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

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
    /// OpenAI responses.
    pub const OPENAI_RESPONSES: Self = Self::new("openai.responses");
    /// OpenAI embeddings.
    pub const OPENAI_EMBEDDINGS: Self = Self::new("openai.embeddings");
    /// OpenAI count of a response's input tokens.
    pub const OPENAI_INPUT_TOKENS: Self = Self::new("openai.input_tokens");
    /// OpenAI text completions, the form before chat.
    pub const OPENAI_COMPLETIONS: Self = Self::new("openai.completions");
    /// OpenAI moderations.
    pub const OPENAI_MODERATIONS: Self = Self::new("openai.moderations");
    /// OpenAI image generation.
    pub const OPENAI_IMAGES: Self = Self::new("openai.images");
    /// OpenAI image edits.
    pub const OPENAI_IMAGE_EDITS: Self = Self::new("openai.image_edits");
    /// OpenAI image variations.
    pub const OPENAI_IMAGE_VARIATIONS: Self = Self::new("openai.image_variations");
    /// OpenAI text to speech.
    pub const OPENAI_SPEECH: Self = Self::new("openai.speech");
    /// OpenAI speech to text.
    pub const OPENAI_TRANSCRIPTIONS: Self = Self::new("openai.transcriptions");
    /// OpenAI speech to English text.
    pub const OPENAI_TRANSLATIONS: Self = Self::new("openai.translations");
    /// OpenAI model list.
    pub const OPENAI_MODELS: Self = Self::new("openai.models");
    /// Anthropic messages.
    pub const ANTHROPIC_MESSAGES: Self = Self::new("anthropic.messages");
    /// Anthropic token count of a message.
    pub const ANTHROPIC_COUNT_TOKENS: Self = Self::new("anthropic.count_tokens");
    /// Anthropic model list.
    pub const ANTHROPIC_MODELS: Self = Self::new("anthropic.models");
    /// Gemini generateContent and streamGenerateContent.
    pub const GEMINI_GENERATE: Self = Self::new("gemini.generate");
    /// Gemini embedContent and batchEmbedContents.
    pub const GEMINI_EMBED: Self = Self::new("gemini.embed");
    /// Gemini countTokens.
    pub const GEMINI_COUNT_TOKENS: Self = Self::new("gemini.count_tokens");
    /// Ollama's own chat.
    pub const OLLAMA_CHAT: Self = Self::new("ollama.chat");
    /// Ollama's own embeddings.
    pub const OLLAMA_EMBED: Self = Self::new("ollama.embed");
    /// Ollama's own model list.
    pub const OLLAMA_MODELS: Self = Self::new("ollama.models");
    /// Amazon Bedrock Converse and ConverseStream.
    pub const BEDROCK_CONVERSE: Self = Self::new("bedrock.converse");
    /// Amazon Bedrock InvokeModel, in the words of the model's maker.
    pub const BEDROCK_INVOKE: Self = Self::new("bedrock.invoke");
    /// The text APIs that came before chat.
    pub const TEXT_GENERATION: Self = Self::new("text.generation");
    /// Amazon Bedrock CountTokens.
    pub const BEDROCK_COUNT_TOKENS: Self = Self::new("bedrock.count_tokens");
    /// Amazon Bedrock ListFoundationModels.
    pub const BEDROCK_MODELS: Self = Self::new("bedrock.models");
    /// Amazon Bedrock's InvokeModel of embeddings.
    pub const BEDROCK_EMBED: Self = Self::new("bedrock.embed");
    /// Vertex AI's predict of embeddings.
    pub const VERTEX_PREDICT: Self = Self::new("vertex.predict");
    /// Cohere's chat, second version.
    pub const COHERE_CHAT: Self = Self::new("cohere.chat");
    /// Cohere's tokenize.
    pub const COHERE_TOKENIZE: Self = Self::new("cohere.tokenize");
    /// Cohere's embeddings.
    pub const COHERE_EMBED: Self = Self::new("cohere.embed");
    /// Cohere's model list.
    pub const COHERE_MODELS: Self = Self::new("cohere.models");
    /// Cohere and Jina rerank.
    pub const COHERE_RERANK: Self = Self::new("cohere.rerank");
    /// Gemini model list.
    pub const GEMINI_MODELS: Self = Self::new("gemini.models");

    /// Returns the protocol of this name, if it is one of those above.
    pub fn known(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|protocol| protocol.0 == name)
    }

    /// Every protocol named here.
    pub const ALL: &[Self] = &[
        Self::OPENAI_CHAT,
        Self::OPENAI_RESPONSES,
        Self::OPENAI_EMBEDDINGS,
        Self::OPENAI_INPUT_TOKENS,
        Self::OPENAI_COMPLETIONS,
        Self::OPENAI_MODERATIONS,
        Self::OPENAI_IMAGES,
        Self::OPENAI_IMAGE_EDITS,
        Self::OPENAI_IMAGE_VARIATIONS,
        Self::OPENAI_SPEECH,
        Self::OPENAI_TRANSCRIPTIONS,
        Self::OPENAI_TRANSLATIONS,
        Self::OPENAI_MODELS,
        Self::ANTHROPIC_MESSAGES,
        Self::ANTHROPIC_COUNT_TOKENS,
        Self::ANTHROPIC_MODELS,
        Self::GEMINI_GENERATE,
        Self::GEMINI_EMBED,
        Self::GEMINI_COUNT_TOKENS,
        Self::GEMINI_MODELS,
        Self::COHERE_RERANK,
        Self::OLLAMA_CHAT,
        Self::OLLAMA_EMBED,
        Self::OLLAMA_MODELS,
        Self::BEDROCK_CONVERSE,
        Self::BEDROCK_INVOKE,
        Self::BEDROCK_EMBED,
        Self::TEXT_GENERATION,
        Self::BEDROCK_COUNT_TOKENS,
        Self::BEDROCK_MODELS,
        Self::VERTEX_PREDICT,
        Self::COHERE_CHAT,
        Self::COHERE_TOKENIZE,
        Self::COHERE_EMBED,
        Self::COHERE_MODELS,
    ];

    /// Names a protocol; a provider crate of one's own may add one.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// Returns the dotted name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for Protocol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Self::known(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no protocol")))
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
