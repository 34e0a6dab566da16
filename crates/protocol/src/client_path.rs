//! Turns a path into the typed request into one into the body that the client sent.

use tollbridge_types::{ChatRequest, Message, Part, Protocol, Role};

/// Returns the path in the client's own terms.
pub(crate) fn client_path(path: &str, protocol: Protocol, typed: &ChatRequest) -> String {
    if let Some(path) = in_message(path, protocol, typed) {
        return path;
    }
    if let Some(rest) = path.strip_prefix("extras.") {
        return rest.to_owned();
    }
    let (head, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    match (protocol, head, path) {
        (Protocol::GEMINI_GENERATE, "tools", _) => format!("tools[0].functionDeclarations{rest}"),
        (_, "tools", _) => path.to_owned(),
        (Protocol::OPENAI_CHAT, "reasoning", _) => "reasoning_effort".to_owned(),
        (Protocol::OPENAI_CHAT, "choices", _) => "n".to_owned(),
        (Protocol::OPENAI_RESPONSES, _, "reasoning.visible") => "reasoning.summary".to_owned(),
        (Protocol::OPENAI_RESPONSES, "max_tokens", _) => "max_output_tokens".to_owned(),
        (Protocol::OPENAI_RESPONSES, "response_format", _) => "text.format".to_owned(),
        (Protocol::OPENAI_RESPONSES, "logprobs", _) => "include".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, "stop", _) => "stop_sequences".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, "user", _) => "metadata.user_id".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, "response_format", _) => "output_config.format".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, "parallel_tool_calls", _) => "tool_choice.disable_parallel_tool_use".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, _, "reasoning.budget") => "thinking.budget_tokens".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, _, "reasoning.effort") => "output_config.effort".to_owned(),
        (Protocol::ANTHROPIC_MESSAGES, "reasoning", _) => "thinking".to_owned(),
        (Protocol::GEMINI_GENERATE, "tool_choice", _) => "toolConfig.functionCallingConfig".to_owned(),
        (Protocol::OLLAMA_CHAT, "reasoning", _) => "think".to_owned(),
        (Protocol::OLLAMA_CHAT, "response_format", _) => "format".to_owned(),
        (Protocol::OLLAMA_CHAT, "max_tokens", _) => "options.num_predict".to_owned(),
        (
            Protocol::OLLAMA_CHAT,
            "temperature" | "top_p" | "top_k" | "presence_penalty" | "frequency_penalty" | "seed" | "stop",
            _,
        ) => format!("options.{path}"),
        (Protocol::GEMINI_GENERATE, _, _) => GEMINI
            .iter()
            .find(|(name, _)| *name == head || *name == path)
            .map_or_else(|| path.to_owned(), |(_, field)| format!("generationConfig.{field}")),
        _ => path.to_owned(),
    }
}

/// Returns the path of a request that is no conversation in the client's own terms.
pub(crate) fn plain_path(path: &str, protocol: Protocol) -> String {
    if let Some(path) = path.strip_prefix("extras.") {
        let is_setting = protocol == Protocol::GEMINI_EMBED && !path.starts_with("requests[");
        return if is_setting { format!("requests[0].{path}") } else { path.to_owned() };
    }
    match (protocol, path.strip_prefix("input")) {
        (Protocol::GEMINI_EMBED, Some(place)) if place.starts_with('[') => format!("requests{place}.content"),
        (Protocol::GEMINI_EMBED, _) if path == "dimensions" => "requests[0].outputDimensionality".to_owned(),
        _ => path.to_owned(),
    }
}

/// The settings of a typed request in Gemini's `generationConfig`.
const GEMINI: &[(&str, &str)] = &[
    ("reasoning.budget", "thinkingConfig.thinkingBudget"),
    ("reasoning.effort", "thinkingConfig.thinkingLevel"),
    ("reasoning", "thinkingConfig"),
    ("max_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("seed", "seed"),
    ("stop", "stopSequences"),
    ("choices", "candidateCount"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
    ("response_format", "responseSchema"),
];

fn in_message(path: &str, protocol: Protocol, typed: &ChatRequest) -> Option<String> {
    let (index, rest) = path.strip_prefix("messages[")?.split_once(']')?;
    let index: usize = index.parse().ok()?;
    let message = typed.messages.get(index)?;
    let before = typed.messages.get(..index)?;
    let (part, rest) = match rest.strip_prefix(".parts[").and_then(|rest| rest.split_once(']')) {
        Some((part, rest)) => (part.parse::<usize>().ok(), rest),
        None => (None, rest),
    };
    let rest = rest.strip_prefix(".extras").unwrap_or(rest);
    if let Some(instructions) = instructions(protocol, message, index) {
        let list = match protocol {
            Protocol::ANTHROPIC_MESSAGES => Some(""),
            Protocol::GEMINI_GENERATE => Some(".parts"),
            _ => None,
        };
        // Only a part of a list has anything beside its text.
        return Some(match (list, part) {
            (Some(list), Some(part)) if !rest.is_empty() => format!("{instructions}{list}[{part}]{rest}"),
            _ => format!("{instructions}{rest}"),
        });
    }
    let place = match protocol {
        Protocol::OPENAI_RESPONSES => {
            let earlier: usize = before.iter().map(|message| items(message, message.parts.len())).sum();
            let here = part.map_or(0, |part| items(message, part + 1).saturating_sub(1));
            return Some(format!("input[{}]{rest}", earlier + here));
        }
        _ => before
            .iter()
            .enumerate()
            .filter(|(place, message)| instructions(protocol, message, *place).is_none())
            .count(),
    };
    let list = if protocol == Protocol::GEMINI_GENERATE { "contents" } else { "messages" };
    let Some(part) = part else { return Some(format!("{list}[{place}]{rest}")) };
    let inner = match protocol {
        Protocol::GEMINI_GENERATE => format!("parts[{part}]"),
        Protocol::OPENAI_CHAT => openai_part(message, part),
        Protocol::OLLAMA_CHAT => ollama_part(message, part),
        _ => format!("content[{part}]"),
    };
    Some(format!("{list}[{place}].{inner}{rest}"))
}

/// Returns the field of instructions that stand beside the conversation.
fn instructions(protocol: Protocol, message: &Message, place: usize) -> Option<&'static str> {
    let lifted = message.role == Role::System && place == 0;
    match protocol {
        Protocol::ANTHROPIC_MESSAGES if lifted && message.extras.is_empty() => Some("system"),
        Protocol::GEMINI_GENERATE if lifted => Some("systemInstruction"),
        Protocol::OPENAI_RESPONSES if lifted && message.extras.get(protocol, "field").is_some() => Some("instructions"),
        _ => None,
    }
}

/// Counts the items that the first parts of a message stand in.
fn items(message: &Message, parts: usize) -> usize {
    if message.extras.get(Protocol::OPENAI_RESPONSES, "field").is_some() {
        return 0;
    }
    let mut count = 0;
    let mut open = false;
    for part in message.parts.iter().take(parts) {
        let alone = matches!(part, Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) | Part::Opaque(_));
        if alone || !open {
            count += 1;
        }
        open = !alone;
    }
    count
}

/// Finds the field of a chat completion's message that a part came from.
fn openai_part(message: &Message, place: usize) -> String {
    let is_content = |part: &&Part| !matches!(part, Part::ToolCall(_) | Part::Thought(_) | Part::Refusal(_));
    let before = message.parts.iter().take(place);
    match message.parts.get(place) {
        Some(Part::ToolCall(_)) => {
            format!("tool_calls[{}]", before.filter(|part| matches!(part, Part::ToolCall(_))).count())
        }
        Some(Part::Thought(_)) => "reasoning_content".to_owned(),
        Some(Part::Refusal(_)) => "refusal".to_owned(),
        Some(Part::ToolResult(_)) => "content".to_owned(),
        // One text may have stood as a string; anything else stood in an array.
        Some(Part::Text(text)) if message.parts.iter().filter(is_content).count() == 1 && text.extras.is_empty() => {
            "content".to_owned()
        }
        _ => format!("content[{}]", before.filter(is_content).count()),
    }
}

/// Finds the field of an Ollama message that a part came from.
fn ollama_part(message: &Message, place: usize) -> String {
    let same = |other: &&Part| {
        message.parts.get(place).is_some_and(|part| std::mem::discriminant(part) == std::mem::discriminant(*other))
    };
    let number = message.parts.iter().take(place).filter(same).count();
    match message.parts.get(place) {
        Some(Part::ToolCall(_)) => format!("tool_calls[{number}]"),
        Some(Part::Image(_)) => format!("images[{number}]"),
        Some(Part::Thought(_)) => "thinking".to_owned(),
        _ => "content".to_owned(),
    }
}
