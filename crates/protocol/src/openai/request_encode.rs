use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_profiles::{History, PastThinking};
use tollbridge_types::{
    ChatRequest, Grammar, Json, Media, MediaSource, Message, Opaque, Part, Protocol, Reasoning, ResponseFormat, Role,
    Text, Thought, Tool, ToolCall, ToolCallKind, ToolChoice, ToolResult,
};

use super::quirks::Quirks;
use super::request_decode::BESIDE_FUNCTION;
use super::{CHAT_PROTOCOL as PROTOCOL, legacy, media, thinking};
use crate::ids::{self, InOrder};
use crate::object::{Fields, json};
use crate::{Target, fit, losses, service_tier, user_id};

/// Writes the body of "Create chat completion".
pub(crate) fn encode(
    request: &ChatRequest,
    target: &Target<'_>,
    quirks: &Quirks,
    losses: &mut Vec<Loss>,
) -> Result<Bytes, Error> {
    let request = ids::settled(request, &quirks.call_ids.under(target.profile));
    let request = request.as_ref();
    let thinks = fit::thinking::thinks(request.reasoning.as_ref(), target.profile);
    let history = &target.profile.history;
    let mut writer = Writer { quirks, history, thinks, losses, messages: InOrder::default(), beside: Vec::new() };
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
    let tools = tools(&request.tools, losses);
    if !tools.is_empty() {
        body.put("tools", &tools);
        body.put_some(
            "tool_choice",
            request.tool_choice.as_ref().and_then(|choice| tool_choice(request, choice, quirks, losses)),
        );
        body.put_some("parallel_tool_calls", request.parallel_tool_calls);
    }
    body.put_some(quirks.max_tokens_field, request.max_tokens);
    body.put_some("temperature", request.temperature).put_some("top_p", request.top_p);
    if quirks.top_k {
        body.put_some("top_k", request.top_k);
    } else if request.top_k.is_some() && request.extras.get(PROTOCOL, "top_k").is_none() {
        losses.push(Loss::dropped("top_k", "OpenAI has no such setting"));
    }
    body.put_some("presence_penalty", request.presence_penalty);
    body.put_some("frequency_penalty", request.frequency_penalty).put_some(quirks.seed_field, request.seed);
    if !request.stop.is_empty() {
        body.put("stop", &request.stop);
    }
    body.put_some("n", request.choices).put_some("logprobs", request.logprobs);
    body.put_some("top_logprobs", request.top_logprobs);
    body.put_some("response_format", request.response_format.as_ref().map(response_format));
    if let Some(reasoning) = &request.reasoning {
        losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
        thinking::ask(reasoning, &target.profile.thinking, &mut body, losses);
    }
    body.put_some("user", user_id::short(request.user.as_ref(), losses));
    body.put_some("service_tier", service_tier::known(request, PROTOCOL, losses));
    stream(request, target, quirks, &mut body);
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    losses::put_shared(&request.extras, PROTOCOL, &mut body);
    body.put_some("verbosity", request.extras.get(Protocol::OPENAI_RESPONSES, "text.verbosity"));
    body.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with("stream_options.")));
    for name in quirks.refused.iter().filter(|name| body.remove(name)) {
        let path = if request.extras.get(PROTOCOL, name).is_some() { format!("extras.{name}") } else { (*name).into() };
        losses.push(Loss::dropped(path, "the vendor has no such setting"));
    }
    Ok(body.to_bytes())
}

fn stream(request: &ChatRequest, target: &Target<'_>, quirks: &Quirks, body: &mut Fields) {
    if !target.stream {
        return;
    }
    body.put("stream", &true);
    let mut options = Fields::new();
    // Who knows no options sends usage unasked.
    if !quirks.refused.contains(&"stream_options") {
        options.put_some("include_usage", request.stream_usage.or(target.ask_usage.then_some(true)));
    }
    for (name, value) in request.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("stream_options.") {
            options.put(name, value);
        }
    }
    if !options.is_empty() {
        body.put("stream_options", &options);
    }
}

/// Returns the word for how hard to think.
pub(crate) fn effort<'r>(reasoning: &'r Reasoning, losses: &mut Vec<Loss>) -> Option<&'r str> {
    match (&reasoning.effort, reasoning.enabled, reasoning.budget) {
        (Some(effort), ..) => Some(effort.as_word()),
        (None, Some(false), _) => Some("none"),
        (None, _, Some(budget)) => {
            let word = match budget {
                0 => "none",
                1..2048 => "low",
                2048..12288 => "medium",
                _ => "high",
            };
            losses.push(Loss::adapted("reasoning.budget", format!("sent as an effort: `{word}`")));
            Some(word)
        }
        (None, Some(true), None) => {
            losses.push(Loss::adapted("reasoning.enabled", "sent as an effort: `medium`"));
            Some("medium")
        }
        _ => None,
    }
}

struct Writer<'a> {
    quirks: &'a Quirks,
    history: &'a History,
    thinks: bool,
    losses: &'a mut Vec<Loss>,
    messages: InOrder<Fields>,
    /// What tools returned that their results cannot hold. It follows the last result of a turn.
    beside: Vec<Content>,
}

impl Writer<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        let mut rest = Vec::new();
        for (place, part) in message.parts.iter().enumerate() {
            let path = format!("{path}.parts[{place}]");
            match part {
                Part::ToolResult(result) => self.tool_result(result, message, &path)?,
                part => rest.push((path, part)),
            }
        }
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if rest.is_empty() && message.parts.iter().any(|part| matches!(part, Part::ToolResult(_))) {
            return Ok(());
        }
        self.put_beside();
        let mut fields = Fields::new();
        fields.put("role", self.role(&message.role));
        let mut content = Vec::new();
        let mut refusal = None;
        let mut calls = Vec::new();
        for (path, part) in rest {
            match part {
                Part::Thought(thought) => self.thought(thought, &path, &mut fields, &mut content),
                Part::Refusal(text) if self.quirks.refused_in_messages.contains(&"refusal") => {
                    losses::report_refusal(&path, self.losses);
                    content.push(Content::Plain(text.clone()));
                }
                Part::ToolCall(call) => calls.push(self.tool_call(call, calls.len(), &path)),
                Part::Refusal(text) if message.role == Role::Assistant => refusal = Some(text),
                part => content.extend(self.part(part, &path)?),
            }
        }
        let says_nothing = content.is_empty() && calls.is_empty() && refusal.is_none() && fields.names().count() == 1;
        if says_nothing && message.role == Role::Assistant && !message.parts.is_empty() {
            // All of it was left out, and told.
            return Ok(());
        }
        self.content(&content, !calls.is_empty() || refusal.is_some(), &mut fields);
        fields.put_some("refusal", refusal);
        if !calls.is_empty() {
            fields.put("tool_calls", &calls);
            if let Some(field) = self.demanded_field().filter(|field| self.thinks && !fields.has(field)) {
                // One space is the least that is taken.
                fields.put(field, " ");
                self.losses.push(Loss::adapted(
                    path,
                    format!("the thinking that led to the call is not there: `{field}` is sent empty"),
                ));
            }
        }
        fields.put_some("name", message.name.as_ref()).put_extras(&message.extras, PROTOCOL);
        for name in self.quirks.refused_in_messages.iter().filter(|name| fields.remove(name)) {
            let inner = if message.extras.get(PROTOCOL, name).is_some() { "extras." } else { "" };
            self.losses.push(Loss::dropped(format!("{path}.{inner}{name}"), "the vendor has no such field"));
        }
        self.messages.push(fields);
        Ok(())
    }

    fn role<'r>(&self, role: &'r Role) -> &'r str {
        match role {
            Role::Developer if self.quirks.developer_role => "developer",
            Role::System | Role::Developer => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
            // What stands beside results in a tool message is the user's.
            Role::Tool => "user",
            Role::Unknown(word) => word,
            _ => "user",
        }
    }

    /// Writes content: one plain text as a string, anything else as an array of parts.
    fn content(&self, parts: &[Content], may_be_null: bool, fields: &mut Fields) {
        let plain: Option<Vec<&str>> = parts.iter().map(Content::plain).collect();
        match (parts, plain) {
            ([], _) if may_be_null => fields.put("content", &None::<String>),
            ([], _) => fields.put("content", ""),
            ([_], Some(texts)) => fields.put("content", &texts.concat()),
            (_, Some(texts)) if !self.quirks.content_parts => fields.put("content", &texts.join("\n")),
            _ => fields.put("content", &parts.iter().map(Content::to_fields).collect::<Vec<_>>()),
        };
    }

    fn part(&mut self, part: &Part, path: &str) -> Result<Option<Content>, Error> {
        Ok(match part {
            Part::Text(text) => Some(self.text(text, path)),
            Part::Refusal(text) => Some(Content::Plain(text.clone())),
            Part::Image(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                Some(Content::Part(media::encode_image(media, path)?))
            }
            Part::Audio(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                Some(Content::Part(media::encode_audio(media, path)?))
            }
            Part::Document(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                Some(self.document(media, path)?)
            }
            Part::Video(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                Some(Content::Part(media::encode_named("video_url", media, path)?))
            }
            Part::Opaque(opaque) => own(opaque, path, self.losses).map(Content::Raw),
            _ => None,
        })
    }

    fn text(&mut self, text: &Text, path: &str) -> Content {
        losses::report_text(text, path, PROTOCOL, self.losses);
        if text.extras.of(PROTOCOL).next().is_none() || !self.quirks.content_parts {
            return Content::Plain(text.text.clone());
        }
        let mut fields = Fields::new();
        fields.put("type", "text").put("text", &text.text).put_extras(&text.extras, PROTOCOL);
        Content::Part(fields)
    }

    fn document(&mut self, media: &Media, path: &str) -> Result<Content, Error> {
        losses::report_detail(media, path, self.losses);
        if let MediaSource::Text(text) = &media.source {
            self.losses.push(Loss::adapted(path, "the document is sent as text"));
            return Ok(Content::Plain(text.clone()));
        }
        let fields = match self.quirks.document_urls {
            true => media::document_url(media),
            false => media::encode_file(media, path)?,
        };
        Ok(Content::Part(fields))
    }

    fn thought(&mut self, thought: &Thought, path: &str, fields: &mut Fields, content: &mut Vec<Content>) {
        if let Some(part) = thought.extras.get(PROTOCOL, "part") {
            content.push(Content::Raw(part.clone()));
            return;
        }
        let own = thought.signature.as_ref().is_some_and(|signature| signature.protocol == PROTOCOL);
        match thought.extras.get(PROTOCOL, "field").and_then(|field| field.parse::<String>().ok()) {
            // It came in this protocol, so the vendor may want it back, where it stood.
            Some(field) if field == "content" || self.quirks.thinking_parts => {
                content.push(Content::Part(thinking(thought)));
            }
            Some(field) => {
                fields.put(&field, &thought.text);
            }
            // Only Mistral signs in this protocol; a client of another one brought the thought back.
            None if own => content.push(Content::Part(thinking(thought))),
            None => match self.taken_field().filter(|field| !thought.text.is_empty() && !fields.has(field)) {
                Some(field) => {
                    losses::report_signature(thought.signature.as_ref(), path, PROTOCOL, self.losses);
                    fields.put(field, &thought.text);
                }
                None => self.losses.push(Loss::dropped(path, "thinking of another protocol cannot be sent back")),
            },
        }
    }

    /// Returns the field of a message in which the model takes earlier thinking as a text, whoever thought it.
    fn taken_field(&self) -> Option<&'static str> {
        if matches!(self.history.thinking, None | Some(PastThinking::Never)) {
            return None;
        }
        match self.history.thinking_field.as_deref() {
            Some("reasoning_content") => Some("reasoning_content"),
            Some("reasoning") => Some("reasoning"),
            _ => None,
        }
    }

    /// Returns that field, if a message with tool calls is refused without it.
    fn demanded_field(&self) -> Option<&'static str> {
        let demanded = matches!(self.history.thinking, Some(PastThinking::WithTools | PastThinking::Always));
        self.taken_field().filter(|_| demanded)
    }

    fn tool_call(&mut self, call: &ToolCall, place: usize, path: &str) -> Fields {
        losses::report_signature(call.signature.as_ref(), path, PROTOCOL, self.losses);
        losses::report_foreign(&call.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        self.messages.called(call.id.as_deref().unwrap_or_default());
        tool_call(call, "request", 0, place)
    }

    fn tool_result(&mut self, result: &ToolResult, message: &Message, path: &str) -> Result<(), Error> {
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        let mut texts = Vec::new();
        let mut others = Vec::new();
        let mixed = result.extras.get(PROTOCOL, "content").is_some();
        for (place, part) in result.content.iter().enumerate() {
            match self.part(part, &format!("{path}.content[{place}]"))? {
                Some(content) if mixed || matches!(part, Part::Text(_)) => texts.push(content),
                Some(Content::Plain(text)) => texts.push(Content::Plain(text)),
                Some(other) => others.push(other),
                None => {}
            }
        }
        if result.is_error == Some(true) {
            self.losses.push(Loss::dropped(format!("{path}.is_error"), "OpenAI has no such mark; the text must tell"));
        }
        let mut fields = Fields::new();
        fields.put("role", "tool");
        fields.put_some("tool_call_id", result.id.as_ref());
        fields.put_some("name", result.name.as_ref());
        self.content(&texts, false, &mut fields);
        if message.parts.len() == 1 {
            fields.put_extras(&message.extras, PROTOCOL);
        }
        self.messages.result(result.id.as_deref(), fields);
        if !others.is_empty() {
            self.losses
                .push(Loss::adapted(path, "a tool's result holds only text: the rest follows as a user message"));
            self.beside.append(&mut others);
        }
        Ok(())
    }

    /// Writes what belongs to results and cannot stand in them as the user's.
    fn put_beside(&mut self) {
        let beside = std::mem::take(&mut self.beside);
        if !beside.is_empty() {
            let mut fields = Fields::new();
            fields.put("role", "user");
            self.content(&beside, false, &mut fields);
            self.messages.push(fields);
        }
    }
}

/// One element of a message's content.
enum Content {
    Plain(String),
    Part(Fields),
    Raw(Json),
}

impl Content {
    fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            _ => None,
        }
    }

    fn to_fields(&self) -> Json {
        match self {
            Self::Plain(text) => {
                let mut fields = Fields::new();
                fields.put("type", "text").put("text", text);
                fields.to_json()
            }
            Self::Part(fields) => fields.to_json(),
            Self::Raw(raw) => raw.clone(),
        }
    }
}

/// Writes a tool call of a message, in requests and in replies.
pub(crate) fn tool_call(call: &ToolCall, reply: &str, choice: u32, place: usize) -> Fields {
    let made_up = || ids::made_up(reply, choice, u32::try_from(place).unwrap_or(u32::MAX));
    let mut fields = Fields::new();
    fields.put("id", &call.id.clone().unwrap_or_else(made_up));
    let mut inner = Fields::new();
    inner.put("name", &call.name);
    if call.kind == ToolCallKind::Custom {
        inner.put("input", &call.arguments);
        fields.put("type", "custom").put("custom", &inner);
    } else {
        inner.put("arguments", &call.arguments);
        fields.put("type", "function").put("function", &inner);
    }
    fields.put_extras(&call.extras, PROTOCOL);
    fields
}

/// Writes thinking as a part of the content, as Mistral does.
fn thinking(thought: &Thought) -> Fields {
    let mut fields = Fields::new();
    fields.put("type", "thinking").put("thinking", &[serde_json::json!({"type": "text", "text": thought.text})]);
    fields.put_some("signature", thought.signature.as_ref().and_then(|signature| signature.of(PROTOCOL)));
    fields
}

fn tools(tools: &[Tool], losses: &mut Vec<Loss>) -> Vec<Json> {
    let mut list = Vec::new();
    for (place, tool) in tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                let mut inner = Fields::new();
                inner.put("name", name).put_some("description", description.as_ref());
                match parameters {
                    Some(parameters) => inner.put("parameters", parameters),
                    None => inner.put("parameters", &serde_json::json!({"type": "object", "properties": {}})),
                };
                inner.put_some("strict", *strict);
                let own = |(name, _): &(&str, &Json)| !name.starts_with(BESIDE_FUNCTION) && *name != legacy::MARK;
                inner.put_missing(extras.of(PROTOCOL).filter(own));
                let mut fields = Fields::new();
                fields.put("type", "function").put("function", &inner);
                let beside = |(name, value)| Some((str::strip_prefix(name, BESIDE_FUNCTION)?, value));
                fields.put_missing(extras.of(PROTOCOL).filter_map(beside));
                list.push(fields.to_json());
            }
            Tool::Custom { name, description, grammar, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                let mut inner = Fields::new();
                inner.put("name", name).put_some("description", description.as_ref());
                if let Some(Grammar { syntax, definition, .. }) = grammar {
                    let grammar = serde_json::json!({"syntax": syntax, "definition": definition});
                    inner.put("format", &serde_json::json!({"type": "grammar", "grammar": grammar}));
                }
                let own = |(name, _): &(&str, &Json)| !name.starts_with(BESIDE_FUNCTION);
                inner.put_missing(extras.of(PROTOCOL).filter(own));
                let mut fields = Fields::new();
                fields.put("type", "custom").put("custom", &inner);
                let beside = |(name, value)| Some((str::strip_prefix(name, BESIDE_FUNCTION)?, value));
                fields.put_missing(extras.of(PROTOCOL).filter_map(beside));
                list.push(fields.to_json());
            }
            Tool::Opaque(opaque) => list.extend(own(opaque, &format!("tools[{place}]"), losses)),
            _ => losses.push(Loss::dropped(format!("tools[{place}]"), "chat completions have no such tool")),
        }
    }
    list
}

fn tool_choice(request: &ChatRequest, choice: &ToolChoice, quirks: &Quirks, losses: &mut Vec<Loss>) -> Option<Json> {
    let named = |name: &String| match losses::kind_of_tool(request, name) {
        "custom" => serde_json::json!({"type": "custom", "custom": {"name": name}}),
        _ => serde_json::json!({"type": "function", "function": {"name": name}}),
    };
    Some(match choice {
        ToolChoice::Auto => json("auto"),
        ToolChoice::None => json("none"),
        ToolChoice::Required => json(quirks.required_word),
        ToolChoice::Function(name) => json(&named(name)),
        ToolChoice::AnyOf(_) if !quirks.allowed_tools => {
            losses.push(Loss::adapted("tool_choice", "the vendor cannot choose among some: any may be called"));
            json(quirks.required_word)
        }
        ToolChoice::AnyOf(names) => {
            let tools: Vec<_> = names.iter().map(named).collect();
            json(&serde_json::json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools}}))
        }
        ToolChoice::Opaque(opaque) => own(opaque, "tool_choice", losses)?,
        _ => return None,
    })
}

fn response_format(format: &ResponseFormat) -> Fields {
    let mut fields = Fields::new();
    match format {
        ResponseFormat::JsonObject => fields.put("type", "json_object"),
        ResponseFormat::JsonSchema { name, description, schema, strict, .. } => {
            let mut inner = Fields::new();
            inner.put("name", name.as_deref().unwrap_or("answer")).put_some("description", description.as_ref());
            inner.put("schema", schema).put_some("strict", *strict);
            fields.put("type", "json_schema").put("json_schema", &inner)
        }
        _ => fields.put("type", "text"),
    };
    fields
}

/// Returns what only OpenAI's protocol knows, and reports what only another one does.
fn own(opaque: &Opaque, path: &str, losses: &mut Vec<Loss>) -> Option<Json> {
    if opaque.protocol == PROTOCOL {
        return Some(opaque.json.clone());
    }
    losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
    None
}
