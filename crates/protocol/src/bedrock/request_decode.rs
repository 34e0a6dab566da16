use tollbridge_core::Error;
use tollbridge_types::{ChatRequest, Json, Message, Opaque, ResponseFormat, Role, Tool, ToolChoice};

use super::{CONVERSE_PROTOCOL as PROTOCOL, blocks, settings};
use crate::object::Object;

/// Reads the body of Converse and ConverseStream; model and stream stand in the URL.
pub(crate) fn decode(body: &[u8]) -> Result<ChatRequest, Error> {
    let mut body = Object::from_body(body)?;
    let mut request = ChatRequest::default();
    let system = body.take_as::<Vec<Json>>("system")?.unwrap_or_default();
    if !system.is_empty() {
        let parts = system.iter().enumerate().map(|(place, json)| blocks::decode(json, &format!("system[{place}]")));
        request.messages.push(Message::new(Role::System, parts.collect::<Result<_, _>>()?).at("system"));
    }
    messages(&body.require::<Vec<Json>>("messages")?, &mut request.messages)?;
    if let Some(config) = body.take_object("inferenceConfig")? {
        inference(config, &mut request)?;
    }
    if let Some(config) = body.take_object("toolConfig")? {
        tools(config, &mut request)?;
    }
    if let Some(fields) = body.take_object("additionalModelRequestFields")? {
        settings::decode(fields, &mut request);
    }
    if let Some(json) = body.take("outputConfig") {
        match response_format(&json) {
            Some(format) => request.response_format = Some(format),
            None => request.extras.insert(PROTOCOL, "outputConfig", json),
        }
    }
    if let Some(json) = body.take("serviceTier") {
        match Object::lenient(&json).find_text("type") {
            Some(tier) => request.service_tier = Some(tier),
            None => request.extras.insert(PROTOCOL, "serviceTier", json),
        }
    }
    request.extras.extend(body.into_extras(PROTOCOL));
    Ok(request)
}

fn messages(list: &[Json], messages: &mut Vec<Message>) -> Result<(), Error> {
    if list.is_empty() {
        return Err(Error::invalid("messages", "`messages` is empty").with_hint("send at least one message"));
    }
    for (place, json) in list.iter().enumerate() {
        let mut fields = Object::strict(json, &format!("messages[{place}]"))?;
        let role = match fields.require::<String>("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => {
                let path = fields.path_of("role");
                return Err(Error::invalid(path.clone(), format!("`{path}` is `{other}`"))
                    .with_hint("send `user` or `assistant`; instructions go into `system`"));
            }
        };
        let path = fields.path_of("content");
        let content = fields.require::<Vec<Json>>("content")?;
        let parts = content.iter().enumerate().map(|(place, json)| blocks::decode(json, &format!("{path}[{place}]")));
        let mut message = Message::new(role, parts.collect::<Result<_, _>>()?);
        message.extras = fields.into_extras(PROTOCOL);
        messages.push(message);
    }
    Ok(())
}

fn inference(mut config: Object, request: &mut ChatRequest) -> Result<(), Error> {
    request.max_tokens = config.take_as("maxTokens")?;
    request.temperature = config.take_as("temperature")?;
    request.top_p = config.take_as("topP")?;
    request.stop = config.take_as("stopSequences")?.unwrap_or_default();
    for (name, value) in config.into_fields() {
        request.extras.insert(PROTOCOL, format!("inferenceConfig.{name}"), value);
    }
    Ok(())
}

fn tools(mut config: Object, request: &mut ChatRequest) -> Result<(), Error> {
    for (place, json) in config.take_as::<Vec<Json>>("tools")?.unwrap_or_default().iter().enumerate() {
        request.tools.push(tool(json, &format!("toolConfig.tools[{place}]"))?);
    }
    let Some(json) = config.take("toolChoice") else { return Ok(()) };
    let mut choice = Object::strict(&json, "toolConfig.toolChoice")?;
    request.tool_choice = Some(if choice.peek("auto").is_some() {
        ToolChoice::Auto
    } else if choice.peek("any").is_some() {
        ToolChoice::Required
    } else if let Some(mut tool) = choice.take_object("tool")? {
        ToolChoice::Function(tool.require("name")?)
    } else {
        ToolChoice::Opaque(Opaque::new(PROTOCOL, json))
    });
    Ok(())
}

fn tool(json: &Json, path: &str) -> Result<Tool, Error> {
    let Some(mut fields) = Object::strict(json, path)?.take_object("toolSpec")? else {
        return Ok(Tool::Opaque(Opaque::new(PROTOCOL, json.clone()).at(path)));
    };
    let name = fields.require("name")?;
    let description = fields.take_as("description")?;
    let schema = fields.take_object("inputSchema")?.and_then(|mut schema| schema.take("json"));
    let strict = fields.take_as("strict")?;
    Ok(Tool::from_fields(name, description, schema, strict, fields.into_extras(PROTOCOL)))
}

/// Reads the form of the answer, whose schema is JSON inside of a text.
fn response_format(json: &Json) -> Option<ResponseFormat> {
    let mut config = Object::lenient(json);
    let mut format = config.find_object("textFormat");
    let mut schema = format.find_object("structure").find_object("jsonSchema");
    let known = format.find_text("type").as_deref() == Some("json_schema") && config.is_empty();
    let text = schema.find_text("schema").filter(|_| known)?;
    let (name, description) = (schema.find_text("name"), schema.find_text("description"));
    Some(ResponseFormat::json_schema(name, description, Json::from_text(text).ok()?, None))
}
