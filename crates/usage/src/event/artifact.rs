use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Fields;
use super::fields::Open;

/// A text that is too long for an event and stored beside it, if content is on.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Artifact {
    /// Its id, unique over all and in the order of time.
    pub id: String,
    /// What it is, such as `llm-response`.
    pub name: String,
    /// The whole text.
    pub content: String,
}

impl Artifact {
    /// Keeps the text of an answer.
    pub fn response(content: impl Into<String>) -> Self {
        Self { id: Uuid::now_v7().to_string(), name: "llm-response".to_owned(), content: content.into() }
    }

    /// Tells that it exists, without its text.
    pub fn created(&self) -> ArtifactCreated {
        let digest = Sha256::digest(self.content.as_bytes());
        ArtifactCreated {
            artifact_id: self.id.clone(),
            name: self.name.clone(),
            size: self.content.len() as u64,
            part_count: 1,
            sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
            rest: Fields::default(),
        }
    }
}

impl std::fmt::Debug for Artifact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifact").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// An artifact was stored: `ARTIFACT_CREATED`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ArtifactCreated {
    /// The id of the artifact.
    pub artifact_id: String,
    /// What it is.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Of how many parts it is.
    pub part_count: u32,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// Fields of later versions.
    #[serde(flatten, skip_deserializing)]
    pub rest: Fields,
}

impl Open for ArtifactCreated {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}
