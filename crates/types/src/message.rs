use serde::{Deserialize, Serialize};

use crate::{Extras, Media, Part, ToolResult};

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// The speaker's name, where a protocol has one.
    #[serde(default)]
    pub name: Option<String>,
    /// Fields of one protocol only.
    #[serde(default)]
    pub extras: Extras,
}

impl Message {
    /// Makes a message from its parts.
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None, extras: Extras::default() }
    }

    /// Notes where the message stood in the body that it was read from.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.extras = self.extras.at(path);
        self
    }

    /// Makes a system message of one text.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, vec![Part::text(text)])
    }

    /// Makes a user message of one text.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, vec![Part::text(text)])
    }

    /// Makes an assistant message of one text.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, vec![Part::text(text)])
    }

    /// Makes a message that carries a tool's result.
    pub fn tool(result: ToolResult) -> Self {
        Self::new(Role::Tool, vec![Part::ToolResult(result)])
    }

    /// Adds an image.
    #[must_use]
    pub fn image(mut self, image: Media) -> Self {
        self.parts.push(Part::Image(image));
        self
    }

    /// Returns the texts of the message, joined without a separator.
    pub fn text(&self) -> String {
        self.parts.iter().filter_map(Part::as_text).collect()
    }
}

/// Says who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Standing instructions.
    System,
    /// Standing instructions, under OpenAI's newer name.
    Developer,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
    /// A tool that the caller ran.
    Tool,
    /// A role that only its protocol knows.
    #[serde(untagged)]
    Unknown(String),
}
