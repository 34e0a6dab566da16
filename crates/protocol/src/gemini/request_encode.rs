use std::collections::HashMap;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_profiles::{Profile, Thinking};
use tollbridge_types::{
    ChatRequest, Extras, Json, Media, MediaSource, Message, Part, ResponseFormat, Role, Tool, ToolCall, ToolChoice,
    ToolResult,
};

use super::{GENERATE_PROTOCOL as PROTOCOL, parts, thinking};
use crate::ids::{self, IdForm, Order};
use crate::losses;
use crate::media::in_results;
use crate::object::{Fields, json};

/// Writes the body of generateContent; model and stream stand in the URL.
pub(crate) fn encode(request: &ChatRequest, profile: &Profile, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let demands_signatures = super::demands_signatures(profile);
    let request = ids::settled(request, &IdForm::UNIQUE.under(profile));
    let request = request.as_ref();
    let mut conversation = Conversation {
        demands_signatures,
        profile,
        losses,
        system: Vec::new(),
        system_extras: Extras::default(),
        contents: Vec::new(),
        names: HashMap::new(),
        order: Order::default(),
    };
    for (place, message) in request.messages.iter().enumerate() {
        conversation.message(message, &format!("messages[{place}]"))?;
    }
    let Conversation { mut system, mut system_extras, mut contents, .. } = conversation;
    if contents.is_empty() {
        if system.is_empty() {
            return Err(losses::nothing_said());
        }
        losses.push(Loss::adapted("messages[0]", "there are only instructions: sent as the user's words"));
        let said = std::mem::take(&mut system).into_iter().map(|json| Written { json, result: None }).collect();
        contents.push(("user", said, std::mem::take(&mut system_extras)));
    }
    let mut body = Fields::new();
    let contents: Vec<_> = contents
        .iter_mut()
        .map(|(role, parts, extras)| {
            // Google pairs the responses of a turn with its calls by their order too.
            parts.sort_by_key(|part| (part.result.is_none(), part.result));
            let parts: Vec<_> = parts.iter().map(|part| &part.json).collect();
            let mut fields = Fields::new();
            fields.put("role", role).put("parts", &parts).put_extras(extras, PROTOCOL);
            fields
        })
        .collect();
    body.put("contents", &contents);
    if !system.is_empty() {
        let mut fields = Fields::new();
        fields.put("parts", &system).put_extras(&system_extras, PROTOCOL);
        body.put("systemInstruction", &fields);
    }
    tools(request, &mut body, losses);
    let config = generation_config(request, &profile.thinking, losses);
    if !config.is_empty() {
        body.put("generationConfig", &config);
    }
    losses::report_description(request.response_format.as_ref(), losses);
    unsupported(request, losses);
    if let Some(reasoning) = &request.reasoning {
        losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
    }
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    let nested = |name: &str| name.starts_with("generationConfig.") || name.starts_with("toolConfig.");
    body.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !nested(name)));
    Ok(body.to_bytes())
}

fn tools(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    let (mut declarations, mut tools) = (Vec::new(), Vec::new());
    for (place, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                if *strict == Some(true) {
                    losses.push(Loss::dropped(format!("tools[{place}].strict"), "Gemini has no such mark"));
                }
                let mut fields = Fields::new();
                fields.put("name", name).put_some("description", description.as_ref()).put_extras(extras, PROTOCOL);
                if !fields.has("parameters") {
                    fields.put_some("parametersJsonSchema", parameters.as_ref());
                }
                declarations.push(fields);
            }
            Tool::Opaque(opaque) if opaque.protocol == PROTOCOL => tools.push(opaque.json.clone()),
            Tool::Opaque(opaque) => {
                losses.push(Loss::dropped(format!("tools[{place}]"), format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
    }
    if !declarations.is_empty() {
        let mut functions = Fields::new();
        functions.put("functionDeclarations", &declarations);
        tools.insert(0, functions.to_json());
    }
    if !tools.is_empty() {
        body.put("tools", &tools);
    }
    let calling = match &request.tool_choice {
        Some(_) if request.tools.is_empty() && request.extras.get(PROTOCOL, "cachedContent").is_none() => None,
        Some(ToolChoice::Auto) => Some(json(&serde_json::json!({"mode": "AUTO"}))),
        Some(ToolChoice::None) => Some(json(&serde_json::json!({"mode": "NONE"}))),
        Some(ToolChoice::Required) => Some(json(&serde_json::json!({"mode": "ANY"}))),
        Some(ToolChoice::Function(name)) => {
            Some(json(&serde_json::json!({"mode": "ANY", "allowedFunctionNames": [name]})))
        }
        Some(ToolChoice::AnyOf(names)) => {
            Some(json(&serde_json::json!({"mode": "ANY", "allowedFunctionNames": names})))
        }
        Some(ToolChoice::Opaque(opaque)) if opaque.protocol == PROTOCOL => Some(opaque.json.clone()),
        Some(_) => {
            losses.push(Loss::dropped("tool_choice", "only another protocol has it"));
            None
        }
        None => None,
    };
    let mut config = Fields::new();
    config.put_some("functionCallingConfig", calling);
    put_prefixed(&mut config, &request.extras, "toolConfig.");
    if !config.is_empty() {
        body.put("toolConfig", &config);
    }
}

fn generation_config(request: &ChatRequest, rules: &Thinking, losses: &mut Vec<Loss>) -> Fields {
    let mut config = Fields::new();
    config.put_some("temperature", request.temperature).put_some("topP", request.top_p);
    config.put_some("topK", request.top_k).put_some("candidateCount", request.choices);
    config.put_some("maxOutputTokens", request.max_tokens);
    if !request.stop.is_empty() {
        config.put("stopSequences", &request.stop);
    }
    config.put_some("seed", request.seed).put_some("presencePenalty", request.presence_penalty);
    config.put_some("frequencyPenalty", request.frequency_penalty).put_some("responseLogprobs", request.logprobs);
    config.put_some("logprobs", request.top_logprobs);
    let own_mime = request.extras.get(PROTOCOL, "generationConfig.responseMimeType");
    match &request.response_format {
        Some(ResponseFormat::Text) => {
            config.put("responseMimeType", "text/plain");
        }
        Some(ResponseFormat::JsonObject) => {
            config.put("responseMimeType", "application/json");
        }
        Some(ResponseFormat::JsonSchema { schema, .. }) => {
            if own_mime.is_none() {
                config.put("responseMimeType", "application/json");
            }
            if request.extras.get(PROTOCOL, "generationConfig.responseSchema").is_none() {
                config.put("responseJsonSchema", schema);
            }
        }
        _ => {}
    }
    config.put_some(
        "thinkingConfig",
        request.reasoning.as_ref().and_then(|reasoning| thinking(reasoning, rules, losses)),
    );
    put_prefixed(&mut config, &request.extras, "generationConfig.");
    config
}

fn put_prefixed(fields: &mut Fields, extras: &Extras, prefix: &str) {
    let said = extras.of(PROTOCOL).filter(|(_, value)| value.as_str() != "null");
    fields.put_missing(said.filter_map(|(name, value)| Some((name.strip_prefix(prefix)?, value))));
}

fn unsupported(request: &ChatRequest, losses: &mut Vec<Loss>) {
    let settings = [
        ("parallel_tool_calls", request.parallel_tool_calls == Some(false)),
        ("user", request.user.is_some()),
        ("service_tier", request.service_tier.is_some()),
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Gemini has no such setting")));
}

struct Conversation<'a> {
    /// Whether the model refuses calls without a signature.
    demands_signatures: bool,
    profile: &'a Profile,
    losses: &'a mut Vec<Loss>,
    system: Vec<Json>,
    system_extras: Extras,
    contents: Vec<(&'static str, Vec<Written>, Extras)>,
    /// The name of the function that each call id stands for.
    names: HashMap<String, String>,
    order: Order,
}

/// A part as it is sent.
struct Written {
    json: Json,
    /// The place of a function's response among others.
    result: Option<usize>,
}

impl Conversation<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "Gemini has no names of speakers"));
        }
        let mut parts = Vec::new();
        let mut called = false;
        for (place, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.parts[{place}]");
            match part {
                Part::ToolCall(call) => {
                    let unsigned = !std::mem::replace(&mut called, true) && self.demands_signatures;
                    parts.push(Written { json: self.tool_call(call, unsigned, &path)?.to_json(), result: None });
                }
                Part::ToolResult(result) => {
                    let place = self.order.of(result.id.as_deref());
                    let written = self.tool_result(result, &path)?;
                    parts.extend(written.into_iter().map(|json| Written { json, result: Some(place) }));
                }
                part => {
                    let written = self.part(part, &path)?;
                    parts.extend(written.into_iter().map(|json| Written { json, result: None }));
                }
            }
        }
        let role = match &message.role {
            Role::System | Role::Developer => {
                if !self.contents.is_empty() {
                    self.losses.push(Loss::adapted(path, "instructions in mid-conversation are sent at its head"));
                }
                self.system.extend(parts.into_iter().map(|part| part.json));
                self.system_extras.extend(message.extras.clone());
                return Ok(());
            }
            Role::Assistant => "model",
            role => losses::user(role, path, self.losses),
        };
        if parts.is_empty() {
            return Ok(());
        }
        match self.contents.last_mut().filter(|(last, ..)| *last == role) {
            Some((_, last, extras)) => {
                last.extend(parts);
                extras.extend(message.extras.clone());
            }
            None => self.contents.push((role, parts, message.extras.clone())),
        }
        Ok(())
    }

    fn part(&mut self, part: &Part, path: &str) -> Result<Vec<Json>, Error> {
        let fields = match part {
            Part::Text(text) => {
                losses::report_text(text, path, PROTOCOL, self.losses);
                let mut fields = parts::text(&text.text, false);
                fields.put_extras(&text.extras, PROTOCOL);
                parts::signed(fields, text.signature.as_ref())
            }
            Part::Refusal(text) => {
                losses::report_refusal(path, self.losses);
                parts::text(text, false)
            }
            Part::Thought(thought) => {
                let foreign = thought.signature.as_ref().or(thought.redacted.as_ref());
                let foreign = foreign.is_some_and(|signature| signature.protocol != PROTOCOL);
                if foreign || thought.extras.iter().any(|(owner, ..)| owner != PROTOCOL) {
                    self.losses.push(Loss::dropped(path, "thinking of another protocol cannot be sent back"));
                    return Ok(Vec::new());
                }
                let mut fields = parts::thought(&thought.text, thought.signature.is_some());
                fields.put_extras(&thought.extras, PROTOCOL);
                parts::signed(fields, thought.signature.as_ref())
            }
            Part::ToolCall(call) => self.tool_call(call, false, path)?,
            Part::ToolResult(result) => return self.tool_result(result, path),
            Part::Image(media) | Part::Audio(media) | Part::Video(media) | Part::Document(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                losses::report_detail(media, path, self.losses);
                match (part, &media.source) {
                    (Part::Document(_), MediaSource::Text(text)) => parts::text(text, false),
                    (Part::Document(_), _) => media_part(media, "application/pdf", path)?,
                    (Part::Audio(_), _) => media_part(media, "audio/wav", path)?,
                    (Part::Video(_), _) => media_part(media, "video/mp4", path)?,
                    _ => media_part(media, "image/png", path)?,
                }
            }
            Part::Opaque(opaque) if opaque.protocol == PROTOCOL => return Ok(vec![opaque.json.clone()]),
            Part::Opaque(opaque) => {
                self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
                return Ok(Vec::new());
            }
            _ => return Ok(Vec::new()),
        };
        Ok(vec![fields.to_json()])
    }

    fn tool_call(&mut self, call: &ToolCall, needs_signature: bool, path: &str) -> Result<Fields, Error> {
        losses::report_signature(call.signature.as_ref(), path, PROTOCOL, self.losses);
        losses::report_foreign(&call.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if let Some(id) = &call.id {
            self.names.insert(id.clone(), call.name.clone());
            self.order.called(id);
        }
        let args = crate::object::arguments_object(&call.arguments).ok_or_else(|| {
            Error::invalid(format!("{path}.arguments"), "the arguments of the tool call are not a JSON object")
                .with_hint("Gemini takes only an object; correct the arguments, or leave the call out")
        })?;
        let mut fields = parts::function_call(call, &args, false);
        if needs_signature && !fields.has("thoughtSignature") {
            fields.put("thoughtSignature", super::ANY_SIGNATURE);
        }
        Ok(fields)
    }

    fn tool_result(&mut self, result: &ToolResult, path: &str) -> Result<Vec<Json>, Error> {
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        let known = result.id.as_ref().and_then(|id| self.names.get(id)).cloned();
        let name = known.or_else(|| result.name.clone()).ok_or_else(|| {
            Error::invalid(format!("{path}.id"), "no earlier tool call has the id that this result answers")
                .with_hint("send the assistant message with the tool call before its result")
        })?;
        let text: String = result.content.iter().filter_map(Part::as_text).collect();
        let response =
            match (result.extras.get(PROTOCOL, "functionResponse.response"), crate::object::arguments_object(&text)) {
                (Some(own), _) => own.clone(),
                (None, _) if result.is_error == Some(true) => json(&serde_json::json!({"error": text})),
                (None, Some(object)) if !text.trim().is_empty() => object,
                _ => json(&serde_json::json!({"result": text})),
            };
        let mut inner = Fields::new();
        inner.put_some("id", result.id.as_ref().filter(|id| !ids::is_made_up(id)));
        inner.put("name", &name).put("response", &response);
        let profile = self.profile;
        let is_inside = |part: &Part| {
            part.as_media().is_some_and(|(kind, media)| {
                let came_so = media.extras.get(PROTOCOL, parts::INSIDE).is_some();
                let mime = media.mime.as_deref().unwrap_or_default();
                let taken = matches!(media.source, MediaSource::Base64(_))
                    && (mime.starts_with("image/") || ["application/pdf", "text/plain"].contains(&mime));
                came_so || taken && in_results(&profile.media, kind) == Some(true)
            })
        };
        let mut inside = Vec::new();
        for (place, part) in result.content.iter().enumerate().filter(|(_, part)| is_inside(part)) {
            inside.extend(self.part(part, &format!("{path}.content[{place}]"))?);
        }
        inner.put_some("parts", (!inside.is_empty()).then_some(inside));
        put_prefixed(&mut inner, &result.extras, "functionResponse.");
        let mut fields = Fields::new();
        fields.put("functionResponse", &inner);
        let beside = |name: &str| !name.starts_with("functionResponse.");
        for (name, value) in result.extras.of(PROTOCOL).filter(|(name, _)| beside(name)) {
            fields.put(name, value);
        }
        let mut parts = vec![fields.to_json()];
        for (place, part) in result.content.iter().enumerate().filter(|(_, part)| !is_inside(part)) {
            let path = format!("{path}.content[{place}]");
            if let Part::Text(text) = part {
                losses::report_text(text, &path, PROTOCOL, self.losses);
                continue;
            }
            self.losses.push(Loss::adapted(path.clone(), "sent as a part beside the function's response"));
            parts.extend(self.part(part, &path)?);
        }
        Ok(parts)
    }
}

/// Writes a medium that has bytes or an address.
fn media_part(media: &Media, fallback: &str, path: &str) -> Result<Fields, Error> {
    parts::media(media, fallback).ok_or_else(|| {
        Error::invalid(path, "Gemini takes the bytes of an image or file, or its address, and no id of an upload")
            .with_hint("send it as a data: URL or base64")
    })
}
