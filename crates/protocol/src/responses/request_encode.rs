use std::collections::HashSet;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{
    ChatRequest, Citation, Grammar, Json, Media, MediaSource, Message, Opaque, Part, Protocol, ResponseFormat, Role,
    Text, Tool, ToolCallKind, ToolChoice, ToolResult,
};

use super::{RESPONSES_PROTOCOL as PROTOCOL, built_in, items, reply_encode};
use crate::ids::{self, IdForm, InOrder};
use crate::losses;
use crate::media::file_name;
use crate::object::{Fields, Object, json};
use crate::openai::request_encode::effort;
use crate::{Target, service_tier, user_id};

/// Writes the body of "Create a model response".
pub(crate) fn encode(request: &ChatRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let request = ids::settled(request, &IdForm::OPENAI_RESPONSES.under(target.profile));
    let request = request.as_ref();
    let mut writer = Writer { losses, instructions: None, items: InOrder::default(), custom: HashSet::new() };
    for (place, message) in request.messages.iter().enumerate() {
        writer.message(message, &format!("messages[{place}]"))?;
    }
    let Writer { mut instructions, items, .. } = writer;
    let mut items = items.done();
    let elsewhere = ["prompt", "previous_response_id", "conversation"];
    if items.is_empty() && elsewhere.iter().all(|name| request.extras.get(PROTOCOL, name).is_none()) {
        let Some(text) = instructions.take() else {
            return Err(losses::nothing_said());
        };
        losses.push(Loss::adapted("messages[0]", "there are only instructions: sent as the user's words"));
        items.push(json(&serde_json::json!({"role": "user", "content": text})));
    }
    let mut body = Fields::new();
    body.put("model", target.model).put_some("instructions", instructions);
    if !items.is_empty() {
        body.put("input", &items);
    }
    let tools = tools(&request.tools, "tools", losses);
    if !tools.is_empty() {
        body.put("tools", &tools);
        body.put_some("parallel_tool_calls", request.parallel_tool_calls);
    }
    // Tools may also stand in the input, or where the vendor holds the conversation.
    if !tools.is_empty() || request.extras.of(PROTOCOL).next().is_some() {
        body.put_some("tool_choice", tool_choice(request, losses));
    }
    body.put_some("max_output_tokens", request.max_tokens);
    body.put_some("temperature", request.temperature).put_some("top_p", request.top_p);
    body.put_some("top_logprobs", request.top_logprobs);
    text(request, &mut body);
    reasoning(request, &mut body, losses);
    include(request, &mut body);
    body.put_some("user", user_id::short(request.user.as_ref(), losses));
    body.put_some("service_tier", service_tier::known(request, PROTOCOL, losses));
    if target.stream {
        body.put("stream", &true);
    }
    unsupported(request, losses);
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    losses::put_shared(&request.extras, PROTOCOL, &mut body);
    let written = |name: &str| name.starts_with("text.") || name == "include";
    body.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !written(name)));
    Ok(body.to_bytes())
}

fn text(request: &ChatRequest, body: &mut Fields) {
    let mut text = Fields::new();
    if let Some(format) = &request.response_format {
        let mut fields = Fields::new();
        match format {
            ResponseFormat::JsonObject => fields.put("type", "json_object"),
            ResponseFormat::JsonSchema { name, description, schema, strict, .. } => {
                fields.put("type", "json_schema").put("name", name.as_deref().unwrap_or("answer"));
                fields.put_some("description", description.as_ref()).put("schema", schema);
                fields.put_some("strict", *strict)
            }
            _ => fields.put("type", "text"),
        };
        text.put("format", &fields);
    }
    for (name, value) in request.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("text.") {
            text.put(name, value);
        }
    }
    if let (Some(verbosity), false) = (request.extras.get(Protocol::OPENAI_CHAT, "verbosity"), text.has("verbosity")) {
        text.put("verbosity", verbosity);
    }
    if !text.is_empty() {
        body.put("text", &text);
    }
}

fn reasoning(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    let Some(reasoning) = &request.reasoning else { return };
    losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
    let mut fields = Fields::new();
    fields.put_some("effort", effort(reasoning, losses));
    let own = reasoning.extras.of(PROTOCOL).next().is_some();
    if reasoning.visible == Some(true) && !own {
        fields.put("summary", "auto");
    }
    fields.put_extras(&reasoning.extras, PROTOCOL);
    if !fields.is_empty() {
        body.put("reasoning", &fields);
    }
}

/// Asks for what the caller will want back: log-probabilities, and reasoning that it can return.
fn include(request: &ChatRequest, body: &mut Fields) {
    let own = request.extras.get(PROTOCOL, "include");
    let mut list: Vec<Json> = match own.map(Json::parse) {
        Some(Ok(list)) => list,
        Some(Err(_)) => {
            // The vendor will say what is wrong with it.
            body.put_some("include", own);
            return;
        }
        None => Vec::new(),
    };
    let mut add = |name: &str| {
        let name = json(name);
        if !list.contains(&name) {
            list.push(name);
        }
    };
    if request.logprobs == Some(true) {
        add("message.output_text.logprobs");
    }
    // A caller of another protocol holds the conversation itself, reasoning included.
    let thinks = request.reasoning.as_ref().is_some_and(|reasoning| reasoning.enabled != Some(false));
    if own.is_none() && thinks {
        add("reasoning.encrypted_content");
    }
    if !list.is_empty() {
        body.put("include", &list);
    }
}

fn unsupported(request: &ChatRequest, losses: &mut Vec<Loss>) {
    let settings = [
        ("top_k", request.top_k.is_some()),
        ("seed", request.seed.is_some()),
        ("presence_penalty", request.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", request.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("stop", !request.stop.is_empty()),
        ("choices", request.choices.is_some_and(|choices| choices > 1)),
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "OpenAI's responses have no such setting")));
}

struct Writer<'a> {
    losses: &'a mut Vec<Loss>,
    instructions: Option<String>,
    items: InOrder<Json>,
    /// The ids of calls whose arguments are free text.
    custom: HashSet<String>,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        if message.extras.get(PROTOCOL, "field").is_some() {
            self.instructions = Some(message.text());
            return Ok(());
        }
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "OpenAI's responses have no names of speakers"));
        }
        let role = match &message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::Assistant => "assistant",
            Role::Unknown(word) => word,
            _ => "user",
        };
        let mut content = Content::default();
        for (place, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.parts[{place}]");
            match part {
                Part::Thought(thought) => {
                    self.flush(role, message, &mut content);
                    match items::own_reasoning(thought) {
                        Some(fields) => self.items.push(fields.to_json()),
                        None => {
                            self.losses.push(Loss::dropped(path, "thinking of another protocol cannot be sent back"))
                        }
                    }
                }
                Part::ToolCall(call) => {
                    self.flush(role, message, &mut content);
                    losses::report_signature(call.signature.as_ref(), &path, PROTOCOL, self.losses);
                    losses::report_foreign(&call.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                    // Each call has an id by now.
                    let id = call.id.as_deref().unwrap_or_default();
                    self.items.called(id);
                    if call.kind == ToolCallKind::Custom {
                        self.custom.insert(id.to_owned());
                    }
                    self.items.push(tool_call(call, id).to_json());
                }
                Part::ToolResult(result) => {
                    self.flush(role, message, &mut content);
                    let item = self.result(result, &path)?;
                    self.items.result(result.id.as_deref(), item);
                }
                // What the user says is all within messages.
                Part::Opaque(opaque) if opaque.protocol == PROTOCOL && role == "assistant" && is_item(opaque) => {
                    self.flush(role, message, &mut content);
                    self.items.push(opaque.json.clone());
                }
                part => {
                    if let Some(json) = self.part(part, role, &path, &mut content.plain)? {
                        if let Part::Text(text) = part {
                            content.beside.put_fields(&reply_encode::message_extras(text));
                        }
                        content.parts.push(json);
                    }
                }
            }
        }
        if content.parts.is_empty() && message.parts.is_empty() {
            let mut fields = Fields::new();
            fields.put("role", role).put::<[Json]>("content", &[]);
            self.items.push(fields.to_json());
        }
        self.flush(role, message, &mut content);
        Ok(())
    }

    /// Writes the message in progress: one plain text as a string, anything else as parts.
    fn flush(&mut self, role: &str, message: &Message, content: &mut Content) {
        let Content { parts, plain, beside } = std::mem::take(content);
        if parts.is_empty() {
            return;
        }
        let mut fields = Fields::new();
        fields.put("role", role);
        match (plain, parts.len()) {
            (Some(text), 1) => fields.put("content", &text),
            _ => fields.put("content", &parts),
        };
        fields.put_fields(&beside);
        for (name, value) in message.extras.of(PROTOCOL) {
            if let Some(name) = name.strip_prefix("item.") {
                fields.put(name, value);
            }
        }
        self.items.push(fields.to_json());
    }

    fn part(&mut self, part: &Part, role: &str, path: &str, plain: &mut Option<String>) -> Result<Option<Json>, Error> {
        *plain = None;
        Ok(Some(match part {
            Part::Text(text) => {
                let written = self.text(text, role, path);
                if written.1 {
                    *plain = Some(text.text.clone());
                }
                written.0
            }
            Part::Refusal(words) if role == "assistant" => reply_encode::refusal(words),
            Part::Refusal(words) => self.text(&plain_text(words), role, path).0,
            Part::Image(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                image(media, path)?
            }
            Part::Document(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                self.document(media, path)
            }
            Part::Audio(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                audio(media, path)?
            }
            Part::Video(_) => {
                return Err(
                    Error::invalid(path, "OpenAI's responses take no video").with_hint("send frames of it as images")
                );
            }
            Part::Opaque(opaque) => match own(opaque, path, self.losses) {
                Some(json) => json,
                None => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    /// Writes a text, and says whether it is nothing but text.
    fn text(&mut self, text: &Text, role: &str, path: &str) -> (Json, bool) {
        losses::report_foreign(&text.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        losses::report_signature(text.signature.as_ref(), path, PROTOCOL, self.losses);
        let foreign = |citation: &Citation| citation.raw.as_ref().is_some_and(|raw| raw.protocol != PROTOCOL);
        let model = role == "assistant";
        if model && text.citations.iter().any(foreign) {
            self.losses.push(Loss::adapted(format!("{path}.citations"), "sent as sources on the web"));
        }
        let mut fields = Fields::new();
        fields.put("type", if model { "output_text" } else { "input_text" }).put("text", &text.text);
        let mut plain = true;
        if model && !text.citations.is_empty() {
            plain = false;
            fields.put("annotations", &text.citations.iter().map(items::annotation).collect::<Vec<_>>());
        } else if !text.citations.is_empty() {
            self.losses.push(Loss::dropped(format!("{path}.citations"), "only what the model says has sources"));
        }
        for (name, value) in text.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with("item.")) {
            plain = false;
            fields.put(name, value);
        }
        (fields.to_json(), plain)
    }

    fn document(&mut self, media: &Media, path: &str) -> Json {
        let mut fields = Fields::new();
        fields.put("type", "input_file");
        match &media.source {
            MediaSource::File(id) => fields.put("file_id", id).put_some("filename", media.name.as_ref()),
            MediaSource::Url(url) => fields.put("file_url", url).put_some("filename", media.name.as_ref()),
            MediaSource::Base64(_) => fields.put("filename", &file_name(media)).put_some("file_data", media.to_url()),
            MediaSource::Text(text) => {
                self.losses.push(Loss::adapted(path, "the document is sent as text"));
                let mut fields = Fields::new();
                fields.put("type", "input_text").put("text", text);
                return fields.to_json();
            }
            _ => &mut fields,
        };
        fields.put_extras(&media.extras, PROTOCOL);
        fields.to_json()
    }

    fn result(&mut self, result: &ToolResult, path: &str) -> Result<Json, Error> {
        if let Some(item) = built_in::output_item(result) {
            return Ok(item);
        }
        if result.is_error == Some(true) {
            self.losses.push(Loss::dropped(format!("{path}.is_error"), "OpenAI has no such mark; the text must tell"));
        }
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        let id = result.id.clone().unwrap_or_default();
        let custom = self.custom.contains(&id) || result.extras.get(PROTOCOL, "type").is_some();
        let mut fields = Fields::new();
        fields.put("type", if custom { "custom_tool_call_output" } else { "function_call_output" });
        fields.put("call_id", &id);
        let mut parts = Vec::new();
        let mut plain = None;
        for (place, part) in result.content.iter().enumerate() {
            parts.extend(self.part(part, "tool", &format!("{path}.content[{place}]"), &mut plain)?);
        }
        match (plain, parts.len()) {
            (_, 0) => fields.put("output", ""),
            (Some(text), 1) => fields.put("output", &text),
            _ => fields.put("output", &parts),
        };
        for (name, value) in result.extras.of(PROTOCOL) {
            if let Some(name) = name.strip_prefix("item.") {
                fields.put(name, value);
            }
        }
        Ok(fields.to_json())
    }
}

/// The content of a message in progress.
#[derive(Default)]
struct Content {
    parts: Vec<Json>,
    /// The text, if the last part is nothing else.
    plain: Option<String>,
    beside: Fields,
}

fn plain_text(words: &str) -> Text {
    let mut text = Text::default();
    words.clone_into(&mut text.text);
    text
}

/// Says whether a part that only this protocol knows is an item, rather than a part of a message.
fn is_item(opaque: &Opaque) -> bool {
    !Object::lenient(&opaque.json).find_text("type").is_some_and(|kind| items::is_part(&kind))
}

fn tool_call(call: &tollbridge_types::ToolCall, id: &str) -> Fields {
    if let Some(item) = built_in::call_item(call, id, None, None) {
        return item;
    }
    let mut fields = Fields::new();
    let custom = call.kind == ToolCallKind::Custom;
    fields.put("type", if custom { "custom_tool_call" } else { "function_call" });
    fields.put("call_id", id).put("name", &call.name);
    fields.put(if custom { "input" } else { "arguments" }, &call.arguments);
    fields.put_extras(&call.extras, PROTOCOL);
    fields
}

fn image(media: &Media, path: &str) -> Result<Json, Error> {
    let mut fields = Fields::new();
    fields.put("type", "input_image");
    match (&media.source, media.to_url()) {
        (MediaSource::File(id), _) => fields.put("file_id", id),
        (_, Some(url)) => fields.put("image_url", &url),
        (_, None) => {
            return Err(Error::invalid(path, "the image has no bytes").with_hint("send the image's URL or bytes"));
        }
    };
    fields.put_some("detail", media.detail.as_ref()).put_extras(&media.extras, PROTOCOL);
    Ok(fields.to_json())
}

fn audio(media: &Media, path: &str) -> Result<Json, Error> {
    let MediaSource::Base64(data) = &media.source else {
        return Err(Error::invalid(path, "OpenAI takes sound only as bytes").with_hint("send the sound as base64"));
    };
    let format = crate::openai::media::audio_format(media);
    let mut inner = Fields::new();
    inner.put("data", data).put("format", format);
    let mut fields = Fields::new();
    fields.put("type", "input_audio").put("input_audio", &inner);
    Ok(fields.to_json())
}

fn tools(tools: &[Tool], path: &str, losses: &mut Vec<Loss>) -> Vec<Json> {
    let mut list = Vec::new();
    for (place, tool) in tools.iter().enumerate() {
        let path = format!("{path}[{place}]");
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("{path}.extras"), PROTOCOL, losses);
                let mut fields = Fields::new();
                fields.put("type", "function").put("name", name).put_some("description", description.as_ref());
                match parameters {
                    Some(parameters) => fields.put("parameters", parameters),
                    None => fields.put("parameters", &serde_json::json!({"type": "object", "properties": {}})),
                };
                // This protocol holds models to schemas unless told otherwise; the others do not.
                let own = extras.of(PROTOCOL).next().is_some();
                fields.put_some("strict", strict.or((!own).then_some(false))).put_extras(extras, PROTOCOL);
                list.push(fields.to_json());
            }
            Tool::Custom { name, description, grammar, extras, .. } => {
                losses::report_foreign(extras, &format!("{path}.extras"), PROTOCOL, losses);
                let mut fields = Fields::new();
                fields.put("type", "custom").put("name", name).put_some("description", description.as_ref());
                if let Some(Grammar { syntax, definition, .. }) = grammar {
                    let format = serde_json::json!({"type": "grammar", "syntax": syntax, "definition": definition});
                    fields.put("format", &format);
                }
                list.push(fields.put_extras(extras, PROTOCOL).to_json());
            }
            Tool::Namespace { name, description, tools: inner, extras, .. } => {
                let inner = self::tools(inner, &format!("{path}.tools"), losses);
                let mut fields = Fields::new();
                fields.put("type", "namespace").put("name", name);
                fields.put("description", description.as_deref().unwrap_or_default()).put("tools", &inner);
                list.push(fields.put_extras(extras, PROTOCOL).to_json());
            }
            Tool::Opaque(opaque) => list.extend(own(opaque, &path, losses)),
            _ => losses.push(Loss::dropped(path, "OpenAI's responses have no such tool")),
        }
    }
    list
}

fn tool_choice(request: &ChatRequest, losses: &mut Vec<Loss>) -> Option<Json> {
    let named = |name: &String| serde_json::json!({"type": losses::kind_of_tool(request, name), "name": name});
    Some(match request.tool_choice.as_ref()? {
        ToolChoice::Auto => json("auto"),
        ToolChoice::None => json("none"),
        ToolChoice::Required => json("required"),
        ToolChoice::Function(name) => json(&named(name)),
        ToolChoice::AnyOf(names) => {
            let tools: Vec<_> = names.iter().map(named).collect();
            json(&serde_json::json!({"type": "allowed_tools", "mode": "required", "tools": tools}))
        }
        ToolChoice::Opaque(opaque) => own(opaque, "tool_choice", losses)?,
        _ => return None,
    })
}

/// Returns what only this protocol knows, and reports what only another one does.
fn own(opaque: &Opaque, path: &str, losses: &mut Vec<Loss>) -> Option<Json> {
    if opaque.protocol == PROTOCOL {
        return Some(opaque.json.clone());
    }
    losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
    None
}
