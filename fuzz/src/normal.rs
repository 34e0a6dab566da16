//! The form in which two requests that mean the same are the same.
//!
//! A codec need not write a request as it was spelled, but whatever it changes without telling is in this table.
//!
//! | read | written | why |
//! |---|---|---|
//! | neighbours of one speaker | one message | Anthropic and Gemini merge them, and here all are merged |
//! | empty texts, messages without parts | absent | they say nothing, and Anthropic refuses them |
//! | results after what else is said | before it | Anthropic demands it |
//! | settings of tools without tools | absent | every vendor refuses them |
//! | options of streams without a stream | absent | likewise |
//! | an effort alone (Anthropic) | an effort of adaptive thinking | newer models think in no other way |
//! | functions after vendor-run tools (Gemini) | before them | one tool object holds all functions |
//! | an absent id of a call | one that is made up | protocols demand one |
//! | more than 64 letters of an id (Bedrock) | the last of them | Bedrock takes no more |
//! | other letters in ids (Anthropic) | `_` | Anthropic takes no others |
//! | no name of a schema (OpenAI) | `answer` | OpenAI demands one |
//! | a refusal that is not the assistant's (OpenAI) | text | only the assistant has one |
//! | another name of a function in its response (Gemini) | that of the call | a response answers a call |
//! | a function's response without a value (Gemini) | an empty result | Google demands one |
//! | unknown fields in any order, some of them `null` | without those, in another order | neither says anything |
//! | a medium whose type or name is not said | one of the most likely type and name | some vendors demand them |
//! | a number of more than 15 digits | one that differs in the last | it is read fast, and no setting needs more |
//! | reasoning without a summary (Responses) | an empty one | OpenAI demands one |
//! | a part of a message with an item's type (Responses) | an item | they are known by their types |
//! | white space in the arguments of a call, or nothing else | none, an empty object | some protocols have an object there, others a text |
//! | an empty description of a tool | none | Bedrock takes no empty one |
//! | no parameters | a schema without any | some vendors demand one |

use tollbridge_types::{ChatRequest, Extras, Json, Media, Message, Part, Protocol, ResponseFormat, Role, Tool};

pub(crate) fn request(request: &ChatRequest, protocol: Protocol) -> ChatRequest {
    let mut normal = request.clone();
    normal.extras = kept(&request.extras, |_, _| true);
    let numbers =
        [&mut normal.temperature, &mut normal.top_p, &mut normal.presence_penalty, &mut normal.frequency_penalty];
    for number in numbers.into_iter().flatten() {
        *number = f64::from(*number as f32);
    }
    normal.messages = messages(request, protocol);
    if normal.tools.is_empty() {
        (normal.tool_choice, normal.parallel_tool_calls) = (None, None);
    }
    if !normal.stream {
        normal.stream_usage = None;
        normal.extras = kept(&normal.extras, |name, _| !name.starts_with("stream_options."));
    }
    if protocol == Protocol::ANTHROPIC_MESSAGES
        && let Some(reasoning) = &mut normal.reasoning
        && reasoning.effort.is_some()
    {
        reasoning.enabled.get_or_insert(true);
        reasoning.extras = Default::default();
    }
    if matches!(protocol, Protocol::OPENAI_CHAT | Protocol::OPENAI_RESPONSES)
        && let Some(ResponseFormat::JsonSchema { name, .. }) = &mut normal.response_format
    {
        name.get_or_insert_with(|| "answer".to_owned());
    }
    for tool in &mut normal.tools {
        if let Tool::Function { description, parameters, extras, .. } = tool {
            *description = description.take().filter(|text| !text.is_empty());
            *extras = kept(extras, |_, _| true);
            let none = || serde_json::json!({"type": "object", "properties": {}}).into();
            parameters.get_or_insert_with(none);
        }
    }
    if protocol == Protocol::OPENAI_RESPONSES {
        normal.messages = apart(normal.messages);
    }
    if protocol == Protocol::GEMINI_GENERATE {
        normal.tools.sort_by_key(|tool| matches!(tool, Tool::Opaque(_)));
    }
    normal
}

fn messages(request: &ChatRequest, protocol: Protocol) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for message in &request.messages {
        let mut message = message.clone();
        if message.parts.is_empty() {
            continue;
        }
        let refusing = message.role == Role::Assistant;
        let said = |part| match part {
            Part::Refusal(text) if !refusing => Part::text(text),
            part => part,
        };
        message.parts = message.parts.into_iter().map(said).filter_map(part).collect();
        if message.parts.is_empty() && protocol != Protocol::GEMINI_GENERATE {
            continue;
        }
        if message.role == Role::Tool {
            message.role = Role::User;
        }
        match messages.last_mut().filter(|last| last.role == message.role) {
            Some(last) => {
                last.parts.extend(message.parts);
                last.extras.extend(message.extras);
            }
            None => messages.push(message),
        }
    }
    for message in &mut messages {
        message.extras = kept(&message.extras, |_, _| true);
        message.parts.sort_by_key(|part| !matches!(part, Part::ToolResult(_)));
    }
    messages
}

/// Puts parts that only their protocol knows behind everything else.
fn apart(messages: Vec<Message>) -> Vec<Message> {
    let mut normal: Vec<Message> = Vec::new();
    let mut unknown = Vec::new();
    for mut message in messages {
        unknown.extend(message.parts.extract_if(.., |part| matches!(part, Part::Opaque(_))));
        match normal.last_mut().filter(|last| last.role == message.role) {
            _ if message.parts.is_empty() => {}
            Some(last) => {
                last.parts.append(&mut message.parts);
                last.extras.extend(message.extras);
            }
            None => normal.push(message),
        }
    }
    normal.push(Message::new(Role::Assistant, unknown));
    normal
}

fn part(part: Part) -> Option<Part> {
    match part {
        Part::Text(text) if text.text.is_empty() => None,
        Part::Text(mut text) => {
            text.extras = kept(&text.extras, |_, _| true);
            Some(Part::Text(text))
        }
        Part::Document(mut media) => {
            media.name = media.name.filter(|name| !name.starts_with("document-"));
            media.name.get_or_insert_with(|| "document.pdf".to_owned());
            Some(Part::Document(typed(media)))
        }
        Part::Image(media) => Some(Part::Image(typed(media))),
        Part::Thought(mut thought) => {
            thought.extras = kept(&thought.extras, |name, value| name != "summary" || value.as_str() != "[]");
            Some(Part::Thought(thought))
        }
        Part::ToolCall(mut call) => {
            call.id = Some(id(call.id));
            if matches!(call.arguments.trim(), "" | "null") {
                call.arguments = "{}".to_owned();
            }
            if let Ok(arguments) = Json::from_text(&call.arguments) {
                call.arguments = arguments.compact();
            }
            call.extras = kept(&call.extras, |_, _| true);
            Some(Part::ToolCall(call))
        }
        Part::ToolResult(mut result) => {
            result.id = Some(id(result.id));
            result.name = None;
            let empty = |value: &Json| value.as_str() == "{\"result\":\"\"}";
            result.extras = kept(&result.extras, |name, value| name != "functionResponse.response" || !empty(value));
            result.content = result.content.into_iter().filter_map(self::part).collect();
            Some(Part::ToolResult(result))
        }
        part => Some(part),
    }
}

fn typed(mut media: Media) -> Media {
    media.mime = media.mime.filter(|mime| {
        !matches!(mime.as_str(), "application/octet-stream" | "application/pdf" | "text/plain" | "image/png")
    });
    media.extras = kept(&media.extras, |_, _| true);
    media
}

fn kept(extras: &Extras, keep: impl Fn(&str, &Json) -> bool) -> Extras {
    let mut kept = Extras::default();
    let said = |name: &str, value: &Json| value.as_str() != "null" && keep(name, value);
    let mut list: Vec<_> = extras.iter().filter(|(_, name, value)| said(name, value)).collect();
    list.sort_by_key(|(owner, name, _)| (*owner, *name));
    for (owner, name, value) in list {
        kept.insert(owner, name, value.clone());
    }
    kept
}

fn id(id: Option<String>) -> String {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    let id = id.filter(|id| !id.starts_with("call_tb_")).unwrap_or_default();
    let id: String = id.chars().map(|letter| if valid(letter) { letter } else { '_' }).collect();
    id.get(id.len().saturating_sub(64)..).unwrap_or_default().to_owned()
}
