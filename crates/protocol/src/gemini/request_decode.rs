use std::collections::{HashMap, HashSet, VecDeque};

use tollbridge_core::Error;
use tollbridge_types::{
    ChatRequest, Extras, Json, Message, Opaque, Part, Reasoning, ReasoningEffort, ResponseFormat, Role, Tool,
    ToolChoice, ToolResult,
};

use super::{GENERATE_PROTOCOL as PROTOCOL, parts, schema};
use crate::ids;
use crate::object::{Object, wrong};
use crate::state::Opener;

/// Reads the body of generateContent. Google takes names in both spellings.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest, Error> {
    let mut body = Object::from_body(body)?;
    let mut request = ChatRequest::default();
    if let Some(json) = body.take_any(&["systemInstruction", "system_instruction"]) {
        let mut calls = Calls::default();
        let mut message = content(&json, "systemInstruction", &mut calls)?;
        message.role = Role::System;
        request.messages.push(message);
    }
    let contents = body.take("contents").ok_or_else(|| {
        Error::invalid("contents", "`contents` is missing").with_hint("send an array of contents there")
    })?;
    let list = list_of(contents, "contents")?;
    if list.is_empty() {
        return Err(Error::invalid("contents", "`contents` is empty").with_hint("send at least one content"));
    }
    let mut calls = Calls::default();
    for (place, json) in list.iter().enumerate() {
        request.messages.push(content(json, &format!("contents[{place}]"), &mut calls)?);
    }
    let tools = body.take("tools").map(|json| list_of(json, "tools")).transpose()?;
    for (place, json) in tools.iter().flatten().enumerate() {
        tool(json, &format!("tools[{place}]"), &mut request.tools)?;
    }
    if let Some(json) = body.take_any(&["toolConfig", "tool_config"]) {
        tool_config(&json, &mut request)?;
    }
    if let Some(json) = body.take_any(&["generationConfig", "generation_config"]) {
        generation_config(Object::strict(&json, "generationConfig")?, &mut request)?;
    }
    body.take("model");
    request.extras.extend(body.into_extras(PROTOCOL));
    Ok(request)
}

/// Reads a list; Google takes one object in the place of a list of one.
fn list_of(json: Json, path: &str) -> Result<Vec<Json>, Error> {
    match json.as_str().starts_with('{') {
        true => Ok(vec![json]),
        false => json.parse::<Vec<Json>>().map_err(|_| wrong(path, "an array", &json)),
    }
}

/// The calls of the conversation, by which responses without ids find theirs.
#[derive(Default)]
struct Calls {
    made: u32,
    ids: HashSet<String>,
    answered: HashSet<String>,
    /// The ids of each function's calls that may still be open, in order.
    by_name: HashMap<String, VecDeque<String>>,
}

impl Calls {
    fn add(&mut self, id: &str, name: &str) {
        self.made += 1;
        self.ids.insert(id.to_owned());
        self.by_name.entry(name.to_owned()).or_default().push_back(id.to_owned());
    }

    /// Takes the call that a response answers: that of its id, or the first open one of its function.
    fn answer(&mut self, id: Option<&str>, name: &str) -> Option<String> {
        let given = id.filter(|id| self.ids.contains(*id) && !self.answered.contains(*id)).map(str::to_owned);
        let call = given.or_else(|| {
            let open = self.by_name.get_mut(name)?;
            std::iter::from_fn(|| open.pop_front()).find(|id| !self.answered.contains(id))
        })?;
        self.answered.insert(call.clone());
        Some(call)
    }
}

fn content(json: &Json, path: &str, calls: &mut Calls) -> Result<Message, Error> {
    // An instruction may be a bare text.
    if let Ok(text) = json.parse::<String>() {
        return Ok(Message::new(Role::User, vec![Part::text(text).at(path)]).at(path));
    }
    let mut fields = Object::strict(json, path)?;
    let role = match fields.take_as::<String>("role")?.as_deref() {
        None | Some("user" | "function" | "") => Role::User,
        Some("model") => Role::Assistant,
        Some("system") => Role::System,
        Some(other) => {
            let path = fields.path_of("role");
            return Err(
                Error::invalid(path.clone(), format!("`{path}` is `{other}`")).with_hint("send `user` or `model`")
            );
        }
    };
    let path = fields.path_of("parts");
    let json = fields.take("parts").ok_or_else(|| {
        Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint("send an array of parts there")
    })?;
    let list = match json.as_str().starts_with('{') {
        true => vec![json],
        false => json.parse::<Vec<Json>>().map_err(|_| wrong(&path, "an array of parts", &json))?,
    };
    let mut message = Message::new(role, Vec::new());
    let mut opener = Opener::new(PROTOCOL);
    for (place, json) in list.iter().enumerate() {
        let part = part(json, &format!("{path}[{place}]"), calls)?;
        opener.push(part, &mut message.parts);
    }
    opener.attach(&mut message.parts);
    message.extras = fields.into_extras(PROTOCOL);
    Ok(message)
}

fn part(json: &Json, path: &str, calls: &mut Calls) -> Result<Part, Error> {
    if let Ok(text) = json.parse::<String>() {
        return Ok(Part::text(text).at(path));
    }
    let mut fields = Object::strict(json, path)?;
    if let Some(response) = fields.take_any(&["functionResponse", "function_response"]) {
        let inner = Object::strict(&response, &format!("{path}.functionResponse"))?;
        let mut result = function_response(inner, calls)?;
        let said = std::mem::replace(&mut result.extras, fields.into_extras(PROTOCOL));
        result.extras.extend(said);
        return Ok(Part::ToolResult(result));
    }
    let mut part = parts::decode(json, path)?;
    if let Part::ToolCall(call) = &mut part {
        let id = call.id.get_or_insert_with(|| ids::made_up("contents", 0, calls.made)).clone();
        calls.add(&id, &call.name);
    }
    Ok(part)
}

fn function_response(mut inner: Object, calls: &mut Calls) -> Result<ToolResult, Error> {
    let id = inner.take_as::<String>("id")?.filter(|id| !id.is_empty());
    let name = inner.require::<String>("name")?;
    let (path, response_path) = (inner.path_of("name"), inner.path_of("response"));
    let known = calls.answer(id.as_deref(), &name);
    let answered_before = calls.by_name.contains_key(&name);
    if known.is_none() && !answered_before {
        return Err(Error::invalid(path, format!("there is no earlier call of the function `{name}`"))
            .with_hint("send the content with the function call before its response"));
    }
    let mut result = ToolResult::default();
    result.id = id.or(known);
    result.name = Some(name);
    if let Some(response) = inner.take("response") {
        let mut fields = Object::lenient(&response);
        let failed = fields.take("error");
        result.is_error = failed.is_some().then_some(true);
        let said = failed.or_else(|| fields.take_any(&["result", "output"])).filter(|_| fields.is_empty());
        let text = said.map(|said| said.parse().unwrap_or_else(|_| said.compact()));
        let text = text.unwrap_or_else(|| response.compact());
        result.content.push(Part::text(text).at(&response_path));
        result.extras.insert(PROTOCOL, "functionResponse.response", response);
    }
    if let Some(list) = inner.peek(RESPONSE_PARTS).and_then(|json| json.parse::<Vec<Json>>().ok()) {
        let path = inner.path_of(RESPONSE_PARTS);
        let parts = list.iter().enumerate().map(|(place, json)| media(json, &format!("{path}[{place}]")));
        if let Some(parts) = parts.collect::<Option<Vec<_>>>() {
            inner.take(RESPONSE_PARTS);
            result.content.extend(parts);
        }
    }
    for (name, value) in inner.into_fields() {
        result.extras.insert(PROTOCOL, format!("functionResponse.{name}"), value);
    }
    Ok(result)
}

/// Reads a medium within a response.
fn media(json: &Json, path: &str) -> Option<Part> {
    let part = parts::decode(json, path).ok()?;
    let (kind, media) = part.as_media()?;
    let mut media = media.clone();
    media.extras.insert(PROTOCOL, parts::INSIDE, crate::object::json(&true));
    Some(Part::of_media(kind, media))
}

/// The field of a response that holds its media.
const RESPONSE_PARTS: &str = "parts";

/// Reads a tool object: its functions one by one, and the rest, such as a search, as it is.
fn tool(json: &Json, tool_path: &str, tools: &mut Vec<Tool>) -> Result<(), Error> {
    let mut fields = Object::strict(json, tool_path)?;
    let path = fields.path_of("functionDeclarations");
    if let Some(list) = fields.take_any(&["functionDeclarations", "function_declarations"]) {
        let list: Vec<Json> = list.parse().map_err(|_| wrong(&path, "an array", &list))?;
        for (place, json) in list.iter().enumerate() {
            tools.push(declaration(Object::strict(json, &format!("{path}[{place}]"))?)?);
        }
    }
    if !fields.is_empty() {
        let mut rest = crate::object::Fields::new();
        rest.put_extras(&fields.into_extras(PROTOCOL), PROTOCOL);
        tools.push(Tool::Opaque(Opaque::new(PROTOCOL, rest.to_json()).at(tool_path)));
    }
    Ok(())
}

fn declaration(mut fields: Object) -> Result<Tool, Error> {
    let name = fields.require("name")?;
    let description = fields.take_as("description")?;
    let schema = fields.take_any(&["parametersJsonSchema", "parameters_json_schema"]);
    let own = fields.take("parameters");
    let mut extras = fields.into_extras(PROTOCOL);
    let parameters = match (schema, own) {
        (Some(schema), _) => Some(schema),
        (None, Some(own)) => {
            let schema = schema::to_json_schema(&own);
            extras.insert(PROTOCOL, "parameters", own);
            Some(schema)
        }
        (None, None) => None,
    };
    Ok(Tool::from_fields(name, description, parameters, None, extras))
}

fn tool_config(json: &Json, request: &mut ChatRequest) -> Result<(), Error> {
    let mut fields = Object::strict(json, "toolConfig")?;
    let path = fields.path_of("functionCallingConfig");
    let config = fields.take_any(&["functionCallingConfig", "function_calling_config"]);
    if let Some(config) = config {
        let mut inner = Object::strict(&config, &path)?;
        let mode = inner.take_as::<String>("mode")?.unwrap_or_default().to_ascii_uppercase();
        let names = inner.take_any(&["allowedFunctionNames", "allowed_function_names"]);
        let names: Vec<String> = names.and_then(|names| names.parse().ok()).unwrap_or_default();
        request.tool_choice = Some(match (mode.as_str(), names.as_slice()) {
            ("AUTO" | "MODE_UNSPECIFIED", []) => ToolChoice::Auto,
            ("NONE", []) => ToolChoice::None,
            ("ANY", []) => ToolChoice::Required,
            ("ANY", [name]) => ToolChoice::Function(name.clone()),
            ("ANY", _) => ToolChoice::AnyOf(names),
            _ => ToolChoice::Opaque(Opaque::new(PROTOCOL, config)),
        });
    }
    for (name, value) in fields.into_fields() {
        request.extras.insert(PROTOCOL, format!("toolConfig.{name}"), value);
    }
    Ok(())
}

fn generation_config(mut config: Object, request: &mut ChatRequest) -> Result<(), Error> {
    request.temperature = config.take_as("temperature")?;
    request.top_p = alias(&mut config, ["topP", "top_p"])?;
    request.top_k =
        alias::<f64>(&mut config, ["topK", "top_k"])?.and_then(|top_k| crate::object::count(&top_k.to_string()));
    request.choices = alias(&mut config, ["candidateCount", "candidate_count"])?;
    request.max_tokens = alias(&mut config, ["maxOutputTokens", "max_output_tokens"])?;
    request.stop = alias(&mut config, ["stopSequences", "stop_sequences"])?.unwrap_or_default();
    request.seed = config.take_as("seed")?;
    request.presence_penalty = alias(&mut config, ["presencePenalty", "presence_penalty"])?;
    request.frequency_penalty = alias(&mut config, ["frequencyPenalty", "frequency_penalty"])?;
    request.logprobs = alias(&mut config, ["responseLogprobs", "response_logprobs"])?;
    request.top_logprobs = config.take_as("logprobs")?;
    let format = response_format(&mut config)?;
    request.response_format = format.0;
    request.extras.extend(format.1);
    if let Some(json) = config.take_any(&["thinkingConfig", "thinking_config"]) {
        request.reasoning = Some(reasoning(&json)?);
    }
    for (name, value) in config.into_fields() {
        request.extras.insert(PROTOCOL, format!("generationConfig.{name}"), value);
    }
    Ok(())
}

fn alias<T: crate::object::Expected>(config: &mut Object, names: [&str; 2]) -> Result<Option<T>, Error> {
    let first = config.take_as(names[0])?;
    Ok(config.take_as(names[1])?.or(first))
}

fn response_format(config: &mut Object) -> Result<(Option<ResponseFormat>, Extras), Error> {
    let mut extras = Extras::default();
    let mime = alias::<String>(config, ["responseMimeType", "response_mime_type"])?;
    let own = config.take_any(&["responseSchema", "response_schema"]);
    let schema = config.take_any(&["responseJsonSchema", "response_json_schema"]);
    let schema = schema.or_else(|| own.as_ref().map(schema::to_json_schema));
    if let Some(own) = own {
        extras.insert(PROTOCOL, "generationConfig.responseSchema", own);
    }
    let format = match (mime.as_deref(), schema) {
        (Some("application/json") | None, Some(schema)) => {
            if mime.is_none() {
                extras.insert(PROTOCOL, "generationConfig.responseMimeType", Json::from(serde_json::Value::Null));
            }
            Some(ResponseFormat::json_schema(None, None, schema, None))
        }
        (Some("application/json"), None) => Some(ResponseFormat::JsonObject),
        (Some("text/plain"), None) => Some(ResponseFormat::Text),
        (Some(other), _) => {
            extras.insert(PROTOCOL, "generationConfig.responseMimeType", crate::object::json(other));
            None
        }
        (None, None) => None,
    };
    Ok((format, extras))
}

fn reasoning(json: &Json) -> Result<Reasoning, Error> {
    let mut fields = Object::strict(json, "generationConfig.thinkingConfig")?;
    let mut reasoning = Reasoning::default();
    reasoning.visible = alias(&mut fields, ["includeThoughts", "include_thoughts"])?;
    let budget: Option<i64> = alias(&mut fields, ["thinkingBudget", "thinking_budget"])?;
    reasoning.budget = budget.and_then(|budget| u64::try_from(budget).ok()).filter(|budget| *budget > 0);
    // -1 leaves the amount to the model.
    reasoning.enabled = budget.map(|budget| budget != 0);
    let level = alias::<String>(&mut fields, ["thinkingLevel", "thinking_level"])?;
    reasoning.effort = level.map(|level| ReasoningEffort::from_word(&level.to_ascii_lowercase()));
    reasoning.extras.insert(PROTOCOL, "thinkingConfig", json.clone());
    Ok(reasoning)
}
