use serde::{Deserialize, Serialize};

use crate::{Extras, Json, Opaque, Part, Protocol, Signature};

/// Something that the model may call.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Tool {
    /// A function that the caller runs, described by a JSON schema.
    #[non_exhaustive]
    Function {
        /// Its name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The JSON schema of its arguments; `None` means no arguments.
        parameters: Option<Json>,
        /// Whether the vendor must hold the model to the schema.
        strict: Option<bool>,
        /// Fields of one protocol only, such as a cache mark.
        #[serde(default)]
        extras: Extras,
    },
    /// A tool that takes free text instead of JSON.
    #[non_exhaustive]
    Custom {
        /// Its name.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// What the text must be; `None` means anything.
        grammar: Option<Grammar>,
        /// Fields of one protocol only.
        extras: Extras,
    },
    /// Tools that share a namespace, such as those of one MCP server.
    #[non_exhaustive]
    Namespace {
        /// The namespace.
        name: String,
        /// What the tools have in common.
        description: Option<String>,
        /// The tools, by their names within the namespace.
        tools: Vec<Tool>,
        /// Fields of one protocol only.
        extras: Extras,
    },
    /// A tool that only its own protocol knows, such as a vendor-run search.
    Opaque(Opaque),
}

/// Says what the text that a custom tool takes must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Grammar {
    /// The language of the definition: `lark` or `regex`.
    pub syntax: String,
    /// The grammar.
    pub definition: String,
}

impl Grammar {
    /// Makes a grammar.
    pub fn new(syntax: impl Into<String>, definition: impl Into<String>) -> Self {
        Self { syntax: syntax.into(), definition: definition.into() }
    }
}

impl Tool {
    /// Makes a function tool.
    ///
    /// ```
    /// use tollbridge_types::Tool;
    /// let tool = Tool::function("now", "the time", serde_json::json!({"type": "object", "properties": {}}));
    /// assert_eq!(tool.name(), Some("now"));
    /// ```
    pub fn function(name: impl Into<String>, description: impl Into<String>, parameters: impl Into<Json>) -> Self {
        Self::Function {
            name: name.into(),
            description: Some(description.into()),
            parameters: Some(parameters.into()),
            strict: None,
            extras: Extras::default(),
        }
    }

    /// Makes a tool that takes free text.
    pub fn custom(name: impl Into<String>, description: Option<String>, grammar: Option<Grammar>) -> Self {
        Self::Custom { name: name.into(), description, grammar, extras: Extras::default() }
    }

    /// Makes a namespace of tools.
    pub fn namespace(name: impl Into<String>, description: Option<String>, tools: Vec<Self>) -> Self {
        Self::Namespace { name: name.into(), description, tools, extras: Extras::default() }
    }

    /// Adds fields of one protocol only.
    #[must_use]
    pub fn with_extras(mut self, added: Extras) -> Self {
        match &mut self {
            Self::Function { extras, .. } | Self::Custom { extras, .. } | Self::Namespace { extras, .. } => {
                extras.extend(added);
            }
            Self::Opaque(_) => {}
        }
        self
    }

    /// Makes a function tool from all its fields.
    pub fn from_fields(
        name: String,
        description: Option<String>,
        parameters: Option<Json>,
        strict: Option<bool>,
        extras: Extras,
    ) -> Self {
        Self::Function { name, description, parameters, strict, extras }
    }

    /// Returns where the tool stood in the body that it was read from.
    pub fn origin(&self) -> Option<&str> {
        match self {
            Self::Function { extras, .. } | Self::Custom { extras, .. } | Self::Namespace { extras, .. } => {
                extras.origin()
            }
            Self::Opaque(opaque) => opaque.origin(),
        }
    }

    /// Notes where the tool stood in the body that it was read from.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        match &mut self {
            Self::Function { extras, .. } | Self::Custom { extras, .. } | Self::Namespace { extras, .. } => {
                *extras = std::mem::take(extras).at(path);
            }
            Self::Opaque(opaque) => return Self::Opaque(opaque.clone().at(path)),
        }
        self
    }

    /// Returns the name of the tool, or of the namespace.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Function { name, .. } | Self::Custom { name, .. } | Self::Namespace { name, .. } => Some(name),
            Self::Opaque(_) => None,
        }
    }
}

/// Says whether and what the model must call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// No call.
    None,
    /// At least one call.
    Required,
    /// A call of this function or custom tool.
    Function(String),
    /// At least one call, of one of these functions or custom tools.
    AnyOf(Vec<String>),
    /// A choice that only its own protocol knows.
    Opaque(Opaque),
}

/// A call that the model asks for.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct ToolCall {
    /// The vendor's id of this call; `None` where the vendor gives none.
    pub id: Option<String>,
    /// The name of the tool.
    pub name: String,
    /// The arguments as the text that the model wrote: mostly JSON, not always valid.
    pub arguments: String,
    /// How the tool is described.
    pub kind: ToolCallKind,
    /// The vendor's signature on this call.
    pub signature: Option<Signature>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl ToolCall {
    /// Reads the arguments as `T`; an empty text is read as `{}`.
    ///
    /// # Errors
    /// When the model's text is not a `T`.
    pub fn arguments<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        let text = self.arguments.trim();
        serde_json::from_str(if text.is_empty() { "{}" } else { text })
    }

    /// Returns the namespace of the tool, if it is in one.
    pub fn namespace(&self) -> Option<String> {
        self.extras.get(Protocol::OPENAI_RESPONSES, NAMESPACE)?.parse().ok()
    }

    /// Says in which namespace the tool is.
    pub fn set_namespace(&mut self, namespace: &str) {
        if let Ok(namespace) = Json::from_value(namespace) {
            self.extras.insert(Protocol::OPENAI_RESPONSES, NAMESPACE, namespace);
        }
    }
}

/// The field in which OpenAI's responses name a call's namespace.
const NAMESPACE: &str = "namespace";

/// Says how a called tool is described.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ToolCallKind {
    /// By a JSON schema; the arguments are JSON.
    #[default]
    Function,
    /// By a grammar or nothing; the arguments are free text.
    Custom,
    /// OpenAI's retired `function_call` form, which has no id.
    LegacyFunction,
    /// By its protocol, such as OpenAI's shell; the arguments are the object that the protocol has for it.
    BuiltIn,
}

/// What a tool returned.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct ToolResult {
    /// The id of the call that this answers.
    pub id: Option<String>,
    /// The name of the tool, where the protocol gives it.
    pub name: Option<String>,
    /// What the tool returned: text, images or documents.
    pub content: Vec<Part>,
    /// Whether the tool failed.
    pub is_error: Option<bool>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl ToolResult {
    /// Answers the call `id` with a text.
    pub fn text(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: Some(id.into()), content: vec![Part::text(text)], ..Self::default() }
    }
}
