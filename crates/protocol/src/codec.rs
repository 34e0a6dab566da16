//! The traits that codecs implement, and the codecs by name.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, Frame, Loss};
use tollbridge_types::{ChatEvent, ChatReply, ChatRequest, EmbedReply, EmbedRequest, ModelInfo, Protocol};

use crate::{anthropic, bedrock, gemini, openai, vendor_error};

/// Reads and writes one chat protocol.
pub trait ChatCodec: Send + Sync {
    /// Names the protocol.
    fn protocol(&self) -> Protocol;

    /// Reads a client's request body.
    ///
    /// # Errors
    /// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the JSON path of the fault.
    fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, Error>;

    /// Writes a request body for a vendor, and reports what it could not carry.
    ///
    /// # Errors
    /// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the path in the typed request, where the
    /// vendor could only refuse or misunderstand what it would be sent.
    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error>;

    /// Reads a vendor's whole reply.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if the body is not a reply, or the error that it reports.
    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error>;

    /// Writes a whole reply for a client.
    ///
    /// # Errors
    /// [`Unsupported`](tollbridge_core::ErrorKind::Unsupported) if the protocol has no form for an essential part.
    fn encode_reply(&self, reply: &ChatReply, context: &ReplyContext<'_>) -> Result<Bytes, Error>;

    /// Starts reading a vendor's stream.
    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder>;

    /// Starts writing a stream for a client.
    fn stream_encoder(&self, context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder>;

    /// Says whether a frame only reports usage that a client has to ask for.
    fn is_usage_frame(&self, _frame: &Frame) -> bool {
        false
    }
}

/// Says what a request is encoded for.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Target<'a> {
    /// The model, by the vendor's own name.
    pub model: &'a str,
    /// Whether the reply is to be a stream.
    pub stream: bool,
    /// Whether to ask for usage on a stream that does not say whether it wants it.
    pub ask_usage: bool,
}

impl<'a> Target<'a> {
    /// Names a model.
    pub fn new(model: &'a str, stream: bool) -> Self {
        Self { model, stream, ask_usage: true }
    }
}

/// What a reply for a client needs and its vendor may not have said.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReplyContext<'a> {
    /// An id for replies that have none.
    pub id: &'a str,
    /// The model that the client asked for, for replies that name none.
    pub model: &'a str,
    /// The time, in seconds since 1970 UTC, for replies that tell none.
    pub created: u64,
    /// Whether the client wants usage on its stream, in protocols where it must ask.
    pub stream_usage: bool,
}

impl<'a> ReplyContext<'a> {
    /// Makes a context for a stream that reports usage.
    pub fn new(id: &'a str, model: &'a str, created: u64) -> Self {
        Self { id, model, created, stream_usage: true }
    }

    /// Says whether the client wants usage on its stream.
    #[must_use]
    pub fn with_stream_usage(mut self, wanted: bool) -> Self {
        self.stream_usage = wanted;
        self
    }
}

/// Reads one stream, frame by frame.
pub trait ChatStreamDecoder: Send {
    /// Reads a frame and appends the events it holds. Comments hold none.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) for a frame that cannot be read, naming it, or the error that
    /// the vendor reports in the stream. Events appended before the error are good.
    fn decode(&mut self, frame: &Frame, events: &mut Vec<ChatEvent>) -> Result<(), Error>;

    /// Takes the end of the bytes, and appends the events that were held back.
    ///
    /// # Errors
    /// [`Network`](tollbridge_core::ErrorKind::Network) if the protocol's own end has not been seen.
    fn finish(&mut self, events: &mut Vec<ChatEvent>) -> Result<(), Error>;
}

/// Writes one stream, event by event.
pub trait ChatStreamEncoder: Send {
    /// Writes an event as no, one or several frames.
    fn encode(&mut self, event: ChatEvent, frames: &mut Vec<Frame>);

    /// Writes the protocol's end of a stream.
    fn finish(&mut self, frames: &mut Vec<Frame>);

    /// Writes the protocol's form of an error in the middle of a stream, instead of its end.
    fn fail(&mut self, error: &Error, frames: &mut Vec<Frame>);
}

/// Reads and writes one embeddings protocol.
pub trait EmbedCodec: Send + Sync {
    /// Names the protocol.
    fn protocol(&self) -> Protocol;

    /// Reads a client's request body.
    ///
    /// # Errors
    /// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the JSON path of the fault.
    fn decode_request(&self, body: &[u8]) -> Result<EmbedRequest, Error>;

    /// Writes a request body for a vendor, and reports what it could not carry.
    ///
    /// # Errors
    /// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) for inputs that the protocol cannot carry.
    fn encode_request(
        &self,
        request: &EmbedRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error>;

    /// Reads a vendor's reply.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if the body is not a reply.
    fn decode_reply(&self, body: &[u8]) -> Result<EmbedReply, Error>;

    /// Writes a reply for a client; `base64` is the form that the client asked for.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if a vector is not in the form that it claims.
    fn encode_reply(&self, reply: &EmbedReply, base64: bool, context: &ReplyContext<'_>) -> Result<Bytes, Error>;
}

/// Reads and writes one form of model list.
pub trait ModelsCodec: Send + Sync {
    /// Names the protocol.
    fn protocol(&self) -> Protocol;

    /// Reads a vendor's list.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if the body is not a list of models.
    fn decode_reply(&self, body: &[u8]) -> Result<Vec<ModelInfo>, Error>;

    /// Writes a list for a client.
    ///
    /// # Errors
    /// None that data can cause; serialisation is fallible by its signature.
    fn encode_reply(&self, models: &[ModelInfo]) -> Result<Bytes, Error>;

    /// Writes one model for a client.
    fn encode_one(&self, model: &ModelInfo) -> Bytes;
}

/// Reads and writes the error bodies of one family of protocols.
pub trait ErrorCodec: Send + Sync {
    /// Reads a vendor's reply that is not a success, whatever its body.
    ///
    /// Vendors differ less in their errors than in their protocols, and proxies mix them: one reader
    /// serves all.
    fn decode_error(&self, status: StatusCode, headers: &HeaderMap, body: &Bytes) -> Error {
        vendor_error::from_reply(status, headers, body)
    }

    /// Writes an error for a client, with the status that the protocol gives it.
    fn encode_error(&self, error: &Error, request_id: &str) -> (StatusCode, Bytes);
}

/// OpenAI's embeddings.
pub const OPENAI_EMBEDDINGS: &dyn EmbedCodec = &openai::Embeddings;
/// OpenAI's model list.
pub const OPENAI_MODELS: &dyn ModelsCodec = &openai::Models;
/// OpenAI's chat completions.
pub const OPENAI_CHAT: &dyn ChatCodec = &openai::CHAT;
/// Anthropic's messages.
pub const ANTHROPIC_MESSAGES: &dyn ChatCodec = &anthropic::Messages;
/// Anthropic's model list.
pub const ANTHROPIC_MODELS: &dyn ModelsCodec = &anthropic::Models;
/// Gemini's generateContent.
pub const GEMINI_GENERATE: &dyn ChatCodec = &gemini::Generate;
/// Gemini's batchEmbedContents.
pub const GEMINI_EMBED: &dyn EmbedCodec = &gemini::Embed;
/// Gemini's model list.
pub const GEMINI_MODELS: &dyn ModelsCodec = &gemini::Models;

/// Bedrock's Converse and ConverseStream.
pub const BEDROCK_CONVERSE: &dyn ChatCodec = &bedrock::Converse;
/// Bedrock's ListFoundationModels.
pub const BEDROCK_MODELS: &dyn ModelsCodec = &bedrock::Models;

/// Returns the codec of a chat protocol.
pub fn chat(protocol: Protocol) -> Option<&'static dyn ChatCodec> {
    match protocol {
        Protocol::OPENAI_CHAT => Some(OPENAI_CHAT),
        Protocol::ANTHROPIC_MESSAGES => Some(ANTHROPIC_MESSAGES),
        Protocol::GEMINI_GENERATE => Some(GEMINI_GENERATE),
        Protocol::BEDROCK_CONVERSE => Some(BEDROCK_CONVERSE),
        _ => None,
    }
}

/// Returns the codec of an embeddings protocol.
pub fn embed(protocol: Protocol) -> Option<&'static dyn EmbedCodec> {
    match protocol {
        Protocol::OPENAI_EMBEDDINGS => Some(OPENAI_EMBEDDINGS),
        Protocol::GEMINI_EMBED => Some(GEMINI_EMBED),
        _ => None,
    }
}

/// Returns the codec of a form of model list.
pub fn models(protocol: Protocol) -> Option<&'static dyn ModelsCodec> {
    match protocol {
        Protocol::OPENAI_MODELS => Some(OPENAI_MODELS),
        Protocol::ANTHROPIC_MODELS => Some(ANTHROPIC_MODELS),
        Protocol::GEMINI_MODELS => Some(GEMINI_MODELS),
        Protocol::BEDROCK_MODELS => Some(BEDROCK_MODELS),
        _ => None,
    }
}

/// Returns the codec of a protocol's error bodies; those of OpenAI's form where it has none of its own.
pub fn errors(protocol: Protocol) -> &'static dyn ErrorCodec {
    match protocol {
        Protocol::ANTHROPIC_MESSAGES | Protocol::ANTHROPIC_MODELS => &anthropic::Errors,
        Protocol::GEMINI_GENERATE | Protocol::GEMINI_EMBED | Protocol::GEMINI_MODELS => &gemini::Errors,
        Protocol::BEDROCK_CONVERSE | Protocol::BEDROCK_INVOKE | Protocol::BEDROCK_MODELS => &bedrock::Errors,
        _ => &openai::Errors,
    }
}
