use std::collections::BTreeMap;

use bytes::Bytes;
use tollbridge_core::{Error, Frame};
use tollbridge_types::{ChatEvent, Extras, Finish, MediaKind, ToolCall, Usage};

use super::{CHAT_PROTOCOL as PROTOCOL, error, reply_encode, usage};
use crate::object::Fields;
use crate::{ChatStreamEncoder, ReplyContext, endings, openai};

/// Writes the objects of a stream, one on each line. Calls are written whole, when their arguments are.
#[derive(Debug)]
pub(crate) struct Encoder {
    model: String,
    created: u64,
    /// The calls that are not yet written, and whether they are complete.
    calls: BTreeMap<u32, (ToolCall, bool)>,
    called: usize,
    finish: Option<Finish>,
    usage: Option<Usage>,
    extras: Extras,
    message_extras: Extras,
}

impl Encoder {
    pub(crate) fn new(context: &ReplyContext<'_>) -> Self {
        Self {
            model: context.model.to_owned(),
            created: context.created,
            calls: BTreeMap::new(),
            called: 0,
            finish: None,
            usage: None,
            extras: Extras::default(),
            message_extras: Extras::default(),
        }
    }

    fn line(&self, message: &Fields) -> Fields {
        let mut body = reply_encode::head(&self.model, self.created);
        body.put("message", message);
        body
    }

    fn more(&self, message: &Fields, frames: &mut Vec<Frame>) {
        let mut body = self.line(message);
        body.put("done", &false);
        frames.push(frame(&body));
    }

    /// Writes the calls that are complete, in the order in which they began.
    fn ready(&mut self, frames: &mut Vec<Frame>) {
        while let Some(first) = self.calls.first_entry().filter(|first| first.get().1) {
            let (call, _) = first.remove();
            if endings::is_cut(&call) {
                continue;
            }
            let mut message = message("");
            message.put("tool_calls", &[reply_encode::tool_call(&call, self.called)]);
            self.called += 1;
            self.more(&message, frames);
        }
    }
}

fn message(content: &str) -> Fields {
    let mut fields = Fields::new();
    fields.put("role", "assistant").put("content", content);
    fields
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start(start) => {
                self.model = start.model.unwrap_or_else(|| std::mem::take(&mut self.model));
                self.created = start.created.unwrap_or(self.created);
            }
            ChatEvent::Text { choice: 0, text } | ChatEvent::Refusal { choice: 0, text } if !text.is_empty() => {
                self.more(&message(&text), frames);
            }
            ChatEvent::Thought { choice: 0, text } if !text.is_empty() => {
                let mut message = message("");
                message.put("thinking", &text);
                self.more(&message, frames);
            }
            ChatEvent::Media { choice: 0, kind: MediaKind::Image, media } => {
                if let Some(data) = reply_encode::image(&media) {
                    let mut message = message("");
                    message.put("images", &[data]);
                    self.more(&message, frames);
                }
            }
            ChatEvent::ToolCallStart { choice: 0, call: number, id, name, kind, signature, extras } => {
                let mut call = ToolCall::default();
                (call.id, call.name, call.kind, call.signature, call.extras) = (id, name, kind, signature, extras);
                self.calls.insert(number, (call, false));
            }
            ChatEvent::ToolCallArguments { choice: 0, call, fragment } => {
                if let Some((call, _)) = self.calls.get_mut(&call) {
                    call.arguments.push_str(&fragment);
                }
            }
            ChatEvent::ToolCallEnd { choice: 0, call } => {
                if let Some((_, complete)) = self.calls.get_mut(&call) {
                    *complete = true;
                }
                self.ready(frames);
            }
            ChatEvent::LogProbs { choice: 0, content, .. } if !content.is_empty() => {
                let mut body = self.line(&message(""));
                body.put("done", &false).put("logprobs", &openai::logprobs::tokens(&content));
                frames.push(frame(&body));
            }
            ChatEvent::Extras { choice: None, extras } => self.extras.extend(extras),
            ChatEvent::Extras { choice: Some(0), extras } => self.message_extras.extend(extras),
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Finish { choice: 0, finish } => self.finish = Some(finish),
            // Boundaries, signatures and further choices have no form here.
            _ => {}
        }
    }

    fn finish(&mut self, frames: &mut Vec<Frame>) {
        let cut = self.finish.as_ref().is_some_and(|finish| !endings::is_normal(&finish.reason));
        self.calls.retain(|_, (call, complete)| *complete || !(cut && call.arguments.is_empty()));
        self.calls.values_mut().for_each(|(_, complete)| *complete = true);
        self.ready(frames);
        let mut last = message("");
        last.put_extras(&self.message_extras, PROTOCOL);
        let mut body = self.line(&last);
        body.put("done", &true)
            .put_some("done_reason", self.finish.as_ref().map(|finish| endings::word(PROTOCOL, finish, false)));
        if let Some(counted) = &self.usage {
            usage::put(counted, &mut body);
        }
        body.put_extras(&self.extras, PROTOCOL);
        frames.push(frame(&body));
    }

    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>) {
        frames.push(frame(&error::body(error)));
    }
}

fn frame(body: &Fields) -> Frame {
    let data = body.to_line();
    Frame::new(Bytes::from(format!("{data}\n")), None, Bytes::from(data))
}
