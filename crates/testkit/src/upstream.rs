use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::capture::Recorded;
use crate::kind::Kind;
use crate::respond;
use crate::script::{Script, ScriptError, Step};

/// A mock upstream that runs. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Upstream {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

/// What every connection of an upstream sees.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) kind: Kind,
    pub(crate) model: String,
    pub(crate) target: Option<String>,
    pub(crate) api_key: Option<String>,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    pub(crate) usage: UsageMode,
    pub(crate) latency: Duration,
    pub(crate) numbered: bool,
    script: Mutex<Script>,
    recorded: Mutex<Vec<Arc<Recorded>>>,
    sequence: AtomicU64,
    pub(crate) changed: Notify,
    pub(crate) connections: AtomicU64,
}

/// Says what an upstream reports as usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageMode {
    /// Counted tokens.
    #[default]
    True,
    /// One and one.
    Constant,
    /// Nothing.
    Omit,
}

/// Describes an upstream that is to start.
#[derive(Clone, Debug)]
pub struct Builder {
    kind: Kind,
    listen: SocketAddr,
    model: String,
    target: Option<String>,
    inline: bool,
    api_key: Option<String>,
    seed: u64,
    strict: bool,
    usage: UsageMode,
    latency: Duration,
    numbered: bool,
    steps: Vec<Step>,
}

impl Builder {
    /// Listens there instead of on a free port of the loopback interface.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Names this model in answers.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// Forwards requests to a server of OpenAI's protocol, over plain HTTP.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Answers by itself in spite of a target.
    #[must_use]
    pub fn inline(mut self, inline: bool) -> Self {
        self.inline = inline;
        self
    }

    /// Sends this key to the target.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Seeds ids and vectors.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Refuses what the vendor would refuse: bad JSON, missing keys and versions.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Chooses what is reported as usage.
    #[must_use]
    pub fn usage(mut self, usage: UsageMode) -> Self {
        self.usage = usage;
        self
    }

    /// Waits before each answer.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Ends the id of each chat's answer with the number of its request, so that no two are the same.
    #[must_use]
    pub fn numbered(mut self, numbered: bool) -> Self {
        self.numbered = numbered;
        self
    }

    /// Scripts the first requests.
    #[must_use]
    pub fn steps(mut self, steps: Vec<Step>) -> Self {
        self.steps = steps;
        self
    }

    /// Starts the upstream; it accepts connections when this returns.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(self) -> Result<Upstream, StartError> {
        let listener =
            TcpListener::bind(self.listen).await.map_err(|source| StartError { address: self.listen, source })?;
        let address = listener.local_addr().map_err(|source| StartError { address: self.listen, source })?;
        let mut script = Script::default();
        script.push(self.steps);
        let shared = Arc::new(Shared {
            kind: self.kind,
            model: self.model,
            target: self.target.filter(|_| !self.inline),
            api_key: self.api_key,
            seed: self.seed,
            strict: self.strict,
            usage: self.usage,
            latency: self.latency,
            numbered: self.numbered,
            script: Mutex::new(script),
            recorded: Mutex::new(Vec::new()),
            sequence: AtomicU64::new(0),
            changed: Notify::new(),
            connections: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Upstream { shared, address, task })
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("the mock cannot listen on {address}: {source}")]
pub struct StartError {
    address: SocketAddr,
    source: io::Error,
}

impl Upstream {
    /// Describes an upstream of a kind, on a free port of the loopback interface.
    #[expect(clippy::new_ret_no_self, reason = "an upstream exists only once it has started")]
    pub fn new(kind: Kind) -> Builder {
        Builder {
            kind,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            model: kind.default_model().to_owned(),
            target: None,
            inline: false,
            api_key: None,
            seed: 1,
            strict: false,
            usage: UsageMode::True,
            latency: Duration::ZERO,
            numbered: false,
            steps: Vec::new(),
        }
    }

    /// Returns the base URL without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.shared.kind
    }

    /// Returns what was received, in order.
    pub fn requests(&self) -> Vec<Arc<Recorded>> {
        self.shared.recorded().clone()
    }

    /// Returns how many connections were accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Scripts the next requests.
    ///
    /// # Errors
    /// For a word that is no step.
    pub fn script<T: AsRef<str>>(&self, steps: impl IntoIterator<Item = T>) -> Result<(), ScriptError> {
        let steps: Vec<Step> = steps.into_iter().map(|step| Step::parse(step.as_ref())).collect::<Result<_, _>>()?;
        self.play(steps);
        Ok(())
    }

    /// Scripts the next requests with steps that were made before.
    pub fn play(&self, steps: Vec<Step>) {
        self.shared.script().push(steps);
    }

    /// Posts a body to a path of the upstream itself, and returns the status and the body of its answer as far as it comes.
    ///
    /// # Errors
    /// When no answer begins.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> io::Result<(u16, Bytes)> {
        let request = Request::post(format!("{}{path}", self.url())).body(Full::new(body.into()));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request.map_err(io::Error::other)?).await.map_err(io::Error::other)?;
        let status = response.status().as_u16();
        let mut received = BytesMut::new();
        let mut body = response.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            received.extend_from_slice(&frame.into_data().unwrap_or_default());
        }
        Ok((status, received.freeze()))
    }

    /// Waits until so many requests have been received.
    pub async fn wait_for_requests(&self, count: usize) {
        self.wait(|shared| shared.recorded().len() >= count).await;
    }

    /// Waits until a client has gone away before its reply ended.
    pub async fn wait_for_disconnect(&self) {
        self.wait(|shared| shared.recorded().iter().any(|recorded| recorded.disconnected())).await;
    }

    async fn wait(&self, done: impl Fn(&Shared) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if done(&self.shared) {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    pub(crate) fn recorded(&self) -> MutexGuard<'_, Vec<Arc<Recorded>>> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Keeps a request; the oldest go when there are too many.
    pub(crate) fn record(&self, recorded: Arc<Recorded>) {
        let mut list = self.recorded();
        if list.len() >= KEPT {
            list.remove(0);
        }
        list.push(recorded);
        drop(list);
        self.changed.notify_waiters();
    }
}

/// How many requests are kept.
const KEPT: usize = 10_000;

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // The connections end with this set, which ends with the task.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                shared.connections.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| respond::respond(Arc::clone(&shared), request));
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
