use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;
use tollbridge_core::{Error, Frame};
use tollbridge_types::{ChatEvent, Finish, FinishReason, Json, Start, Thought, ToolCall, Usage};

use super::{MESSAGES_PROTOCOL as PROTOCOL, blocks, error, reply_encode, usage};
use crate::object::{Fields, json};
use crate::state::{self, State};
use crate::{ChatStreamEncoder, ReplyContext, endings, ids};

/// Writes the events of a streamed message. Anthropic has one answer, and one open block at a time.
#[derive(Debug)]
pub(crate) struct Encoder {
    id: String,
    model: String,
    started: bool,
    open: Option<Open>,
    index: u64,
    /// Tool calls that began while another was open, whole as far as they have come.
    waiting: VecDeque<Waiting>,
    called: bool,
    refused: bool,
    usage: Usage,
    /// A guess of the input, for as long as the vendor has not told it.
    estimate: u64,
    finish: Option<Finish>,
    /// What belongs to the thought in progress beside its words.
    thought: Thought,
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
            model: context.model.to_owned(),
            estimate: context.input_estimate,
            started: false,
            open: None,
            index: 0,
            waiting: VecDeque::new(),
            called: false,
            refused: false,
            usage: Usage::default(),
            finish: None,
            thought: Thought::default(),
        }
    }

    fn start(&mut self, frames: &mut Vec<Frame>) {
        if std::mem::replace(&mut self.started, true) {
            return;
        }
        let mut message = Fields::new();
        message.put("id", &self.id).put("type", "message").put("role", "assistant").put("model", &self.model);
        message.put::<[Json]>("content", &[]).put("stop_reason", &None::<Json>).put("stop_sequence", &None::<Json>);
        message.put("usage", &usage::encode(&self.usage_so_far()));
        let mut event = Fields::new();
        event.put("type", "message_start").put("message", &message);
        push("message_start", &event, frames);
    }

    /// Clients fill their windows by the numbers at the start; those at the end are the vendor's, if it told any.
    fn usage_so_far(&self) -> Usage {
        let mut usage = self.usage.clone();
        if usage.total_input() == 0 && self.estimate > 0 {
            usage.input = Some(self.estimate);
        }
        usage
    }

    fn begin(&mut self, open: Option<Open>, block: &Json, frames: &mut Vec<Frame>) {
        self.start(frames);
        self.close(frames);
        let mut event = Fields::new();
        event.put("type", "content_block_start").put("index", &self.index).put("content_block", block);
        push("content_block_start", &event, frames);
        self.open = open;
        if open.is_none() {
            self.stop_block(frames);
        }
    }

    fn delta(&self, delta: &impl Serialize, frames: &mut Vec<Frame>) {
        let mut event = Fields::new();
        event.put("type", "content_block_delta").put("index", &self.index).put("delta", delta);
        push("content_block_delta", &event, frames);
    }

    fn close(&mut self, frames: &mut Vec<Frame>) {
        let Some(open) = self.open.take() else { return };
        let thought = std::mem::take(&mut self.thought);
        let own = thought.signature.as_ref().is_some_and(|signature| signature.of(PROTOCOL).is_some());
        if open == Open::Thought && !own {
            // A seal on nothing says that this thinking is another vendor's.
            let signature = state::seal(State::of_thought(&thought, PROTOCOL).as_slice());
            self.delta(&serde_json::json!({"type": "signature_delta", "signature": signature}), frames);
        }
        self.stop_block(frames);
    }

    fn carrier(&mut self, state: Option<State>, frames: &mut Vec<Frame>) {
        if let Some(state) = state {
            self.settle(frames);
            self.begin(None, &reply_encode::carrier(&state), frames);
        }
    }

    fn stop_block(&mut self, frames: &mut Vec<Frame>) {
        let mut event = Fields::new();
        event.put("type", "content_block_stop").put("index", &self.index);
        push("content_block_stop", &event, frames);
        self.index += 1;
    }

    fn text(&mut self, text: &str, frames: &mut Vec<Frame>) {
        if text.is_empty() {
            return;
        }
        self.open_text(frames);
        self.delta(&serde_json::json!({"type": "text_delta", "text": text}), frames);
    }

    fn open_text(&mut self, frames: &mut Vec<Frame>) {
        if self.open != Some(Open::Text) {
            self.settle(frames);
            self.begin(Some(Open::Text), &json(&serde_json::json!({"type": "text", "text": ""})), frames);
        }
    }

    fn open_thought(&mut self, frames: &mut Vec<Frame>) {
        if self.open != Some(Open::Thought) {
            self.settle(frames);
            let block = serde_json::json!({"type": "thinking", "thinking": "", "signature": ""});
            self.begin(Some(Open::Thought), &json(&block), frames);
        }
    }

    fn open_call(&mut self, number: u32, call: &ToolCall, frames: &mut Vec<Frame>) {
        let made_up = ids::made_up(&self.id, 0, number);
        let id = call.id.as_deref().unwrap_or(&made_up);
        let empty = json(&serde_json::json!({}));
        if let Some(state) = reply_encode::call_state(call, id) {
            self.begin(None, &reply_encode::carrier(&state), frames);
        }
        self.begin(Some(Open::Call(number)), &blocks::tool_use(id, call, &empty).to_json(), frames);
        if !call.arguments.is_empty() {
            self.arguments(&call.arguments, frames);
        }
    }

    fn arguments(&self, fragment: &str, frames: &mut Vec<Frame>) {
        self.delta(&serde_json::json!({"type": "input_json_delta", "partial_json": fragment}), frames);
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
}

impl ChatStreamEncoder for Encoder {
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>) {
        match event {
            ChatEvent::Start(Start { id, model, .. }) => {
                self.id = id.unwrap_or_else(|| std::mem::take(&mut self.id));
                self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
            }
            ChatEvent::Text { choice: 0, text } => self.text(&text, frames),
            ChatEvent::Refusal { choice: 0, text } => {
                self.refused = true;
                self.text(&text, frames);
            }
            ChatEvent::Thought { choice: 0, text } if !text.is_empty() => {
                self.open_thought(frames);
                self.delta(&serde_json::json!({"type": "thinking_delta", "thinking": text}), frames);
            }
            ChatEvent::Thought { choice: 0, .. } => self.open_thought(frames),
            ChatEvent::PartExtras { choice: 0, extras } if self.open == Some(Open::Thought) => {
                self.thought.extras.extend(extras);
            }
            ChatEvent::Signature { choice: 0, signature } => match signature.of(PROTOCOL) {
                Some(value) => {
                    self.open_thought(frames);
                    self.delta(&serde_json::json!({"type": "signature_delta", "signature": value}), frames);
                    self.thought.signature = Some(signature);
                }
                None if self.open == Some(Open::Thought) => self.thought.signature = Some(signature),
                None => self.carrier(Some(State::Text(signature)), frames),
            },
            ChatEvent::RedactedThought { choice: 0, data } => {
                let mut thought = Thought::default();
                thought.redacted = Some(data);
                match blocks::thought(&thought) {
                    Some(block) => {
                        self.settle(frames);
                        self.begin(None, &block.to_json(), frames);
                    }
                    None => self.carrier(State::of_thought(&thought, PROTOCOL), frames),
                }
            }
            ChatEvent::ToolCallStart { choice: 0, call: number, id, name, signature, extras, .. } => {
                self.called = true;
                let mut call = ToolCall::default();
                (call.id, call.name, call.signature, call.extras) = (id, name, signature, extras);
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
                self.open_text(frames);
                let citation = blocks::citation_json(&citation);
                let mut delta = Fields::new();
                delta.put("type", "citations_delta").put("citation", &citation);
                self.delta(&delta, frames);
            }
            ChatEvent::Media { choice: 0, media, .. } => {
                if let Some(url) = media.to_url() {
                    self.text(&format!("![image]({url})"), frames);
                }
            }
            ChatEvent::Opaque { choice: 0, part } if part.protocol == PROTOCOL => {
                self.settle(frames);
                self.begin(None, &part.json, frames);
            }
            ChatEvent::Opaque { choice: 0, part } => self.carrier(State::of_opaque(&part, PROTOCOL), frames),
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
        let mut delta = Fields::new();
        let finish = self.finish.take().unwrap_or_else(|| Finish::new(FinishReason::Stop, None));
        let finish = endings::refused(&finish, self.refused && !self.called);
        delta.put("stop_reason", endings::word(PROTOCOL, &finish, self.called));
        delta.put("stop_sequence", &finish.stop_sequence);
        let mut event = Fields::new();
        event.put("type", "message_delta").put("delta", &delta).put("usage", &usage::encode(&self.usage_so_far()));
        push("message_delta", &event, frames);
        let mut event = Fields::new();
        event.put("type", "message_stop");
        push("message_stop", &event, frames);
    }

    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>) {
        push("error", &error::body(error), frames);
    }
}

fn push(name: &str, event: &Fields, frames: &mut Vec<Frame>) {
    let data = event.to_line();
    let raw = Bytes::from(format!("event: {name}\ndata: {data}\n\n"));
    frames.push(Frame::new(raw, Some(name.to_owned()), Bytes::from(data)));
}
