use std::collections::HashSet;

use tollbridge_core::Error;
use tollbridge_types::{
    ChatRequest, Json, Media, MediaSource, Message, Opaque, Part, Reasoning, ReasoningEffort, ResponseFormat, Role,
    Tool, ToolChoice, ToolResult,
};

use super::{MESSAGES_PROTOCOL as PROTOCOL, blocks};
use crate::object::{Object, wrong};
use crate::state::Opener;

/// Reads the body of "Create a message".
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest, Error> {
    let mut body = Object::from_body(body)?;
    let max_tokens = body.require("max_tokens")?;
    let mut request = read(body)?;
    request.max_tokens = Some(max_tokens);
    Ok(request)
}

/// Reads the body of "Count tokens in a Message", which has no limit of an answer.
pub(crate) fn decode_to_count(body: &[u8]) -> Result<ChatRequest, Error> {
    read(Object::from_body(body)?)
}

fn read(mut body: Object) -> Result<ChatRequest, Error> {
    let mut request = ChatRequest::default();
    request.model = body.take_as("model")?.unwrap_or_default();
    if let Some(system) = body.take("system") {
        request.messages.push(Message::new(Role::System, texts_or_blocks(&system, "system")?).at("system"));
    }
    messages(&body.require::<Vec<Json>>("messages")?, &mut request.messages)?;
    for (place, json) in body.take_as::<Vec<Json>>("tools")?.unwrap_or_default().iter().enumerate() {
        request.tools.push(tool(json, &format!("tools[{place}]"))?);
    }
    if let Some(choice) = body.take_object("tool_choice")? {
        tool_choice(choice, &mut request)?;
    }
    request.temperature = body.take_as("temperature")?;
    request.top_p = body.take_as("top_p")?;
    request.top_k = body.take_as("top_k")?;
    request.stop = body.take_as("stop_sequences")?.unwrap_or_default();
    request.stream = body.take_as("stream")?.unwrap_or(false);
    request.service_tier = body.take_as("service_tier")?;
    reasoning(&mut body, &mut request)?;
    output(&mut body, &mut request)?;
    if let Some(json) = body.peek("metadata") {
        request.user = Object::lenient(json).find_text("user_id");
    }
    request.extras.extend(body.into_extras(PROTOCOL));
    Ok(request)
}

fn messages(list: &[Json], messages: &mut Vec<Message>) -> Result<(), Error> {
    if list.is_empty() {
        return Err(Error::invalid("messages", "`messages` is empty").with_hint("send at least one message"));
    }
    let mut called = HashSet::new();
    for (place, json) in list.iter().enumerate() {
        let mut fields = Object::strict(json, &format!("messages[{place}]"))?;
        let role = match fields.require::<String>("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => {
                let path = fields.path_of("role");
                return Err(Error::invalid(path.clone(), format!("`{path}` is `{other}`"))
                    .with_hint("send `user` or `assistant`; instructions go into `system`"));
            }
        };
        let path = fields.path_of("content");
        let content = fields.take("content").ok_or_else(|| {
            Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint("send a text or an array of blocks")
        })?;
        let parts = texts_or_blocks(&content, &path)?;
        check_calls(&parts, &path, &mut called)?;
        let mid_instruction = role == Role::System;
        let mut message = Message::new(role, parts);
        message.extras = fields.into_extras(PROTOCOL);
        if mid_instruction {
            message.extras.insert(PROTOCOL, "role", crate::object::json("system"));
        }
        messages.push(message);
    }
    Ok(())
}

fn check_calls(parts: &[Part], path: &str, called: &mut HashSet<String>) -> Result<(), Error> {
    for (place, part) in parts.iter().enumerate() {
        match part {
            Part::ToolCall(call) => called.extend(call.id.clone()),
            Part::ToolResult(ToolResult { id: Some(id), .. }) if !called.contains(id) => {
                let path = format!("{path}[{place}].tool_use_id");
                let message = format!("`{path}` is `{id}`, which no earlier `tool_use` block has");
                return Err(Error::invalid(path, message)
                    .with_hint("send the assistant message with the tool call before its result"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn texts_or_blocks(json: &Json, path: &str) -> Result<Vec<Part>, Error> {
    if let Ok(text) = json.parse::<String>() {
        return Ok(vec![Part::text(text).at(path)]);
    }
    let list: Vec<Json> = json.parse().map_err(|_| wrong(path, "a string or an array of blocks", json))?;
    let (mut parts, mut opener) = (Vec::new(), Opener::new(PROTOCOL));
    for (place, json) in list.iter().enumerate() {
        opener.push(block(json, &format!("{path}[{place}]"))?, &mut parts);
    }
    opener.attach(&mut parts);
    Ok(parts)
}

fn block(json: &Json, path: &str) -> Result<Part, Error> {
    // Anthropic takes a bare text among blocks.
    if let Ok(text) = json.parse::<String>() {
        return Ok(Part::text(text).at(path));
    }
    let mut fields = Object::strict(json, path)?;
    let kind = fields.peek("type").and_then(|kind| kind.parse::<String>().ok()).unwrap_or_default();
    match kind.as_str() {
        "image" => Ok(media(fields)?.map_or_else(|| opaque(json, path), Part::Image)),
        "document" => Ok(media(fields)?.map_or_else(|| opaque(json, path), Part::Document)),
        "tool_result" => {
            fields.take("type");
            let path = fields.path_of("content");
            let mut result = ToolResult::default();
            result.id = Some(fields.require("tool_use_id")?);
            result.is_error = fields.take_as("is_error")?;
            if let Some(content) = fields.take("content") {
                result.content = texts_or_blocks(&content, &path)?;
            }
            result.extras = fields.into_extras(PROTOCOL);
            Ok(Part::ToolResult(result))
        }
        _ => blocks::decode(json, path),
    }
}

fn opaque(json: &Json, path: &str) -> Part {
    Part::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path))
}

/// Reads an image or document; `None` for a source that only Anthropic knows.
fn media(mut fields: Object) -> Result<Option<Media>, Error> {
    let titled = fields.find_text("type").as_deref() == Some("document");
    let path = fields.path_of("source");
    let own = fields.peek("source").cloned();
    let Some(mut source) = fields.take_object("source")? else {
        return Err(Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint(
            "send {\"type\": \"base64\", \"media_type\": …, \"data\": …} or {\"type\": \"url\", \"url\": …}",
        ));
    };
    let mut media = match source.require::<String>("type")?.as_str() {
        "base64" => {
            let mime = source.require::<String>("media_type")?;
            Media::base64(mime, source.require::<String>("data")?)
        }
        "url" => Media::new(MediaSource::Url(source.require("url")?)),
        "file" => Media::new(MediaSource::File(source.require("file_id")?)),
        "text" => {
            let mut media = Media::new(MediaSource::Text(source.require("data")?));
            media.mime = source.take_as("media_type")?;
            media
        }
        "content" => match source.take("content").as_ref().and_then(words) {
            Some(words) => {
                let mut media = Media::new(MediaSource::Text(words));
                if let Some(own) = own {
                    media.extras.insert(PROTOCOL, SOURCE, own);
                }
                media
            }
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    if titled {
        media.name = fields.take_as("title")?;
    }
    media.extras.extend(fields.into_extras(PROTOCOL));
    Ok(Some(media))
}

/// Returns the words of a document's own content, if it is nothing but text.
fn words(content: &Json) -> Option<String> {
    if let Ok(text) = content.parse::<String>() {
        return Some(text);
    }
    let blocks: Vec<Json> = content.parse().ok()?;
    let texts = blocks.iter().map(|block| {
        let mut block = Object::lenient(block);
        (block.find_text("type").as_deref() == Some("text")).then(|| block.find_text("text")).flatten()
    });
    texts.collect::<Option<Vec<_>>>().map(|texts| texts.join("\n"))
}

/// How extras name a document's source that its words do not tell whole.
pub(super) const SOURCE: &str = "source";

fn tool(json: &Json, path: &str) -> Result<Tool, Error> {
    let mut fields = Object::strict(json, path)?;
    let kind = fields.peek("type").and_then(|kind| kind.parse::<String>().ok());
    if !matches!(kind.as_deref(), None | Some("custom")) {
        return Ok(Tool::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path)));
    }
    let name = fields.require("name")?;
    let path = fields.path_of("input_schema");
    let schema = fields.take("input_schema").ok_or_else(|| {
        Error::invalid(path.clone(), format!("`{path}` is missing"))
            .with_hint("send a JSON schema of type object there")
    })?;
    let description = fields.take_as("description")?;
    let strict = fields.take_as("strict")?;
    Ok(Tool::from_fields(name, description, Some(schema), strict, fields.into_extras(PROTOCOL)))
}

fn tool_choice(mut choice: Object, request: &mut ChatRequest) -> Result<(), Error> {
    let parallel = choice.take_as::<bool>("disable_parallel_tool_use")?;
    request.parallel_tool_calls = parallel.map(|disabled| !disabled);
    request.tool_choice = Some(match choice.require::<String>("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Function(choice.require("name")?),
        other => {
            return Err(Error::invalid("tool_choice.type", format!("`tool_choice.type` is `{other}`"))
                .with_hint("send `auto`, `any`, `tool` or `none`"));
        }
    });
    Ok(())
}

fn reasoning(body: &mut Object, request: &mut ChatRequest) -> Result<(), Error> {
    let Some(json) = body.take("thinking") else { return Ok(()) };
    let mut thinking = Object::strict(&json, "thinking")?;
    let mut reasoning = Reasoning::default();
    reasoning.enabled = match thinking.require::<String>("type")?.as_str() {
        "enabled" | "adaptive" => Some(true),
        "disabled" => Some(false),
        _ => None,
    };
    reasoning.budget = thinking.take_as("budget_tokens")?;
    reasoning.visible = thinking.find_text("display").map(|display| display != "omitted");
    reasoning.extras.insert(PROTOCOL, "thinking", json);
    request.reasoning = Some(reasoning);
    Ok(())
}

/// Reads `output_config`, and `output_format`, its beta name.
fn output(body: &mut Object, request: &mut ChatRequest) -> Result<(), Error> {
    let beta = body.peek("output_format").filter(|json| json.as_str() != "null").cloned();
    let config = body.take_object("output_config")?;
    let mut config = config.unwrap_or_default();
    if let Some(word) = config.take_as::<String>("effort")? {
        request.reasoning.get_or_insert_default().effort = Some(ReasoningEffort::from_word(&word));
    }
    let current = config.take("format");
    for (name, value) in config.into_fields() {
        request.extras.insert(PROTOCOL, format!("output_config.{name}"), value);
    }
    let Some(json) = current.or(beta.clone()) else { return Ok(()) };
    let mut format = Object::strict(&json, "output_config.format")?;
    if format.find_text("type").as_deref() == Some("json_schema") {
        let schema = format.take("schema").ok_or_else(|| {
            Error::invalid("output_config.format.schema", "`output_config.format.schema` is missing")
                .with_hint("send a JSON schema there")
        })?;
        request.response_format = Some(ResponseFormat::json_schema(None, None, schema, None));
        if beta.is_some() {
            body.take("output_format");
        }
    }
    Ok(())
}
