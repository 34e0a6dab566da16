use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Subset;

/// What a model takes at a vendor. What is `None` is not known, and passes as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Profile {
    /// The model's name as rules are matched against it; see [`bare_name`](crate::bare_name).
    #[serde(skip_deserializing)]
    pub name: String,
    /// How much it takes and gives.
    pub limits: Limits,
    /// Settings of sampling.
    pub sampling: Sampling,
    /// How it is asked to think.
    pub thinking: Thinking,
    /// Who may speak, and when.
    pub roles: Roles,
    /// What may be offered to it.
    pub tools: Tools,
    /// Where it is served.
    pub operations: Operations,
    /// Fields of the vendor's protocol.
    pub fields: Fields,
    /// The parts of JSON Schema that it takes, by their names in the book.
    pub schema: SchemaUse,
    /// Forms of its answers.
    pub answers: Answers,
    /// Ids of tool calls.
    pub ids: Ids,
    /// What a conversation's earlier answers must hold.
    pub history: History,
    /// Images, documents and the like.
    pub media: Media,
    /// The parts of JSON Schema that `schema` names.
    #[serde(skip)]
    pub(crate) subsets: Subsets,
}

/// The parts of JSON Schema that a profile names.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Subsets {
    pub(crate) answer: Option<Arc<Subset>>,
    pub(crate) tools: Option<Arc<Subset>>,
    pub(crate) strict_tools: Option<Arc<Subset>>,
}

impl Profile {
    /// Returns the part of JSON Schema that an answer's schema must keep to, if one is known.
    pub fn answer_subset(&self) -> Option<&Subset> {
        self.subsets.answer.as_deref()
    }

    /// Returns the part of JSON Schema that the parameters of a tool must keep to, if one is known.
    pub fn tool_subset(&self, strict: bool) -> Option<&Subset> {
        let own = self.subsets.strict_tools.as_deref().filter(|_| strict);
        own.or(self.subsets.tools.as_deref())
    }

    /// Says whether a form of answers, `json_object` or `json_schema`, can be asked for; yes if nothing is known.
    pub fn takes_format(&self, form: &str) -> bool {
        self.answers.formats.as_ref().is_none_or(|forms| forms.iter().any(|known| known == form))
    }
}

/// How much a model takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The most tokens of prompt and answer together.
    pub context: Option<u64>,
    /// The most tokens of an answer, thinking included.
    pub output: Option<u64>,
    /// The most texts of one embedding call.
    pub texts: Option<u64>,
    /// The most tokens of one text to embed.
    pub text_tokens: Option<u64>,
    /// The most tokens of all texts of one embedding call.
    pub call_tokens: Option<u64>,
}

/// Which settings of sampling a model takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Sampling {
    /// Settings that are refused at values other than their defaults.
    pub refused: Vec<String>,
    /// Settings that are refused while the model thinks.
    pub refused_thinking: Vec<String>,
    /// Lists of settings of which only the first that is set may be sent.
    pub exclusive: Vec<Vec<String>>,
    /// The least and the greatest temperature.
    pub temperature: Option<[f64; 2]>,
    /// The least and the greatest `top_p`.
    pub top_p: Option<[f64; 2]>,
    /// The least and the greatest `top_p` while the model thinks.
    pub top_p_thinking: Option<[f64; 2]>,
    /// The most stop sequences.
    pub stops: Option<usize>,
}

/// How a model is asked to think.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Thinking {
    /// The forms that it takes, the preferred first; empty if it cannot be asked to think.
    pub forms: Option<Vec<ThinkingForm>>,
    /// The levels that it takes, from the least; empty if it takes none.
    pub efforts: Option<Vec<String>>,
    /// The least and the greatest budget, in tokens.
    pub budget: Option<[u64; 2]>,
    /// Whether a budget must be below the limit of the answer.
    pub below_output: bool,
    /// How it is told not to think.
    pub off: Option<Off>,
    /// The levels beside which it can be told so; `None` for all.
    pub off_efforts: Option<Vec<String>>,
    /// Whether it thinks when nothing is said.
    pub on_by_default: Option<bool>,
    /// Whether its thinking is hidden unless it is asked to be shown.
    pub shown_on_request: bool,
    /// Whether a call may be demanded of it while it thinks.
    pub forced_tools: Option<bool>,
    /// The field of a chat completion that asks for thinking.
    pub field: Option<ThinkingField>,
}

/// A form of asking for thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ThinkingForm {
    /// A number of tokens.
    Budget,
    /// The model decides how much.
    Adaptive,
    /// A level.
    Effort,
    /// On or off.
    Switch,
}

/// How a model is told not to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Off {
    /// By saying nothing.
    Omit,
    /// By the level `none`.
    Effort,
    /// By a switch.
    Disabled,
    /// By thinking only between calls of tools.
    BetweenTools,
    /// By a budget of 0.
    Zero,
    /// It always thinks.
    Never,
}

/// The field of a chat completion that asks for thinking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ThinkingField {
    /// `reasoning_effort`, a level.
    ReasoningEffort,
    /// `thinking`, an object with a `type`.
    Thinking,
    /// `enable_thinking`, with `thinking_budget` beside it.
    EnableThinking,
    /// `reasoning`, an object with `effort`, `max_tokens` and `enabled`.
    Reasoning,
    /// `chat_template_kwargs.enable_thinking`.
    ChatTemplateKwargs,
    /// `think`.
    Think,
    /// None.
    None,
}

/// Who may speak, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Roles {
    /// What `developer` is sent as.
    pub developer: Option<String>,
    /// What `system` is sent as.
    pub system: Option<String>,
    /// Whether instructions stand only at the head of a conversation.
    pub system_first: bool,
    /// Whether user and assistant must take turns.
    pub alternate: bool,
    /// Whether a conversation may end with the assistant's words.
    pub last_assistant: Option<bool>,
}

/// What may be offered to a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Tools {
    /// Whether it takes tools.
    pub taken: Option<bool>,
    /// The kinds of tools that it takes in its vendor's protocol, such as `function` and `custom`.
    pub kinds: Option<Vec<String>>,
    /// What can be said about calling them: `auto`, `none`, `required`, `function`, `allowed`.
    pub choices: Option<Vec<String>>,
    /// Whether it can be told whether to make several calls at once.
    pub parallel: Option<bool>,
    /// Whether a tool can be marked `strict`.
    pub strict: Option<bool>,
    /// The most tools.
    pub most: Option<usize>,
    /// The longest name of a tool.
    pub name_length: Option<usize>,
    /// What a chat completion with tools may say about effort.
    pub chat_effort: Option<ChatEffort>,
    /// Where a translated call with tools should rather go: `responses`.
    pub operation: Option<String>,
}

/// What a chat completion with tools may say about effort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatEffort {
    /// Anything.
    Any,
    /// Nothing.
    Omit,
    /// `none`, and it must say so.
    None,
}

/// Where a model is served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Operations {
    /// The one operation that serves it: `chat` or `responses`.
    pub only: Option<String>,
}

/// Fields of the vendor's own protocol, by their names on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Fields {
    /// Fields for which the vendor refuses the request.
    pub refused: Vec<String>,
    /// Fields of messages for which it does.
    pub refused_in_messages: Vec<String>,
    /// Fields that are called otherwise here.
    pub renamed: BTreeMap<String, String>,
}

/// The parts of JSON Schema that a model takes, by their names in the book; `none` takes no schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct SchemaUse {
    /// For answers.
    pub answer: Option<String>,
    /// For parameters of tools.
    pub tools: Option<String>,
    /// For parameters of tools that are marked `strict`.
    pub strict_tools: Option<String>,
}

/// Forms of a model's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Answers {
    /// The forms that can be asked for: `json_object`, `json_schema`.
    pub formats: Option<Vec<String>>,
}

/// Ids of tool calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Ids {
    /// The letters that one may have, such as `A-Za-z0-9_-`.
    pub letters: Option<String>,
    /// The most letters.
    pub most: Option<usize>,
    /// The very number of letters.
    pub exact: Option<usize>,
    /// Whether two calls of a request may not have one id.
    pub unique: bool,
}

/// What a conversation's earlier answers must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct History {
    /// What becomes of thinking.
    pub thinking: Option<PastThinking>,
    /// The field of a chat completion's message that thinking goes back in.
    pub thinking_field: Option<String>,
    /// `demanded` if a tool call without its signature is refused.
    pub signatures: Option<String>,
}

/// What becomes of the thinking of earlier answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PastThinking {
    /// It is demanded beside tool calls.
    WithTools,
    /// It is refused.
    Never,
    /// It is demanded.
    Always,
    /// It may be there or not.
    Any,
}

/// Images, documents and the like that a model takes, by MIME types; an empty list takes none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Media {
    /// Types of images.
    pub image: Option<Vec<String>>,
    /// Types of documents.
    pub document: Option<Vec<String>>,
    /// Types of sound.
    pub audio: Option<Vec<String>>,
    /// Types of moving pictures.
    pub video: Option<Vec<String>>,
    /// Whether addresses are taken.
    pub urls: Option<bool>,
    /// What becomes of a medium that is not taken.
    pub unsupported: Unsupported,
    /// Whether content may be a list of parts.
    pub content_parts: Option<bool>,
    /// The most images of a request.
    pub images: Option<usize>,
    /// The largest image, in bytes.
    pub image_bytes: Option<u64>,
    /// The largest document, in bytes.
    pub document_bytes: Option<u64>,
    /// The most pages of a document.
    pub pages: Option<u64>,
    /// The kinds of media that a tool's result may hold.
    pub in_results: Option<Vec<String>>,
}

/// Says what becomes of a medium that a model does not take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unsupported {
    /// The request is refused before it is sent.
    #[default]
    Refuse,
    /// A word in the text stands for it.
    Flatten,
}
