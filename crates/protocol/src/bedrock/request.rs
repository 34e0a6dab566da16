use tollbridge_core::{Error, Loss};
use tollbridge_types::{
    ChatRequest, Extras, Json, Media, MediaSource, Message, Part, Reasoning, ReasoningEffort, ResponseFormat, Role,
    Tool, ToolCall, ToolChoice, ToolResult,
};

use super::CONVERSE_PROTOCOL as PROTOCOL;
use crate::object::{Fields, arguments_object, json};
use crate::{losses, tool_id};

/// Writes the body of Converse; the model stands in the URL.
pub(crate) fn encode(request: &ChatRequest, model: &str, losses: &mut Vec<Loss>) -> Result<Fields, Error> {
    let mut writer = Writer { losses, system: Vec::new(), turns: Vec::new(), calls: 0, documents: 0 };
    for (place, message) in request.messages.iter().enumerate() {
        writer.message(message, &format!("messages[{place}]"))?;
    }
    let Writer { system, turns, .. } = writer;
    if turns.is_empty() {
        return Err(Error::invalid("messages", "there is no message but instructions").with_hint("add a user message"));
    }
    let turn = |(role, content): &(&str, Vec<Json>)| {
        let mut fields = Fields::new();
        fields.put("role", role).put("content", content);
        fields
    };
    let mut body = Fields::new();
    body.put("messages", &turns.iter().map(turn).collect::<Vec<_>>());
    if !system.is_empty() {
        body.put("system", &system);
    }
    let config = inference_config(request);
    if !config.is_empty() {
        body.put("inferenceConfig", &config);
    }
    tools(request, &mut body, losses);
    let more = model_fields(request, model, losses);
    if !more.is_empty() {
        body.put("additionalModelRequestFields", &more);
    }
    output_config(request, &mut body, losses);
    if let Some(tier) = &request.service_tier {
        body.put("serviceTier", &serde_json::json!({"type": tier}));
    }
    unsupported(request, losses);
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    body.put_extras(&request.extras, PROTOCOL);
    Ok(body)
}

fn inference_config(request: &ChatRequest) -> Fields {
    let mut config = Fields::new();
    config.put_some("maxTokens", request.max_tokens).put_some("temperature", request.temperature);
    config.put_some("topP", request.top_p);
    if !request.stop.is_empty() {
        config.put("stopSequences", &request.stop);
    }
    config
}

/// Writes what only the model's own maker defines, in that maker's words.
fn model_fields(request: &ChatRequest, model: &str, losses: &mut Vec<Loss>) -> Fields {
    let mut fields = Fields::new();
    let (claude, nova, gpt) = (model.contains("anthropic."), model.contains("amazon.nova"), model.contains("openai."));
    if let Some(top_k) = request.top_k {
        if claude {
            fields.put("top_k", &top_k);
        } else if nova {
            fields.put("inferenceConfig", &serde_json::json!({"topK": top_k}));
        } else {
            losses.push(Loss::dropped("top_k", "Bedrock has no such setting for this model"));
        }
    }
    if let Some(reasoning) = &request.reasoning {
        losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
        let effort = effort(reasoning, losses);
        match (effort, reasoning.budget) {
            _ if effort.is_none() && reasoning.budget.is_none() && reasoning.enabled != Some(true) => {}
            (_, Some(budget)) if claude && budget > 0 => {
                fields.put("thinking", &serde_json::json!({"type": "enabled", "budget_tokens": budget.max(1024)}));
            }
            (Some("none"), _) | (_, Some(0)) => {}
            (effort, _) if claude => {
                fields.put("thinking", &serde_json::json!({"type": "adaptive"}));
                if let Some(effort) = effort {
                    fields.put("output_config", &serde_json::json!({"effort": effort}));
                }
            }
            (effort, _) if nova => {
                let effort = effort.unwrap_or("medium");
                fields.put("reasoningConfig", &serde_json::json!({"type": "enabled", "maxReasoningEffort": effort}));
            }
            (effort, _) if gpt => {
                fields.put("reasoning_effort", effort.unwrap_or("medium"));
            }
            _ => losses.push(Loss::dropped("reasoning", "Bedrock has no such setting for this model")),
        }
    }
    fields
}

fn effort<'r>(reasoning: &'r Reasoning, losses: &mut Vec<Loss>) -> Option<&'r str> {
    match &reasoning.effort {
        Some(ReasoningEffort::Minimal) => {
            losses.push(Loss::adapted("reasoning.effort", "sent as `low`, the least that Bedrock's models have"));
            Some("low")
        }
        Some(effort) => Some(effort.as_word()),
        None if reasoning.enabled == Some(false) => Some("none"),
        None => None,
    }
}

fn output_config(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    match &request.response_format {
        Some(ResponseFormat::JsonSchema { name, description, schema, .. }) => {
            let mut inner = Fields::new();
            inner.put("name", name.as_deref().unwrap_or("answer")).put("schema", schema.as_str());
            inner.put_some("description", description.as_ref());
            let mut structure = Fields::new();
            structure.put("jsonSchema", &inner);
            let mut format = Fields::new();
            format.put("type", "json_schema").put("structure", &structure);
            let mut config = Fields::new();
            config.put("textFormat", &format);
            body.put("outputConfig", &config);
        }
        Some(ResponseFormat::JsonObject) => {
            losses.push(Loss::dropped("response_format", "Bedrock has no JSON mode without a schema"));
        }
        _ => {}
    }
}

fn unsupported(request: &ChatRequest, losses: &mut Vec<Loss>) {
    let settings = [
        ("seed", request.seed.is_some()),
        ("presence_penalty", request.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("frequency_penalty", request.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
        ("choices", request.choices.is_some_and(|choices| choices > 1)),
        ("logprobs", request.logprobs == Some(true)),
        ("top_logprobs", request.top_logprobs.is_some()),
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("user", request.user.is_some()),
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Bedrock's Converse has no such setting")));
}

fn tools(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    let mut list = Vec::new();
    for (place, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                let mut schema = Fields::new();
                match parameters {
                    Some(parameters) => schema.put("json", parameters),
                    None => schema.put("json", &serde_json::json!({"type": "object", "properties": {}})),
                };
                let mut spec = Fields::new();
                spec.put("name", name).put_some("description", description.as_ref()).put("inputSchema", &schema);
                spec.put_some("strict", strict.filter(|strict| *strict));
                let mut fields = Fields::new();
                fields.put("toolSpec", &spec);
                list.push(fields.to_json());
                list.extend(cache_point(extras));
            }
            Tool::Opaque(opaque) if opaque.protocol == PROTOCOL => list.push(opaque.json.clone()),
            Tool::Opaque(opaque) => {
                losses.push(Loss::dropped(format!("tools[{place}]"), format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
    }
    if list.is_empty() {
        return;
    }
    if request.tool_choice == Some(ToolChoice::None) {
        // Converse cannot forbid what it offers, so it offers nothing.
        losses.push(Loss::adapted("tool_choice", "sent without tools, which Bedrock cannot forbid"));
        return;
    }
    let mut config = Fields::new();
    config.put("tools", &list);
    match &request.tool_choice {
        Some(ToolChoice::Auto) => {
            config.put("toolChoice", &serde_json::json!({"auto": {}}));
        }
        Some(ToolChoice::Required) => {
            config.put("toolChoice", &serde_json::json!({"any": {}}));
        }
        Some(ToolChoice::Function(name)) => {
            config.put("toolChoice", &serde_json::json!({"tool": {"name": name}}));
        }
        Some(ToolChoice::AnyOf(_)) => {
            losses.push(Loss::adapted("tool_choice", "Bedrock names one tool or any: sent as any"));
            config.put("toolChoice", &serde_json::json!({"any": {}}));
        }
        Some(ToolChoice::Opaque(opaque)) => {
            losses.push(Loss::dropped("tool_choice", format!("only {} has it", opaque.protocol)));
        }
        _ => {}
    }
    body.put("toolConfig", &config);
}

/// Returns the block that ends a cached prefix, where a client put Anthropic's mark for it.
fn cache_point(extras: &Extras) -> Option<Json> {
    let mark = losses::any_cache_mark(extras)?;
    let lifetime = crate::object::Object::lenient(mark).find_text("ttl");
    let mut inner = Fields::new();
    inner.put("type", "default").put_some("ttl", lifetime);
    let mut fields = Fields::new();
    fields.put("cachePoint", &inner);
    Some(fields.to_json())
}

struct Writer<'a> {
    losses: &'a mut Vec<Loss>,
    system: Vec<Json>,
    turns: Vec<(&'static str, Vec<Json>)>,
    calls: u32,
    documents: u32,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "Bedrock has no names of speakers"));
        }
        let mut content = Vec::new();
        for (place, part) in message.parts.iter().enumerate() {
            self.part(part, &format!("{path}.parts[{place}]"), &mut content)?;
        }
        let role = match message.role {
            Role::System | Role::Developer => {
                if !self.turns.is_empty() {
                    self.losses.push(Loss::adapted(path, "instructions in mid-conversation are sent at its head"));
                }
                self.system.extend(content);
                return Ok(());
            }
            Role::Assistant => "assistant",
            _ => "user",
        };
        if content.is_empty() {
            return Ok(());
        }
        match self.turns.last_mut().filter(|(last, _)| *last == role) {
            Some((_, last)) => last.extend(content),
            None => self.turns.push((role, content)),
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, path: &str, content: &mut Vec<Json>) -> Result<(), Error> {
        let block = |name: &str, inner: &Fields| {
            let mut fields = Fields::new();
            fields.put(name, inner);
            fields.to_json()
        };
        match part {
            Part::Text(text) => {
                losses::report_foreign(&text.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                losses::report_signature(text.signature.as_ref(), path, PROTOCOL, self.losses);
                losses::report_citations(text, path, self.losses);
                // Bedrock refuses blank texts.
                if !text.text.trim().is_empty() {
                    content.push(json(&serde_json::json!({"text": text.text})));
                }
                content.extend(cache_point(&text.extras));
            }
            Part::Refusal(text) => content.push(json(&serde_json::json!({"text": text}))),
            Part::Image(media) | Part::Video(media) | Part::Document(media) | Part::Audio(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                losses::report_detail(media, path, self.losses);
                content.push(self.media(part, media, path)?);
                content.extend(cache_point(&media.extras));
            }
            Part::Thought(thought) => {
                let signature = thought.signature.as_ref().and_then(|signature| signature.of(PROTOCOL));
                let redacted = thought.redacted.as_ref().and_then(|redacted| redacted.of(PROTOCOL));
                let own = thought.extras.of(PROTOCOL).next().is_some();
                let mut inner = Fields::new();
                if let Some(redacted) = redacted {
                    inner.put("redactedContent", redacted);
                } else if signature.is_some() || own {
                    let mut text = Fields::new();
                    text.put("text", &thought.text).put_some("signature", signature);
                    inner.put("reasoningText", &text);
                } else {
                    self.losses.push(Loss::dropped(path, "thinking of another protocol cannot be sent back"));
                    return Ok(());
                }
                content.push(block("reasoningContent", &inner));
            }
            Part::ToolCall(call) => {
                let inner = self.tool_call(call, path)?;
                content.push(block("toolUse", &inner));
            }
            Part::ToolResult(result) => {
                let inner = self.tool_result(result, path)?;
                content.push(block("toolResult", &inner));
                content.extend(cache_point(&result.extras));
            }
            Part::Opaque(opaque) if opaque.protocol == PROTOCOL => content.push(opaque.json.clone()),
            Part::Opaque(opaque) => {
                self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
        Ok(())
    }

    fn tool_call(&mut self, call: &ToolCall, path: &str) -> Result<Fields, Error> {
        losses::report_signature(call.signature.as_ref(), path, PROTOCOL, self.losses);
        let input = arguments_object(&call.arguments).ok_or_else(|| {
            Error::invalid(format!("{path}.arguments"), "the arguments of the tool call are not a JSON object")
                .with_hint("Bedrock takes only an object; correct the arguments, or leave the call out")
        })?;
        let id = call.id.clone().unwrap_or_else(|| tool_id::made_up("request", 0, self.calls));
        self.calls += 1;
        let mut inner = Fields::new();
        inner.put("toolUseId", &crate::anthropic::valid_id(&id)).put("name", &call.name).put("input", &input);
        Ok(inner)
    }

    fn tool_result(&mut self, result: &ToolResult, path: &str) -> Result<Fields, Error> {
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        let id = result.id.as_deref().ok_or_else(|| {
            Error::invalid(format!("{path}.id"), "the tool's result does not say which call it answers")
                .with_hint("give it the id of the call")
        })?;
        let mut content = Vec::new();
        for (place, part) in result.content.iter().enumerate() {
            self.part(part, &format!("{path}.content[{place}]"), &mut content)?;
        }
        if content.is_empty() {
            content.push(json(&serde_json::json!({"text": "(nothing)"})));
        }
        let mut inner = Fields::new();
        inner.put("toolUseId", &crate::anthropic::valid_id(id)).put("content", &content);
        inner.put_some("status", result.is_error.map(|failed| if failed { "error" } else { "success" }));
        Ok(inner)
    }

    fn media(&mut self, part: &Part, media: &Media, path: &str) -> Result<Json, Error> {
        let mime = media.mime.as_deref().unwrap_or_default();
        let format = mime.rsplit('/').next().unwrap_or_default();
        let (kind, format) = match part {
            Part::Image(_) => ("image", if format.is_empty() { "png" } else { format }),
            Part::Video(_) => ("video", if format.is_empty() { "mp4" } else { format }),
            Part::Audio(_) => ("audio", if format == "mpeg" { "mp3" } else { format }),
            _ => ("document", document_format(mime)),
        };
        let mut source = Fields::new();
        match &media.source {
            MediaSource::Base64(data) => source.put("bytes", data),
            MediaSource::Url(url) if url.starts_with("s3://") => {
                source.put("s3Location", &serde_json::json!({"uri": url}))
            }
            MediaSource::Text(text) if kind == "document" => source.put("text", text),
            _ => {
                return Err(Error::invalid(path, "Bedrock takes bytes or an s3:// address, and no other")
                    .with_hint("send it as a data: URL or base64"));
            }
        };
        let mut inner = Fields::new();
        inner.put("format", format);
        if kind == "document" {
            self.documents += 1;
            let name = media.name.as_deref().map(plain_name).filter(|name| !name.is_empty());
            inner.put("name", &name.unwrap_or_else(|| format!("document-{}", self.documents)));
        }
        inner.put("source", &source).put_extras(&media.extras, PROTOCOL);
        let mut fields = Fields::new();
        fields.put(kind, &inner);
        Ok(fields.to_json())
    }
}

fn document_format(mime: &str) -> &str {
    match mime {
        "application/pdf" | "" => "pdf",
        "text/csv" => "csv",
        "text/html" => "html",
        "text/markdown" => "md",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        _ => "txt",
    }
}

/// Makes a name of the letters that Bedrock takes.
fn plain_name(name: &str) -> String {
    let valid = |letter: char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '(' | ')' | '[' | ']');
    name.chars().map(|letter| if valid(letter) { letter } else { '-' }).collect()
}
