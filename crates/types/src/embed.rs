use serde::Serialize;

use crate::{Extras, Usage};

/// A question for the vectors of some texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EmbedRequest {
    /// The model: `provider/model` or an alias.
    pub model: String,
    /// What to embed, in order.
    pub input: Vec<EmbedInput>,
    /// The length of the vectors wanted.
    pub dimensions: Option<u32>,
    /// Whether the caller wants vectors as base64 text of little-endian 32-bit floats.
    pub base64: bool,
    /// The caller's end user, for the vendor's abuse checks.
    pub user: Option<String>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl EmbedRequest {
    /// Asks for the vectors of some texts.
    pub fn new<T: Into<String>>(model: impl Into<String>, texts: impl IntoIterator<Item = T>) -> Self {
        let input = texts.into_iter().map(|text| EmbedInput::Text(text.into())).collect();
        Self { model: model.into(), input, ..Self::default() }
    }
}

/// One thing to embed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum EmbedInput {
    /// A text.
    Text(String),
    /// A text that was already cut into the model's tokens.
    Tokens(Vec<u64>),
}

/// The vectors of some texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EmbedReply {
    /// The model that answered, in the vendor's words.
    pub model: Option<String>,
    /// One vector for each input, in the order of the inputs.
    pub embeddings: Vec<Embedding>,
    /// The tokens used.
    pub usage: Option<Usage>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

/// A vector, in the form in which the vendor sent it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Embedding {
    /// Numbers.
    Floats(Vec<f64>),
    /// Base64 text of little-endian 32-bit floats.
    Base64(String),
}
