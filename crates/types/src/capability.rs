use serde::{Deserialize, Serialize};

/// Something that a model can do, as far as its vendor's list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Capability {
    /// Answer a conversation.
    Chat,
    /// Turn texts into vectors.
    Embed,
    /// Sort documents.
    Rerank,
    /// Count tokens without answering.
    CountTokens,
    /// Call tools.
    Tools,
    /// Look at pictures.
    Vision,
    /// Listen to sound.
    Audio,
    /// Read documents.
    Documents,
    /// Think before it answers.
    Reasoning,
    /// Keep to a JSON schema.
    StructuredOutput,
    /// Make pictures.
    Image,
    /// Speak.
    Speech,
    /// Write down what is spoken.
    Transcribe,
}
