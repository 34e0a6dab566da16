use serde::Serialize;

use crate::{Extras, Json, Usage};

/// A query, and documents to be sorted by how well they answer it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RerankRequest {
    /// The model: `provider/model` or an alias.
    pub model: String,
    /// What is asked.
    pub query: String,
    /// The documents: texts, or objects that the vendor knows.
    pub documents: Vec<Json>,
    /// How many of the best to return; all if it is not set.
    pub top_n: Option<u64>,
    /// Whether the reply is to repeat the documents.
    pub return_documents: Option<bool>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl RerankRequest {
    /// Asks a model to sort texts.
    pub fn new<T: Into<String>>(
        model: impl Into<String>,
        query: impl Into<String>,
        documents: impl IntoIterator<Item = T>,
    ) -> Self {
        let documents = documents.into_iter().map(|text| Json::from(serde_json::Value::from(text.into()))).collect();
        Self { model: model.into(), query: query.into(), documents, ..Self::default() }
    }
}

/// The documents of a request, the best first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RerankReply {
    /// The vendor's id of the reply.
    pub id: Option<String>,
    /// The model that answered, in the vendor's words.
    pub model: Option<String>,
    /// The documents, as the vendor sorted them.
    pub results: Vec<Ranked>,
    /// What was used, where the vendor counts tokens.
    pub usage: Option<Usage>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

/// One document of a [`RerankReply`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ranked {
    /// Its place among the documents of the request, from 0.
    pub index: u64,
    /// How well it answers; the scale is the vendor's.
    pub score: f64,
    /// The document, if the reply repeats it.
    pub document: Option<Json>,
    /// Fields of one protocol only.
    pub extras: Extras,
}
