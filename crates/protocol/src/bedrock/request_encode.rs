use std::collections::BTreeSet;

use bytes::Bytes;
use tollbridge_core::{Error, Loss};
use tollbridge_profiles::Profile;
use tollbridge_types::{
    ChatRequest, Extras, Json, MediaKind, Message, Part, Protocol, ResponseFormat, Role, Text, Tool, ToolCall,
    ToolChoice, ToolResult,
};

use super::family::Family;
use super::{CONVERSE_PROTOCOL as PROTOCOL, blocks, media, settings};
use crate::ids::{self, IdForm, Order};
use crate::media::{in_results, word_of};
use crate::object::{Fields, Object, arguments_object};
use crate::{Target, losses, service_tier};

/// Writes the body of Converse and ConverseStream; model and stream stand in the URL.
pub(crate) fn encode(request: &ChatRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Result<Bytes, Error> {
    let family = Family::of(target.model);
    let request = ids::settled(request, &IdForm::ANTHROPIC.under(target.profile));
    let request = request.as_ref();
    let mut conversation = Conversation::new(family, target.profile, losses);
    for (place, message) in request.messages.iter().enumerate() {
        conversation.message(message, &format!("messages[{place}]"))?;
    }
    let Conversation { mut system, mut turns, called, .. } = conversation;
    for turn in &mut turns {
        // Models want the results of calls before anything else that is said.
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
        losses.push(Loss::adapted("response_format", "Bedrock has no JSON mode without a schema: asked for in words"));
        let json = Fields::one("text", losses::JSON_INSTRUCTION).to_json();
        system.push(Block { json, result: None });
    }
    // A mark on the whole request ends the prefix with the last that is said.
    let mark = report_foreign(&request.extras, "extras", family, losses);
    if let (Some(mark), Some(turn)) = (mark, turns.last_mut()) {
        end_prefix(&mut turn.blocks, mark);
    }
    let mut body = Fields::new();
    body.put("messages", &turns.iter().map(Turn::to_fields).collect::<Vec<_>>());
    if !system.is_empty() {
        body.put("system", &system.iter().map(|block| &block.json).collect::<Vec<_>>());
    }
    let additional = settings::encode(request, family, &target.profile.thinking, losses);
    let thinks = family == Family::Anthropic && settings::thinks(&additional);
    let own_thinking = request.reasoning.as_ref().is_some_and(|reasoning| !reasoning.extras.is_empty());
    let inference = inference(request, thinks && !own_thinking, losses);
    if !inference.is_empty() {
        body.put("inferenceConfig", &inference);
    }
    let tools = tools(request, family, &called, losses);
    if !tools.is_empty() {
        body.put("toolConfig", &tools);
    }
    if !additional.is_empty() {
        body.put("additionalModelRequestFields", &additional);
    }
    output(request, &mut body);
    if let Some(tier) = service_tier::known(request, PROTOCOL, losses) {
        body.put("serviceTier", &Fields::one("type", tier));
    }
    unsupported(request, losses);
    // Fields of objects that were written above.
    let inner = |name: &str| ["inferenceConfig.", settings::PREFIX].iter().any(|object| name.starts_with(object));
    body.put_missing(request.extras.of(PROTOCOL).filter(|(name, _)| !inner(name)));
    Ok(body.to_bytes())
}

fn inference(request: &ChatRequest, thinking: bool, losses: &mut Vec<Loss>) -> Fields {
    let mut config = Fields::new();
    config.put_some("maxTokens", request.max_tokens);
    match request.temperature {
        Some(temperature) if thinking && temperature != 1.0 => {
            losses.push(Loss::dropped("temperature", "Anthropic takes none with thinking"));
        }
        Some(temperature) if temperature > 1.0 => {
            losses.push(Loss::adapted("temperature", "Bedrock's scale ends at 1: sent as 1"));
            config.put("temperature", &1.0);
        }
        temperature => {
            config.put_some("temperature", temperature);
        }
    }
    config.put_some("topP", request.top_p);
    if !request.stop.is_empty() {
        config.put("stopSequences", &request.stop);
    }
    for (name, value) in request.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix("inferenceConfig.") {
            config.put(name, value);
        }
    }
    config
}

fn tools(request: &ChatRequest, family: Family, called: &BTreeSet<String>, losses: &mut Vec<Loss>) -> Fields {
    let mut config = Fields::new();
    let mut tools = Vec::new();
    for (place, tool) in request.tools.iter().enumerate() {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                let marked = report_foreign(extras, &format!("tools[{place}].extras"), family, losses);
                tools.push(spec(name, description.as_deref(), parameters.as_ref(), *strict, extras));
                tools.extend(marked);
            }
            Tool::Opaque(opaque) if opaque.protocol == PROTOCOL => tools.push(opaque.json.clone()),
            Tool::Opaque(opaque) => {
                losses.push(Loss::dropped(format!("tools[{place}]"), format!("only {} has it", opaque.protocol)));
            }
            _ => {}
        }
    }
    let forbidden = request.tool_choice == Some(ToolChoice::None);
    if forbidden && called.is_empty() && !tools.is_empty() {
        losses.push(Loss::adapted("tool_choice", "Bedrock cannot forbid calls: sent without tools"));
        return config;
    }
    if tools.is_empty() && !called.is_empty() {
        losses.push(Loss::adapted("tools", "Bedrock demands the tools of the conversation: sent by their names"));
        tools.extend(called.iter().map(|name| spec(name, None, None, None, &Extras::default())));
    }
    if tools.is_empty() {
        return config;
    }
    config.put("tools", &tools);
    let choice = match &request.tool_choice {
        Some(ToolChoice::Auto) => serde_json::json!({"auto": {}}),
        Some(ToolChoice::Required) => serde_json::json!({"any": {}}),
        Some(ToolChoice::Function(name)) => serde_json::json!({"tool": {"name": name}}),
        Some(ToolChoice::AnyOf(_)) => {
            losses.push(Loss::adapted("tool_choice", "Bedrock names one tool or any: sent as any"));
            serde_json::json!({"any": {}})
        }
        Some(ToolChoice::Opaque(opaque)) if opaque.protocol == PROTOCOL => {
            config.put("toolChoice", &opaque.json);
            return config;
        }
        Some(ToolChoice::None) => {
            losses.push(Loss::dropped("tool_choice", "Bedrock cannot forbid calls in a conversation that has some"));
            return config;
        }
        Some(_) => {
            losses.push(Loss::dropped("tool_choice", "only another protocol has it"));
            return config;
        }
        None => return config,
    };
    config.put("toolChoice", &choice);
    config
}

fn spec(
    name: &str,
    description: Option<&str>,
    parameters: Option<&Json>,
    strict: Option<bool>,
    extras: &Extras,
) -> Json {
    let schema = match parameters {
        Some(parameters) => Fields::one("json", parameters),
        None => Fields::one("json", &serde_json::json!({"type": "object", "properties": {}})),
    };
    let mut fields = Fields::new();
    // Bedrock refuses a description without a letter.
    fields.put("name", name).put_some("description", description.filter(|text| !text.is_empty()));
    fields.put("inputSchema", &schema).put_some("strict", strict).put_extras(extras, PROTOCOL);
    Fields::one("toolSpec", &fields).to_json()
}

/// Writes the form of the answer, whose schema is JSON inside of a text.
fn output(request: &ChatRequest, body: &mut Fields) {
    if let Some(ResponseFormat::JsonSchema { name, description, schema, .. }) = &request.response_format {
        let mut fields = Fields::new();
        fields.put("schema", schema.as_str()).put_some("name", name.as_ref());
        fields.put_some("description", description.as_ref());
        let mut format = Fields::new();
        format.put("type", "json_schema").put("structure", &Fields::one("jsonSchema", &fields));
        body.put("outputConfig", &Fields::one("textFormat", &format));
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
    losses.extend(set.map(|(name, _)| Loss::dropped(name, "Bedrock has no such setting")));
}

/// Reports fields that only other protocols know, and returns their mark for the prompt cache as a block.
fn report_foreign(extras: &Extras, path: &str, family: Family, losses: &mut Vec<Loss>) -> Option<Json> {
    let mark = losses::cache_mark(extras).filter(|_| family.caches());
    let mut told = Vec::new();
    losses::report_foreign(extras, path, PROTOCOL, &mut told);
    let Some((name, mark)) = mark else {
        losses.append(&mut told);
        return None;
    };
    let carried = format!("{path}.{name}");
    losses.extend(told.into_iter().filter(|loss| loss.path != carried));
    // Five minutes is what a mark without a word lasts.
    let ttl = Object::lenient(mark).find_text("ttl").filter(|ttl| ttl != "5m");
    if ttl.is_some() && !family.keeps_caches_longer() {
        losses.push(Loss::dropped(format!("{carried}.ttl"), "the model's maker is not known to have it on Bedrock"));
        return Some(blocks::cache_point(None));
    }
    Some(blocks::cache_point(ttl.as_deref()))
}

struct Conversation<'a> {
    family: Family,
    profile: &'a Profile,
    losses: &'a mut Vec<Loss>,
    system: Vec<Block>,
    turns: Vec<Turn>,
    /// The names of tools that were called.
    called: BTreeSet<String>,
    order: Order,
    /// The names of documents.
    documents: BTreeSet<String>,
    /// What belongs to results of the turn and cannot stand in them.
    beside: Vec<Json>,
    /// The mark for the prompt cache that stood inside of the result in progress.
    mark_of_result: Option<Json>,
}

/// A message as it is sent: those of one speaker in a row are one.
struct Turn {
    role: &'static str,
    blocks: Vec<Block>,
    extras: Extras,
}

struct Block {
    json: Json,
    /// The place of a result among others.
    result: Option<usize>,
}

/// Ends a cached prefix with the last block, unless it ends there already.
fn end_prefix(list: &mut Vec<Block>, mark: Json) {
    if let Some(last) = list.last().filter(|last| !blocks::is_cache_point(&last.json)) {
        let result = last.result;
        list.push(Block { json: mark, result });
    }
}

impl Turn {
    fn to_fields(&self) -> Fields {
        let mut fields = Fields::new();
        let content: Vec<_> = self.blocks.iter().map(|block| &block.json).collect();
        fields.put("role", self.role).put("content", &content).put_extras(&self.extras, PROTOCOL);
        fields
    }
}

impl<'a> Conversation<'a> {
    fn new(family: Family, profile: &'a Profile, losses: &'a mut Vec<Loss>) -> Self {
        let (system, turns, called) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self {
            family,
            profile,
            losses,
            system,
            turns,
            called,
            order: Order::default(),
            documents: BTreeSet::new(),
            beside: Vec::new(),
            mark_of_result: None,
        }
    }

    fn message(&mut self, message: &Message, path: &str) -> Result<(), Error> {
        let mark = report_foreign(&message.extras, &format!("{path}.extras"), self.family, self.losses);
        if message.name.is_some() {
            self.losses.push(Loss::dropped(format!("{path}.name"), "Bedrock has no names of speakers"));
        }
        let mut blocks = Vec::new();
        for (place, part) in message.parts.iter().enumerate() {
            let result = match part {
                Part::ToolResult(result) => Some(self.order.of(result.id.as_deref())),
                _ => None,
            };
            let written = self.part(part, &format!("{path}.parts[{place}]"))?;
            blocks.extend(written.into_iter().map(|json| Block { json, result }));
        }
        blocks.extend(std::mem::take(&mut self.beside).into_iter().map(|json| Block { json, result: None }));
        self.words_beside_documents(message, &mut blocks, path);
        match mark {
            Some(mark) if !blocks.is_empty() => end_prefix(&mut blocks, mark),
            Some(_) => self.losses.push(Loss::dropped(path, "there is nothing to mark for the cache")),
            None => {}
        }
        let role = match &message.role {
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

    /// Reports what of a document only another protocol knows; Anthropic's context and citations are Bedrock's too.
    fn report_document(&mut self, extras: &Extras, path: &str) -> Option<Json> {
        let before = self.losses.len();
        let mark = report_foreign(extras, path, self.family, self.losses);
        let mut told = self.losses.split_off(before);
        told.retain(|loss| {
            let name = loss.path.rsplit('.').next().unwrap_or_default();
            let shared = media::is_shared(MediaKind::Document, name);
            !(shared && extras.get(Protocol::ANTHROPIC_MESSAGES, name).is_some())
        });
        self.losses.append(&mut told);
        mark
    }

    /// Adds words where a message has documents and none: Bedrock refuses it otherwise.
    fn words_beside_documents(&mut self, message: &Message, blocks: &mut Vec<Block>, path: &str) {
        let says = |part: &Part| part.as_text().is_some_and(|text| !text.trim().is_empty());
        let document = message.parts.iter().find_map(|part| match part {
            Part::Document(media) => Some(media),
            _ => None,
        });
        let Some(document) = document.filter(|_| !message.parts.iter().any(says)) else { return };
        self.losses.push(Loss::adapted(path, "Bedrock demands words beside a document: its name is sent"));
        let words = document.name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or("document");
        blocks.push(Block { json: Fields::one("text", words).to_json(), result: None });
    }

    /// Writes a part as no, one or two blocks: the second is its mark for the prompt cache.
    fn part(&mut self, part: &Part, path: &str) -> Result<Vec<Json>, Error> {
        if let Part::Document(media) = part {
            let mark = self.report_document(&media.extras, &format!("{path}.extras"));
            let block = self.block(part, path)?;
            let mark = mark.filter(|_| block.is_some());
            return Ok(block.into_iter().chain(mark).collect());
        }
        let extras = part.extras();
        let mark =
            extras.and_then(|extras| report_foreign(extras, &format!("{path}.extras"), self.family, self.losses));
        let block = self.block(part, path)?;
        if block.is_none() && mark.is_some() {
            self.losses.push(Loss::dropped(path, "there is nothing to mark for the cache"));
        }
        let inner = self.mark_of_result.take();
        let mark = mark.or(inner).filter(|_| block.is_some());
        Ok(block.into_iter().chain(mark).collect())
    }

    fn block(&mut self, part: &Part, path: &str) -> Result<Option<Json>, Error> {
        let block = match part {
            Part::Text(text) => return Ok(self.text(text, path)),
            Part::Refusal(text) => {
                losses::report_refusal(path, self.losses);
                Fields::one("text", text)
            }
            Part::Image(media) => media::encode(MediaKind::Image, media, &mut self.documents, path, self.losses)?,
            Part::Video(media) => media::encode(MediaKind::Video, media, &mut self.documents, path, self.losses)?,
            Part::Audio(media) => media::encode(MediaKind::Audio, media, &mut self.documents, path, self.losses)?,
            Part::Document(media) => media::encode(MediaKind::Document, media, &mut self.documents, path, self.losses)?,
            Part::Thought(thought) => {
                let signed = thought.signature.as_ref().is_some_and(|signature| signature.protocol == PROTOCOL);
                let fields = blocks::thought(thought).filter(|_| signed || thought.redacted.is_some());
                if fields.is_none() {
                    self.losses.push(Loss::dropped(path, "thinking without Bedrock's signature cannot be sent back"));
                }
                return Ok(fields.map(|fields| fields.to_json()));
            }
            Part::ToolCall(call) => self.tool_call(call, path)?,
            Part::ToolResult(result) => self.tool_result(result, path)?,
            Part::Opaque(opaque) if opaque.protocol == PROTOCOL => return Ok(Some(opaque.json.clone())),
            Part::Opaque(opaque) => {
                self.losses.push(Loss::dropped(path, format!("only {} has it", opaque.protocol)));
                return Ok(None);
            }
            _ => return Ok(None),
        };
        Ok(Some(block.to_json()))
    }

    fn text(&mut self, text: &Text, path: &str) -> Option<Json> {
        if let Some(signature) = text.signature.as_ref().filter(|signature| signature.protocol != PROTOCOL) {
            let reason = format!("only {} reads it", signature.protocol);
            self.losses.push(Loss::dropped(format!("{path}.signature"), reason));
        }
        let own =
            text.citations.iter().filter(|citation| citation.raw.as_ref().is_some_and(|raw| raw.protocol == PROTOCOL));
        if own.clone().count() < text.citations.len() {
            self.losses.push(Loss::dropped(format!("{path}.citations"), "Bedrock takes back only its own"));
        }
        if text.text.trim().is_empty() {
            if !text.text.is_empty() {
                self.losses.push(Loss::dropped(path, "Bedrock refuses texts that are blank"));
            }
            return None;
        }
        Some(blocks::text(text, own).to_json())
    }

    fn tool_call(&mut self, call: &ToolCall, path: &str) -> Result<Fields, Error> {
        if let Some(signature) = &call.signature {
            let reason = format!("only {} reads it", signature.protocol);
            self.losses.push(Loss::dropped(format!("{path}.signature"), reason));
        }
        let input = arguments_object(&call.arguments).ok_or_else(|| {
            let path = format!("{path}.arguments");
            Error::invalid(path, "the arguments of the tool call are not a JSON object")
                .with_hint("Bedrock takes only an object; correct the arguments, or leave the call out")
        })?;
        // Each call has an id by now.
        let id = call.id.as_deref().unwrap_or_default();
        self.order.called(id);
        self.called.insert(call.name.clone());
        Ok(blocks::call(id, call, &input))
    }

    fn tool_result(&mut self, result: &ToolResult, path: &str) -> Result<Fields, Error> {
        let mut content = Vec::new();
        let mut inner_mark = None;
        for (place, part) in result.content.iter().enumerate() {
            let path = format!("{path}.content[{place}]");
            let mut written = self.part(part, &path)?.into_iter();
            let block = written.next();
            let refused = |kind| in_results(&self.profile.media, kind).map_or(kind == MediaKind::Audio, |held| !held);
            if let Some((kind, _)) = part.as_media().filter(|(kind, _)| refused(*kind)) {
                let told = format!("a tool's result holds no {}: it follows the result", word_of(kind));
                self.losses.push(Loss::adapted(path, told));
                self.beside.extend(block);
                continue;
            }
            content.extend(blocks::result_json(part).or(block));
            if let Some(mark) = written.next() {
                let reason = "Bedrock takes no cache mark inside of a result: it stands behind it";
                let name = part.extras().and_then(losses::cache_mark).map_or("", |(name, _)| name);
                self.losses.push(Loss::adapted(format!("{path}.extras.{name}"), reason));
                inner_mark = Some(mark);
            }
        }
        self.mark_of_result = inner_mark;
        let id = result.id.as_deref().ok_or_else(|| {
            Error::invalid(format!("{path}.id"), "the tool's result does not say which call it answers")
                .with_hint("give it the id of the call")
        })?;
        let mut inner = Fields::new();
        inner.put("toolUseId", id).put("content", &content);
        inner.put_some("status", result.is_error.map(|failed| if failed { "error" } else { "success" }));
        inner.put_extras(&result.extras, PROTOCOL);
        Ok(Fields::one("toolResult", &inner))
    }
}
