use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt;
use tollbridge_core::{Frame, FrameStream};
use tollbridge_protocol::chat;
use tollbridge_types::{ChatEvent, ChatRequest, Protocol, Role};

use crate::event::Summaries;

/// The text of an answer, gathered in passing for events where content is on.
#[derive(Clone, Default)]
pub(super) struct Words(Arc<Mutex<String>>);

impl Words {
    /// Returns what has been said until now.
    pub(super) fn said(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a whole answer.
    pub(super) fn whole(&self, protocol: Protocol, body: &[u8]) {
        let reply = chat(protocol).and_then(|codec| codec.decode_reply(body).ok());
        if let Some(reply) = reply {
            self.add(&reply.text());
        }
    }

    /// Listens to a stream.
    pub(super) fn listen(&self, protocol: Protocol, frames: FrameStream) -> FrameStream {
        let Some(mut decoder) = chat(protocol).map(|codec| codec.stream_decoder()) else { return frames };
        let words = self.clone();
        let mut events = Vec::new();
        let mut hear = move |frame: &Frame| {
            // What cannot be read is told where the answer is read.
            let _ = decoder.decode(frame, &mut events);
            for event in events.drain(..) {
                if let ChatEvent::Text { choice: 0, text } = event {
                    words.add(&text);
                }
            }
        };
        Box::pin(frames.inspect(move |frame| {
            if let Ok(frame) = frame {
                hear(frame);
            }
        }))
    }

    fn add(&self, text: &str) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() + text.len() <= MOST {
            said.push_str(text);
        }
    }
}

/// Tells what the user asks, as far as content is on.
pub(super) fn request_summary(summaries: Summaries, request: &ChatRequest) -> String {
    let last = request.messages.iter().rev().find(|message| message.role == Role::User);
    last.map_or(String::new(), |message| summaries.request(&message.text()))
}

/// The most bytes that are gathered of an answer.
const MOST: usize = 1 << 20;
