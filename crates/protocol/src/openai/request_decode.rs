use std::collections::HashSet;

use tollbridge_core::Error;
use tollbridge_types::{
    ChatRequest, Extras, Grammar, Json, Message, Opaque, Part, Reasoning, ReasoningEffort, ResponseFormat, Role, Text,
    Thought, Tool, ToolCall, ToolCallKind, ToolChoice, ToolResult,
};

use super::carrier::{self, Carried};
use super::{CHAT_PROTOCOL as PROTOCOL, legacy, media};
use crate::object::{Object, json, wrong};
use crate::state;

/// Reads the body of "Create chat completion".
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest, Error> {
    let mut body = Object::from_body(body)?;
    let mut request = ChatRequest::default();
    request.model = body.take_as("model")?.unwrap_or_default();
    request.messages = messages(&body.require::<Vec<Json>>("messages")?)?;
    request.tools = tools(&mut body)?;
    request.tool_choice = body.take("tool_choice").map(|json| tool_choice(&json)).transpose()?;
    request.parallel_tool_calls = body.take_as("parallel_tool_calls")?;
    if request.tools.is_empty() {
        legacy::functions(&mut body, &mut request)?;
    }
    let newer = body.take_as("max_completion_tokens")?;
    request.max_tokens = body.take_as("max_tokens")?.filter(|_| newer.is_none()).or(newer);
    // Names that libraries for open models made common.
    if request.max_tokens.is_none() {
        request.max_tokens = body.take_as("max_new_tokens")?;
    }
    request.temperature = body.take_as("temperature")?;
    request.top_p = body.take_as("top_p")?;
    // OpenAI itself has no such setting; who sends it knows a server that does.
    let top_k = body.peek("top_k").cloned();
    request.top_k = body.take_as("top_k")?;
    request.presence_penalty = body.take_as("presence_penalty")?;
    request.frequency_penalty = body.take_as("frequency_penalty")?;
    request.seed = body.take_as("seed")?;
    request.stop = stop(&mut body)?;
    if request.stop.is_empty() {
        request.stop = body.take_as("stop_sequences")?.unwrap_or_default();
    }
    request.choices = body.take_as("n")?;
    if request.choices.is_none() {
        request.choices = body.take_as("num_samples")?;
    }
    request.logprobs = body.take_as("logprobs")?;
    request.top_logprobs = body.take_as("top_logprobs")?;
    request.response_format = response_format(&mut body)?;
    request.reasoning = body.take_as::<String>("reasoning_effort")?.map(|word| {
        let mut reasoning = Reasoning::default();
        reasoning.effort = Some(ReasoningEffort::from_word(&word));
        reasoning
    });
    request.user = body.take_as("user")?;
    request.service_tier = body.take_as("service_tier")?;
    request.stream = body.take_as("stream")?.unwrap_or(false);
    let mut options = body.take_object("stream_options")?.unwrap_or_default();
    request.stream_usage = options.take_as("include_usage")?;
    let rest: Vec<_> = options.into_fields().collect();
    request.extras = body.into_extras(PROTOCOL);
    if let Some(value) = top_k.filter(|_| request.top_k.is_some()) {
        request.extras.insert(PROTOCOL, "top_k", value);
    }
    for (name, value) in rest {
        request.extras.insert(PROTOCOL, format!("stream_options.{name}"), value);
    }
    Ok(request)
}

fn messages(list: &[Json]) -> Result<Vec<Message>, Error> {
    if list.is_empty() {
        return Err(Error::invalid("messages", "`messages` is empty").with_hint("send at least one message"));
    }
    let mut messages = Vec::with_capacity(list.len());
    let mut called = HashSet::new();
    let mut legacy = legacy::Calls::default();
    for (place, json) in list.iter().enumerate() {
        let message = message(Object::strict(json, &format!("messages[{place}]"))?, &mut called, &mut legacy)?;
        messages.push(message);
    }
    Ok(messages)
}

fn message(mut fields: Object, called: &mut HashSet<String>, legacy: &mut legacy::Calls) -> Result<Message, Error> {
    let role = fields.require::<String>("role")?;
    let mut parts = Vec::new();
    for field in ["reasoning_content", "reasoning"] {
        if let Some(text) = fields.find::<String>(field) {
            parts.push(thought(text, field).at(&fields.path_of(field)));
        }
    }
    let content_path = fields.path_of("content");
    let content = fields.take("content");
    let content = content.as_ref().map(|json| content_parts(json, &content_path)).transpose()?;
    let said = content.is_some();
    let mut content = content.unwrap_or_default();
    if role == "tool" {
        content = vec![Part::ToolResult(tool_result(&mut fields, content, called)?)];
    }
    if role == "function" {
        content = vec![Part::ToolResult(legacy.answer(&mut fields, content)?)];
    }
    parts.extend(content);
    parts.extend(fields.take_as::<String>("refusal")?.map(Part::Refusal));
    let mut carried = Carried::of(&mut fields);
    let calls_path = fields.path_of("tool_calls");
    let calls = fields.take_as::<Vec<Json>>("tool_calls")?.unwrap_or_default();
    for (place, json) in calls.iter().enumerate() {
        let path = format!("{calls_path}[{place}]");
        let mut fields = Object::strict(json, &path)?;
        let on_call = carrier::take_on_call(&mut fields);
        let mut call = tool_call(fields)?;
        carried.call(&mut call, on_call);
        called.insert(call.id.clone().unwrap_or_default());
        parts.push(Part::ToolCall(call));
    }
    carried.reunite(&mut parts);
    parts.extend(legacy.call(&mut fields)?.map(Part::ToolCall));
    if parts.is_empty() && !said && matches!(role.as_str(), "user" | "system" | "developer") {
        return Err(Error::invalid(content_path.clone(), format!("`{content_path}` is missing"))
            .with_hint("send a text or an array of parts there"));
    }
    let mut message = Message::new(role_of(role), parts);
    message.name = fields.take_as("name")?;
    message.extras = fields.into_extras(PROTOCOL);
    Ok(message)
}

fn role_of(word: String) -> Role {
    match word.as_str() {
        "system" => Role::System,
        "developer" => Role::Developer,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => Role::Unknown(word),
    }
}

/// Makes a thought that remembers which field or part it came in.
pub(crate) fn thought(text: String, field: &str) -> Part {
    let mut thought = Thought::default();
    thought.text = text;
    thought.extras.insert(PROTOCOL, "field", json(field));
    Part::Thought(thought)
}

fn content_parts(json: &Json, path: &str) -> Result<Vec<Part>, Error> {
    if let Ok(text) = json.parse::<String>() {
        return Ok(vec![Part::text(text).at(path)]);
    }
    let list: Vec<Json> = json.parse().map_err(|_| wrong(path, "a string or an array of parts", json))?;
    list.iter().enumerate().map(|(place, json)| content_part(json, &format!("{path}[{place}]"))).collect()
}

fn content_part(json: &Json, path: &str) -> Result<Part, Error> {
    let mut fields = Object::strict(json, path)?;
    let kind = fields.find::<String>("type").unwrap_or_default();
    Ok(match kind.as_str() {
        "text" => {
            let mut text = Text::default();
            text.text = fields.require("text")?;
            text.extras = fields.into_extras(PROTOCOL);
            Part::Text(text)
        }
        "image_url" => Part::Image(media::image(fields)?),
        "image" if media::is_image(&fields) => Part::Image(media::image(fields)?),
        "video_url" => Part::Video(media::named(fields, "video_url")?),
        "document_url" => Part::Document(media::named(fields, "document_url")?),
        "input_audio" => Part::Audio(media::audio(fields)?),
        "file" => Part::Document(media::file(fields)?),
        "refusal" => Part::Refusal(fields.require("refusal")?),
        "thinking" => {
            let Part::Thought(mut thought) = thought(thinking_text(json), "content").at(path) else {
                return Ok(Part::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path)));
            };
            thought.extras.insert(PROTOCOL, "part", json.clone());
            Part::Thought(thought)
        }
        "" => {
            let path = fields.path_of("type");
            return Err(Error::invalid(path.clone(), format!("`{path}` is missing"))
                .with_hint("name the kind of the part, such as `text` or `image_url`"));
        }
        _ => Part::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path)),
    })
}

/// Reads the texts of Mistral's `thinking` part.
pub(crate) fn thinking_text(json: &Json) -> String {
    let mut fields = Object::lenient(json);
    let Some(thinking) = fields.take("thinking") else { return String::new() };
    if let Ok(text) = thinking.parse::<String>() {
        return text;
    }
    let chunks: Vec<Json> = thinking.parse().unwrap_or_default();
    chunks.iter().filter_map(|chunk| Object::lenient(chunk).find_text("text")).collect()
}

pub(super) fn required_object(fields: &mut Object, name: &str) -> Result<Object, Error> {
    let path = fields.path_of(name);
    fields
        .take_object(name)?
        .ok_or_else(|| Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint("send an object there"))
}

fn tool_result(fields: &mut Object, content: Vec<Part>, called: &HashSet<String>) -> Result<ToolResult, Error> {
    let path = fields.path_of("tool_call_id");
    let mut result = ToolResult::default();
    result.extras = Extras::default().at(fields.path());
    let id = fields.take_as::<String>("tool_call_id")?;
    result.id = id.map(|id| state::off_id(&id).0.to_owned());
    result.name = fields.take_as("name")?;
    if !content.iter().all(|part| matches!(part, Part::Text(_))) {
        // The protocol has only text here; a client that sends more knows that its server takes it.
        result.extras.insert(PROTOCOL, "content", json("parts"));
    }
    result.content = content;
    let known = match &result.id {
        Some(id) => called.contains(id),
        // Some servers match results to calls by the name or by the order.
        None => result.name.is_some() || !called.is_empty(),
    };
    if known {
        return Ok(result);
    }
    let message = match &result.id {
        Some(id) => format!("`{path}` is `{id}`, which no earlier tool call has"),
        None => format!("`{path}` is missing"),
    };
    Err(Error::invalid(path, message).with_hint("send the assistant message with the tool call before its result"))
}

fn tool_call(mut fields: Object) -> Result<ToolCall, Error> {
    let mut call = ToolCall::default();
    call.id = fields.take_as::<String>("id")?.filter(|id| !id.is_empty());
    let kind = fields.take_as::<String>("type")?;
    if kind.as_deref() == Some("custom") {
        let mut inner = required_object(&mut fields, "custom")?;
        call.kind = ToolCallKind::Custom;
        call.name = inner.require("name")?;
        call.arguments = inner.take_as("input")?.unwrap_or_default();
    } else {
        let mut inner = required_object(&mut fields, "function")?;
        call.name = inner.require("name")?;
        let path = inner.path_of("arguments");
        call.arguments = match inner.take("arguments") {
            None => String::new(),
            Some(json) => match json.as_str().starts_with('{') {
                true => json.compact(),
                false => json.parse().map_err(|_| wrong(&path, "a string", &json))?,
            },
        };
    }
    fields.take("index");
    call.extras = fields.into_extras(PROTOCOL);
    Ok(call)
}

fn tools(body: &mut Object) -> Result<Vec<Tool>, Error> {
    let Some(json) = body.take("tools") else { return Ok(Vec::new()) };
    if json.as_str().starts_with('{') {
        return Ok(vec![tool(&json, "tools")?]);
    }
    list_of_tools(&json, "tools")
}

pub(super) fn list_of_tools(json: &Json, path: &str) -> Result<Vec<Tool>, Error> {
    let list: Vec<Json> = json.parse().map_err(|_| wrong(path, "an array of tools", json))?;
    list.iter().enumerate().map(|(place, json)| tool(json, &format!("{path}[{place}]"))).collect()
}

/// What stands before the names of fields that are a tool's own and not its function's.
pub(super) const BESIDE_FUNCTION: &str = "tool.";

/// Reads a tool: `{"type": "function", "function": …}`, or the function's fields alone.
fn tool(json: &Json, path: &str) -> Result<Tool, Error> {
    let mut fields = Object::strict(json, path)?;
    let nested = fields.peek("function").is_some();
    let kind = fields.find::<String>("type");
    if kind.as_deref() == Some("custom") {
        return custom(fields).map(|tool| tool.at(path));
    }
    if !nested && (fields.peek("name").is_none() || !matches!(kind.as_deref(), None | Some("function"))) {
        return match kind.as_deref() {
            None | Some("function") => Err(Error::invalid(fields.path_of("function"), "the tool has no `function`")
                .with_hint("send {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": …}}")),
            Some(_) => Ok(Tool::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path))),
        };
    }
    let (mut function, rest) = match fields.take_object("function")? {
        Some(function) => (function, fields.into_extras(PROTOCOL)),
        None => (fields, Extras::default()),
    };
    let name = function.require("name")?;
    let description = function.take_as("description")?;
    let parameters = function.take_any(&["parameters", "input_schema"]);
    let strict = function.take_as("strict")?;
    let mut extras = Extras::default().at(path);
    extras.extend(function.into_extras(PROTOCOL));
    for (_, name, value) in rest.iter() {
        extras.insert(PROTOCOL, format!("{BESIDE_FUNCTION}{name}"), value.clone());
    }
    Ok(Tool::from_fields(name, description, parameters, strict, extras))
}

/// Reads `{"type": "custom", "custom": …}`, or the custom tool's fields alone, as responses have them.
fn custom(mut fields: Object) -> Result<Tool, Error> {
    let nested = fields.take_object("custom")?;
    let mut rest = fields;
    let mut fields = match nested {
        Some(nested) => nested,
        None => std::mem::take(&mut rest),
    };
    let name: String = fields.require("name")?;
    let description = fields.take_as("description")?;
    let grammar = grammar(&mut fields);
    let mut extras = fields.into_extras(PROTOCOL);
    for (_, name, value) in rest.into_extras(PROTOCOL).iter() {
        extras.insert(PROTOCOL, format!("{BESIDE_FUNCTION}{name}"), value.clone());
    }
    Ok(Tool::custom(name, description, grammar).with_extras(extras))
}

/// Takes the format of a custom tool's text; what is neither text nor a grammar stays where it is.
fn grammar(fields: &mut Object) -> Option<Grammar> {
    let mut format = Object::lenient(fields.peek("format")?);
    let kind = format.find_text("type")?;
    let mut inner = match format.peek("grammar") {
        Some(_) => format.find_object("grammar"),
        None => format,
    };
    let grammar = match kind.as_str() {
        "text" => None,
        "grammar" => Some(Grammar::new(inner.find_text("syntax")?, inner.find_text("definition")?)),
        _ => return None,
    };
    fields.take("format");
    grammar
}

fn tool_choice(json: &Json) -> Result<ToolChoice, Error> {
    if let Ok(word) = json.parse::<String>() {
        return match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" | "any" => Ok(ToolChoice::Required),
            _ => Err(Error::invalid("tool_choice", format!("`tool_choice` is `{word}`"))
                .with_hint("send `auto`, `none`, `required` or a function")),
        };
    }
    let mut fields = Object::strict(json, "tool_choice")?;
    let kind = fields.find::<String>("type");
    let opaque = || Ok(ToolChoice::Opaque(Opaque::new(PROTOCOL, json.clone())));
    match kind.as_deref() {
        Some("allowed_tools") => {
            let mut allowed = fields.find_object("allowed_tools");
            let required = allowed.find_text("mode").as_deref() == Some("required");
            let list = allowed.find_list("tools");
            let names: Vec<String> = list.iter().filter_map(chosen).collect();
            if required && names.len() == list.len() { Ok(ToolChoice::AnyOf(names)) } else { opaque() }
        }
        None | Some("function" | "custom") => match chosen(json) {
            Some(name) => Ok(ToolChoice::Function(name)),
            None => opaque(),
        },
        _ => opaque(),
    }
}

/// Returns the name of a function or custom tool that is chosen.
pub(crate) fn chosen(json: &Json) -> Option<String> {
    let mut fields = Object::lenient(json);
    let field = match fields.find_text("type").as_deref() {
        None | Some("function") => "function",
        Some("custom") => "custom",
        _ => return None,
    };
    match fields.take(field) {
        Some(inner) => Object::lenient(&inner).find_text("name"),
        None => fields.find_text("name"),
    }
}

pub(crate) fn stop(body: &mut Object) -> Result<Vec<String>, Error> {
    let Some(json) = body.take("stop") else { return Ok(Vec::new()) };
    let one = json.parse::<String>().map(|text| vec![text]);
    one.or_else(|_| json.parse()).map_err(|_| wrong("stop", "a string or an array of strings", &json))
}

fn response_format(body: &mut Object) -> Result<Option<ResponseFormat>, Error> {
    let Some(json) = body.peek("response_format").filter(|json| json.as_str() != "null").cloned() else {
        return Ok(None);
    };
    let mut fields = Object::strict(&json, "response_format")?;
    let format = match fields.require::<String>("type")?.as_str() {
        "text" => ResponseFormat::Text,
        "json_object" => ResponseFormat::JsonObject,
        "json_schema" => {
            let mut inner = required_object(&mut fields, "json_schema")?;
            let path = inner.path_of("schema");
            let name = inner.take_as("name")?;
            let description = inner.take_as("description")?;
            let schema = inner.take("schema").ok_or_else(|| {
                Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint("send a JSON schema there")
            })?;
            ResponseFormat::json_schema(name, description, schema, inner.take_as("strict")?)
        }
        // A form that only its vendor knows stays among the extras.
        _ => return Ok(None),
    };
    body.take("response_format");
    Ok(Some(format))
}
