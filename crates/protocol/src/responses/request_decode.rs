use std::collections::HashSet;

use tollbridge_core::Error;
use tollbridge_types::{
    ChatRequest, Extras, Grammar, Json, Media, MediaSource, Message, Opaque, Part, Reasoning, ReasoningEffort,
    ResponseFormat, Role, Text, Tool, ToolCallKind, ToolChoice, ToolResult,
};

use super::{RESPONSES_PROTOCOL as PROTOCOL, built_in, items};
use crate::object::{Object, json, wrong};
use crate::state::{self, Opener};

/// Reads the body of "Create a model response".
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest, Error> {
    let mut body = Object::from_body(body)?;
    let mut request = ChatRequest::default();
    request.model = body.take_as("model")?.unwrap_or_default();
    if let Some(text) = body.take_as::<String>("instructions")? {
        let mut message = said(Role::System, text, "instructions");
        message.extras.insert(PROTOCOL, "field", json("instructions"));
        request.messages.push(message);
    }
    // The vendor may hold earlier turns of the conversation, or the whole of it.
    let elsewhere = ["previous_response_id", "conversation", "prompt"];
    let elsewhere = elsewhere.iter().any(|name| body.peek(name).is_some_and(|json| json.as_str() != "null"));
    input(&mut body, elsewhere, &mut request.messages)?;
    request.tools = tools(&mut body)?;
    request.tool_choice = body.take("tool_choice").map(|json| tool_choice(&json)).transpose()?;
    request.parallel_tool_calls = body.take_as("parallel_tool_calls")?;
    request.max_tokens = body.take_as("max_output_tokens")?;
    request.temperature = body.take_as("temperature")?;
    request.top_p = body.take_as("top_p")?;
    request.top_logprobs = body.take_as("top_logprobs")?;
    // Tells a request of this protocol, which asks for what it wants to be included.
    let include = body.take_as::<Vec<Json>>("include")?.unwrap_or_default();
    if include.contains(&json("message.output_text.logprobs")) {
        request.logprobs = Some(true);
    }
    request.extras.insert(PROTOCOL, "include", json(&include));
    text(&mut body, &mut request)?;
    reasoning(&mut body, &mut request)?;
    request.user = body.take_as("user")?;
    request.service_tier = body.take_as("service_tier")?;
    request.stream = body.take_as("stream")?.unwrap_or(false);
    let rest = body.into_extras(PROTOCOL);
    request.extras.extend(rest);
    Ok(request)
}

fn input(body: &mut Object, elsewhere: bool, messages: &mut Vec<Message>) -> Result<(), Error> {
    let Some(input) = body.take("input") else {
        return match elsewhere {
            true => Ok(()),
            false => Err(Error::invalid("input", "`input` is missing").with_hint("send a text or an array of items")),
        };
    };
    if let Ok(text) = input.parse::<String>() {
        messages.push(said(Role::User, text, "input"));
        return Ok(());
    }
    let list: Vec<Json> = input.parse().map_err(|_| wrong("input", "a string or an array of items", &input))?;
    if list.is_empty() && !elsewhere {
        return Err(Error::invalid("input", "`input` is empty").with_hint("send at least one item"));
    }
    let mut reader = Input { messages, called: HashSet::new(), elsewhere, opener: Opener::new(PROTOCOL) };
    for (place, item) in list.iter().enumerate() {
        reader.item(item, &format!("input[{place}]"))?;
    }
    reader.end_turn();
    Ok(())
}

struct Input<'a> {
    messages: &'a mut Vec<Message>,
    called: HashSet<String>,
    elsewhere: bool,
    /// Opens what was sealed into the turn in progress.
    opener: Opener,
}

impl Input<'_> {
    fn item(&mut self, item: &Json, path: &str) -> Result<(), Error> {
        // A bare text among the items is the user's.
        if let Ok(text) = item.parse::<String>() {
            self.end_turn();
            self.messages.push(said(Role::User, text, path));
            return Ok(());
        }
        let mut fields = Object::strict(item, path)?;
        let kind = fields.peek("type").and_then(|kind| kind.parse::<String>().ok()).unwrap_or_default();
        match kind.as_str() {
            "" | "message" => return self.message(fields),
            "function_call_output" | "custom_tool_call_output" => return self.result(fields, &kind),
            "function_call" | "custom_tool_call" => {
                let custom = kind.starts_with("custom");
                fields.peek("name").ok_or_else(|| missing(&fields.path_of("name")))?;
                if let Some(id) = fields.peek("call_id").and_then(|id| id.parse::<String>().ok()) {
                    self.called.insert(id);
                }
                let kind = if custom { ToolCallKind::Custom } else { ToolCallKind::Function };
                let call = items::call(fields, kind);
                assistant(self.messages, path).push(Part::ToolCall(call));
            }
            "reasoning" => {
                self.opener.push(Part::Thought(items::thought(fields)), assistant(self.messages, path));
            }
            "item_reference" if fields.peek("id").is_some_and(|id| id.as_str().contains(state::MARK)) => {
                let id = fields.require::<String>("id")?;
                let (_, sealed) = state::off_id(&id);
                if self.opener.is_new(&id) {
                    self.opener.restore(sealed.into_states(), assistant(self.messages, path));
                }
            }
            _ if items::is_part(&kind) => {
                let path = fields.path_of("type");
                return Err(Error::invalid(
                    path.clone(),
                    format!("`{path}` is `{kind}`, which is a part of a message"),
                )
                .with_hint("send it in the `content` of an item of type `message`"));
            }
            _ => {
                if let Some(mut call) = built_in::call(item) {
                    call.extras = call.extras.at(path);
                    self.called.extend(call.id.clone());
                    assistant(self.messages, path).push(Part::ToolCall(call));
                    return Ok(());
                }
                if let Some(mut result) = built_in::output(item) {
                    result.extras = result.extras.at(path);
                    self.end_turn();
                    self.answer(result, path);
                    return Ok(());
                }
                // References and the items of vendor-run tools may stand for calls that are not here.
                self.elsewhere |= kind == "item_reference";
                if let Some(id) = fields.peek("call_id").and_then(|id| id.parse::<String>().ok()) {
                    self.called.insert(id);
                }
                fields.take("type");
                assistant(self.messages, path).push(Part::Opaque(Opaque::new(PROTOCOL, item.clone()).at(path)));
            }
        }
        Ok(())
    }

    fn end_turn(&mut self) {
        if let Some(message) = self.messages.last_mut().filter(|message| message.role == Role::Assistant) {
            self.opener.attach(&mut message.parts);
        }
    }

    fn message(&mut self, mut fields: Object) -> Result<(), Error> {
        let role = match fields.require::<String>("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            other => Role::Unknown(other.to_owned()),
        };
        let (item, path) = (fields.path().to_owned(), fields.path_of("content"));
        let content = fields.take("content").ok_or_else(|| missing(&path))?;
        let mut parts = contents(&content, &path)?;
        fields.take("type");
        if role == Role::Assistant {
            let extras = items::item_extras(fields);
            if let Some(Part::Text(last)) = parts.last_mut() {
                last.extras.extend(extras);
            }
            let spoken = |part: &Part| matches!(part, Part::Text(_) | Part::Refusal(_));
            if self.messages.last().is_some_and(|last| last.role == Role::Assistant && last.parts.iter().any(spoken)) {
                self.end_turn();
                self.messages.push(Message::new(Role::Assistant, Vec::new()).at(&item));
            }
            assistant(self.messages, &item).extend(parts);
            return Ok(());
        }
        self.end_turn();
        let mut message = Message::new(role, parts);
        message.extras = items::item_extras(fields);
        self.messages.push(message);
        Ok(())
    }

    fn result(&mut self, mut fields: Object, kind: &str) -> Result<(), Error> {
        self.end_turn();
        let (item, path) = (fields.path().to_owned(), fields.path_of("call_id"));
        let id = fields.require::<String>("call_id")?;
        if !self.elsewhere && !self.called.contains(&id) {
            return Err(Error::invalid(path.clone(), format!("`{path}` is `{id}`, which no earlier call has"))
                .with_hint("send the item with the call before its output, or name the response that made it"));
        }
        let path = fields.path_of("output");
        let output = fields.take("output").ok_or_else(|| missing(&path))?;
        let mut result = ToolResult::default();
        result.extras = Extras::default().at(&item);
        result.id = Some(id);
        result.content = contents(&output, &path)?;
        if kind.starts_with("custom") {
            result.extras.insert(PROTOCOL, "type", json(kind));
        }
        result.extras.extend(items::item_extras(fields));
        self.answer(result, &item);
        Ok(())
    }

    /// Adds a result: those in a row are one turn, as in the other protocols.
    fn answer(&mut self, result: ToolResult, path: &str) {
        match self.messages.last_mut().filter(|last| last.role == Role::Tool) {
            Some(last) => last.parts.push(Part::ToolResult(result)),
            None => self.messages.push(Message::tool(result).at(path)),
        }
    }
}

/// Makes a message of a bare text.
fn said(role: Role, text: String, path: &str) -> Message {
    Message::new(role, vec![Part::text(text).at(path)]).at(path)
}

/// Returns the parts of the model's turn in progress.
fn assistant<'m>(messages: &'m mut Vec<Message>, path: &str) -> &'m mut Vec<Part> {
    if !messages.last().is_some_and(|message| message.role == Role::Assistant) {
        messages.push(Message::new(Role::Assistant, Vec::new()).at(path));
    }
    // The message was there or has just been pushed.
    match messages.last_mut() {
        Some(message) => &mut message.parts,
        None => unreachable!("a message was just pushed"),
    }
}

fn missing(path: &str) -> Error {
    Error::invalid(path, format!("`{path}` is missing")).with_hint("see the item's form in OpenAI's API reference")
}

fn contents(content: &Json, path: &str) -> Result<Vec<Part>, Error> {
    if let Ok(text) = content.parse::<String>() {
        return Ok(vec![Part::text(text).at(path)]);
    }
    let list: Vec<Json> = content.parse().map_err(|_| wrong(path, "a string or an array of parts", content))?;
    list.iter().enumerate().map(|(place, json)| content_part(json, &format!("{path}[{place}]"))).collect()
}

fn content_part(part: &Json, path: &str) -> Result<Part, Error> {
    let mut fields = Object::strict(part, path)?;
    let kind = fields.peek("type").and_then(|kind| kind.parse::<String>().ok()).unwrap_or_default();
    Ok(match kind.as_str() {
        "input_text" => {
            fields.take("type");
            let mut text = Text::default();
            text.text = fields.require("text")?;
            text.extras = fields.into_extras(PROTOCOL);
            Part::Text(text)
        }
        "output_text" | "text" => {
            fields.peek("text").ok_or_else(|| missing(&fields.path_of("text")))?;
            fields.take("logprobs");
            Part::Text(items::text(fields))
        }
        "refusal" => Part::Refusal(fields.require("refusal")?),
        "input_image" => Part::Image(media(fields, "image_url", "image_url")?),
        "input_file" => Part::Document(media(fields, "file_data", "file_url")?),
        "input_audio" => {
            let mut inner =
                fields.take_object("input_audio")?.ok_or_else(|| missing(&format!("{path}.input_audio")))?;
            let format = inner.take_as::<String>("format")?.unwrap_or_else(|| "wav".to_owned());
            let mut media = Media::base64(format!("audio/{format}"), inner.require::<String>("data")?);
            fields.take("type");
            media.extras = fields.into_extras(PROTOCOL);
            Part::Audio(media)
        }
        "" => return Err(missing(&fields.path_of("type"))),
        _ => Part::Opaque(Opaque::new(PROTOCOL, part.clone()).at(path)),
    })
}

fn media(mut fields: Object, data: &str, url: &str) -> Result<Media, Error> {
    fields.take("type");
    let path = fields.path_of(data);
    let source = fields.take_as::<String>(data)?;
    let source = source.map_or_else(|| fields.take_as::<String>(url), |found| Ok(Some(found)))?;
    let mut media = match (source, fields.take_as::<String>("file_id")?) {
        (Some(source), _) => Media::url(source),
        (None, Some(id)) => Media::new(MediaSource::File(id)),
        (None, None) => {
            return Err(Error::invalid(path.clone(), format!("`{path}` is missing"))
                .with_hint("send a URL, the bytes as a data: URL, or the id of an uploaded file"));
        }
    };
    media.detail = fields.take_as("detail")?;
    media.name = fields.take_as("filename")?;
    media.extras = fields.into_extras(PROTOCOL);
    Ok(media)
}

fn tools(body: &mut Object) -> Result<Vec<Tool>, Error> {
    let Some(json) = body.take("tools") else { return Ok(Vec::new()) };
    // One tool may stand in the place of a list of one.
    if json.as_str().starts_with('{') {
        return Ok(vec![tool(&json, "tools")?]);
    }
    list_of_tools(&json, "tools")
}

fn list_of_tools(json: &Json, path: &str) -> Result<Vec<Tool>, Error> {
    let list: Vec<Json> = json.parse().map_err(|_| wrong(path, "an array of tools", json))?;
    list.iter().enumerate().map(|(place, json)| tool(json, &format!("{path}[{place}]"))).collect()
}

/// Reads a tool; one without a type is a function, in this protocol's form or in that of chat completions.
pub(crate) fn tool(json: &Json, path: &str) -> Result<Tool, Error> {
    let mut fields = Object::strict(json, path)?;
    let kind = fields.take_as::<String>("type")?;
    let bare = kind.is_none() && (fields.peek("name").is_some() || fields.peek("function").is_some());
    let opaque = || Tool::Opaque(Opaque::new(PROTOCOL, json.clone()));
    let tool = match kind.as_deref() {
        Some("function") => function(fields),
        None if bare => function(fields),
        None => fields.require::<String>("type").map(|_| opaque()),
        Some("custom") => custom(fields),
        Some("namespace") => {
            let name: String = fields.require("name")?;
            let description = fields.take_as("description")?;
            let path = fields.path_of("tools");
            let inner = fields.take("tools").map(|inner| list_of_tools(&inner, &path)).transpose()?;
            Ok(Tool::namespace(name, description, inner.unwrap_or_default()).with_extras(fields.into_extras(PROTOCOL)))
        }
        Some(_) => Ok(opaque()),
    };
    tool.map(|tool| tool.at(path))
}

fn function(mut fields: Object) -> Result<Tool, Error> {
    let nested = fields.take_object("function")?;
    let mut rest = fields;
    let mut fields = match nested {
        Some(nested) => nested,
        None => std::mem::take(&mut rest),
    };
    let name = fields.require("name")?;
    let description = fields.take_as("description")?;
    let parameters = fields.take_any(&["parameters", "input_schema"]);
    let strict = fields.take_as("strict")?;
    let mut extras = fields.into_extras(PROTOCOL);
    extras.extend(rest.into_extras(PROTOCOL));
    // Tells a tool of this protocol, where no word about strictness means yes.
    extras.insert(PROTOCOL, "type", json("function"));
    Ok(Tool::from_fields(name, description, parameters, strict, extras))
}

fn custom(mut fields: Object) -> Result<Tool, Error> {
    let name: String = fields.require("name")?;
    let description = fields.take_as("description")?;
    let grammar = grammar(&mut fields);
    Ok(Tool::custom(name, description, grammar).with_extras(fields.into_extras(PROTOCOL)))
}

/// Takes the format of a custom tool's text; what is neither text nor a grammar stays where it is.
fn grammar(fields: &mut Object) -> Option<Grammar> {
    let mut format = Object::lenient(fields.peek("format")?);
    match format.find_text("type").as_deref() {
        Some("text") => {
            fields.take("format");
            None
        }
        Some("grammar") => {
            let grammar = Grammar::new(format.find_text("syntax")?, format.find_text("definition")?);
            fields.take("format");
            Some(grammar)
        }
        _ => None,
    }
}

fn tool_choice(json: &Json) -> Result<ToolChoice, Error> {
    if let Ok(word) = json.parse::<String>() {
        return match word.as_str() {
            "auto" => Ok(ToolChoice::Auto),
            "none" => Ok(ToolChoice::None),
            "required" => Ok(ToolChoice::Required),
            _ => Err(Error::invalid("tool_choice", format!("`tool_choice` is `{word}`"))
                .with_hint("send `auto`, `none`, `required` or a tool")),
        };
    }
    let mut fields = Object::strict(json, "tool_choice")?;
    let opaque = || ToolChoice::Opaque(Opaque::new(PROTOCOL, json.clone()));
    match fields.find_text("type").as_deref() {
        Some("function" | "custom") => Ok(ToolChoice::Function(fields.require("name")?)),
        Some("allowed_tools") if fields.peek("mode").is_some_and(|mode| mode.as_str() == "\"required\"") => {
            let list = fields.find_list("tools");
            let names: Vec<String> = list.iter().filter_map(plain_name).collect();
            Ok(if names.len() == list.len() { ToolChoice::AnyOf(names) } else { opaque() })
        }
        _ => Ok(opaque()),
    }
}

/// Returns the name of an allowed tool that has nothing but a name.
fn plain_name(tool: &Json) -> Option<String> {
    let mut fields = Object::lenient(tool);
    let plain = fields.find_text("type").is_none_or(|kind| matches!(kind.as_str(), "function" | "custom"));
    let name = fields.find("name");
    name.filter(|_| plain && fields.is_empty())
}

/// Reads `text`: the form of the answer and what else there is about it.
fn text(body: &mut Object, request: &mut ChatRequest) -> Result<(), Error> {
    let Some(mut text) = body.take_object("text")? else { return Ok(()) };
    if let Some(mut format) = text.take_object("format")? {
        let path = format.path_of("schema");
        let kind = format.require::<String>("type")?;
        request.response_format = Some(match kind.as_str() {
            "text" => ResponseFormat::Text,
            "json_object" => ResponseFormat::JsonObject,
            "json_schema" => {
                let name = format.take_as("name")?;
                let description = format.take_as("description")?;
                let schema = format.take("schema").ok_or_else(|| missing(&path))?;
                ResponseFormat::json_schema(name, description, schema, format.take_as("strict")?)
            }
            other => {
                let path = format.path_of("type");
                return Err(Error::invalid(path.clone(), format!("`{path}` is `{other}`"))
                    .with_hint("send `text`, `json_object` or `json_schema`"));
            }
        });
    }
    for (name, value) in text.into_fields() {
        request.extras.insert(PROTOCOL, format!("text.{name}"), value);
    }
    Ok(())
}

fn reasoning(body: &mut Object, request: &mut ChatRequest) -> Result<(), Error> {
    let Some(mut fields) = body.take_object("reasoning")? else { return Ok(()) };
    let mut reasoning = Reasoning::default();
    reasoning.effort = fields.take_as::<String>("effort")?.map(|word| ReasoningEffort::from_word(&word));
    let shown = |fields: &Object, name: &str| fields.peek(name).is_some_and(|json| json.as_str() != "null");
    if shown(&fields, "summary") || shown(&fields, "generate_summary") {
        reasoning.visible = Some(true);
    }
    reasoning.extras = fields.into_extras(PROTOCOL);
    request.reasoning = Some(reasoning);
    Ok(())
}
