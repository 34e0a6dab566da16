use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tollbridge::{Client, ReplyModel};
use tollbridge_usage::key::KeyStore;

use crate::kept::Kept;
use crate::metrics::Metrics;
use crate::told::{Losses, Told};
use crate::{keys, routes};

/// The gateway: a client of every provider behind the routes of every client protocol.
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tollbridge::Client;
/// use tollbridge_gateway::{Gateway, Options};
///
/// let gateway = Gateway::new(Client::from_env()?, Options::default());
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:4000").await?;
/// gateway.serve(listener, async { tokio::signal::ctrl_c().await.ok(); }).await?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Gateway {
    state: Arc<State>,
}

/// How a gateway behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// How long open streams may go on after the gateway was told to stop.
    pub drain: Duration,
    /// Whether calls are refused of which the target's protocol cannot carry all, unless they say otherwise.
    pub strict: bool,
    /// Which losses the header of a response tells, unless the call says otherwise.
    pub losses: Losses,
    /// Whether the last usage of a stream tells what the call cost, unless the call says otherwise.
    pub stream_cost: bool,
    /// The most bytes of state that are kept in memory for clients that do not send it back; 0 keeps none.
    pub state_cache_size: usize,
    /// How long that is kept.
    pub state_cache_ttl: Duration,
    /// The virtual keys. As soon as there is one, calls without one are refused.
    pub keys: Option<Arc<KeyStore>>,
    /// Which name of the model a reply carries.
    pub reply_model: ReplyModel,
    /// The origins whose pages may call from a browser, in small letters; `*` stands for all.
    pub cors_origins: Vec<String>,
    /// Whether, while there is no key, everybody is answered instead of this machine alone.
    pub allow_open: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            body_limit: 32 << 20,
            drain: Duration::from_secs(30),
            strict: false,
            losses: Losses::All,
            stream_cost: false,
            state_cache_size: 64 << 20,
            state_cache_ttl: Duration::from_secs(60 * 60),
            keys: None,
            reply_model: ReplyModel::default(),
            cors_origins: Vec::new(),
            allow_open: false,
        }
    }
}

/// What every route sees.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) client: Client,
    pub(crate) options: Options,
    pub(crate) draining: AtomicBool,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) told: Told,
    /// What clients may not send back whole.
    pub(crate) kept: Option<Arc<Kept>>,
}

impl Gateway {
    /// Puts a client behind the routes.
    pub fn new(client: Client, options: Options) -> Self {
        let kept = Kept::new(options.state_cache_size, options.state_cache_ttl);
        let (draining, metrics, told) = (AtomicBool::new(false), Arc::default(), Told::default());
        Self { state: Arc::new(State { client, options, draining, metrics, told, kept }) }
    }

    /// Returns the routes, to be served or nested elsewhere.
    ///
    /// A caller is only taken to be on this machine if whoever serves them adds axum's `ConnectInfo<SocketAddr>`. What
    /// other processes change of the keys is seen at the store's next [`refresh`](KeyStore::refresh);
    /// [`serve`](Self::serve) does both.
    pub fn routes(&self) -> axum::Router {
        routes::routes(Arc::clone(&self.state))
    }

    /// Serves until `stop` is done, then lets open calls finish within the drain time.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let stopping = Arc::new(Notify::new());
        let told = Arc::clone(&stopping);
        let state = Arc::clone(&self.state);
        // Events of a stream are small and must not wait for each other.
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "a connection keeps its delay");
            }
        });
        let service = self.routes().into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            state.draining.store(true, Ordering::Relaxed);
            told.notify_one();
        });
        let drain = self.state.options.drain;
        let budgets = self.state.client.metering().and_then(|metering| metering.budgets().cloned());
        let keys = keys::follow(self.state.options.keys.clone(), budgets);
        tokio::select! {
            ended = serving => ended,
            never = keys => match never {},
            () = async { stopping.notified().await; tokio::time::sleep(drain).await } => {
                tracing::warn!(?drain, "open calls were cut off at the end of the drain time");
                Ok(())
            }
        }
    }
}
