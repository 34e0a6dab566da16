use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{
    ChatRequest, Json, Message, Part, Reasoning, ReasoningEffort, ResponseFormat, Role, Tool, ToolChoice, ToolResult,
};

use super::CHAT_PROTOCOL as PROTOCOL;
use crate::ids::{self, IdForm, InOrder};
use crate::object::{Fields, json};
use crate::{Target, losses};

/// Writes the body of `POST /v2/chat`.
pub(crate) fn encode(request: &ChatRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let request = ids::settled(request, &IdForm::UNIQUE.under(target.profile));
    let request = request.as_ref();
    let mut writer = Writer { losses, messages: InOrder::default(), beside: Vec::new() };
    for (place, message) in request.messages.iter().enumerate() {
        writer.message(message, &format!("messages[{place}]"))?;
    }
    writer.put_beside();
    let messages = writer.messages.done();
    if messages.is_empty() {
        return Err(losses::nothing_said());
    }
    let mut body = Fields::new();
    body.put("model", target.model).put("messages", &messages);
    let (tools, strict) = tools(request, losses);
    if !tools.is_empty() {
        body.put("tools", &tools);
        body.put_some("strict_tools", strict.then_some(true));
        body.put_some("tool_choice", tool_choice(request.tool_choice.as_ref(), losses));
    }
    body.put_some("response_format", request.response_format.as_ref().and_then(response_format));
    body.put_some("thinking", request.reasoning.as_ref().and_then(|reasoning| thinking(reasoning, losses)));
    body.put_some("max_tokens", request.max_tokens);
    if !request.stop.is_empty() {
        body.put("stop_sequences", &request.stop);
    }
    match request.temperature {
        Some(temperature) if temperature > 1.0 => {
            losses.push(Loss::adapted("temperature", "Cohere's scale ends at 1: sent as 1"));
            body.put("temperature", &1.0);
        }
        temperature => {
            body.put_some("temperature", temperature);
        }
    }
    body.put_some("seed", request.seed).put_some("p", request.top_p).put_some("k", request.top_k);
    body.put_some("frequency_penalty", request.frequency_penalty);
    body.put_some("presence_penalty", request.presence_penalty);
    body.put_some("logprobs", request.logprobs);
    body.put("stream", &target.stream);
    losses::report_description(request.response_format.as_ref(), losses);
    unsupported(request, losses);
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    body.put_extras(&request.extras, PROTOCOL);
    Ok(body.to_bytes())
}

fn unsupported(request: &ChatRequest, losses: &mut Vec<Loss>) {
    let settings = [
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("choices", request.choices.is_some_and(|choices| choices > 1)),
        ("top_logprobs", request.top_logprobs.is_some()),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Cohere has no such setting")));
}

fn tools(request: &ChatRequest, losses: &mut Vec<Loss>) -> (Vec<Json>, bool) {
    let (mut list, mut held) = (Vec::new(), 0);
    for (place, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                held += usize::from(*strict == Some(true));
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
    if held > 0 && held < list.len() {
        losses.push(Loss::adapted("tools", "Cohere holds the model to all schemas or none: sent as all"));
    }
    (list, held > 0)
}

fn tool_choice(choice: Option<&ToolChoice>, losses: &mut Vec<Loss>) -> Option<&'static str> {
    match choice? {
        ToolChoice::None => Some("NONE"),
        ToolChoice::Required => Some("REQUIRED"),
        ToolChoice::Function(_) | ToolChoice::AnyOf(_) => {
            losses.push(Loss::adapted("tool_choice", "Cohere cannot name a tool: sent as any"));
            Some("REQUIRED")
        }
        ToolChoice::Opaque(opaque) => {
            losses.push(Loss::dropped("tool_choice", format!("only {} has it", opaque.protocol)));
            None
        }
        _ => None,
    }
}

fn response_format(format: &ResponseFormat) -> Option<Json> {
    match format {
        ResponseFormat::JsonObject => Some(json(&serde_json::json!({"type": "json_object"}))),
        ResponseFormat::JsonSchema { schema, .. } => {
            let mut fields = Fields::new();
            fields.put("type", "json_object").put("json_schema", schema);
            Some(fields.to_json())
        }
        _ => None,
    }
}

fn thinking(reasoning: &Reasoning, losses: &mut Vec<Loss>) -> Option<Json> {
    losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
    let off = reasoning.enabled == Some(false) || reasoning.effort == Some(ReasoningEffort::None);
    if off || reasoning.budget == Some(0) {
        return Some(json(&serde_json::json!({"type": "disabled"})));
    }
    if reasoning.visible == Some(false) {
        losses.push(Loss::dropped("reasoning.visible", "Cohere shows what it thinks"));
    }
    if let Some(budget) = reasoning.budget {
        return Some(json(&serde_json::json!({"type": "enabled", "token_budget": budget})));
    }
    if let Some(effort) = &reasoning.effort {
        let reason = format!("Cohere has no levels: `{}` is sent as on", effort.as_word());
        losses.push(Loss::adapted("reasoning.effort", reason));
    }
    let wanted = reasoning.effort.is_some() || reasoning.enabled == Some(true);
    wanted.then(|| json(&serde_json::json!({"type": "enabled"})))
}

struct Writer<'a> {
    losses: &'a mut Vec<Loss>,
    messages: InOrder<Fields>,
    /// Images that tools returned. They follow the last result of a turn.
    beside: Vec<Json>,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "Cohere has no names of speakers"));
        }
        let (mut content, mut calls, mut results) = (Vec::new(), Vec::new(), false);
        let mut plan = None;
        for (place, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.parts[{place}]");
            match part {
                Part::ToolCall(call) => {
                    losses::report_signature(call.signature.as_ref(), &path, PROTOCOL, self.losses);
                    losses::report_foreign(&call.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                    // Each call has an id by now.
                    let id = call.id.as_deref().unwrap_or_default();
                    self.messages.called(id);
                    let mut inner = Fields::new();
                    inner.put("name", &call.name).put("arguments", &call.arguments);
                    let mut fields = Fields::new();
                    fields.put("id", id).put("type", "function").put("function", &inner);
                    calls.push(fields);
                }
                Part::ToolResult(result) => {
                    results = true;
                    self.result(result, &path)?;
                }
                Part::Thought(thought) => match thought.extras.get(PROTOCOL, "tool_plan") {
                    Some(own) => plan = Some(own),
                    None if thought.extras.of(PROTOCOL).next().is_some() => {
                        content.push(json(&serde_json::json!({"type": "thinking", "thinking": thought.text})));
                    }
                    None => self.losses.push(Loss::dropped(path, "thinking of another protocol cannot be sent back")),
                },
                part => content.extend(self.part(part, &path)?),
            }
        }
        if results && content.is_empty() {
            return Ok(());
        }
        self.put_beside();
        let role = match &message.role {
            Role::System | Role::Developer => "system",
            Role::Assistant => "assistant",
            role => losses::user(role, path, self.losses),
        };
        let mut fields = Fields::new();
        fields.put("role", role);
        match content.as_slice() {
            [] if !calls.is_empty() => &mut fields,
            [] => fields.put("content", ""),
            [one] => match plain(one) {
                Some(text) => fields.put("content", &text),
                None => fields.put("content", &content),
            },
            _ => fields.put("content", &content),
        };
        fields.put_some("tool_plan", plan).put_some("tool_calls", (!calls.is_empty()).then_some(calls));
        fields.put_extras(&message.extras, PROTOCOL);
        self.messages.push(fields);
        Ok(())
    }

    /// Writes what belongs to results and cannot stand in them as the user's.
    fn put_beside(&mut self) {
        if !self.beside.is_empty() {
            let mut fields = Fields::new();
            fields.put("role", "user").put("content", &std::mem::take(&mut self.beside));
            self.messages.push(fields);
        }
    }

    fn part(&mut self, part: &Part, path: &str) -> Result<Option<Json>, Error> {
        Ok(match part {
            Part::Text(text) => {
                losses::report_text(text, path, PROTOCOL, self.losses);
                let mut fields = Fields::new();
                fields.put("type", "text").put("text", &text.text).put_extras(&text.extras, PROTOCOL);
                Some(fields.to_json())
            }
            Part::Refusal(text) => {
                losses::report_refusal(path, self.losses);
                Some(json(&serde_json::json!({"type": "text", "text": text})))
            }
            Part::Image(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                let url = media.to_url().ok_or_else(|| {
                    Error::invalid(path, "Cohere takes no image by a file id")
                        .with_hint("send the image's URL or bytes")
                })?;
                let mut inner = Fields::new();
                inner.put("url", &url).put_some("detail", media.detail.as_ref());
                let mut fields = Fields::new();
                fields.put("type", "image_url").put("image_url", &inner);
                Some(fields.to_json())
            }
            Part::Opaque(opaque) if opaque.protocol == PROTOCOL => Some(opaque.json.clone()),
            Part::Opaque(opaque) => {
                self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
                None
            }
            _ => {
                return Err(Error::invalid(path, "Cohere takes texts and images, and nothing else")
                    .with_hint("send its content as text"));
            }
        })
    }

    fn result(&mut self, result: &ToolResult, path: &str) -> Result<(), Error> {
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if result.is_error == Some(true) {
            self.losses.push(Loss::dropped(format!("{path}.is_error"), "Cohere has no such mark; the text must tell"));
        }
        let mut texts = Vec::new();
        for (place, part) in result.content.iter().enumerate() {
            let path = format!("{path}.content[{place}]");
            match part {
                Part::Text(text) => {
                    losses::report_text(text, &path, PROTOCOL, self.losses);
                    texts.push(text.text.as_str());
                }
                part => {
                    let written = self.part(part, &path)?;
                    self.losses.push(Loss::adapted(path, "Cohere takes only text in a result: sent behind it"));
                    self.beside.extend(written);
                }
            }
        }
        let id = result.id.as_deref().ok_or_else(|| {
            Error::invalid(format!("{path}.id"), "the tool's result does not say which call it answers")
                .with_hint("give it the id of the call")
        })?;
        let mut fields = Fields::new();
        fields.put("role", "tool").put("tool_call_id", id).put("content", &texts.join("\n"));
        self.messages.result(Some(id), fields);
        Ok(())
    }
}

/// Returns the text of a part that is nothing else.
fn plain(part: &Json) -> Option<String> {
    let mut fields = crate::object::Object::lenient(part);
    let is_text = fields.find_text("type").as_deref() == Some("text");
    let text = fields.find("text");
    text.filter(|_| is_text && fields.is_empty())
}
