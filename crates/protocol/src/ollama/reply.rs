use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{
    ChatEvent, ChatReply, Choice, Extras, Finish, FinishReason, Json, Part, Start, Thought, ToolCall, ToolCallKind,
    Usage, UsageBasis,
};

use super::CHAT_PROTOCOL as PROTOCOL;
use crate::object::{Fields, Object, json};
use crate::{ChatStreamDecoder, vendor_error};

/// Reads a whole reply of `/api/chat`, or of the older `/api/generate`.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    failure(&mut body)?;
    let mut reply = ChatReply::default();
    let start = start(&mut body);
    (reply.model, reply.created) = (start.model, start.created);
    let mut choice = Choice::default();
    let line = Line::read(&mut body).ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `message`").with_hint("check that `base_url` is Ollama's")
    })?;
    choice.parts.extend((!line.thinking.is_empty()).then(|| Part::Thought(thought(line.thinking))));
    choice.parts.extend((!line.text.is_empty()).then(|| Part::text(line.text)));
    let called = !line.calls.is_empty();
    choice.parts.extend(line.calls.into_iter().map(Part::ToolCall));
    choice.finish = finish(&mut body, called);
    choice.extras = line.extras;
    reply.choices = vec![choice];
    reply.usage = usage(&mut body);
    body.take("done");
    reply.extras = body.into_extras(PROTOCOL);
    Ok(reply)
}

fn failure(body: &mut Object) -> Result<(), Error> {
    match body.take("error") {
        Some(error) => Err(vendor_error::from_event(&crate::openai::whole_error(&error))),
        None => Ok(()),
    }
}

fn start(body: &mut Object) -> Start {
    let mut start = Start::default();
    start.model = body.find_text("model");
    body.take("created_at");
    start
}

/// What one object of a reply says.
struct Line {
    thinking: String,
    text: String,
    calls: Vec<ToolCall>,
    extras: Extras,
}

impl Line {
    fn read(body: &mut Object) -> Option<Self> {
        // `/api/generate` puts its fields at the top.
        if let Some(text) = body.find::<String>("response") {
            let thinking = body.find("thinking").unwrap_or_default();
            return Some(Self { thinking, text, calls: Vec::new(), extras: Extras::default() });
        }
        let mut message = Object::lenient(&body.take("message")?);
        message.take("role");
        let calls = message.find_list("tool_calls").iter().map(call).collect();
        Some(Self {
            thinking: message.find("thinking").unwrap_or_default(),
            text: message.find("content").unwrap_or_default(),
            calls,
            extras: present(message),
        })
    }
}

fn present(fields: Object) -> Extras {
    let mut extras = Extras::default();
    for (name, value) in fields.into_fields().filter(|(_, value)| value.as_str() != "null") {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}

/// Makes a thought that Ollama will take back.
fn thought(text: String) -> Thought {
    let mut thought = Thought::default();
    thought.text = text;
    thought.extras.insert(PROTOCOL, "field", json("thinking"));
    thought
}

fn call(json: &Json) -> ToolCall {
    let mut fields = Object::lenient(json);
    let mut inner = fields.find_object("function");
    let mut call = ToolCall::default();
    call.id = fields.find_text("id").filter(|id| !id.is_empty());
    call.name = inner.find_text("name").unwrap_or_default();
    call.arguments = match inner.take("arguments") {
        Some(json) => json.parse::<String>().unwrap_or_else(|_| json.compact()),
        None => "{}".to_owned(),
    };
    call
}

fn finish(body: &mut Object, called: bool) -> Option<Finish> {
    let done: bool = body.find("done").unwrap_or_default();
    let raw = body.find_text("done_reason");
    if !done && raw.is_none() {
        return None;
    }
    let reason = match raw.as_deref() {
        Some("length") => FinishReason::Length,
        Some("stop") | None if called => FinishReason::ToolCalls,
        Some("stop") | None => FinishReason::Stop,
        Some(other) => FinishReason::Unknown(other.to_owned()),
    };
    Some(Finish::new(reason, raw))
}

/// Gathers the counts and times that stand at the top of the last object.
fn usage(body: &mut Object) -> Option<Usage> {
    let mut raw = Fields::new();
    for name in COUNTS {
        raw.put_some(name, body.take(name));
    }
    if raw.is_empty() {
        return None;
    }
    let raw = raw.to_json();
    let mut fields = Object::lenient(&raw);
    let mut usage = Usage::default();
    usage.input = fields.find_count("prompt_eval_count");
    usage.output = fields.find_count("eval_count");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(raw);
    Some(usage)
}

const COUNTS: &[&str] =
    &["prompt_eval_count", "eval_count", "total_duration", "load_duration", "prompt_eval_duration", "eval_duration"];

/// Reads the lines of a stream.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    lines: u64,
    started: bool,
    thinking: bool,
    calls: u32,
    done: bool,
    extras: Extras,
}

impl ChatStreamDecoder for Decoder {
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if frame.is_comment() {
            return Ok(());
        }
        self.lines += 1;
        let mut body = Object::from_vendor(&frame.data, &format!("line {} of the stream", self.lines))?;
        failure(&mut body)?;
        let start = start(&mut body);
        if !std::mem::replace(&mut self.started, true) {
            events.push(ChatEvent::Start(start));
        }
        let choice = 0;
        if let Some(line) = Line::read(&mut body) {
            if !line.thinking.is_empty() {
                events.push(ChatEvent::Thought { choice, text: line.thinking });
                if !std::mem::replace(&mut self.thinking, true) {
                    events.push(ChatEvent::PartExtras { choice, extras: thought(String::new()).extras });
                }
            }
            if !line.text.is_empty() {
                events.push(ChatEvent::Text { choice, text: line.text });
            }
            for ToolCall { id, name, arguments, .. } in line.calls {
                let call = self.calls;
                self.calls += 1;
                let (kind, extras) = (ToolCallKind::Function, Extras::default());
                events.push(ChatEvent::ToolCallStart { choice, call, id, name, kind, signature: None, extras });
                events.push(ChatEvent::ToolCallArguments { choice, call, fragment: arguments });
                events.push(ChatEvent::ToolCallEnd { choice, call });
            }
            self.extras.extend(line.extras);
        }
        if let Some(finish) = finish(&mut body, self.calls > 0) {
            self.done = true;
            events.extend(usage(&mut body).map(ChatEvent::Usage));
            if !self.extras.is_empty() {
                events.push(ChatEvent::Extras { choice: Some(choice), extras: std::mem::take(&mut self.extras) });
            }
            events.push(ChatEvent::Finish { choice, finish });
        }
        body.take("done");
        let extras = present(body);
        if !extras.is_empty() {
            events.push(ChatEvent::Extras { choice: None, extras });
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<ChatEvent>) -> Result<(), Error> {
        if self.done {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Network, "the stream ended before a line that is done"))
    }
}
