use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::HeaderMap;
use tollbridge_types::{ChatRequest, EmbedRequest, Protocol, RerankRequest};

use crate::{Error, Operation, Rest, StateStore};

/// One call to be made: an operation, a model and a body.
///
/// The body is wire bytes of a named protocol, a typed value, or both: the typed form is derived
/// from the bytes at most once, when somebody asks for it, and kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// What is asked.
    pub operation: Operation,
    /// The model. A router replaces `provider/model` by the vendor's own name of it.
    pub model: String,
    /// Whether the reply is to be a stream.
    pub stream: bool,
    /// Whether the call is refused, before it is sent, if the target's protocol cannot carry all of it.
    pub strict: bool,
    /// Headers of the protocol that travel with the body, such as `anthropic-beta`. Never a key.
    pub headers: HeaderMap,
    /// How the model was chosen.
    pub route: Route,
    /// What was kept for this caller of earlier answers.
    pub states: Option<Arc<dyn StateStore>>,
    wire: Option<Wire>,
    typed: OnceLock<Typed>,
}

impl Request {
    /// Makes a request from the bytes of a protocol.
    pub fn from_wire(operation: Operation, protocol: Protocol, model: impl Into<String>, body: Bytes) -> Self {
        Self {
            operation,
            model: model.into(),
            stream: false,
            strict: false,
            headers: HeaderMap::new(),
            route: Route::default(),
            states: None,
            wire: Some(Wire { protocol, body, rest: None }),
            typed: OnceLock::new(),
        }
    }

    /// Asks a model to answer a conversation.
    pub fn chat(request: ChatRequest) -> Self {
        let (model, stream) = (request.model.clone(), request.stream);
        Self { stream, ..Self::from_typed(Operation::Chat, model, Typed::Chat(Arc::new(request))) }
    }

    /// Asks a model for vectors.
    pub fn embed(request: EmbedRequest) -> Self {
        Self::from_typed(Operation::Embed, request.model.clone(), Typed::Embed(Arc::new(request)))
    }

    /// Asks for the tokens of a conversation without an answer to it.
    pub fn count_tokens(request: ChatRequest) -> Self {
        Self::from_typed(Operation::CountTokens, request.model.clone(), Typed::Chat(Arc::new(request)))
    }

    /// Asks a model to sort documents.
    pub fn rerank(request: RerankRequest) -> Self {
        Self::from_typed(Operation::Rerank, request.model.clone(), Typed::Rerank(Arc::new(request)))
    }

    /// Asks a provider for its models; `provider` takes the place of the model.
    pub fn models(provider: impl Into<String>) -> Self {
        Self::from_typed(Operation::Models, provider.into(), Typed::Models)
    }

    /// Says whether the reply is to be a stream.
    #[must_use]
    pub fn with_stream(mut self, stream: bool) -> Self {
        self.stream = stream;
        self
    }

    /// Says whether the call is refused if the target's protocol cannot carry all of it.
    #[must_use]
    pub fn with_strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Lets more bytes follow those that the request was made from. Only operations that pass their body on take it.
    #[must_use]
    pub fn with_rest(mut self, rest: Rest) -> Self {
        if let Some(wire) = &mut self.wire {
            wire.rest = Some(rest);
        }
        self
    }

    /// Puts another conversation in the place of the one that the bytes hold. The bytes stay, to tell places in them.
    #[must_use]
    pub fn with_chat(mut self, chat: Arc<ChatRequest>) -> Self {
        self.typed = OnceLock::from(Typed::Chat(chat));
        self
    }

    /// Returns the bytes, if the request came as bytes.
    pub fn wire(&self) -> Option<&Wire> {
        self.wire.as_ref()
    }

    /// Returns the typed value, deriving it from the bytes if nobody has yet.
    ///
    /// # Errors
    /// What `decode` returns.
    pub fn typed(&self, decode: impl FnOnce(&Wire) -> Result<Typed, Error>) -> Result<&Typed, Error> {
        if let Some(typed) = self.typed.get() {
            return Ok(typed);
        }
        let typed = match &self.wire {
            Some(wire) => decode(wire)?,
            // A request is made with bytes or with a typed value.
            None => Typed::Models,
        };
        Ok(self.typed.get_or_init(|| typed))
    }

    fn from_typed(operation: Operation, model: String, typed: Typed) -> Self {
        Self {
            operation,
            model,
            stream: false,
            strict: false,
            headers: HeaderMap::new(),
            route: Route::default(),
            states: None,
            wire: None,
            typed: OnceLock::from(typed),
        }
    }
}

/// How the model of a [`Request`] was chosen, for those who keep account of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The model's name as the caller gave it.
    pub asked: String,
    /// The alias that took that name, if one did; of one with a star the star, not what it stood for.
    pub alias: Option<String>,
    /// The group of deployments that served the alias.
    pub group: Option<String>,
    /// The deployment that was chosen.
    pub deployment: Option<String>,
    /// Why this is not the first choice, if it is not.
    pub fallback: Option<String>,
}

/// A body in the bytes of a protocol.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wire {
    /// How to read the bytes.
    pub protocol: Protocol,
    /// The bytes; only the first of them where there is a rest.
    pub body: Bytes,
    /// What of a large form follows while it is sent on.
    pub rest: Option<Rest>,
}

/// A body as a typed value.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Typed {
    /// A conversation.
    Chat(Arc<ChatRequest>),
    /// Texts to embed.
    Embed(Arc<EmbedRequest>),
    /// Documents to sort.
    Rerank(Arc<RerankRequest>),
    /// Nothing: the model list needs no body.
    Models,
}
