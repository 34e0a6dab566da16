use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{
    ChatReply, Choice, Extras, Finish, FinishReason, Json, LogProbs, Part, Start, Thought, TokenLogProb, ToolCall,
};

use super::{CHAT_PROTOCOL as PROTOCOL, image, usage};
use crate::object::{Object, json};
use crate::{endings, openai, timestamp, vendor_error};

/// Reads a whole reply of `/api/chat`, or of the older `/api/generate`.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    failure(&mut body)?;
    let mut reply = ChatReply::default();
    let start = start(&mut body);
    (reply.model, reply.created) = (start.model, start.created);
    let mut choice = Choice::default();
    let line = Line::take(&mut body).ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `message`").with_hint("check that `base_url` is Ollama's")
    })?;
    choice.parts.extend((!line.thinking.is_empty()).then(|| Part::Thought(thought(line.thinking))));
    choice.parts.extend((!line.text.is_empty()).then(|| Part::text(line.text)));
    choice.parts.extend(line.images.into_iter().map(|data| Part::Image(image::decode(data))));
    let called = !line.calls.is_empty();
    choice.parts.extend(line.calls.into_iter().map(Part::ToolCall));
    choice.finish = finish(&mut body, called);
    if !line.logprobs.is_empty() {
        let logprobs = choice.logprobs.get_or_insert_with(LogProbs::default);
        logprobs.content = line.logprobs;
    }
    choice.extras = line.extras;
    reply.choices = vec![choice];
    reply.usage = usage::take(&mut body);
    reply.extras = present(body);
    Ok(reply)
}

/// Returns the error that an object reports in the place of an answer.
pub(crate) fn failure(body: &mut Object) -> Result<(), Error> {
    match body.take("error") {
        Some(error) => Err(vendor_error::from_event(&openai::whole_error(&error))),
        None => Ok(()),
    }
}

/// Takes what is known when an answer begins.
pub(crate) fn start(body: &mut Object) -> Start {
    let mut start = Start::default();
    start.model = body.find_text("model");
    start.created = body.find_text("created_at").and_then(|time| timestamp::parse(&time));
    start
}

/// What one object says, of a whole reply or of a stream.
pub(crate) struct Line {
    pub(crate) thinking: String,
    pub(crate) text: String,
    pub(crate) images: Vec<String>,
    pub(crate) calls: Vec<ToolCall>,
    pub(crate) logprobs: Vec<TokenLogProb>,
    pub(crate) extras: Extras,
}

impl Line {
    pub(crate) fn take(body: &mut Object) -> Option<Self> {
        let logprobs = openai::logprobs::list(&body.find_list("logprobs"));
        // `/api/generate` puts its fields at the top.
        if let Some(text) = body.find::<String>("response") {
            let thinking = body.find("thinking").unwrap_or_default();
            let (images, calls, extras) = (Vec::new(), Vec::new(), Extras::default());
            return Some(Self { thinking, text, images, calls, logprobs, extras });
        }
        let mut message = Object::lenient(&body.take("message")?);
        message.take("role");
        let calls = message.find_list("tool_calls").iter().map(call).collect();
        Some(Self {
            thinking: message.find("thinking").unwrap_or_default(),
            text: message.find("content").unwrap_or_default(),
            images: message.find("images").unwrap_or_default(),
            calls,
            logprobs,
            extras: present(message),
        })
    }
}

/// Keeps the fields that say something.
pub(crate) fn present(fields: Object) -> Extras {
    let mut extras = Extras::default();
    for (name, value) in fields.into_fields().filter(|(_, value)| value.as_str() != "null") {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}

/// Makes a thought that Ollama will take back.
pub(crate) fn thought(text: String) -> Thought {
    let mut thought = Thought::default();
    thought.text = text;
    thought.extras.insert(PROTOCOL, "field", json("thinking"));
    thought
}

/// Reads a call, in a reply or in a request's history.
pub(crate) fn call(json: &Json) -> ToolCall {
    let mut fields = Object::lenient(json);
    let mut inner = fields.find_object("function");
    let mut call = ToolCall::default();
    call.id = fields.find_text("id").filter(|id| !id.is_empty());
    call.name = inner.find_text("name").unwrap_or_default();
    call.arguments = match inner.take("arguments") {
        Some(json) => json.parse::<String>().unwrap_or_else(|_| json.compact()),
        None => "{}".to_owned(),
    };
    // Calls stand in the order of their numbers, and are all functions.
    inner.take("index");
    if fields.peek("type").is_some_and(|kind| kind.as_str() == "\"function\"") {
        fields.take("type");
    }
    call.extras = present(fields);
    for (name, value) in inner.into_fields() {
        call.extras.insert(PROTOCOL, format!("function.{name}"), value);
    }
    call
}

/// Takes the end of an answer, if the object is the last one.
pub(crate) fn finish(body: &mut Object, called: bool) -> Option<Finish> {
    let done: bool = body.find("done").unwrap_or_default();
    let raw = body.find_text("done_reason").filter(|raw| !raw.is_empty());
    if !done && raw.is_none() {
        return None;
    }
    // Before there were reasons, an answer that was done had stopped.
    let reason = match raw.as_deref().map_or(FinishReason::Stop, |raw| endings::read(PROTOCOL, raw)) {
        FinishReason::Stop if called => FinishReason::ToolCalls,
        reason => reason,
    };
    Some(Finish::new(reason, raw))
}
