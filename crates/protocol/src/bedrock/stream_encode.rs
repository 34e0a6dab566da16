use std::collections::VecDeque;

use tollbridge_core::{Error, Frame};
use tollbridge_types::{ChatEvent, Finish, FinishReason, MediaKind, Opaque, Start, Thought, ToolCall, Usage};

use super::{CONVERSE_PROTOCOL as PROTOCOL, blocks, error, reply_encode, usage};
use crate::object::{Fields, Object};
use crate::{ChatStreamEncoder, ReplyContext, endings, eventstream, ids};

/// Writes the events of ConverseStream. It has one answer, and one open block at a time.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    started: bool,
    open: Option<Open>,
    index: u64,
    /// Tool calls that began while another was open, whole as far as they have come.
    waiting: VecDeque<Waiting>,
    called: bool,
    refused: bool,
    usage: Usage,
    finish: Option<Finish>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Text,
    Thought,
    Call(u32),
}

#[derive(Debug)]
struct Waiting {
    number: u32,
    call: ToolCall,
    ended: bool,
}

impl Encoder {
    pub(crate) fn new(context: &ReplyContext<'_>) -> Self {
        Self {
            id: context.id.to_owned(),
            started: false,
            open: None,
            index: 0,
            waiting: VecDeque::new(),
            called: false,
            refused: false,
            usage: Usage::default(),
            finish: None,
        }
    }

    fn start(&mut self, frames: &mut Vec<Frame>) {
        if !std::mem::replace(&mut self.started, true) {
            frames.push(eventstream::event("messageStart", &Fields::one("role", "assistant").to_json()));
        }
    }

    /// Makes room for words of a kind, which have no start of their own.
    fn words(&mut self, open: Open, frames: &mut Vec<Frame>) {
        if self.open != Some(open) {
            self.start(frames);
            self.settle(frames);
            self.open = Some(open);
        }
    }

    fn begin(&mut self, start: &Fields, frames: &mut Vec<Frame>) {
        self.start(frames);
        self.close(frames);
        self.push("contentBlockStart", Fields::one("start", start), frames);
    }

    fn delta(&self, delta: &Fields, frames: &mut Vec<Frame>) {
        self.push("contentBlockDelta", Fields::one("delta", delta), frames);
    }

    /// Writes an event of the block that is open.
    fn push(&self, name: &str, mut event: Fields, frames: &mut Vec<Frame>) {
        event.put("contentBlockIndex", &self.index);
        frames.push(eventstream::event(name, &event.to_json()));
    }

    fn close(&mut self, frames: &mut Vec<Frame>) {
        if self.open.take().is_some() {
            self.stop_block(frames);
        }
    }

    fn stop_block(&mut self, frames: &mut Vec<Frame>) {
        self.push("contentBlockStop", Fields::new(), frames);
        self.index += 1;
    }

    fn text(&mut self, text: &str, frames: &mut Vec<Frame>) {
        if !text.is_empty() {
            self.words(Open::Text, frames);
            self.delta(&Fields::one("text", text), frames);
        }
    }

    fn open_call(&mut self, number: u32, call: &ToolCall, frames: &mut Vec<Frame>) {
        let made_up = ids::made_up(&self.id, 0, number);
        let id = call.id.as_deref().unwrap_or(&made_up);
        let mut start = Fields::new();
        start.put("toolUseId", id).put("name", &call.name).put_extras(&call.extras, PROTOCOL);
        self.begin(&Fields::one("toolUse", &start), frames);
        self.open = Some(Open::Call(number));
        if !call.arguments.is_empty() {
            self.arguments(&call.arguments, frames);
        }
    }

    fn arguments(&self, fragment: &str, frames: &mut Vec<Frame>) {
        self.delta(&Fields::one("toolUse", &Fields::one("input", fragment)), frames);
    }

    /// Writes the calls that waited, up to the first that is still coming in.
    fn advance(&mut self, frames: &mut Vec<Frame>) {
        self.close(frames);
        while let Some(next) = self.waiting.pop_front() {
            self.open_call(next.number, &next.call, frames);
            if !next.ended {
                return;
            }
            self.close(frames);
        }
    }

    /// Closes whatever is open, calls that wait included.
    fn settle(&mut self, frames: &mut Vec<Frame>) {
        for waiting in &mut self.waiting {
            waiting.ended = true;
        }
        self.advance(frames);
    }

    /// Writes a block that is whole at once.
    fn whole(&mut self, start: Option<&Fields>, delta: &Fields, frames: &mut Vec<Frame>) {
        self.start(frames);
        self.settle(frames);
        if let Some(start) = start {
            self.begin(start, frames);
        }
        self.delta(delta, frames);
        self.stop_block(frames);
    }

    /// Writes what Bedrock's own tools were asked and returned, the only foreign blocks that streams have.
    fn opaque(&mut self, part: &Opaque, frames: &mut Vec<Frame>) {
        let mut block = Object::lenient(&part.json);
        for (kind, content) in [("toolUse", "input"), ("toolResult", "content")] {
            let Some(inner) = block.take(kind) else { continue };
            let mut inner = Object::lenient(&inner);
            let content = inner.take(content);
            let mut start = Fields::new();
            inner.into_fields().for_each(|(name, value)| {
                start.put(&name, &value);
            });
            let delta = match (kind, content) {
                ("toolUse", input) => Fields::one(kind, &Fields::one("input", &input.map(|input| input.compact()))),
                (_, content) => Fields::one(kind, &content),
            };
            self.whole(Some(&Fields::one(kind, &start)), &delta, frames);
        }
    }
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start(Start { id, .. }) => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.start(frames);
            }
            ChatEvent::Text { choice: 0, text } => self.text(&text, frames),
            ChatEvent::Refusal { choice: 0, text } => {
                self.refused = true;
                self.text(&text, frames);
            }
            ChatEvent::Thought { choice: 0, text } if !text.is_empty() => {
                self.words(Open::Thought, frames);
                self.delta(&Fields::one("reasoningContent", &Fields::one("text", &text)), frames);
            }
            ChatEvent::Signature { choice: 0, signature } => {
                if let Some(value) = signature.of(PROTOCOL) {
                    self.words(Open::Thought, frames);
                    self.delta(&Fields::one("reasoningContent", &Fields::one("signature", value)), frames);
                }
            }
            ChatEvent::RedactedThought { choice: 0, data } => {
                let mut thought = Thought::default();
                thought.redacted = Some(data);
                if let Some(block) = blocks::thought(&thought) {
                    self.whole(None, &block, frames);
                }
            }
            ChatEvent::ToolCallStart { choice: 0, call: number, id, name, extras, .. } => {
                self.called = true;
                let mut call = ToolCall::default();
                (call.id, call.name, call.extras) = (id, name, extras);
                if matches!(self.open, Some(Open::Call(_))) {
                    self.waiting.push_back(Waiting { number, call, ended: false });
                } else {
                    self.open_call(number, &call, frames);
                }
            }
            ChatEvent::ToolCallArguments { choice: 0, call, fragment } => {
                if self.open == Some(Open::Call(call)) {
                    self.arguments(&fragment, frames);
                } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.number == call) {
                    waiting.call.arguments.push_str(&fragment);
                }
            }
            ChatEvent::ToolCallEnd { choice: 0, call } => {
                if self.open == Some(Open::Call(call)) {
                    self.advance(frames);
                } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| waiting.number == call) {
                    waiting.ended = true;
                }
            }
            ChatEvent::Citation { choice: 0, citation } => {
                self.words(Open::Text, frames);
                let citation = blocks::citation_json(&citation);
                self.delta(&Fields::one("citation", &citation), frames);
            }
            ChatEvent::Media { choice: 0, kind: MediaKind::Image, media } => {
                let Some(block) = reply_encode::image(&media) else { return };
                let mut block = Object::lenient(&block);
                let mut image = block.find_object("image");
                match (image.take("format"), image.take("source"), block.find_text("text")) {
                    (Some(format), Some(source), _) => {
                        let start = Fields::one("image", &Fields::one("format", &format));
                        let delta = Fields::one("image", &Fields::one("source", &source));
                        self.whole(Some(&start), &delta, frames);
                    }
                    (_, _, text) => self.text(&text.unwrap_or_default(), frames),
                }
            }
            ChatEvent::Opaque { choice: 0, part } if part.protocol == PROTOCOL => self.opaque(&part, frames),
            ChatEvent::PartEnd { choice: 0 } if matches!(self.open, Some(Open::Text | Open::Thought)) => {
                self.close(frames);
            }
            ChatEvent::Usage(usage) => self.usage = usage,
            ChatEvent::Finish { choice: 0, finish } => self.finish = Some(finish),
            // Log-probabilities, further choices and other protocols' fields have no form here.
            _ => {}
        }
    }

    fn finish(&mut self, frames: &mut Vec<Frame>) {
        self.start(frames);
        self.settle(frames);
        let stop = Finish::new(FinishReason::Stop, None);
        let finish = endings::refused(self.finish.as_ref().unwrap_or(&stop), self.refused && !self.called);
        let word = endings::word(PROTOCOL, &finish, self.called);
        frames.push(eventstream::event("messageStop", &Fields::one("stopReason", word).to_json()));
        let metadata = Fields::one("usage", &usage::encode(&self.usage));
        frames.push(eventstream::event("metadata", &metadata.to_json()));
    }

    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>) {
        frames.push(eventstream::failure(error::stream_name_of(error), &error.to_string()));
    }
}
