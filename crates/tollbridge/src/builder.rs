use std::collections::BTreeMap;
use std::sync::Arc;

use tollbridge_core::{
    Aliases, Error, ErrorKind, Fetch, Layer, Observer, Provider, ProviderSettings, Registration, Registry, Transport,
};
use tollbridge_profiles::{Book, Profiles};

use crate::client::Client;
use crate::router::Router;

/// Puts a [`Client`] together.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tollbridge::Error> {
/// use tollbridge::Client;
///
/// let client = Client::builder().configure("echo", |_| {})?.alias("main", "echo/any").build()?;
/// assert_eq!(client.chat("main", "hi").await?.text(), "Echo: hi");
/// # Ok(()) }
/// ```
pub struct ClientBuilder {
    registry: Registry,
    transport: Option<Arc<dyn Transport>>,
    providers: BTreeMap<String, Arc<dyn Provider>>,
    pending: Vec<(Registration, ProviderSettings)>,
    profiles: Arc<Book>,
    aliases: Aliases,
    bare_models: bool,
    default_provider: Option<String>,
    layers: Vec<Arc<dyn Layer>>,
    observer: Option<Arc<dyn Observer>>,
    fetch: Option<Arc<dyn Fetch>>,
    #[cfg(all(feature = "config", feature = "http"))]
    media: tollbridge_config::MediaConfig,
    #[cfg(feature = "usage")]
    metering: Option<tollbridge_usage::meter::Metering>,
}

impl ClientBuilder {
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            transport: None,
            providers: BTreeMap::new(),
            pending: Vec::new(),
            profiles: Book::embedded(),
            aliases: Aliases::default(),
            bare_models: false,
            default_provider: None,
            layers: Vec::new(),
            observer: None,
            fetch: None,
            #[cfg(all(feature = "config", feature = "http"))]
            media: tollbridge_config::MediaConfig::default(),
            #[cfg(feature = "usage")]
            metering: None,
        }
    }

    /// Adds a provider of a linked kind under the name of its kind.
    ///
    /// ```
    /// # fn main() -> Result<(), tollbridge::Error> {
    /// use tollbridge::{Client, Secret};
    ///
    /// let client = Client::builder()
    ///     .configure("openai", |settings| settings.api_key = Some(Secret::new("sk-…")))?
    ///     .build();
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if no linked crate has a kind of this name.
    pub fn configure(self, kind: &str, set: impl FnOnce(&mut ProviderSettings)) -> Result<Self, Error> {
        let name = self.registry.get(kind)?.kind;
        self.configure_as(name, kind, set)
    }

    /// Adds a provider of a linked kind under a name of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if no linked crate has a kind of this name.
    pub fn configure_as(
        mut self,
        name: &str,
        kind: &str,
        set: impl FnOnce(&mut ProviderSettings),
    ) -> Result<Self, Error> {
        let registration = *self.registry.get(kind)?;
        let mut settings = ProviderSettings::new(name);
        set(&mut settings);
        self.pending.push((registration, settings));
        Ok(self)
    }

    /// Adds everything that a configuration names.
    #[cfg(feature = "config")]
    #[must_use]
    pub fn config(mut self, config: &tollbridge_config::Config) -> Self {
        let enabled = config.providers.iter().filter(|provider| provider.enabled);
        self.pending.extend(enabled.map(|provider| (provider.registration, provider.settings.clone())));
        self.profiles = Arc::clone(&config.profiles);
        config.aliases.iter().for_each(|(alias, target)| self.aliases.insert(alias, target));
        self.bare_models |= config.server.bare_models;
        self.default_provider = config.server.default_provider.clone().or(self.default_provider);
        #[cfg(feature = "http")]
        self.media.clone_from(&config.media);
        self
    }

    /// Fetches the addresses of media for providers whose vendors take only bytes, unless their settings say no.
    #[must_use]
    pub fn fetch(mut self, fetch: Arc<dyn Fetch>) -> Self {
        self.fetch = Some(fetch);
        self
    }

    /// Adds a provider that was made by hand, under the name in its info.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.insert(provider.info().name.clone(), provider);
        self
    }

    /// Lets a name stand for `provider/model` or another alias; each side may hold one `*`, as [`Aliases`] says.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>, target: impl Into<String>) -> Self {
        self.aliases.insert(alias, target);
        self
    }

    /// Lets a model be named without its provider if the list of one provider alone has it.
    ///
    /// The lists are asked for when the first such name comes, and kept for ten minutes.
    #[must_use]
    pub fn bare_models(mut self) -> Self {
        self.bare_models = true;
        self
    }

    /// Sends names without a provider to this one, unless the list of one other alone has them.
    #[must_use]
    pub fn default_provider(mut self, name: impl Into<String>) -> Self {
        self.default_provider = Some(name.into());
        self
    }

    /// Knows what models take by this book, instead of the one that is built in.
    #[must_use]
    pub fn profiles(mut self, book: Arc<Book>) -> Self {
        self.profiles = book;
        self
    }

    /// Puts a layer around all calls; the first one added is the outermost.
    #[must_use]
    pub fn layer(mut self, layer: Arc<dyn Layer>) -> Self {
        self.layers.push(layer);
        self
    }

    /// Tells an observer what happens to every call that does not bring its own.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Records, prices and limits every call.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tollbridge::Error> {
    /// use std::time::Duration;
    /// use tollbridge::Client;
    /// use tollbridge::usage::ledger::{Ledger, LedgerOptions, Reader};
    /// use tollbridge::usage::meter::{Metering, MeteringOptions};
    ///
    /// let directory = tempfile::tempdir().unwrap();
    /// let ledger = Ledger::open(&LedgerOptions::new(directory.path()));
    /// let mut options = MeteringOptions::default();
    /// options.ledger = Some(ledger.clone());
    /// let client = Client::builder().configure("echo", |_| {})?.metering(Metering::new(options)).build()?;
    ///
    /// client.chat("echo/any", "hi").tag("task", "t1").await?;
    /// assert!(ledger.flush(Duration::from_secs(10)));
    /// let total = Reader::open(directory.path())?.task_total("t1")?;
    /// assert_eq!((total.calls, total.output), (1, 2));
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "usage")]
    #[must_use]
    pub fn metering(mut self, metering: tollbridge_usage::meter::Metering) -> Self {
        self.metering = Some(metering);
        self
    }

    /// Sends requests over another transport.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Makes the client.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a provider cannot be made of its settings, or an alias leads nowhere.
    pub fn build(self) -> Result<Client, Error> {
        #[cfg(feature = "usage")]
        let metering = self.metering.as_ref();
        #[cfg(feature = "usage")]
        let metered = |kind: &str, settings: Option<&ProviderSettings>, provider| match metering {
            Some(metering) => metering.deployment(deployment(kind, settings)).wrap(provider),
            None => provider,
        };
        #[cfg(not(feature = "usage"))]
        let metered = |_: &str, _: Option<&ProviderSettings>, provider| provider;
        let made = self.providers.into_iter().map(|(name, provider)| (name.clone(), metered(&name, None, provider)));
        let mut providers: BTreeMap<String, Arc<dyn Provider>> = made.collect();
        let mut profiles = BTreeMap::new();
        if !self.pending.is_empty() {
            let connect = self.pending.iter().map(|(_, settings)| settings.timeouts.connect).max();
            let transport = match self.transport {
                Some(transport) => transport,
                None => default_transport(connect.unwrap_or_default())?,
            };
            #[cfg(all(feature = "config", feature = "http"))]
            let fetch = match self.fetch {
                Some(fetch) => Some((fetch, true)),
                None => crate::media::configured(&self.media, &self.pending)?,
            };
            #[cfg(not(all(feature = "config", feature = "http")))]
            let fetch = self.fetch.map(|fetch| (fetch, true));
            for (kind, mut settings) in self.pending {
                let fetched = fetch.as_ref().filter(|(_, usually)| settings.fetch_media.unwrap_or(*usually));
                settings.fetch = fetched.map(|(fetch, _)| Arc::clone(fetch));
                let name = settings.name.clone();
                settings.profiles = settings.own_profiles(Profiles::new(Arc::clone(&self.profiles), kind.kind));
                profiles.insert(name.clone(), settings.profiles.clone());
                let known = settings.clone();
                let provider = (kind.build)(&kind, settings, Arc::clone(&transport));
                let provider = provider.map_err(|error| error.with_provider(name.clone()))?;
                providers.insert(name, metered(kind.kind, Some(&known), provider));
            }
        }
        let (bare, default) = (self.bare_models, self.default_provider);
        let router = Router::new(providers, self.aliases, self.registry, bare, default);
        let router = Arc::new(router.with_profiles(profiles));
        check_names(&router)?;
        let inner: Arc<dyn Provider> = Arc::clone(&router) as _;
        #[cfg(feature = "usage")]
        let inner = metering.map_or(Arc::clone(&inner), |metering| metering.calls().wrap(inner));
        let stack = self.layers.iter().rev().fold(inner, |inner, layer| layer.wrap(inner));
        #[cfg_attr(not(feature = "usage"), expect(unused_mut, reason = "there is nothing to add"))]
        let mut client = Client::new(router, stack, self.observer);
        #[cfg(feature = "usage")]
        {
            client.metering = self.metering;
        }
        Ok(client)
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder").field("aliases", &self.aliases).finish_non_exhaustive()
    }
}

/// Describes a provider to the price book and the ledger.
#[cfg(feature = "usage")]
fn deployment(kind: &str, settings: Option<&ProviderSettings>) -> tollbridge_usage::meter::Deployment {
    let mut deployment = tollbridge_usage::meter::Deployment::new(kind);
    deployment.key = settings.and_then(|settings| settings.api_key.as_ref()).map(tollbridge_usage::fingerprint);
    let region = settings.and_then(|settings| settings.option("region").or_else(|| settings.option("location")));
    deployment.region = region.map(str::to_owned);
    deployment
}

fn check_names(router: &Router) -> Result<(), Error> {
    for (alias, _) in router.aliases.iter() {
        if let Some(fault) = router.aliases.fault(alias, |name| router.is_provider(name)) {
            return Err(Error::new(ErrorKind::Config, format!("the alias `{alias}` {fault}")).with_hint(fault.hint()));
        }
    }
    match router.default_provider.as_deref().filter(|name| !router.is_provider(name)) {
        Some(name) => {
            Err(Error::new(ErrorKind::Config, format!("there is no provider `{name}` to be the default one"))
                .with_hint("name a provider that is on"))
        }
        None => Ok(()),
    }
}

#[cfg(feature = "http")]
fn default_transport(connect: std::time::Duration) -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(tollbridge_transport::HttpTransport::new(connect)?))
}

#[cfg(not(feature = "http"))]
fn default_transport(_: std::time::Duration) -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(Offline))
}

#[cfg(not(feature = "http"))]
struct Offline;

#[cfg(not(feature = "http"))]
#[async_trait::async_trait]
impl Transport for Offline {
    async fn send(
        &self,
        _: http::Request<tollbridge_core::RequestBody>,
        _: tollbridge_core::Timeouts,
        _: &tollbridge_core::CallContext,
    ) -> Result<http::Response<tollbridge_core::ByteStream>, Error> {
        Err(Error::new(ErrorKind::Config, "there is no transport")
            .with_hint("turn on the Cargo feature `http` of `tollbridge`, or give the builder a transport"))
    }
}
