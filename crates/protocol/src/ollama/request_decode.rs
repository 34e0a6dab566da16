use std::collections::{HashMap, HashSet, VecDeque};

use tollbridge_core::Error;
use tollbridge_types::{
    ChatRequest, Json, Message, Opaque, Part, Reasoning, ReasoningEffort, ResponseFormat, Role, Tool, ToolResult,
};

use super::{CHAT_PROTOCOL as PROTOCOL, image, reply_decode};
use crate::ids;
use crate::object::{Object, wrong};

/// Reads the body of `POST /api/chat`.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest, Error> {
    let mut body = Object::from_body(body)?;
    let mut request = ChatRequest::default();
    request.model = body.take_as("model")?.unwrap_or_default();
    let list = body.require::<Vec<Json>>("messages")?;
    if list.is_empty() {
        return Err(Error::invalid("messages", "`messages` is empty").with_hint("send at least one message"));
    }
    let mut calls = Calls::default();
    for (place, json) in list.iter().enumerate() {
        request.messages.push(message(Object::strict(json, &format!("messages[{place}]"))?, &mut calls)?);
    }
    for (place, json) in body.take_as::<Vec<Json>>("tools")?.unwrap_or_default().iter().enumerate() {
        request.tools.push(tool(json, &format!("tools[{place}]"))?);
    }
    request.response_format = format(&mut body)?;
    request.reasoning = body.take("think").map(|json| think(&json)).transpose()?;
    request.logprobs = body.take_as("logprobs")?;
    request.top_logprobs = body.take_as("top_logprobs")?;
    // Ollama streams unless it is told not to.
    request.stream = body.take_as("stream")?.unwrap_or(true);
    if let Some(options) = body.take_object("options")? {
        self::options(options, &mut request)?;
    }
    request.extras.extend(body.into_extras(PROTOCOL));
    Ok(request)
}

fn options(mut options: Object, request: &mut ChatRequest) -> Result<(), Error> {
    // Negative numbers mean without limit, or as much as fits, which is not a number of tokens.
    if options.peek("num_predict").is_none_or(|json| !json.as_str().starts_with('-')) {
        request.max_tokens = options.take_as("num_predict")?;
    }
    request.temperature = options.take_as("temperature")?;
    request.top_p = options.take_as("top_p")?;
    request.top_k = options.take_as("top_k")?;
    request.seed = options.take_as("seed")?;
    request.presence_penalty = options.take_as("presence_penalty")?;
    request.frequency_penalty = options.take_as("frequency_penalty")?;
    request.stop = options.take_as("stop")?.unwrap_or_default();
    for (name, value) in options.into_fields() {
        request.extras.insert(PROTOCOL, format!("options.{name}"), value);
    }
    Ok(())
}

/// The calls of the conversation, by which results without ids find theirs.
#[derive(Default)]
struct Calls {
    made: u32,
    /// The ids of all calls, in their order.
    order: VecDeque<String>,
    by_name: HashMap<String, VecDeque<String>>,
    answered: HashSet<String>,
}

impl Calls {
    fn add(&mut self, id: &mut Option<String>, name: &str) {
        let id = id.get_or_insert_with(|| ids::made_up("messages", 0, self.made));
        self.made += 1;
        self.order.push_back(id.clone());
        self.by_name.entry(name.to_owned()).or_default().push_back(id.clone());
    }

    /// Finds the id of the call that a result answers: by its own id, by the tool's name, or by the order.
    fn answer(&mut self, id: Option<String>, name: Option<&str>) -> Option<String> {
        let waiting = match name {
            _ if id.is_some() => None,
            Some(name) => self.by_name.get_mut(name),
            None => Some(&mut self.order),
        };
        let mut open = waiting.into_iter().flat_map(|ids| std::iter::from_fn(|| ids.pop_front()));
        let id = id.or_else(|| open.find(|id| !self.answered.contains(id)))?;
        self.answered.insert(id.clone());
        Some(id)
    }
}

fn message(mut fields: Object, calls: &mut Calls) -> Result<Message, Error> {
    // Ollama reads roles in any case.
    let role = fields.require::<String>("role")?.to_ascii_lowercase();
    let content = fields.take_as::<String>("content")?;
    // A result neither thinks nor calls.
    let is_result = role == "tool";
    let thinking = if is_result { None } else { fields.take_as::<String>("thinking")?.filter(|text| !text.is_empty()) };
    let images = fields.take_as::<Vec<String>>("images")?.unwrap_or_default();
    let images_path = fields.path_of("images");
    let images = images.into_iter().enumerate();
    let images = images.map(|(place, data)| Part::Image(image::decode(data)).at(&format!("{images_path}[{place}]")));
    let thinking = thinking.map(|text| Part::Thought(reply_decode::thought(text)).at(&fields.path_of("thinking")));
    let text_path = fields.path_of("content");
    let text = |text: String| Part::text(text).at(&text_path);
    let mut parts: Vec<Part> = thinking.into_iter().collect();
    if is_result {
        let name = fields.take_as::<String>("tool_name")?;
        let id = fields.take_as::<String>("tool_call_id")?.filter(|id| !id.is_empty());
        let mut result = ToolResult::default();
        result.id = calls.answer(id, name.as_deref());
        result.name = name;
        let content = content.filter(|text| !text.is_empty());
        result.content = content.map(text).into_iter().chain(images).collect();
        parts.push(Part::ToolResult(result));
    } else {
        parts.extend(content.filter(|text| !text.is_empty()).map(text));
        parts.extend(images);
    }
    let path = fields.path_of("tool_calls");
    let called = if is_result { None } else { fields.take_as::<Vec<Json>>("tool_calls")? };
    for (place, json) in called.unwrap_or_default().iter().enumerate() {
        let path = format!("{path}[{place}]");
        let mut checked = Object::strict(json, &path)?;
        let inner = checked.take_object("function")?;
        if inner.is_none_or(|inner| inner.peek("name").is_none()) {
            return Err(Error::invalid(format!("{path}.function.name"), "the tool call has no name")
                .with_hint("send {\"function\": {\"name\": …, \"arguments\": {…}}}"));
        }
        let mut call = reply_decode::call(json);
        calls.add(&mut call.id, &call.name);
        parts.push(Part::ToolCall(call).at(&path));
    }
    let extras = fields.into_extras(PROTOCOL);
    if let Some(Part::ToolResult(result)) = parts.first_mut() {
        result.extras = extras;
        return Ok(Message::new(role_of(role), parts));
    }
    let mut message = Message::new(role_of(role), parts);
    message.extras = extras;
    Ok(message)
}

fn role_of(word: String) -> Role {
    match word.as_str() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => Role::Unknown(word),
    }
}

fn tool(json: &Json, path: &str) -> Result<Tool, Error> {
    let mut fields = Object::strict(json, path)?;
    let Some(mut function) = fields.take_object("function")? else {
        return Ok(Tool::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path)));
    };
    let name = function.require("name")?;
    let description = function.take_as("description")?;
    let parameters = function.take("parameters");
    fields.take("type");
    let mut extras = fields.into_extras(PROTOCOL);
    for (name, value) in function.into_fields() {
        extras.insert(PROTOCOL, format!("function.{name}"), value);
    }
    Ok(Tool::from_fields(name, description, parameters, None, extras))
}

fn format(body: &mut Object) -> Result<Option<ResponseFormat>, Error> {
    let Some(json) = body.take("format") else { return Ok(None) };
    match json.parse::<String>().as_deref() {
        // Older clients send an empty text for none.
        Ok("") => Ok(None),
        Ok("json") => Ok(Some(ResponseFormat::JsonObject)),
        Ok(other) => {
            Err(Error::invalid("format", format!("`format` is `{other}`")).with_hint("send `json` or a JSON schema"))
        }
        Err(_) if json.as_str().starts_with('{') => Ok(Some(ResponseFormat::json_schema(None, None, json, None))),
        Err(_) => Err(wrong("format", "`json` or a JSON schema", &json)),
    }
}

fn think(json: &Json) -> Result<Reasoning, Error> {
    let mut reasoning = Reasoning::default();
    match (json.parse::<bool>(), json.parse::<String>()) {
        (Ok(on), _) => reasoning.enabled = Some(on),
        (_, Ok(level)) => reasoning.effort = Some(ReasoningEffort::from_word(&level)),
        _ => return Err(wrong("think", "a boolean or a level", json)),
    }
    Ok(reasoning)
}
