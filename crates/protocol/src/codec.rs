//! The traits that codecs implement, and the codecs by name.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, Frame, Loss, ReplyModel, StateStore};
use tollbridge_profiles::Profile;
use tollbridge_types::{
    ChatEvent, ChatReply, ChatRequest, EmbedReply, EmbedRequest, ModelInfo, Protocol, RerankReply, RerankRequest,
    TokenCount,
};

use crate::media::MediaRules;
use crate::{
    IdForm, anthropic, bedrock, cohere, gemini, ollama, openai, plain, rerank as reranking, responses, vendor_error,
};

/// Reads and writes one chat protocol.
///
/// What a client sends and reads has no meaning in a protocol that only vendors speak: those methods
/// have bodies that say so.
pub trait ChatCodec: Send + Sync {
    /// Names the protocol.
    fn protocol(&self) -> Protocol;

    /// Reads a client's request body.
    ///
    /// # Errors
    /// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the JSON path of the fault.
    fn decode_request(&self, _body: &[u8]) -> Result<ChatRequest, Error> {
        Err(no_clients(self.protocol()))
    }

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

    /// Says which ids of tool calls the vendor takes in a client's own body, where the model's profile says nothing of it.
    fn call_ids(&self) -> IdForm {
        IdForm::OPEN
    }

    /// Says whether a client's body of this protocol can go to the vendor as it is, but for the model.
    ///
    /// A dialect that differs says so here, and is then translated into.
    fn takes(&self, _body: &[u8]) -> bool {
        true
    }

    /// Says what the vendor takes of media. Requests that are translated are made to fit it.
    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::ANY
    }

    /// Says which tools besides functions a request of a model may have; others are offered as functions.
    fn tool_forms(&self, _model: &str) -> ToolForms {
        ToolForms::FUNCTIONS
    }

    /// Reads a vendor's whole reply.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if the body is not a reply, or the error that it reports.
    fn decode_reply(&self, body: &[u8]) -> Result<ChatReply, Error>;

    /// Writes a whole reply for a client.
    ///
    /// # Errors
    /// [`Unsupported`](tollbridge_core::ErrorKind::Unsupported) if the protocol has no form for an essential part.
    fn encode_reply(&self, _reply: &ChatReply, _context: &ReplyContext<'_>) -> Result<Bytes, Error> {
        Err(no_clients(self.protocol()))
    }

    /// Starts reading a vendor's stream.
    fn stream_decoder(&self) -> Box<dyn ChatStreamDecoder>;

    /// Starts writing a stream for a client.
    fn stream_encoder(&self, _context: &ReplyContext<'_>) -> Box<dyn ChatStreamEncoder> {
        Box::new(Mute)
    }

    /// Says whether a frame only reports usage that a client has to ask for.
    fn is_usage_frame(&self, _frame: &Frame) -> bool {
        false
    }

    /// Returns the error that a frame reports in a form of its vendor's own, which the protocol's clients overlook.
    fn foreign_error(&self, _frame: &Frame) -> Option<Error> {
        None
    }
}

pub(crate) fn no_clients(protocol: Protocol) -> Error {
    Error::new(tollbridge_core::ErrorKind::Unsupported, format!("clients cannot speak the protocol `{protocol}` here"))
        .with_hint("speak openai.chat, openai.responses, anthropic.messages or gemini.generate")
}

/// Writes nothing, for protocols that no client speaks.
struct Mute;

impl ChatStreamEncoder for Mute {
    fn encode(&mut self, _: ChatEvent, _: &mut Vec<Frame>) {}
    fn finish(&mut self, _: &mut Vec<Frame>) {}
    fn fail(&mut self, _: &Error, _: &mut Vec<Frame>) {}
}

/// Says which tools a vendor takes besides functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolForms {
    /// Tools that take free text.
    pub custom: bool,
    /// Tools in namespaces.
    pub namespaces: bool,
    /// Tools that OpenAI describes and the client runs, such as a shell.
    pub built_in: bool,
    /// Whether a call can be demanded of some of the tools.
    pub some: bool,
    /// Whether the vendor's chat completions search the web if they are asked to.
    pub web_search: bool,
    /// The longest name of a tool.
    pub name_length: usize,
}

impl ToolForms {
    /// Functions, and nothing else.
    pub const FUNCTIONS: Self =
        Self { custom: false, namespaces: false, built_in: false, some: false, web_search: false, name_length: 64 };

    /// Leaves out what the profile says that the model does not take.
    #[must_use]
    pub fn of(mut self, profile: &Profile) -> Self {
        let rules = &profile.tools;
        let takes = |kind: &str| rules.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|taken| taken == kind));
        self.custom &= takes("custom");
        self.namespaces &= takes("namespace");
        self.built_in &= takes("local_shell") || takes("apply_patch");
        self.some &= rules.choices.as_ref().is_none_or(|choices| choices.iter().any(|choice| choice == "allowed"));
        if let Some(length) = rules.name_length {
            self.name_length = length;
        }
        self
    }

    /// All that OpenAI's responses have.
    pub const ALL: Self =
        Self { custom: true, namespaces: true, built_in: true, some: true, web_search: true, name_length: 64 };
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
    /// What the model takes.
    pub profile: &'a Profile,
}

impl<'a> Target<'a> {
    /// Names a model of which nothing is known.
    pub fn new(model: &'a str, stream: bool) -> Self {
        static UNKNOWN: LazyLock<Profile> = LazyLock::new(Profile::default);
        Self { model, stream, ask_usage: true, profile: &UNKNOWN }
    }

    /// Says what the model takes.
    #[must_use]
    pub fn with_profile(mut self, profile: &'a Profile) -> Self {
        self.profile = profile;
        self
    }
}

/// What a reply for a client needs and its vendor may not have said.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReplyContext<'a> {
    /// An id for replies that have none.
    pub id: &'a str,
    /// The model that the client asked for.
    pub model: &'a str,
    /// The time, in seconds since 1970 UTC, for replies that tell none.
    pub created: u64,
    /// Whether the client wants usage on its stream, in protocols where it must ask.
    pub stream_usage: bool,
    /// Which name of the model the reply carries.
    pub reply_model: ReplyModel,
    /// A guess of the input tokens, for streams that tell them at their start; 0 if there is none.
    pub input_estimate: u64,
    /// Where to keep what the client may not send back whole.
    pub states: Option<&'a Arc<dyn StateStore>>,
}

impl<'a> ReplyContext<'a> {
    /// Makes a context for a stream that reports usage.
    pub fn new(id: &'a str, model: &'a str, created: u64) -> Self {
        let reply_model = ReplyModel::default();
        Self { id, model, created, stream_usage: true, reply_model, input_estimate: 0, states: None }
    }

    /// Says where to keep what the client may not send back whole.
    #[must_use]
    pub fn with_states(mut self, states: Option<&'a Arc<dyn StateStore>>) -> Self {
        self.states = states;
        self
    }

    /// Says whether the client wants usage on its stream.
    #[must_use]
    pub fn with_stream_usage(mut self, wanted: bool) -> Self {
        self.stream_usage = wanted;
        self
    }

    /// Says which name of the model the reply carries.
    #[must_use]
    pub fn with_reply_model(mut self, choice: ReplyModel) -> Self {
        self.reply_model = choice;
        self
    }

    /// Gives a guess of the input tokens to streams that tell them before their vendor does.
    #[must_use]
    pub fn with_input_estimate(mut self, tokens: u64) -> Self {
        self.input_estimate = tokens;
        self
    }

    /// Returns the name that takes the place of the vendor's in bytes that pass, if one does.
    pub(crate) fn name_in_bytes(&self) -> Option<&'a str> {
        (self.reply_model == ReplyModel::Asked).then_some(self.model)
    }

    /// Leaves the vendor's name of the model only where it is wanted in a reply that is translated.
    pub(crate) fn name(&self, model: &mut Option<String>) {
        if self.reply_model != ReplyModel::Vendor && !self.model.is_empty() {
            *model = None;
        }
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

    /// Says whether a client's body of this protocol can go to the vendor as it is, but for the model.
    fn takes(&self, _body: &[u8]) -> bool {
        true
    }

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

/// Reads and writes one form of counting a conversation's tokens.
pub trait CountCodec: Send + Sync {
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
    /// As [`ChatCodec::encode_request`].
    fn encode_request(
        &self,
        request: &ChatRequest,
        target: &Target<'_>,
        losses: &mut Vec<Loss>,
    ) -> Result<Bytes, Error>;

    /// Says what the vendor takes of media. Requests that are translated are made to fit it.
    fn media(&self) -> &'static MediaRules<'static> {
        &MediaRules::ANY
    }

    /// Reads a vendor's reply.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if the body holds no count.
    fn decode_reply(&self, body: &[u8]) -> Result<TokenCount, Error>;

    /// Writes a reply for a client; a count that is not the vendor's says so in a field of its own.
    fn encode_reply(&self, count: &TokenCount) -> Bytes;
}

/// Reads and writes one form of sorting documents.
pub trait RerankCodec: Send + Sync {
    /// Names the protocol.
    fn protocol(&self) -> Protocol;

    /// Reads a client's request body.
    ///
    /// # Errors
    /// [`InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the JSON path of the fault.
    fn decode_request(&self, body: &[u8]) -> Result<RerankRequest, Error>;

    /// Writes a request body for a vendor, and reports what it could not carry.
    fn encode_request(&self, request: &RerankRequest, target: &Target<'_>, losses: &mut Vec<Loss>) -> Bytes;

    /// Reads a vendor's reply.
    ///
    /// # Errors
    /// [`Decode`](tollbridge_core::ErrorKind::Decode) if the body is no such reply.
    fn decode_reply(&self, body: &[u8]) -> Result<RerankReply, Error>;

    /// Writes a reply for a client.
    fn encode_reply(&self, reply: &RerankReply, context: &ReplyContext<'_>) -> Bytes;
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
pub const OPENAI_EMBEDDINGS: &dyn EmbedCodec = &openai::EMBEDDINGS;
/// OpenAI's model list.
pub const OPENAI_MODELS: &dyn ModelsCodec = &openai::Models;
/// OpenAI's chat completions.
pub const OPENAI_CHAT: &dyn ChatCodec = &openai::CHAT;
/// Ollama's own chat.
pub const OLLAMA_CHAT: &dyn ChatCodec = &ollama::Chat;
/// Ollama's own embeddings.
pub const OLLAMA_EMBED: &dyn EmbedCodec = &ollama::Embed;
/// Ollama's own model list.
pub const OLLAMA_MODELS: &dyn ModelsCodec = &ollama::Models;
/// Cohere's chat.
pub const COHERE_CHAT: &dyn ChatCodec = &cohere::Chat;
/// Cohere's tokenize.
pub const COHERE_TOKENIZE: &dyn CountCodec = &cohere::Tokenize;
/// Cohere's embeddings.
pub const COHERE_EMBED: &dyn EmbedCodec = &cohere::Embed;
/// Cohere's model list.
pub const COHERE_MODELS: &dyn ModelsCodec = &cohere::Models;
/// Amazon Bedrock's Converse.
pub const BEDROCK_CONVERSE: &dyn ChatCodec = &bedrock::Converse;
/// Amazon Bedrock's InvokeModel.
pub const BEDROCK_INVOKE: &dyn ChatCodec = &bedrock::Invoke;
/// The text APIs that came before chat.
pub const TEXT_GENERATION: &dyn ChatCodec = &plain::TextGeneration;
/// Amazon Bedrock's count of tokens.
pub const BEDROCK_COUNT_TOKENS: &dyn CountCodec = &bedrock::CountTokens;
/// Amazon Bedrock's model list.
pub const BEDROCK_MODELS: &dyn ModelsCodec = &bedrock::Models;
/// Amazon Bedrock's InvokeModel of embeddings.
pub const BEDROCK_EMBED: &dyn EmbedCodec = &bedrock::Embed;
/// Vertex AI's predict of embeddings.
pub const VERTEX_PREDICT: &dyn EmbedCodec = &gemini::Predict;
/// OpenAI's text completions.
pub const OPENAI_COMPLETIONS: &dyn ChatCodec = &openai::Completions;
/// OpenAI's responses.
pub const OPENAI_RESPONSES: &dyn ChatCodec = &responses::Responses;
/// Anthropic's messages.
pub const ANTHROPIC_MESSAGES: &dyn ChatCodec = &anthropic::Messages;
/// Anthropic's model list.
pub const ANTHROPIC_MODELS: &dyn ModelsCodec = &anthropic::Models;
/// Gemini's generateContent.
pub const GEMINI_GENERATE: &dyn ChatCodec = &gemini::Generate;
/// Gemini's batchEmbedContents.
pub const GEMINI_EMBED: &dyn EmbedCodec = &gemini::Embed;
/// The count of a response's input tokens.
pub const OPENAI_INPUT_TOKENS: &dyn CountCodec = &responses::InputTokens;
/// Anthropic's count of a message's tokens.
pub const ANTHROPIC_COUNT_TOKENS: &dyn CountCodec = &anthropic::CountTokens;
/// Gemini's countTokens.
pub const GEMINI_COUNT_TOKENS: &dyn CountCodec = &gemini::CountTokens;
/// Cohere's and Jina's rerank.
pub const COHERE_RERANK: &dyn RerankCodec = &reranking::Rerank;
/// Gemini's model list.
pub const GEMINI_MODELS: &dyn ModelsCodec = &gemini::Models;

/// Returns the codec of a chat protocol.
pub fn chat(protocol: Protocol) -> Option<&'static dyn ChatCodec> {
    match protocol {
        Protocol::OPENAI_CHAT => Some(OPENAI_CHAT),
        Protocol::OPENAI_RESPONSES => Some(OPENAI_RESPONSES),
        Protocol::OPENAI_COMPLETIONS => Some(OPENAI_COMPLETIONS),
        Protocol::OLLAMA_CHAT => Some(OLLAMA_CHAT),
        Protocol::COHERE_CHAT => Some(COHERE_CHAT),
        Protocol::BEDROCK_CONVERSE => Some(BEDROCK_CONVERSE),
        Protocol::BEDROCK_INVOKE => Some(BEDROCK_INVOKE),
        Protocol::TEXT_GENERATION => Some(TEXT_GENERATION),
        Protocol::ANTHROPIC_MESSAGES => Some(ANTHROPIC_MESSAGES),
        Protocol::GEMINI_GENERATE => Some(GEMINI_GENERATE),
        _ => None,
    }
}

/// Returns the codec of an embeddings protocol.
pub fn embed(protocol: Protocol) -> Option<&'static dyn EmbedCodec> {
    match protocol {
        Protocol::OPENAI_EMBEDDINGS => Some(OPENAI_EMBEDDINGS),
        Protocol::GEMINI_EMBED => Some(GEMINI_EMBED),
        Protocol::OLLAMA_EMBED => Some(OLLAMA_EMBED),
        Protocol::COHERE_EMBED => Some(COHERE_EMBED),
        Protocol::BEDROCK_EMBED => Some(BEDROCK_EMBED),
        Protocol::VERTEX_PREDICT => Some(VERTEX_PREDICT),
        _ => None,
    }
}

/// Returns the codec of a form of counting tokens.
pub fn count(protocol: Protocol) -> Option<&'static dyn CountCodec> {
    match protocol {
        Protocol::OPENAI_INPUT_TOKENS => Some(OPENAI_INPUT_TOKENS),
        Protocol::ANTHROPIC_COUNT_TOKENS => Some(ANTHROPIC_COUNT_TOKENS),
        Protocol::GEMINI_COUNT_TOKENS => Some(GEMINI_COUNT_TOKENS),
        Protocol::BEDROCK_COUNT_TOKENS => Some(BEDROCK_COUNT_TOKENS),
        Protocol::COHERE_TOKENIZE => Some(COHERE_TOKENIZE),
        _ => None,
    }
}

/// Returns the codec of a form of sorting documents.
pub fn rerank(protocol: Protocol) -> Option<&'static dyn RerankCodec> {
    (protocol == Protocol::COHERE_RERANK).then_some(COHERE_RERANK)
}

/// Returns the codec of a form of model list.
pub fn models(protocol: Protocol) -> Option<&'static dyn ModelsCodec> {
    match protocol {
        Protocol::OPENAI_MODELS => Some(OPENAI_MODELS),
        Protocol::ANTHROPIC_MODELS => Some(ANTHROPIC_MODELS),
        Protocol::GEMINI_MODELS => Some(GEMINI_MODELS),
        Protocol::OLLAMA_MODELS => Some(OLLAMA_MODELS),
        Protocol::COHERE_MODELS => Some(COHERE_MODELS),
        Protocol::BEDROCK_MODELS => Some(BEDROCK_MODELS),
        _ => None,
    }
}

/// Returns the codec of a protocol's error bodies; those of OpenAI's form where it has none of its own.
pub fn errors(protocol: Protocol) -> &'static dyn ErrorCodec {
    match protocol {
        Protocol::ANTHROPIC_MESSAGES | Protocol::ANTHROPIC_MODELS | Protocol::ANTHROPIC_COUNT_TOKENS => {
            &anthropic::Errors
        }
        Protocol::GEMINI_GENERATE
        | Protocol::GEMINI_EMBED
        | Protocol::GEMINI_MODELS
        | Protocol::GEMINI_COUNT_TOKENS => &gemini::Errors,
        Protocol::BEDROCK_CONVERSE
        | Protocol::BEDROCK_INVOKE
        | Protocol::BEDROCK_EMBED
        | Protocol::BEDROCK_MODELS
        | Protocol::BEDROCK_COUNT_TOKENS => &bedrock::Errors,
        Protocol::OLLAMA_CHAT | Protocol::OLLAMA_EMBED | Protocol::OLLAMA_MODELS => &ollama::Errors,
        _ => &openai::Errors,
    }
}

/// Says of a count that is not the vendor's whose it is.
pub(crate) fn put_basis(body: &mut crate::object::Fields, count: &TokenCount) {
    if count.basis != tollbridge_types::UsageBasis::VendorFinal {
        body.put("basis", &count.basis);
    }
}
