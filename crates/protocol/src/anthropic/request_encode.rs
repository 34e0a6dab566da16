use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_profiles::Profile;
use tollbridge_types::{
    ChatRequest, Citation, Extras, Json, Media, MediaSource, Message, Part, ReasoningEffort, ResponseFormat, Role,
    Text, Tool, ToolCall, ToolChoice, ToolResult,
};

use super::request_decode::SOURCE;
use super::{MESSAGES_PROTOCOL as PROTOCOL, blocks, thinking};
use crate::ids::{self, IdForm, Order};
use crate::losses;
use crate::object::{Fields, Object, arguments_object, json};
use crate::{Target, service_tier, user_id};

/// The limit of an answer for requests that set none, to a model of which none is known: Anthropic demands one.
const MAX_TOKENS: u64 = 32_000;

/// Writes the body of "Create a message".
pub(crate) fn encode(request: &ChatRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let request = ids::settled(request, &IdForm::ANTHROPIC.under(target.profile));
    let request = request.as_ref();
    let (system, turns, order) = (Vec::new(), Vec::new(), Order::default());
    let mut conversation = Conversation { losses, system, turns, order };
    for (place, message) in request.messages.iter().enumerate() {
        conversation.message(message, &format!("messages[{place}]"))?;
    }
    let Conversation { mut system, mut turns, .. } = conversation;
    for turn in &mut turns {
        // Anthropic wants the results of calls before anything else that is said.
        turn.blocks.sort_by_key(|block| (block.result.is_none(), block.result));
    }
    if turns.is_empty() {
        if system.is_empty() {
            return Err(losses::nothing_said());
        }
        losses.push(Loss::adapted("messages[0]", "there are only instructions: sent as the user's words"));
        turns.push(Turn { role: "user", blocks: std::mem::take(&mut system), extras: Extras::default() });
    }
    if matches!(request.response_format, Some(ResponseFormat::JsonObject)) {
        losses
            .push(Loss::adapted("response_format", "Anthropic has no JSON mode without a schema: asked for in words"));
        let mut fields = Fields::new();
        fields.put("type", "text").put("text", losses::JSON_INSTRUCTION);
        system.push(Block::new(&fields));
    }
    let mut body = Fields::new();
    body.put("model", target.model);
    let thinking = match request
        .reasoning
        .as_ref()
        .and_then(|reasoning| thinking::ask(reasoning, PROTOCOL, &target.profile.thinking))
    {
        Some(asked) if asked.as_str().contains("\"enabled\"") && lost_its_thinking(&turns) => {
            losses
                .push(Loss::adapted("reasoning", "off until the next answer: the thinking that began it is not there"));
            None
        }
        other => other,
    };
    max_tokens(request, target.profile, &mut body, losses);
    match system.as_slice() {
        [] => {}
        [Block { plain: Some(text), .. }] => {
            body.put("system", text);
        }
        many => {
            body.put("system", &many.iter().map(|block| &block.json).collect::<Vec<_>>());
        }
    }
    body.put("messages", &turns.iter().map(Turn::to_fields).collect::<Vec<_>>());
    tools(request, &mut body, losses);
    sampling(request, thinking.is_some(), &mut body, losses);
    stop(request, &mut body, losses);
    if target.stream {
        body.put("stream", &true);
    }
    body.put_some("service_tier", service_tier::known(request, PROTOCOL, losses)).put_some("thinking", thinking);
    output_config(request, &mut body, losses);
    if request.extras.get(PROTOCOL, "metadata").is_none()
        && let Some(user) = user_id::opaque(request.user.as_ref(), losses)
    {
        body.put("metadata", &serde_json::json!({"user_id": user}));
    }
    losses::report_description(request.response_format.as_ref(), losses);
    unsupported(request, losses);
    if let Some(reasoning) = &request.reasoning {
        losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
    }
    losses::report_foreign(&request.extras, "extras", PROTOCOL, losses);
    body.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !name.starts_with("output_config.")));
    body.put_mark(&request.extras);
    Ok(body.to_bytes())
}

fn max_tokens(request: &ChatRequest, profile: &Profile, body: &mut Fields, losses: &mut Vec<Loss>) {
    let budget = request.reasoning.as_ref().and_then(|reasoning| reasoning.budget).unwrap_or_default();
    let limit = request.max_tokens.unwrap_or_else(|| {
        let limit = profile.limits.output.unwrap_or(MAX_TOKENS.saturating_add(budget));
        losses.push(Loss::adapted("max_tokens", format!("Anthropic demands a limit: sent as {limit}")));
        limit
    });
    body.put("max_tokens", &limit);
}

/// Says whether tools were called in a turn whose thinking did not come back. Anthropic refuses to
/// think on in such a turn, as "Extended thinking with tool use" in its guide says.
fn lost_its_thinking(turns: &[Turn]) -> bool {
    let Some([called, answered]) = turns.last_chunk::<2>() else { return false };
    called.role == "assistant"
        && answered.blocks.iter().any(|block| block.result.is_some())
        && !called.blocks.first().is_some_and(Block::is_thinking)
}

/// Leaves out the sources of other vendors.
fn own_citations(text: &Text) -> Text {
    let mut text = text.clone();
    text.citations.retain(|citation| citation.raw.as_ref().is_some_and(|raw| raw.protocol == PROTOCOL));
    text
}

fn own_thinking(request: &ChatRequest) -> Option<&Json> {
    request.reasoning.as_ref()?.extras.get(PROTOCOL, "thinking")
}

fn output_config(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    let mut config = Fields::new();
    let effort = request.reasoning.as_ref().and_then(|reasoning| reasoning.effort.as_ref());
    match effort {
        None | Some(ReasoningEffort::None) => {}
        Some(ReasoningEffort::Minimal) => {
            losses.push(Loss::adapted("reasoning.effort", "sent as `low`, the least that Anthropic has"));
            config.put("effort", "low");
        }
        Some(effort) => {
            config.put("effort", effort.as_word());
        }
    }
    if let Some(ResponseFormat::JsonSchema { schema, .. }) = &request.response_format {
        let mut format = Fields::new();
        format.put("type", "json_schema").put("schema", schema);
        config.put("format", &format);
    }
    for (name, value) in request.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("output_config.") {
            config.put(name, value);
        }
    }
    if !config.is_empty() {
        body.put("output_config", &config);
    }
}

/// Writes where to stop. Anthropic refuses what is only white space.
fn stop(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    let (told, blank): (Vec<_>, Vec<_>) = request.stop.iter().partition(|stop| !stop.trim().is_empty());
    if !blank.is_empty() {
        losses.push(Loss::adapted("stop", "Anthropic takes no blank sequences: they are left out"));
    }
    if !told.is_empty() {
        body.put("stop_sequences", &told);
    }
}

fn sampling(request: &ChatRequest, thinking: bool, body: &mut Fields, losses: &mut Vec<Loss>) {
    match request.temperature {
        Some(temperature) if thinking && temperature != 1.0 && own_thinking(request).is_none() => {
            losses.push(Loss::dropped("temperature", "Anthropic takes none with thinking"));
        }
        Some(temperature) if temperature > 1.0 => {
            losses.push(Loss::adapted("temperature", "Anthropic's scale ends at 1: sent as 1"));
            body.put("temperature", &1.0);
        }
        temperature => {
            body.put_some("temperature", temperature);
        }
    }
    body.put_some("top_p", request.top_p).put_some("top_k", request.top_k);
}

fn tools(request: &ChatRequest, body: &mut Fields, losses: &mut Vec<Loss>) {
    let mut tools = Vec::new();
    for (place, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                losses::report_foreign(extras, &format!("tools[{place}].extras"), PROTOCOL, losses);
                let mut fields = Fields::new();
                fields.put("name", name).put_some("description", description.as_ref());
                match parameters {
                    Some(parameters) => fields.put("input_schema", parameters),
                    None => fields.put("input_schema", &serde_json::json!({"type": "object", "properties": {}})),
                };
                fields.put_some("strict", *strict).put_extras(extras, PROTOCOL).put_mark(extras);
                tools.push(fields.to_json());
            }
            Tool::Opaque(opaque) if opaque.protocol == PROTOCOL => tools.push(opaque.json.clone()),
            Tool::Opaque(opaque) => {
                losses.push(Loss::dropped(format!("tools[{place}]"), format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
    }
    if tools.is_empty() {
        return;
    }
    body.put("tools", &tools);
    let mut choice = Fields::new();
    match &request.tool_choice {
        Some(ToolChoice::Auto) => {
            choice.put("type", "auto");
        }
        Some(ToolChoice::None) => {
            choice.put("type", "none");
        }
        Some(ToolChoice::Required) => {
            choice.put("type", "any");
        }
        Some(ToolChoice::Function(name)) => {
            choice.put("type", "tool").put("name", name);
        }
        Some(ToolChoice::AnyOf(_)) => {
            losses.push(Loss::adapted("tool_choice", "Anthropic names one tool or any: sent as any"));
            choice.put("type", "any");
        }
        Some(_) => losses.push(Loss::dropped("tool_choice", "only another protocol has it")),
        None => {}
    }
    if let Some(parallel) = request.parallel_tool_calls {
        if choice.is_empty() {
            choice.put("type", "auto");
        }
        if !matches!(request.tool_choice, Some(ToolChoice::None)) {
            choice.put("disable_parallel_tool_use", &!parallel);
        }
    }
    if !choice.is_empty() {
        body.put("tool_choice", &choice);
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
    ];
    let set = settings.into_iter().filter(|(_, set)| *set);
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Anthropic has no such setting")));
}

struct Conversation<'a> {
    losses: &'a mut Vec<Loss>,
    system: Vec<Block>,
    turns: Vec<Turn>,
    order: Order,
}

/// A message as it is sent: those of one speaker in a row are one.
struct Turn {
    role: &'static str,
    blocks: Vec<Block>,
    extras: Extras,
}

/// A block, and its text if it is nothing else.
struct Block {
    json: Json,
    plain: Option<String>,
    /// The place of a result among others.
    result: Option<usize>,
}

impl Block {
    fn new(fields: &Fields) -> Self {
        Self { json: fields.to_json(), plain: None, result: None }
    }

    /// Says whether the block is thinking, which Anthropic takes only as it is.
    fn is_thinking(&self) -> bool {
        ["{\"type\":\"thinking\"", "{\"type\":\"redacted_thinking\""]
            .iter()
            .any(|kind| self.json.as_str().starts_with(kind))
    }

    /// Ends a cached prefix here, unless the block has a mark of its own.
    fn mark(&mut self, mark: &Json) {
        let mut fields = Fields::new();
        fields.put_extras(&Object::lenient(&self.json).into_extras(PROTOCOL), PROTOCOL);
        if !fields.has("cache_control") {
            fields.put("cache_control", mark);
            (self.json, self.plain) = (fields.to_json(), None);
        }
    }
}

impl Turn {
    fn to_fields(&self) -> Fields {
        let mut fields = Fields::new();
        fields.put("role", self.role);
        match self.blocks.as_slice() {
            [Block { plain: Some(text), .. }] => fields.put("content", text),
            many => fields.put("content", &many.iter().map(|block| &block.json).collect::<Vec<_>>()),
        };
        fields.put_extras(&self.extras, PROTOCOL);
        fields
    }
}

impl Conversation<'_> {
    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        losses::report_foreign(&message.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "Anthropic has no names of speakers"));
        }
        let mut blocks = Vec::new();
        for (place, part) in message.parts.iter().enumerate() {
            blocks.extend(self.part(part, &format!("{path}.parts[{place}]"))?);
        }
        self.mark(&message.extras, &mut blocks, path);
        let role = match &message.role {
            // Newer models take instructions in mid-conversation; a client that sends them knows.
            Role::System if message.extras.get(PROTOCOL, "role").is_some() => "system",
            Role::System | Role::Developer => {
                if !self.turns.is_empty() {
                    self.losses.push(Loss::adapted(path, "instructions in mid-conversation are sent at its head"));
                }
                self.system.extend(blocks);
                return Ok(());
            }
            Role::Assistant => "assistant",
            role => losses::user(role, path, self.losses),
        };
        if blocks.is_empty() {
            return Ok(());
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => {
                turn.blocks.extend(blocks);
                turn.extras.extend(message.extras.clone());
            }
            None => self.turns.push(Turn { role, blocks, extras: message.extras.clone() }),
        }
        Ok(())
    }

    /// Puts the cache mark of a message onto its last block that can have one.
    fn mark(&mut self, extras: &Extras, blocks: &mut [Block], path: &str) {
        let Some((name, mark)) = losses::cache_mark(extras).filter(|(name, _)| extras.get(PROTOCOL, name).is_none())
        else {
            return;
        };
        match blocks.iter_mut().rev().find(|block| !block.is_thinking()) {
            Some(block) => block.mark(mark),
            None => self.losses.push(Loss::dropped(format!("{path}.extras.{name}"), "there is no block to mark")),
        }
    }

    fn part(&mut self, part: &Part, path: &str) -> Result<Option<Block>, Error> {
        Ok(match part {
            Part::Text(text) => {
                losses::report_foreign(&text.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                losses::report_signature(text.signature.as_ref(), path, PROTOCOL, self.losses);
                let foreign = |citation: &Citation| citation.raw.as_ref().is_none_or(|raw| raw.protocol != PROTOCOL);
                if text.citations.iter().any(foreign) {
                    // A source needs what Anthropic's own search encrypted.
                    self.losses
                        .push(Loss::dropped(format!("{path}.citations"), "only Anthropic's own can be sent back"));
                }
                let mark = losses::cache_mark(&text.extras);
                // Anthropic refuses empty texts.
                if text.text.is_empty() {
                    let lost = mark.map(|(name, _)| format!("{path}.extras.{name}"));
                    self.losses.extend(lost.map(|lost| Loss::dropped(lost, "Anthropic takes no empty texts")));
                    return Ok(None);
                }
                let marked = mark.is_some();
                let text = &own_citations(text);
                let is_plain = text.extras.of(PROTOCOL).next().is_none() && text.citations.is_empty() && !marked;
                let plain = is_plain.then(|| text.text.clone());
                Some(Block { plain, ..Block::new(&blocks::text(text)) })
            }
            Part::Refusal(text) => {
                losses::report_refusal(path, self.losses);
                let json = json(&serde_json::json!({"type": "text", "text": text}));
                Some(Block { json, plain: Some(text.clone()), result: None })
            }
            Part::Image(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                losses::report_detail(media, path, self.losses);
                Some(Block::new(&source("image", media, path)?))
            }
            Part::Document(media) => {
                losses::report_media(media, path, PROTOCOL, self.losses);
                losses::report_detail(media, path, self.losses);
                Some(Block::new(&source("document", media, path)?))
            }
            Part::Thought(thought) => {
                let fields = blocks::thought(thought);
                if fields.is_some() {
                    losses::report_foreign(&thought.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
                } else {
                    self.losses.push(Loss::dropped(path, "thinking without Anthropic's signature cannot be sent back"));
                }
                fields.as_ref().map(Block::new)
            }
            Part::ToolCall(call) => Some(Block::new(&self.tool_call(call, path)?)),
            Part::ToolResult(result) => {
                let fields = self.tool_result(result, path)?;
                Some(Block { result: Some(self.order.of(result.id.as_deref())), ..Block::new(&fields) })
            }
            Part::Opaque(opaque) if opaque.protocol == PROTOCOL => {
                Some(Block { json: opaque.json.clone(), plain: None, result: None })
            }
            Part::Opaque(opaque) => {
                self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
                None
            }
            Part::Audio(_) | Part::Video(_) => {
                return Err(Error::invalid(path, "Anthropic takes neither sound nor video")
                    .with_hint("send a transcript, or use a provider that takes it"));
            }
            _ => None,
        })
    }

    fn tool_call(&mut self, call: &ToolCall, path: &str) -> Result<Fields, Error> {
        losses::report_signature(call.signature.as_ref(), path, PROTOCOL, self.losses);
        losses::report_foreign(&call.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        let input = arguments_object(&call.arguments).ok_or_else(|| {
            let path = format!("{path}.arguments");
            Error::invalid(path, "the arguments of the tool call are not a JSON object")
                .with_hint("Anthropic takes only an object; correct the arguments, or leave the call out")
        })?;
        // Each call has an id by now.
        let id = call.id.as_deref().unwrap_or_default();
        self.order.called(id);
        Ok(blocks::tool_use(id, call, &input))
    }

    fn tool_result(&mut self, result: &ToolResult, path: &str) -> Result<Fields, Error> {
        losses::report_foreign(&result.extras, &format!("{path}.extras"), PROTOCOL, self.losses);
        let mut content = Vec::new();
        for (place, part) in result.content.iter().enumerate() {
            content.extend(self.part(part, &format!("{path}.content[{place}]"))?);
        }
        let id = result.id.as_deref().ok_or_else(|| {
            Error::invalid(format!("{path}.id"), "the tool's result does not say which call it answers")
                .with_hint("give it the id of the call")
        })?;
        let mut fields = Fields::new();
        fields.put("type", "tool_result").put("tool_use_id", id);
        match content.as_slice() {
            [] => &mut fields,
            [Block { plain: Some(text), .. }] => fields.put("content", text),
            many => fields.put("content", &many.iter().map(|block| &block.json).collect::<Vec<_>>()),
        };
        fields.put_some("is_error", result.is_error).put_extras(&result.extras, PROTOCOL).put_mark(&result.extras);
        Ok(fields)
    }
}

/// Writes an image or document.
fn source(kind: &str, media: &Media, path: &str) -> Result<Fields, Error> {
    let mut source = Fields::new();
    match &media.source {
        MediaSource::Base64(data) => {
            let fallback = if kind == "image" { "image/png" } else { "application/pdf" };
            source.put("type", "base64").put("media_type", media.mime.as_deref().unwrap_or(fallback)).put("data", data)
        }
        MediaSource::Url(url) => source.put("type", "url").put("url", url),
        MediaSource::File(id) => source.put("type", "file").put("file_id", id),
        // The only type of text that there is.
        MediaSource::Text(text) => source.put("type", "text").put("media_type", "text/plain").put("data", text),
        _ => {
            return Err(Error::invalid(path, "Anthropic cannot take this source").with_hint("send the bytes as base64"));
        }
    };
    let mut fields = Fields::new();
    fields.put("type", kind);
    match media.extras.get(PROTOCOL, SOURCE) {
        Some(own) => fields.put("source", own),
        None => fields.put("source", &source),
    };
    if kind == "document" {
        fields.put_some("title", media.name.as_ref());
    }
    fields.put_extras(&media.extras, PROTOCOL).put_mark(&media.extras);
    Ok(fields)
}
