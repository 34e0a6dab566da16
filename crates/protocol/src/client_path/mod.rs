//! Turns a path into the typed request into one into the body that the client sent.
//!
//! Decoders note on each message, part and tool where it stood ([`Extras::origin`]), whatever was joined, split or put
//! in another order since. What follows the place is the name of a field, for which `names` has the client's. Where a
//! protocol has several, the body itself says which one it is.
//!
//! [`Extras::origin`]: tollbridge_types::Extras::origin

mod names;
mod shape;

use std::cell::OnceCell;

use tollbridge_core::{Error, Loss, Wire};
use tollbridge_types::{ChatRequest, Message, Part, Protocol};

use names::Kind;
use shape::Shape;

/// The body of a client, in whose terms errors and losses are told.
pub(crate) struct ClientBody<'a> {
    wire: &'a Wire,
    shape: OnceCell<Option<Shape>>,
}

impl<'a> ClientBody<'a> {
    pub(crate) fn new(wire: &'a Wire) -> Self {
        Self { wire, shape: OnceCell::new() }
    }

    /// Names the places of losses, and of an error, of a conversation in the client's own terms.
    pub(crate) fn tell<T>(
        &self,
        typed: &ChatRequest,
        losses: &mut [Loss],
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        for loss in losses {
            loss.path = self.path(&loss.path, typed);
        }
        outcome.map_err(|error| moved(error, |path| self.path(path, typed)))
    }

    /// Does the same for a request that is no conversation, or was not read as one.
    pub(crate) fn tell_plain<T>(&self, losses: &mut [Loss], outcome: Result<T, Error>) -> Result<T, Error> {
        for loss in losses {
            loss.path = self.plain_path(&loss.path);
        }
        outcome.map_err(|error| moved(error, |path| self.plain_path(path)))
    }

    /// Spells the place of an error in a body as the client did, where the protocol leaves it a choice.
    pub(crate) fn spell(&self, error: Error) -> Error {
        if spells_freely(self.wire.protocol) { moved(error, |path| self.spelled(path)) } else { error }
    }

    /// Returns the client's path to what stands at `path` of the typed request.
    pub(crate) fn path(&self, path: &str, typed: &ChatRequest) -> String {
        let path = match head(path) {
            ("messages", Some(place), rest) => self.in_message(typed.messages.get(place), place, rest),
            ("tools", Some(place), rest) => {
                let origin = typed.tools.get(place).and_then(|tool| tool.origin());
                let origin = origin.map_or_else(|| format!("tools[{place}]"), str::to_owned);
                self.field(Kind::Tool, &origin, rest)
            }
            _ => self.field(Kind::Request, "", path),
        };
        if spells_freely(self.wire.protocol) { self.spelled(&path) } else { path }
    }

    fn plain_path(&self, path: &str) -> String {
        let path = match head(path) {
            ("tools", Some(place), rest) => self.field(Kind::Tool, &format!("tools[{place}]"), rest),
            _ => self.field(Kind::Request, "", path),
        };
        self.spelled(&path)
    }

    fn in_message(&self, message: Option<&Message>, place: usize, rest: &str) -> String {
        let list = || match self.protocol() {
            Protocol::GEMINI_GENERATE => format!("contents[{place}]"),
            Protocol::OPENAI_RESPONSES => format!("input[{place}]"),
            _ => format!("messages[{place}]"),
        };
        let origin = message.and_then(|message| message.extras.origin()).map_or_else(list, str::to_owned);
        let part = match head(rest.strip_prefix('.').unwrap_or(rest)) {
            ("parts", Some(place), rest) => {
                message.and_then(|message| message.parts.get(place)).map(|part| (part, rest))
            }
            _ => None,
        };
        match part {
            Some((part, rest)) => self.in_part(part, &origin, rest),
            None => self.field(Kind::Message, &origin, rest),
        }
    }

    fn in_part(&self, part: &Part, around: &str, rest: &str) -> String {
        let origin = part.origin().map_or_else(|| names::unmarked(self.protocol(), part, around), str::to_owned);
        let inner = match (part, head(rest.strip_prefix('.').unwrap_or(rest))) {
            (Part::ToolResult(result), ("content", Some(place), rest)) => {
                result.content.get(place).map(|part| (part, rest))
            }
            _ => None,
        };
        match inner {
            Some((inner, rest)) => self.in_part(inner, &origin, rest),
            None => self.field(Kind::of(part), &origin, rest),
        }
    }

    /// Adds the client's name of a field to the place of what holds it.
    fn field(&self, kind: Kind, origin: &str, rest: &str) -> String {
        let rest = rest.strip_prefix('.').unwrap_or(rest);
        if rest.is_empty() {
            return origin.to_owned();
        }
        let mut paths = names::of(self.protocol(), kind, origin, rest);
        let known = match paths.len() {
            0 | 1 => None,
            _ => self.shape().and_then(|shape| paths.iter().position(|path| shape.has(path))),
        };
        paths.swap_remove(known.unwrap_or(0))
    }

    fn spelled(&self, path: &str) -> String {
        self.shape().map_or_else(|| path.to_owned(), |shape| shape.spelled(path))
    }

    fn shape(&self) -> Option<&Shape> {
        self.shape.get_or_init(|| Shape::of(&self.wire.body)).as_ref()
    }

    /// Returns the protocol whose form the body has.
    fn protocol(&self) -> Protocol {
        match self.wire.protocol {
            Protocol::OPENAI_INPUT_TOKENS => Protocol::OPENAI_RESPONSES,
            Protocol::ANTHROPIC_COUNT_TOKENS => Protocol::ANTHROPIC_MESSAGES,
            Protocol::GEMINI_COUNT_TOKENS => Protocol::GEMINI_GENERATE,
            other => other,
        }
    }
}

/// Says whether names and lists may be written in more than one way.
fn spells_freely(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::GEMINI_GENERATE | Protocol::GEMINI_COUNT_TOKENS | Protocol::GEMINI_EMBED)
}

/// Moves an error to another place, which its words name too.
fn moved(error: Error, place: impl FnOnce(&str) -> String) -> Error {
    match error.path().map(place) {
        Some(path) => error.moved(path),
        None => error,
    }
}

/// Splits a path into its first name, the index behind it, and the rest.
fn head(path: &str) -> (&str, Option<usize>, &str) {
    let (name, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    let index = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match index.and_then(|(index, rest)| Some((index.parse().ok()?, rest))) {
        Some((index, rest)) => (name, Some(index), rest),
        None => (name, None, rest),
    }
}
