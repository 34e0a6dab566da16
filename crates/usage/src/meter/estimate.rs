//! What a call may use, and what one used of which the vendor said nothing.

use std::sync::{Arc, OnceLock};

use tollbridge_core::{Operation, Request, Typed, Usage, UsageBasis};
use tollbridge_protocol::{Written, chat_request};
use tollbridge_types::{ChatRequest, EmbedInput, Part, Tool};

use super::CountTokens;

/// Tells what an attempt uses as well as it can be known here.
///
/// What takes time is done only when somebody asks, and once.
pub(super) struct Estimate {
    by_length: u64,
    /// What counts, and what of the request it needs; `None` where nothing counts.
    counter: Option<(Arc<dyn CountTokens>, Request)>,
    input: OnceLock<(u64, UsageBasis)>,
}

impl Estimate {
    pub(super) fn new(request: &Request, counter: Option<&Arc<dyn CountTokens>>) -> Self {
        let counter = counter.filter(|_| matches!(request.operation, Operation::Chat | Operation::Embed));
        Self {
            by_length: input_by_length(request),
            counter: counter.map(|counter| (Arc::clone(counter), kept(request))),
            input: OnceLock::new(),
        }
    }

    /// Returns the input tokens if they have been counted, else what the request's length says.
    pub(super) fn input_so_far(&self) -> u64 {
        self.input.get().map_or(self.by_length, |(tokens, _)| *tokens)
    }

    /// Counts the input of the request that this was made of, whose typed form may be at hand.
    pub(super) fn input_of(&self, request: &Request) -> (u64, UsageBasis) {
        *self.input.get_or_init(|| {
            let counted = self.counter.as_ref().and_then(|(counter, _)| counter.input(request));
            counted.unwrap_or((self.by_length, UsageBasis::Estimated))
        })
    }

    /// Completes what a vendor said, if anything, by what is not in it of the request and of what was written.
    pub(super) fn complete(&self, mut usage: Usage, written: &Written) -> Usage {
        if usage.total_input() == 0 {
            let (tokens, basis) = self.input();
            (usage.input, usage.basis) = (Some(tokens), basis);
        }
        let (tokens, basis) = self.output(written);
        let untold = tokens.saturating_sub(usage.total_output());
        if untold > 0 {
            usage.output = Some(usage.output.unwrap_or(0).saturating_add(untold));
            if usage.basis != UsageBasis::Estimated {
                usage.basis = basis;
            }
        }
        usage
    }

    fn input(&self) -> (u64, UsageBasis) {
        match &self.counter {
            Some((_, request)) => self.input_of(request),
            None => (self.by_length, UsageBasis::Estimated),
        }
    }

    fn output(&self, written: &Written) -> (u64, UsageBasis) {
        let Some((counter, request)) = &self.counter else {
            return (tokens(written.bytes()), UsageBasis::Estimated);
        };
        let text = written.text();
        let (tokens, basis) = counter.output(&request.model, &text);
        if written.is_whole() {
            return (tokens, basis);
        }
        // What was not kept is taken to be like what was.
        let all = u128::from(tokens) * u128::from(written.bytes()) / (text.len() as u128).max(1);
        (u64::try_from(all).unwrap_or(u64::MAX), UsageBasis::Estimated)
    }
}

/// Returns what of a request can be counted later: its bytes alone, where it has some, as its typed form is larger.
fn kept(request: &Request) -> Request {
    match request.wire() {
        Some(wire) => Request::from_wire(request.operation, wire.protocol, &request.model, wire.body.clone()),
        None => request.clone(),
    }
}

/// Guesses the input tokens of a request from the length of its text.
fn input_by_length(request: &Request) -> u64 {
    let bytes = match request.wire() {
        Some(wire) => wire.body.len(),
        None => match request.typed(|_| Ok(Typed::Models)) {
            Ok(Typed::Chat(chat)) => chat_bytes(chat),
            Ok(Typed::Embed(embed)) => embed.input.iter().map(input_bytes).sum(),
            Ok(Typed::Rerank(rerank)) => {
                rerank.query.len() + rerank.documents.iter().map(|document| document.as_str().len()).sum::<usize>()
            }
            _ => 0,
        },
    };
    tokens(bytes as u64)
}

/// Guesses the input tokens of a conversation from the length of its texts, without a tokeniser.
pub fn chat_by_length(chat: &ChatRequest) -> u64 {
    tokens(chat_bytes(chat) as u64)
}

fn chat_bytes(chat: &ChatRequest) -> usize {
    let words = chat.messages.iter().flat_map(|message| &message.parts).map(part_bytes).sum::<usize>();
    let described = |tool: &Tool| match tool {
        Tool::Function { name, description, parameters, .. } => {
            let schema = parameters.as_ref().map_or(0, |schema| schema.as_str().len());
            name.len() + description.as_deref().map_or(0, str::len) + schema
        }
        Tool::Opaque(opaque) => opaque.json.as_str().len(),
        _ => 0,
    };
    words + chat.tools.iter().map(described).sum::<usize>()
}

/// Returns the most output tokens that a request asks for.
pub(super) fn asked_output(request: &Request) -> Option<u64> {
    if request.operation != Operation::Chat {
        return Some(0);
    }
    let chat = chat_request(request).ok()?;
    let choices = u64::from(chat.choices.unwrap_or(1).max(1));
    chat.max_tokens.map(|tokens| tokens.saturating_mul(choices))
}

/// Returns a usage that was guessed.
pub(super) fn usage(input: u64, output: Option<u64>) -> Usage {
    let mut usage = Usage::default();
    (usage.input, usage.output, usage.basis) = (Some(input), output, UsageBasis::Estimated);
    usage
}

/// Four bytes are about a token of English and of JSON; other scripts have more bytes a token, code has fewer.
fn tokens(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

fn part_bytes(part: &Part) -> usize {
    match part {
        Part::Text(text) => text.text.len(),
        Part::Refusal(text) => text.len(),
        Part::Thought(thought) => thought.text.len(),
        Part::ToolCall(call) => call.name.len() + call.arguments.len(),
        Part::ToolResult(result) => result.content.iter().map(part_bytes).sum(),
        Part::Opaque(opaque) => opaque.json.as_str().len(),
        // A picture of about a thousand tokens; its bytes say nothing.
        Part::Image(_) => 4000,
        _ => 0,
    }
}

fn input_bytes(input: &EmbedInput) -> usize {
    match input {
        EmbedInput::Text(text) => text.len(),
        EmbedInput::Tokens(tokens) => tokens.len() * 4,
        _ => 0,
    }
}
