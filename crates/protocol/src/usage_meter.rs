use std::fmt;

use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Finish, FinishReason, Json, Protocol, Usage, UsageBasis};

use crate::frame_kind::says;
use crate::object::Object;
use crate::read::decode_chat;
use crate::usage_facts::Facts;
use crate::written::Written;
use crate::{ChatStreamDecoder, FrameKind, chat, embed, endings, frame_kind, vendor_error};

/// Reads usage from a reply in passing, and whether it failed: nothing of the answer itself is parsed.
///
/// Of a stream it keeps the few frames that may matter and parses them at the end; the others are only searched for
/// the names of such fields. Replies of older text APIs and of Bedrock's InvokeModel, whose usage has no fixed place,
/// are decoded.
///
/// ```
/// use tollbridge_protocol::UsageMeter;
/// use tollbridge_types::Protocol;
///
/// let mut meter = UsageMeter::new(Protocol::OPENAI_CHAT);
/// meter.whole(br#"{"model": "gpt-5", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}"#);
/// let metered = meter.metered();
/// assert_eq!(metered.usage.unwrap().total(), 9);
/// assert_eq!(metered.model_served.as_deref(), Some("gpt-5"));
/// ```
pub struct UsageMeter {
    protocol: Protocol,
    /// The first frames, which name the answer and the model.
    heads: Vec<Bytes>,
    /// The last frame that told usage.
    told: Option<Bytes>,
    /// The last frame that told of searches.
    grounded: Option<Bytes>,
    facts: Facts,
    decoder: Option<Box<dyn ChatStreamDecoder>>,
    finished: bool,
    error: Option<(ErrorKind, String)>,
    /// Whether the error is the way in which a complete answer ended.
    ended_badly: bool,
    /// Whether somebody here reads the answer.
    is_read: bool,
    frames: u64,
    written: Written,
}

impl Metered {
    /// Returns what went wrong by the answer's own word.
    pub fn failure(&self) -> Option<Error> {
        self.error.map(|kind| Error::new(kind, &self.message))
    }
}

/// What a [`UsageMeter`] has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metered {
    /// The tokens used; that of a stream which has not finished is marked [`UsageBasis::VendorPartial`].
    pub usage: Option<Usage>,
    /// The model that served, by the vendor's own name.
    pub model_served: Option<String>,
    /// The vendor's id of the answer.
    pub response_id: Option<String>,
    /// Whether the answer is complete: it is whole, or its stream told why or that it ended.
    pub finished: bool,
    /// What the model has written until now, to estimate from; empty where the vendor has told the usage for good.
    pub written: Written,
    /// What went wrong: the vendor reported it, its answer ended with it, or the answer cannot be read.
    pub error: Option<ErrorKind>,
    /// What went wrong in words.
    pub message: String,
}

impl UsageMeter {
    /// Starts on a reply in a protocol.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            heads: Vec::new(),
            told: None,
            grounded: None,
            facts: Facts::default(),
            decoder: None,
            finished: false,
            error: None,
            ended_badly: false,
            is_read: false,
            frames: 0,
            written: Written::default(),
        }
    }

    /// Says that the reply will be read here, to be translated or by a program, and not only be passed on.
    ///
    /// A whole one is then decoded to see whether it can be, and an end that nobody knows is a failure.
    #[must_use]
    pub fn read(mut self) -> Self {
        self.is_read = true;
        self
    }

    /// Takes a whole reply; sound, pictures and whatever else is no JSON tell nothing.
    pub fn whole(&mut self, body: &[u8]) {
        self.finished = true;
        if !body.trim_ascii_start().starts_with(b"{") {
            return;
        }
        self.facts.read(self.protocol, body);
        if let Some(error) = self.facts.error.take() {
            self.failed(&error);
        }
        match chat(self.protocol) {
            Some(_) if self.is_read || is_decoded(self.protocol) => self.decode_whole(body),
            Some(_) => endings::told(self.protocol, body).iter().for_each(|finish| self.ended(finish)),
            None if is_decoded(self.protocol) => {
                let vectors = embed(self.protocol).and_then(|codec| codec.decode_reply(body).ok());
                self.facts.usage = vectors.and_then(|reply| reply.usage);
            }
            None => {}
        }
        self.finished = self.error.is_none() || self.ended_badly;
        if self.facts.usage.is_none() {
            self.written.read(body);
        }
    }

    /// Takes the next frame of a stream, and says what it is.
    pub fn frame(&mut self, frame: &Frame) -> FrameKind {
        let kind = frame_kind(self.protocol, frame);
        if frame.is_comment() {
            return kind;
        }
        if is_decoded(self.protocol) {
            self.decode(frame);
            return kind;
        }
        let data = &frame.data;
        self.frames += 1;
        if may_end(self.protocol, kind, data) {
            self.end(frame);
        } else if !is_json(self.protocol, data) {
            let message = format!("event {} of the stream is not valid JSON", self.frames);
            self.failed(&Error::new(ErrorKind::Decode, message));
        }
        if self.heads.len() < HEADS {
            self.heads.push(data.clone());
        }
        let tells = tells_usage(self.protocol, frame);
        if tells {
            self.told = Some(data.clone());
        }
        if self.protocol == Protocol::GEMINI_GENERATE && says(data, "\"groundingMetadata\"") {
            self.grounded = Some(data.clone());
        }
        match kind {
            FrameKind::Finish | FrameKind::End => self.finished = true,
            FrameKind::Error => self.failed(&error_of(frame)),
            // Streams of pictures and sound end with the event that tells their usage.
            FrameKind::Other => self.finished |= tells && chat(self.protocol).is_none(),
        }
        if self.protocol != Protocol::OPENAI_RESPONSES || says(data, "\"delta\"") {
            self.written.read(data);
        }
        kind
    }

    /// Returns what has been read until now.
    pub fn metered(&mut self) -> Metered {
        for data in self.heads.drain(..).chain(self.grounded.take()).chain(self.told.take()) {
            self.facts.read(self.protocol, &data);
        }
        if let Some(decoder) = &mut self.decoder {
            self.finished |= decoder.finish(&mut Vec::new()).is_ok();
        }
        let mut usage = self.facts.usage.clone();
        if let Some(usage) = usage.as_mut().filter(|_| !self.finished) {
            usage.basis = UsageBasis::VendorPartial;
        }
        let told = self.finished && usage.is_some() && (self.error.is_none() || self.ended_badly);
        let written = if told { Written::default() } else { self.written.clone() };
        Metered {
            usage,
            model_served: self.facts.model.clone(),
            response_id: self.facts.id.clone(),
            finished: self.finished,
            written,
            error: self.error.as_ref().map(|(kind, _)| *kind),
            message: self.error.as_ref().map(|(_, message)| message.clone()).unwrap_or_default(),
        }
    }

    /// Returns what is known until now to have gone wrong.
    pub fn error(&self) -> Option<Error> {
        self.error.as_ref().map(|(kind, message)| Error::new(*kind, message))
    }

    fn failed(&mut self, error: &Error) {
        self.error.get_or_insert_with(|| (error.kind(), error.message().to_owned()));
    }

    /// Takes the end of an answer, which may be a failure.
    fn ended(&mut self, finish: &Finish) {
        let unknown = self.is_read && matches!(finish.reason, FinishReason::Unknown(_));
        if unknown || endings::is_failure(&finish.reason) {
            self.ended_badly |= self.error.is_none();
            self.failed(&endings::failure(finish));
        }
    }

    /// Reads the end out of the frame that holds it.
    fn end(&mut self, frame: &Frame) {
        let Some(mut decoder) = chat(self.protocol).map(|codec| codec.stream_decoder()) else { return };
        let mut events = Vec::new();
        // What cannot be read is told where the answer is read.
        let _ = decoder.decode(frame, &mut events);
        for event in events {
            if let ChatEvent::Finish { finish, .. } = event {
                self.ended(&finish);
            }
        }
    }

    fn decode_whole(&mut self, body: &[u8]) {
        match decode_chat(self.protocol, body) {
            Ok(reply) => {
                reply.choices.iter().filter_map(|choice| choice.finish.as_ref()).for_each(|finish| self.ended(finish));
                if is_decoded(self.protocol) {
                    self.facts.usage = reply.usage;
                }
            }
            Err(error) => self.failed(&error),
        }
    }

    fn decode(&mut self, frame: &Frame) {
        let Some(codec) = chat(self.protocol) else { return };
        let decoder = self.decoder.get_or_insert_with(|| codec.stream_decoder());
        let mut events = Vec::new();
        let outcome = decoder.decode(frame, &mut events);
        for event in events {
            match event {
                ChatEvent::Start(start) => (self.facts.id, self.facts.model) = (start.id, start.model),
                ChatEvent::Usage(usage) => self.facts.usage = Some(usage),
                ChatEvent::Finish { finish, .. } => {
                    self.finished = true;
                    self.ended(&finish);
                }
                ChatEvent::Text { text, .. } | ChatEvent::Thought { text, .. } => self.written.add(text.as_bytes()),
                ChatEvent::ToolCallArguments { fragment, .. } => self.written.add(fragment.as_bytes()),
                _ => {}
            }
        }
        if let Err(error) = outcome {
            self.failed(&error);
        }
    }
}

impl fmt::Debug for UsageMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UsageMeter").field("protocol", &self.protocol).finish_non_exhaustive()
    }
}

/// Says whether a frame of a protocol whose usage has a fixed place may tell it.
pub(crate) fn tells_usage(protocol: Protocol, frame: &Frame) -> bool {
    match protocol {
        Protocol::BEDROCK_CONVERSE => frame.event.as_deref() == Some("metadata"),
        Protocol::GEMINI_GENERATE => says(&frame.data, "\"usageMetadata\""),
        Protocol::OLLAMA_CHAT => says(&frame.data, "\"eval_count\""),
        _ => says(&frame.data, "\"usage\""),
    }
}

/// Says whether a frame may hold the word for why the answer ended.
fn may_end(protocol: Protocol, kind: FrameKind, data: &[u8]) -> bool {
    match protocol {
        // What is not incomplete has no word but its own event's name.
        Protocol::OPENAI_RESPONSES => kind == FrameKind::End && says(data, "\"reason\""),
        Protocol::ANTHROPIC_MESSAGES => says(data, "\"stop_reason\""),
        _ => matches!(kind, FrameKind::Finish | FrameKind::End),
    }
}

/// Says whether the data of a frame have the ends of JSON; what is between them is not looked at.
fn is_json(protocol: Protocol, data: &[u8]) -> bool {
    let text = data.trim_ascii();
    let ends = text.first().zip(text.last());
    let closed = matches!(ends, None | Some((b'{', b'}') | (b'[', b']')));
    closed || chat(protocol).is_none() || protocol == Protocol::BEDROCK_CONVERSE
}

/// Says whether a protocol's usage has no fixed place.
fn is_decoded(protocol: Protocol) -> bool {
    let decoded =
        [Protocol::BEDROCK_INVOKE, Protocol::TEXT_GENERATION, Protocol::BEDROCK_EMBED, Protocol::VERTEX_PREDICT];
    decoded.contains(&protocol)
}

/// Returns the error that a frame of a stream reports in its protocol's form.
pub(crate) fn reported_error(protocol: Protocol, frame: &Frame) -> Option<Error> {
    (frame_kind(protocol, frame) == FrameKind::Error).then(|| error_of(frame))
}

fn error_of(frame: &Frame) -> Error {
    let named = frame.event.as_deref().filter(|name| name.ends_with("Exception"));
    match (named, serde_json::from_slice::<Json>(&frame.data)) {
        (Some(name), _) => vendor_error::from_exception(name, &frame.data),
        (None, Ok(json)) => {
            // A failed response holds its error.
            let failed = Object::lenient(&json).take("response");
            vendor_error::from_event(&failed.unwrap_or(json))
        }
        (None, Err(_)) => Error::new(ErrorKind::Unknown, "the provider reported an error in its answer"),
    }
}

/// Azure names the model only behind what its filter thinks, and a ping may come first.
const HEADS: usize = 3;
