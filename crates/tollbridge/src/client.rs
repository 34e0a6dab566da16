use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use tollbridge_core::{CallContext, Error, Observer, Operation, Protocol, Provider, Registry, Reply, Request};
use tollbridge_protocol::{count_reply, embed_reply, rerank_reply};
use tollbridge_types::{ChatRequest, EmbedRequest, RerankReply, RerankRequest, TokenCount};

use crate::answer::Embeddings;
use crate::builder::ClientBuilder;
use crate::call::{ChatCall, Prompt};
use crate::listing::{self, ModelList};
use crate::router::Router;

/// The way into every provider. Clones share connections and state.
#[derive(Clone)]
pub struct Client {
    router: Arc<Router>,
    stack: Arc<dyn Provider>,
    observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "usage")]
    pub(crate) metering: Option<tollbridge_usage::meter::Metering>,
}

impl Client {
    /// Makes a client of the configuration that the process finds around itself.
    ///
    /// Without a configuration file, every provider whose key variable is set is on, and `echo`
    /// always is.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with all problems of the configuration.
    #[cfg(feature = "config")]
    pub fn from_env() -> Result<Self, Error> {
        let registry = Registry::linked()?;
        let config = tollbridge_config::Loader::new(&registry)
            .process_env()
            .load()
            .map_err(|problems| Error::new(crate::ErrorKind::Config, problems.to_string()))?;
        ClientBuilder::new(registry).config(&config).build()
    }

    /// Starts a client of the kinds of providers that are linked, with nothing configured.
    ///
    /// # Panics
    /// Never. If two linked crates claim one name, [`ClientBuilder::configure`] knows no kind, and says so.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new(Registry::linked().unwrap_or_default())
    }

    /// Starts a client of other kinds of providers than the linked ones.
    pub fn builder_with(registry: Registry) -> ClientBuilder {
        ClientBuilder::new(registry)
    }

    /// Asks a model a question. Await it for the whole answer, or call
    /// [`stream`](ChatCall::stream).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tollbridge::Error> {
    /// # let client = tollbridge::Client::from_env()?;
    /// let answer = client.chat("echo/any", "Hello").system("Be brief.").max_tokens(100).await?;
    /// assert_eq!(answer.text(), "Echo: Hello");
    /// assert_eq!(answer.usage.as_ref().unwrap().total_output(), 2);
    /// # Ok(()) }
    /// ```
    pub fn chat(&self, model: impl Into<String>, prompt: impl Into<Prompt>) -> ChatCall {
        let mut request = ChatRequest::new(model);
        request.messages = prompt.into().0;
        self.request(request)
    }

    /// Makes a call of a request that was put together before.
    pub fn request(&self, request: ChatRequest) -> ChatCall {
        ChatCall::new(self.clone(), request)
    }

    /// Asks a model for the vectors of some texts.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tollbridge::Error> {
    /// # let client = tollbridge::Client::from_env()?;
    /// let answer = client.embed("echo/any", ["one", "two"]).await?;
    /// assert_eq!(answer.floats()?.len(), 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the vendor or the network did.
    pub async fn embed<T: Into<String>>(
        &self,
        model: impl Into<String>,
        texts: impl IntoIterator<Item = T>,
    ) -> Result<Embeddings, Error> {
        self.embed_request(EmbedRequest::new(model, texts)).await
    }

    /// Asks for vectors with a request that was put together before.
    ///
    /// # Errors
    /// What the vendor or the network did.
    pub async fn embed_request(&self, request: EmbedRequest) -> Result<Embeddings, Error> {
        let cx = self.context();
        let reply = self.call(Request::embed(request), &cx).await?;
        let decoded = embed_reply(&reply)?;
        Ok(Embeddings::new(decoded, reply, cx))
    }

    /// Counts the tokens of a conversation without answering it.
    ///
    /// The vendor counts where it has a call for that. Elsewhere, with the feature `tokens`, the count
    /// is made here, and [`TokenCount::basis`] says so.
    ///
    /// # Errors
    /// What the vendor or the network did; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) if nobody counts.
    pub async fn count_tokens(&self, request: ChatRequest) -> Result<TokenCount, Error> {
        count_reply(&self.call(Request::count_tokens(request), &self.context()).await?)
    }

    /// Sorts documents by how well they answer a query.
    ///
    /// # Errors
    /// What the vendor or the network did.
    pub async fn rerank(&self, request: RerankRequest) -> Result<RerankReply, Error> {
        rerank_reply(&self.call(Request::rerank(request), &self.context()).await?)
    }

    /// Lists the models of all providers, each as `provider/model`, and the aliases.
    pub async fn models(&self) -> ModelList {
        listing::models(&self.router, &self.stack, || self.context()).await
    }

    /// Makes one call in the bytes of any protocol; what the gateway does for its clients.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tollbridge::Error> {
    /// use tollbridge::{Operation, Protocol, ReplyBody, Request};
    /// # let client = tollbridge::Client::from_env()?;
    /// let body = r#"{"model":"echo/any","messages":[{"role":"user","content":"hi"}]}"#;
    /// let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "echo/any", body.into());
    /// let reply = client.call(request, &client.context()).await?;
    /// let ReplyBody::Whole(bytes) = reply.body else { panic!("not asked for a stream") };
    /// assert!(String::from_utf8_lossy(&bytes).contains("Echo: hi"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// What the vendor or the network did.
    pub async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        self.stack.call(request, cx).await
    }

    /// Starts the context of a call with an id of its own.
    pub fn context(&self) -> CallContext {
        let mut context = CallContext::new(uuid::Uuid::now_v7().simple().to_string());
        if let Some(observer) = &self.observer {
            context.observer = Arc::clone(observer);
        }
        context
    }

    /// Returns a provider by its name.
    pub fn provider(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.router.provider(name)
    }

    /// Iterates over the providers in the order of their names.
    pub fn providers(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.router.providers.values()
    }

    /// Returns the provider that serves a model's name, and the vendor's own name of it.
    ///
    /// A name without a provider is looked up in the lists that the providers gave last;
    /// [`learn`](Self::learn) asks for them.
    ///
    /// # Errors
    /// [`ErrorKind::ModelNotFound`](crate::ErrorKind::ModelNotFound) with a list of what there is.
    pub fn resolve<'a>(&'a self, model: &'a str) -> Result<(&'a Arc<dyn Provider>, Cow<'a, str>), Error> {
        self.router.resolve(model)
    }

    /// Returns how many tokens of prompt and answer a model holds; 200,000 where neither the configuration nor a rule says.
    ///
    /// ```
    /// # fn main() -> Result<(), tollbridge::Error> {
    /// # use tollbridge::Client;
    /// let client = Client::builder().configure("echo", |_| {})?.build()?;
    /// assert_eq!(client.context_window("echo/any")?, 200_000);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`resolve`](Self::resolve).
    pub fn context_window(&self, model: &str) -> Result<u64, Error> {
        let (provider, model) = self.resolve(model)?;
        let profiles = self.router.profiles.get(&provider.info().name);
        let protocol = provider.info().protocol(Operation::Chat).map_or("", Protocol::as_str);
        let known = profiles.and_then(|profiles| profiles.of(&model, protocol).limits.context);
        Ok(known.unwrap_or(UNKNOWN_WINDOW))
    }

    /// Asks the providers for their lists, if a model's name cannot be told without them and may be.
    pub async fn learn(&self, model: &str) {
        if self.router.bare.is_some() {
            self.router.learn(model, &self.context()).await;
        }
    }

    /// Returns what records, prices and limits the calls, if something does.
    #[cfg(feature = "usage")]
    pub fn metering(&self) -> Option<&tollbridge_usage::meter::Metering> {
        self.metering.as_ref()
    }

    pub(crate) fn new(router: Arc<Router>, stack: Arc<dyn Provider>, observer: Option<Arc<dyn Observer>>) -> Self {
        Self {
            router,
            stack,
            observer,
            #[cfg(feature = "usage")]
            metering: None,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("providers", &self.router.providers.keys()).finish_non_exhaustive()
    }
}

/// The context window of a model of which nothing is known.
const UNKNOWN_WINDOW: u64 = 200_000;
