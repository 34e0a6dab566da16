use std::collections::HashMap;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{
    ChatRequest, Json, Media, MediaSource, Message, Part, Reasoning, ReasoningEffort, ResponseFormat, Role, Tool,
    ToolChoice, ToolResult,
};

use super::CHAT_PROTOCOL as PROTOCOL;
use crate::object::{Fields, arguments_object, json};
use crate::{Target, losses};

/// Writes the body of `POST /api/chat`.
pub(crate) fn encode(request: &ChatRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let mut writer = Writer { losses, messages: Vec::new(), names: HashMap::new() };
    for (place, message) in request.messages.iter().enumerate() {
        writer.message(message, &format!("messages[{place}]"))?;
    }
    let messages = writer.messages;
    let mut body = Fields::new();
    body.put("model", target.model).put("messages", &messages);
    let tools = if request.tool_choice == Some(ToolChoice::None) { Vec::new() } else { tools(&request.tools, losses) };
    if !tools.is_empty() {
        body.put("tools", &tools);
    }
    body.put_some("format", request.response_format.as_ref().and_then(format));
    let options = options(request);
    if !options.is_empty() {
        body.put("options", &options);
    }
    body.put_some("think", request.reasoning.as_ref().and_then(|reasoning| think(reasoning, losses)));
    body.put("stream", &target.stream);
    unsupported(request, losses);
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    body.put_extras(&request.extras, PROTOCOL);
    Ok(body.to_bytes())
}

fn options(request: &ChatRequest) -> Fields {
    let mut options = Fields::new();
    options.put_some("num_predict", request.max_tokens).put_some("temperature", request.temperature);
    options.put_some("top_p", request.top_p).put_some("top_k", request.top_k).put_some("seed", request.seed);
    options.put_some("presence_penalty", request.presence_penalty);
    options.put_some("frequency_penalty", request.frequency_penalty);
    if !request.stop.is_empty() {
        options.put("stop", &request.stop);
    }
    options
}

fn format(format: &ResponseFormat) -> Option<Json> {
    match format {
        ResponseFormat::JsonObject => Some(json("json")),
        ResponseFormat::JsonSchema { schema, .. } => Some(schema.clone()),
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
        (Some(effort @ (ReasoningEffort::Low | ReasoningEffort::Medium | ReasoningEffort::High)), _) => {
            Some(json(effort.as_word()))
        }
        (Some(_), _) => {
            losses.push(Loss::adapted("reasoning.effort", "Ollama has no such level: sent as yes"));
            Some(json(&true))
        }
        (None, Some(true)) => Some(json(&true)),
        (None, None) => None,
    }
}

fn unsupported(request: &ChatRequest, losses: &mut Vec<Loss>) {
    let forced =
        matches!(request.tool_choice, Some(ToolChoice::Required | ToolChoice::Function(_) | ToolChoice::AnyOf(_)));
    let settings = [
        ("tool_choice", forced),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("choices", request.choices.is_some_and(|choices| choices > 1)),
        ("logprobs", request.logprobs == Some(true)),
        ("top_logprobs", request.top_logprobs.is_some()),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Ollama has no such setting")));
}

struct Writer<'a> {
    losses: &'a mut Vec<Loss>,
    messages: Vec<Fields>,
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
                    losses::report_foreign(&part.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                    losses::report_signature(part.signature.as_ref(), &path, PROTOCOL, self.losses);
                    losses::report_citations(part, &path, self.losses);
                    if !text.is_empty() {
                        text.push('\n');
                    }
                    text.push_str(&part.text);
                }
                Part::Refusal(words) => text.push_str(words),
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
                    }
                    let arguments = arguments_object(&call.arguments).ok_or_else(|| {
                        Error::invalid(
                            format!("{path}.arguments"),
                            "the arguments of the tool call are not a JSON object",
                        )
                        .with_hint("Ollama takes only an object; correct the arguments, or leave the call out")
                    })?;
                    let mut inner = Fields::new();
                    inner.put("name", &call.name).put("arguments", &arguments);
                    let mut fields = Fields::new();
                    fields.put_some("id", call.id.as_ref()).put("function", &inner);
                    calls.push(fields);
                }
                Part::ToolResult(result) => {
                    results = true;
                    self.result(result, &path)?;
                }
                Part::Opaque(opaque) => {
                    self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
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
                Part::Text(text) => texts.push(text.text.as_str()),
                Part::Image(media) => images.push(self.image(media, &path)?),
                _ => self.losses.push(Loss::dropped(path, "Ollama takes texts and images in a result")),
            }
        }
        let mut fields = Fields::new();
        fields.put("role", "tool").put("content", &texts.join("\n"));
        fields.put_some("tool_name", known.as_ref().or(result.name.as_ref()));
        fields.put_some("tool_call_id", result.id.as_ref());
        fields.put_some("images", (!images.is_empty()).then_some(images));
        self.messages.push(fields);
        Ok(())
    }
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
                let mut fields = Fields::new();
                fields.put("type", "function").put("function", &inner).put_extras(extras, PROTOCOL);
                list.push(fields.to_json());
            }
            Tool::Opaque(opaque) => {
                losses.push(Loss::dropped(format!("tools[{place}]"), format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
    }
    list
}
