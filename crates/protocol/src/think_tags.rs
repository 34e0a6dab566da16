//! Thinking that a model writes into its answer, between `<think>` and `</think>` at the start.
//!
//! Servers that know a model's template part the two; others pass the tags on as text. Tags anywhere
//! else belong to the answer and stay.

use std::collections::BTreeMap;

use tollbridge_core::ThinkTags;
use tollbridge_types::{ChatEvent, ChatReply, Part, Text, Thought};

/// Parts thinking from an answer while it arrives.
#[derive(Debug)]
pub(crate) struct Splitter {
    state: State,
    /// What cannot be told yet.
    held: String,
    closing: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    Thought,
    Answer,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Of the thinking.
    Thought(String),
    /// Of the answer.
    Text(String),
}

impl Splitter {
    /// Starts an answer. With [`ThinkTags::Closing`], text that begins without a tag is held back until
    /// `</think>` shows that it was thinking, or the answer ends.
    pub(crate) fn new(tags: ThinkTags) -> Self {
        let state = if tags == ThinkTags::Off { State::Answer } else { State::Start };
        Self { state, held: String::new(), closing: tags == ThinkTags::Closing }
    }

    /// Takes the next text and appends what it shows.
    pub(crate) fn push(&mut self, text: &str, pieces: &mut Vec<Piece>) {
        if self.state == State::Answer {
            return say(Piece::Text(text.to_owned()), pieces);
        }
        // Looking again for the end tag begins where it could first be new.
        let looked = self.held.len().saturating_sub(CLOSE.len());
        self.held.push_str(text);
        if self.state == State::Start {
            self.begin(looked, pieces);
        }
        if self.state == State::Thought {
            self.think(pieces);
        }
    }

    /// Takes the end of the answer.
    pub(crate) fn finish(&mut self, pieces: &mut Vec<Piece>) {
        let held = std::mem::take(&mut self.held);
        say(if self.state == State::Thought { Piece::Thought(held) } else { Piece::Text(held) }, pieces);
        self.state = State::Answer;
    }

    fn begin(&mut self, looked: usize, pieces: &mut Vec<Piece>) {
        let text = self.held.trim_start();
        let skipped = self.held.len() - text.len();
        if text.starts_with(OPEN) {
            self.held.drain(..skipped + OPEN.len());
            self.state = State::Thought;
        } else if text.starts_with(CLOSE) {
            self.held.drain(..skipped + CLOSE.len());
            self.finish(pieces);
        } else if OPEN.starts_with(text) || CLOSE.starts_with(text) {
            // It may yet become a tag.
        } else if !self.closing || self.held.len() > MOST {
            self.finish(pieces);
        } else {
            let looked = (0..=looked).rev().find(|at| self.held.is_char_boundary(*at)).unwrap_or_default();
            let rest = self.held.get(looked..).unwrap_or_default();
            let (opens, closes) = (rest.find(OPEN), rest.find(CLOSE));
            if opens.is_some_and(|opens| closes.is_none_or(|closes| opens < closes)) {
                // A tag that opens further on is the answer's own, and so is the one that closes it.
                self.finish(pieces);
            } else if let Some(at) = closes {
                let answer = self.held.split_off(looked + at).split_off(CLOSE.len());
                say(Piece::Thought(std::mem::replace(&mut self.held, answer)), pieces);
                self.finish(pieces);
            }
        }
    }

    fn think(&mut self, pieces: &mut Vec<Piece>) {
        if let Some(at) = self.held.find(CLOSE) {
            let answer = self.held.split_off(at).split_off(CLOSE.len());
            say(Piece::Thought(std::mem::replace(&mut self.held, answer)), pieces);
            self.state = State::Answer;
            return self.finish(pieces);
        }
        let tail =
            (1..CLOSE.len()).rev().find(|length| CLOSE.get(..*length).is_some_and(|tag| self.held.ends_with(tag)));
        let tail = self.held.split_off(self.held.len() - tail.unwrap_or_default());
        say(Piece::Thought(std::mem::replace(&mut self.held, tail)), pieces);
    }
}

fn say(piece: Piece, pieces: &mut Vec<Piece>) {
    let (Piece::Thought(text) | Piece::Text(text)) = &piece;
    if !text.is_empty() {
        pieces.push(piece);
    }
}

/// Parts thinking from the answers of a whole reply, and says whether there was any.
pub(crate) fn split(reply: &mut ChatReply, tags: ThinkTags) -> bool {
    let mut found = false;
    for choice in &mut reply.choices {
        let Some(place) = choice.parts.iter().position(|part| matches!(part, Part::Text(_))) else { continue };
        let Some(Part::Text(text)) = choice.parts.get(place) else { continue };
        let (mut splitter, mut pieces) = (Splitter::new(tags), Vec::new());
        splitter.push(&text.text, &mut pieces);
        splitter.finish(&mut pieces);
        if pieces == [Piece::Text(text.text.clone())] {
            continue;
        }
        found = true;
        let original = text.clone();
        let parts: Vec<Part> = pieces.into_iter().map(|piece| part(piece, &original)).collect();
        choice.parts.splice(place..=place, parts);
    }
    found
}

fn part(piece: Piece, original: &Text) -> Part {
    match piece {
        Piece::Thought(text) => {
            let mut thought = Thought::default();
            thought.text = text;
            Part::Thought(thought)
        }
        Piece::Text(text) => {
            // What the vendor said about places in the text is no longer true of them.
            let mut answer = original.clone();
            answer.text = text;
            Part::Text(answer)
        }
    }
}

/// Parts thinking from the answers of a stream.
#[derive(Debug)]
pub(crate) struct StreamSplitter {
    tags: ThinkTags,
    choices: BTreeMap<u32, Splitter>,
}

impl StreamSplitter {
    /// Starts a stream.
    pub(crate) fn new(tags: ThinkTags) -> Self {
        Self { tags, choices: BTreeMap::new() }
    }

    /// Returns what takes the place of these events; `over` if they are the last.
    pub(crate) fn split(&mut self, from: Vec<ChatEvent>, over: bool) -> Vec<ChatEvent> {
        let mut events = Vec::with_capacity(from.len());
        from.into_iter().for_each(|event| self.push(event, &mut events));
        if over {
            self.finish(&mut events);
        }
        events
    }

    fn push(&mut self, event: ChatEvent, events: &mut Vec<ChatEvent>) {
        let mut pieces = Vec::new();
        match event {
            ChatEvent::Text { choice, text } => {
                self.choice(choice).push(&text, &mut pieces);
                events.extend(pieces.into_iter().map(|piece| said(choice, piece)));
            }
            event => {
                // Whatever else a choice says comes after what was held back of its text.
                let over = match &event {
                    ChatEvent::Finish { choice, .. }
                    | ChatEvent::ToolCallStart { choice, .. }
                    | ChatEvent::Refusal { choice, .. }
                    | ChatEvent::Media { choice, .. }
                    | ChatEvent::Opaque { choice, .. }
                    | ChatEvent::Citation { choice, .. }
                    | ChatEvent::PartEnd { choice } => Some(*choice),
                    _ => None,
                };
                if let Some((choice, splitter)) = over.and_then(|choice| Some((choice, self.choices.get_mut(&choice)?)))
                {
                    splitter.finish(&mut pieces);
                    events.extend(pieces.into_iter().map(|piece| said(choice, piece)));
                }
                events.push(event);
            }
        }
    }

    fn finish(&mut self, events: &mut Vec<ChatEvent>) {
        for (choice, splitter) in &mut self.choices {
            let mut pieces = Vec::new();
            splitter.finish(&mut pieces);
            events.extend(pieces.into_iter().map(|piece| said(*choice, piece)));
        }
    }

    fn choice(&mut self, number: u32) -> &mut Splitter {
        let tags = self.tags;
        self.choices.entry(number).or_insert_with(|| Splitter::new(tags))
    }
}

fn said(choice: u32, piece: Piece) -> ChatEvent {
    match piece {
        Piece::Thought(text) => ChatEvent::Thought { choice, text },
        Piece::Text(text) => ChatEvent::Text { choice, text },
    }
}

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// How many bytes are held back at most.
const MOST: usize = 1 << 20;
