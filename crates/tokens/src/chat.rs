//! Counts what a whole request takes: the words, and what OpenAI publishes of the tokens around them.

use tollbridge_types::{
    ChatRequest, Media, MediaSource, Message, Part, Role, TokenCount, ToolCall, ToolResult, UsageBasis,
};

use crate::image;
use crate::model::Tokenizer;
use crate::tools;

/// Counts the input tokens of a request for a model.
///
/// The basis is `Counted` only if the vocabulary is the model's own and all that frames the words is published;
/// else it is `Estimated`. docs/tokens.md lists the rules.
///
/// ```
/// use tollbridge_tokens::count_request;
/// use tollbridge_types::{ChatRequest, UsageBasis};
///
/// let count = count_request("gpt-4o", &ChatRequest::new("gpt-4o").user("hello world"));
/// # if cfg!(feature = "o200k") {
/// assert_eq!((count.input, count.basis), (9, UsageBasis::Counted));
/// # }
/// ```
pub fn count_request(model: &str, request: &ChatRequest) -> TokenCount {
    let tokenizer = Tokenizer::for_model(model);
    let mut sum = Sum { tokenizer, model, tokens: REPLY, basis: tokenizer.basis() };
    for message in &request.messages {
        sum.message(message);
    }
    let (tools, published) = tools::count(model, request, |text| tokenizer.count(text));
    sum.tokens = sum.tokens.saturating_add(tools);
    if !published {
        sum.basis = UsageBasis::Estimated;
    }
    TokenCount::new(sum.tokens, sum.basis)
}

/// What begins the answer, what frames a message, and what a name adds, as OpenAI's cookbook says of all chat models.
const REPLY: u64 = 3;
const MESSAGE: u64 = 3;
const NAME: u64 = 1;

struct Sum<'a> {
    tokenizer: Tokenizer,
    model: &'a str,
    tokens: u64,
    basis: UsageBasis,
}

impl Sum<'_> {
    fn message(&mut self, message: &Message) {
        let results = message.parts.iter().filter(|part| matches!(part, Part::ToolResult(_))).count();
        if results == 0 || results < message.parts.len() {
            self.add(MESSAGE);
            self.words(role(&message.role));
            if let Some(name) = &message.name {
                self.words(name);
                self.add(NAME);
            }
        }
        for part in &message.parts {
            self.part(part);
        }
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Text(text) => self.words(&text.text),
            Part::Refusal(text) => self.words(text),
            Part::Thought(thought) => self.guess(&thought.text),
            Part::ToolCall(call) => self.call(call),
            Part::ToolResult(result) => self.result(result),
            Part::Image(media) => self.image(media),
            Part::Document(Media { source: MediaSource::Text(text), .. }) => self.guess(text),
            Part::Opaque(opaque) => self.guess(opaque.json.as_str()),
            // Of sound, film and files, only the vendor knows what they are worth.
            _ => self.basis = UsageBasis::Estimated,
        }
    }

    /// Counts a call of a tool; how it is framed is nowhere published.
    fn call(&mut self, call: &ToolCall) {
        self.guess(&call.arguments);
    }

    /// Counts the result of a tool, which is a message of its own to OpenAI.
    fn result(&mut self, result: &ToolResult) {
        self.add(MESSAGE);
        self.words(role(&Role::Tool));
        if let Some(id) = &result.id {
            self.words(id);
        }
        for part in &result.content {
            self.part(part);
        }
    }

    fn image(&mut self, media: &Media) {
        let (tokens, known) = image::count(self.model, media);
        self.add(tokens);
        if !known {
            self.basis = UsageBasis::Estimated;
        }
    }

    fn guess(&mut self, text: &str) {
        self.basis = UsageBasis::Estimated;
        self.words(text);
    }

    fn words(&mut self, text: &str) {
        self.add(self.tokenizer.count(text));
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

fn role(role: &Role) -> &str {
    match role {
        Role::System => "system",
        Role::Developer => "developer",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
        Role::Unknown(name) => name,
        _ => "",
    }
}
