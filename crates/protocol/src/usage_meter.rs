use std::fmt;

use bytes::Bytes;
use tollbridge_core::{ErrorKind, Frame};
use tollbridge_types::{ChatEvent, Protocol, Usage, UsageBasis};

use crate::frame_kind::says;
use crate::usage_facts::Facts;
use crate::written::Written;
use crate::{ChatStreamDecoder, FrameKind, chat, embed, frame_kind, vendor_error};

/// Reads usage from a reply in passing: nothing of the answer itself is parsed.
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
    error: Option<ErrorKind>,
    written: Written,
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
    /// What the vendor reported to have gone wrong.
    pub error: Option<ErrorKind>,
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
            written: Written::default(),
        }
    }

    /// Takes a whole reply; sound, pictures and whatever else is no JSON tell nothing.
    pub fn whole(&mut self, body: &[u8]) {
        self.finished = true;
        if !body.trim_ascii_start().starts_with(b"{") {
            return;
        }
        self.facts.read(self.protocol, body);
        self.error = self.facts.error;
        self.finished = self.error.is_none();
        if is_decoded(self.protocol) {
            let answer = chat(self.protocol).and_then(|codec| codec.decode_reply(body).ok());
            let vectors = || embed(self.protocol).and_then(|codec| codec.decode_reply(body).ok());
            self.facts.usage = answer.map_or_else(|| vectors()?.usage, |reply| reply.usage);
        }
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
            FrameKind::Error => self.error = Some(error_of(frame)),
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
        let told = self.finished && usage.is_some() && self.error.is_none();
        let written = if told { Written::default() } else { self.written.clone() };
        Metered {
            usage,
            model_served: self.facts.model.clone(),
            response_id: self.facts.id.clone(),
            finished: self.finished,
            written,
            error: self.error,
        }
    }

    fn decode(&mut self, frame: &Frame) {
        let Some(codec) = chat(self.protocol) else { return };
        let decoder = self.decoder.get_or_insert_with(|| codec.stream_decoder());
        let mut events = Vec::new();
        if let Err(error) = decoder.decode(frame, &mut events) {
            self.error = Some(error.kind());
        }
        for event in events {
            match event {
                ChatEvent::Start(start) => (self.facts.id, self.facts.model) = (start.id, start.model),
                ChatEvent::Usage(usage) => self.facts.usage = Some(usage),
                ChatEvent::Finish { .. } => self.finished = true,
                ChatEvent::Text { text, .. } | ChatEvent::Thought { text, .. } => self.written.add(text.as_bytes()),
                ChatEvent::ToolCallArguments { fragment, .. } => self.written.add(fragment.as_bytes()),
                _ => {}
            }
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

/// Says whether a protocol's usage has no fixed place.
fn is_decoded(protocol: Protocol) -> bool {
    let decoded =
        [Protocol::BEDROCK_INVOKE, Protocol::TEXT_GENERATION, Protocol::BEDROCK_EMBED, Protocol::VERTEX_PREDICT];
    decoded.contains(&protocol)
}

fn error_of(frame: &Frame) -> ErrorKind {
    let told = serde_json::from_slice(&frame.data).map(|json| vendor_error::from_event(&json).kind());
    match frame.event.as_deref().filter(|name| name.ends_with("Exception")) {
        Some(name) => vendor_error::from_exception(name, &frame.data).kind(),
        None => told.unwrap_or(ErrorKind::Unknown),
    }
}

/// Azure names the model only behind what its filter thinks, and a ping may come first.
const HEADS: usize = 3;
