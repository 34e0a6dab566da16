use std::collections::HashMap;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{
    ChatRequest, Extras, Json, Media, MediaSource, Message, Part, Reasoning, ReasoningEffort, ResponseFormat, Role,
    Tool, ToolChoice, ToolResult,
};

use super::{CHAT_PROTOCOL as PROTOCOL, reply_encode};
use crate::ids::{self, IdForm, InOrder};
use crate::object::{Fields, Object, arguments_object, json};
use crate::{Target, losses};

/// Writes the body of `POST /api/chat`.
pub(crate) fn encode(request: &ChatRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let request = ids::settled(request, &IdForm::UNIQUE.under(target.profile));
    let request = request.as_ref();
    let mut writer = Writer { losses, messages: InOrder::default(), names: HashMap::new() };
    for (place, message) in request.messages.iter().enumerate() {
        writer.message(message, &format!("messages[{place}]"))?;
    }
    let messages = writer.messages.done();
    if messages.is_empty() {
        return Err(losses::nothing_said());
    }
    let mut body = Fields::new();
    body.put("model", target.model).put("messages", &messages);
    let tools = match request.tool_choice {
        Some(ToolChoice::None) => {
            losses.push(Loss::adapted("tool_choice", "Ollama cannot forbid calls: sent without tools"));
            Vec::new()
        }
        _ => tools(&request.tools, losses),
    };
    if !tools.is_empty() {
        body.put("tools", &tools);
    }
    body.put_some("format", request.response_format.as_ref().and_then(|asked| format(asked, losses)));
    let options = options(request);
    if !options.is_empty() {
        body.put("options", &options);
    }
    if let Some(reasoning) = &request.reasoning {
        losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
        body.put_some("think", think(reasoning, losses));
    }
    body.put_some("logprobs", request.logprobs).put_some("top_logprobs", request.top_logprobs);
    body.put("stream", &target.stream);
    losses::report_description(request.response_format.as_ref(), losses);
    unsupported(request, losses);
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    body.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with(OPTIONS)));
    Ok(body.to_bytes())
}

/// What extras that stand among the options begin with.
const OPTIONS: &str = "options.";

fn options(request: &ChatRequest) -> Fields {
    let mut options = Fields::new();
    options.put_some("num_predict", request.max_tokens).put_some("temperature", request.temperature);
    options.put_some("top_p", request.top_p).put_some("top_k", request.top_k).put_some("seed", request.seed);
    options.put_some("presence_penalty", request.presence_penalty);
    options.put_some("frequency_penalty", request.frequency_penalty);
    if !request.stop.is_empty() {
        options.put("stop", &request.stop);
    }
    put_below(&mut options, &request.extras, OPTIONS);
    // A program may have added several at once.
    if let Some(more) = request.extras.get(PROTOCOL, "options") {
        let more = Object::lenient(more).into_extras(PROTOCOL);
        options.put_extras(&more, PROTOCOL);
    }
    options
}

/// Adds the extras whose names begin so, under the rest of their names.
fn put_below(fields: &mut Fields, extras: &Extras, prefix: &str) {
    for (name, value) in extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix(prefix).filter(|name| !fields.has(name)) {
            fields.put(name, value);
        }
    }
}

fn format(format: &ResponseFormat, losses: &mut Vec<Loss>) -> Option<Json> {
    match format {
        ResponseFormat::JsonObject => Some(json("json")),
        ResponseFormat::JsonSchema { schema, .. } if schema.as_str().starts_with('{') => Some(schema.clone()),
        ResponseFormat::JsonSchema { .. } => {
            losses.push(Loss::dropped("response_format", "Ollama takes only an object as a schema"));
            None
        }
        _ => None,
    }
}

/// Says whether to think: models that have levels take a word, all others a yes or no.
fn think(reasoning: &Reasoning, losses: &mut Vec<Loss>) -> Option<Json> {
    if let Some(budget) = reasoning.budget {
        losses.push(Loss::adapted("reasoning.budget", "Ollama has no budget: sent as a yes or no"));
        return Some(json(&(budget > 0)));
    }
    match (&reasoning.effort, reasoning.enabled) {
        (Some(ReasoningEffort::None), _) | (None, Some(false)) => Some(json(&false)),
        (
            Some(
                effort
                @ (ReasoningEffort::Low | ReasoningEffort::Medium | ReasoningEffort::High | ReasoningEffort::Max),
            ),
            _,
        ) => Some(json(effort.as_word())),
        (Some(effort), _) => {
            let near = match effort {
                ReasoningEffort::Minimal => json("low"),
                ReasoningEffort::ExtraHigh => json("high"),
                _ => json(&true),
            };
            losses.push(Loss::adapted("reasoning.effort", format!("Ollama has no such level: sent as {near}")));
            Some(near)
        }
        (None, Some(true)) => Some(json(&true)),
        (None, None) => None,
    }
}

fn unsupported(request: &ChatRequest, losses: &mut Vec<Loss>) {
    let forced = !matches!(request.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None));
    let hidden = request.reasoning.as_ref().is_some_and(|reasoning| reasoning.visible == Some(false));
    let settings = [
        ("tool_choice", forced),
        ("reasoning.visible", hidden),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("choices", request.choices.is_some_and(|choices| choices > 1)),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Ollama has no such setting")));
}

struct Writer<'a> {
    losses: &'a mut Vec<Loss>,
    messages: InOrder<Fields>,
    /// The name of the function that each call id stands for.
    names: HashMap<String, String>,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "Ollama has no names of speakers"));
        }
        let (mut text, mut thinking) = (String::new(), String::new());
        let (mut images, mut calls, mut results) = (Vec::new(), Vec::new(), false);
        for (place, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.parts[{place}]");
            match part {
                Part::Text(part) => {
                    losses::report_text(part, &path, PROTOCOL, self.losses);
                    separate(&mut text);
                    text.push_str(&part.text);
                }
                Part::Refusal(words) => {
                    losses::report_refusal(&path, self.losses);
                    separate(&mut text);
                    text.push_str(words);
                }
                Part::Image(media) => images.push(self.image(media, &path)?),
                Part::Thought(thought) if thought.extras.of(PROTOCOL).next().is_some() => {
                    thinking.push_str(&thought.text);
                }
                Part::Thought(_) => {
                    self.losses.push(Loss::dropped(path, "thinking of another protocol cannot be sent back"));
                }
                Part::ToolCall(call) => {
                    losses::report_signature(call.signature.as_ref(), &path, PROTOCOL, self.losses);
                    if let Some(id) = &call.id {
                        self.names.insert(id.clone(), call.name.clone());
                        self.messages.called(id);
                    }
                    let arguments = arguments_object(&call.arguments).ok_or_else(|| {
                        Error::invalid(
                            format!("{path}.arguments"),
                            "the arguments of the tool call are not a JSON object",
                        )
                        .with_hint("Ollama takes only an object; correct the arguments, or leave the call out")
                    })?;
                    losses::report_foreign(&call.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                    let mut inner = Fields::new();
                    inner.put("name", &call.name).put("arguments", &arguments);
                    calls.push(reply_encode::put_call(call, vendors_own(call.id.as_ref()), &inner));
                }
                Part::ToolResult(result) => {
                    results = true;
                    self.result(result, &path)?;
                }
                Part::Opaque(opaque) => {
                    self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
                }
                Part::Document(Media { source: MediaSource::Text(words), .. }) => {
                    self.losses.push(Loss::adapted(path, "the document is sent as text"));
                    separate(&mut text);
                    text.push_str(words);
                }
                _ => {
                    return Err(Error::invalid(path, "Ollama takes texts and images, and nothing else")
                        .with_hint("send its content as text"));
                }
            }
        }
        if results && text.is_empty() && images.is_empty() {
            return Ok(());
        }
        let role = match &message.role {
            Role::System | Role::Developer => "system",
            Role::Assistant => "assistant",
            Role::Unknown(word) => word,
            // What stands beside results in a tool message is the user's.
            _ => "user",
        };
        let mut fields = Fields::new();
        fields.put("role", role).put("content", &text);
        fields.put_some("thinking", (!thinking.is_empty()).then_some(thinking));
        fields.put_some("images", (!images.is_empty()).then_some(images));
        fields.put_some("tool_calls", (!calls.is_empty()).then_some(calls));
        fields.put_extras(&message.extras, PROTOCOL);
        self.messages.push(fields);
        Ok(())
    }

    fn image(&mut self, media: &Media, path: &str) -> Result<String, Error> {
        losses::report_media(media, path, PROTOCOL, self.losses);
        losses::report_detail(media, path, self.losses);
        match &media.source {
            MediaSource::Base64(data) => Ok(data.clone()),
            _ => Err(Error::invalid(path, "Ollama takes the bytes of an image, not its address")
                .with_hint("send it as a data: URL or base64")),
        }
    }

    fn result(&mut self, result: &ToolResult, path: &str) -> Result<(), Error> {
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if result.is_error == Some(true) {
            self.losses.push(Loss::dropped(format!("{path}.is_error"), "Ollama has no such mark; the text must tell"));
        }
        let known = result.id.as_ref().and_then(|id| self.names.get(id)).cloned();
        let mut texts = Vec::new();
        let mut images = Vec::new();
        for (place, part) in result.content.iter().enumerate() {
            let path = format!("{path}.content[{place}]");
            match part {
                Part::Text(text) => {
                    losses::report_text(text, &path, PROTOCOL, self.losses);
                    texts.push(text.text.as_str());
                }
                Part::Image(media) => images.push(self.image(media, &path)?),
                _ => self.losses.push(Loss::dropped(path, "Ollama takes texts and images in a result")),
            }
        }
        let mut fields = Fields::new();
        fields.put("role", "tool").put("content", &texts.join("\n"));
        fields.put_some("tool_name", known.as_ref().or(result.name.as_ref()));
        fields.put_some("tool_call_id", vendors_own(result.id.as_ref()));
        fields.put_some("images", (!images.is_empty()).then_some(images));
        fields.put_missing(result.extras.of(PROTOCOL));
        self.messages.result(result.id.as_deref(), fields);
        Ok(())
    }
}

/// Begins a new line where texts that were apart stand in one.
fn separate(text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
}

/// What extras of a tool that stand in its function begin with.
const FUNCTION: &str = "function.";

/// Returns an id unless it was made up here, for which Ollama has no use.
fn vendors_own(id: Option<&String>) -> Option<&String> {
    id.filter(|id| !ids::is_made_up(id))
}

fn tools(tools: &[Tool], losses: &mut Vec<Loss>) -> Vec<Json> {
    let mut list = Vec::new();
    for (place, tool) in tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                if *strict == Some(true) {
                    losses.push(Loss::dropped(format!("tools[{place}].strict"), "Ollama has no such mark"));
                }
                let mut inner = Fields::new();
                inner.put("name", name).put_some("description", description.as_ref());
                match parameters {
                    Some(parameters) => inner.put("parameters", parameters),
                    None => inner.put("parameters", &serde_json::json!({"type": "object", "properties": {}})),
                };
                put_below(&mut inner, extras, FUNCTION);
                let mut fields = Fields::new();
                fields.put("type", "function").put("function", &inner);
                for (name, value) in extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with(FUNCTION)) {
                    fields.put(name, value);
                }
                list.push(fields.to_json());
            }
            Tool::Opaque(opaque) if opaque.protocol == PROTOCOL => list.push(opaque.json.clone()),
            Tool::Opaque(opaque) => {
                losses.push(Loss::dropped(format!("tools[{place}]"), format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
    }
    list
}
