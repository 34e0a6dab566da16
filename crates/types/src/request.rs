use serde::{Deserialize, Serialize};

use crate::{Extras, Message, Reasoning, ResponseFormat, Tool, ToolChoice};

/// A question to a model: the conversation, the tools and the settings.
///
/// ```
/// use tollbridge_types::ChatRequest;
/// let request = ChatRequest::new("anthropic/claude-sonnet-5").system("Be brief.").user("Hello").max_tokens(100);
/// assert_eq!(request.messages.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
#[serde(default, deny_unknown_fields)]
pub struct ChatRequest {
    /// The model: `provider/model` or an alias.
    pub model: String,
    /// The conversation, standing instructions first.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// Whether and what it must call.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may make several calls at once.
    pub parallel_tool_calls: Option<bool>,
    /// The most tokens of the answer, thinking included.
    pub max_tokens: Option<u64>,
    /// Randomness: 0 is the least.
    pub temperature: Option<f64>,
    /// Sampling from the most likely tokens of this total probability.
    pub top_p: Option<f64>,
    /// Sampling from this many of the most likely tokens.
    pub top_k: Option<u64>,
    /// A penalty on tokens that have appeared.
    pub presence_penalty: Option<f64>,
    /// A penalty on tokens by how often they have appeared.
    pub frequency_penalty: Option<f64>,
    /// A seed for repeatable sampling.
    pub seed: Option<i64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
    /// How many answers to give.
    pub choices: Option<u32>,
    /// Whether to return the log-probability of each token.
    pub logprobs: Option<bool>,
    /// How many alternatives to return with each token's log-probability.
    pub top_logprobs: Option<u32>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// How much to think.
    pub reasoning: Option<Reasoning>,
    /// The caller's end user, for the vendor's abuse checks.
    pub user: Option<String>,
    /// The vendor's processing tier, by its own name.
    pub service_tier: Option<String>,
    /// Whether the answer is to come as a stream.
    pub stream: bool,
    /// Whether a stream is to report usage to this caller; `None` is the protocol's default.
    pub stream_usage: Option<bool>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl ChatRequest {
    /// Starts a question to a model.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), ..Self::default() }
    }

    /// Adds a message.
    #[must_use]
    pub fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Adds a system message.
    #[must_use]
    pub fn system(self, text: impl Into<String>) -> Self {
        self.message(Message::system(text))
    }

    /// Adds a user message.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(Message::user(text))
    }

    /// Adds a tool.
    #[must_use]
    pub fn tool(mut self, tool: Tool) -> Self {
        self.tools.push(tool);
        self
    }

    /// Says whether and what the model must call.
    #[must_use]
    pub fn tool_choice(mut self, choice: ToolChoice) -> Self {
        self.tool_choice = Some(choice);
        self
    }

    /// Limits the answer, in tokens.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u64) -> Self {
        self.max_tokens = Some(tokens);
        self
    }

    /// Sets the randomness.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.temperature = Some(temperature);
        self
    }

    /// Sets the form of the answer.
    #[must_use]
    pub fn response_format(mut self, format: ResponseFormat) -> Self {
        self.response_format = Some(format);
        self
    }

    /// Sets how much to think.
    #[must_use]
    pub fn reasoning(mut self, reasoning: Reasoning) -> Self {
        self.reasoning = Some(reasoning);
        self
    }
}
