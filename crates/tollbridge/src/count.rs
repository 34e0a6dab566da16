//! Counts tokens here, for models whose provider has no call for it.

use tollbridge_core::{Error, Reply, Request};
use tollbridge_protocol::translate::needs_no_state;
use tollbridge_protocol::{chat_request, count};
use tollbridge_types::{ChatRequest, Part, Protocol, TokenCount, Tool, UsageBasis};

/// Answers a count of tokens in the protocol that it was asked in.
///
/// The text is cut by OpenAI's newest public vocabulary. For OpenAI's own models the count is their
/// own but for a few tokens of framing; for others it is an estimate, and says so.
pub(crate) fn answer(request: &Request, provider: &str) -> Result<Reply, Error> {
    let typed = chat_request(request)?;
    needs_no_state(&typed, Protocol::OPENAI_CHAT).map_err(|error| {
        error
            .with_provider(provider)
            .with_hint("leave it out, or count with a provider that keeps it and counts itself")
    })?;
    let protocol = request.wire().map_or(Protocol::ANTHROPIC_COUNT_TOKENS, |wire| wire.protocol);
    let counted = TokenCount::new(tokens(&typed), basis(&request.model));
    let codec = count(protocol).unwrap_or(tollbridge_protocol::codec::ANTHROPIC_COUNT_TOKENS);
    Ok(Reply::new(codec.protocol(), provider, &request.model, codec.encode_reply(&counted)))
}

/// Counts the input tokens of a conversation, or of the texts of an embedding.
#[cfg(all(feature = "config", feature = "usage"))]
pub(crate) fn input_tokens(_model: &str, request: &Request) -> Option<u64> {
    if request.operation != tollbridge_core::Operation::Chat {
        return None;
    }
    chat_request(request).ok().map(|request| tokens(&request))
}

fn basis(model: &str) -> UsageBasis {
    let name = model.rsplit('/').next().unwrap_or(model);
    let own = ["gpt-4o", "gpt-4.1", "gpt-5", "gpt-oss", "o1", "o3", "o4", "chatgpt"];
    if own.iter().any(|family| name.starts_with(family)) { UsageBasis::Counted } else { UsageBasis::Estimated }
}

fn tokens(request: &ChatRequest) -> u64 {
    let words = |text: &str| tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64;
    let parts = |parts: &[Part]| -> u64 { parts.iter().map(|part| part_tokens(part, &words)).sum() };
    // OpenAI's cookbook: three tokens frame a message, and three begin the answer.
    let messages: u64 = request.messages.iter().map(|message| 3 + parts(&message.parts)).sum();
    let tool = |tool: &Tool| match tool {
        Tool::Function { name, description, parameters, .. } => {
            let schema = parameters.as_ref().map_or(0, |schema| words(schema.as_str()));
            words(name) + description.as_deref().map_or(0, &words) + schema + 8
        }
        Tool::Opaque(opaque) => words(opaque.json.as_str()),
        _ => 0,
    };
    messages + request.tools.iter().map(tool).sum::<u64>() + 3
}

fn part_tokens(part: &Part, words: &impl Fn(&str) -> u64) -> u64 {
    match part {
        Part::Text(text) => words(&text.text),
        Part::Refusal(text) => words(text),
        Part::Thought(thought) => words(&thought.text),
        Part::ToolCall(call) => words(&call.name) + words(&call.arguments) + 4,
        Part::ToolResult(result) => result.content.iter().map(|part| part_tokens(part, words)).sum(),
        Part::Opaque(opaque) => words(opaque.json.as_str()),
        // What OpenAI's page on vision gives for one tile of high detail; most vendors are near it.
        Part::Image(_) => 765,
        _ => 0,
    }
}
