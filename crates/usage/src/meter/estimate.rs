//! What a call may use, and what one used of which the vendor said nothing.

use tollbridge_core::{Operation, Request, Typed, Usage, UsageBasis};
use tollbridge_protocol::chat_request;
use tollbridge_types::{EmbedInput, Part};

/// Guesses the input tokens of a request from the length of its text.
pub(super) fn input_tokens(request: &Request) -> u64 {
    let bytes = match request.wire() {
        Some(wire) => wire.body.len(),
        None => match request.typed(|_| Ok(Typed::Models)) {
            Ok(Typed::Chat(chat)) => chat.messages.iter().flat_map(|message| &message.parts).map(part_bytes).sum(),
            Ok(Typed::Embed(embed)) => embed.input.iter().map(input_bytes).sum(),
            Ok(Typed::Rerank(rerank)) => {
                rerank.query.len() + rerank.documents.iter().map(|document| document.as_str().len()).sum::<usize>()
            }
            _ => 0,
        },
    };
    tokens(bytes as u64)
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

/// Completes what a vendor said before its answer broke off by what had been written until then.
pub(super) fn complete(mut usage: Usage, input: u64, text_bytes: u64) -> Usage {
    if usage.total_input() == 0 {
        usage.input = Some(input);
        usage.basis = UsageBasis::Estimated;
    }
    let written = tokens(text_bytes);
    if usage.total_output() < written {
        usage.output = Some(usage.output.unwrap_or(0).saturating_add(written - usage.total_output()));
        usage.basis = UsageBasis::Estimated;
    }
    usage
}

/// Four bytes are about a token of English and of JSON; other scripts have more bytes a token, code has fewer.
pub(super) fn tokens(bytes: u64) -> u64 {
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
