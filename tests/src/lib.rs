//! Tests across the whole workspace, and what they share: a gateway before mock upstreams.

mod recorded;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method, Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tollbridge::core::{ByteStream, Fetch, ProviderSettings, RequestBody, Transport};
use tollbridge::transport::HttpTransport;
use tollbridge::usage::meter::Metering;
use tollbridge::{CallContext, Client, ClientBuilder, Layer, Secret, Timeouts};
use tollbridge_gateway::{Gateway, Options};
use tollbridge_testkit::{Kind, Upstream};

pub use recorded::{Recorded, SOON, calls, limited, records};

/// Mock upstreams, and a client and a gateway before them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Bench {
    /// The mock of OpenAI, configured as `openai`.
    pub openai: Upstream,
    /// The mock of Anthropic, configured as `anthropic`.
    pub anthropic: Upstream,
    /// The mock of Google, configured as `gemini`.
    pub google: Upstream,
    /// The mocks of the other vendors, with the names that they are configured under; none unless asked for.
    pub others: Vec<(&'static str, Upstream)>,
    /// A client of them all, and of `echo`.
    pub client: Client,
    /// The gateway's address.
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
    http: HttpTransport,
}

/// What the gateway answered.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answered {
    /// Reads an answer to its end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn read(response: http::Response<ByteStream>) -> Result<Self, tollbridge::Error> {
        let (head, mut stream) = response.into_parts();
        let mut body = Vec::new();
        while let Some(bytes) = stream.next().await {
            body.extend_from_slice(&bytes?);
        }
        Ok(Self { status: head.status, headers: head.headers, body: body.into() })
    }

    /// Reads the body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Reads the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Bench {
    /// Starts everything with the usual options.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        Self::with(Options::default()).await
    }

    /// Starts everything with a gateway of these options.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn with(options: Options) -> Result<Self, Box<dyn std::error::Error>> {
        Self::before(options, &[], |client| client).await
    }

    /// Starts everything with every vendor that the test kit plays.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn with_all(options: Options) -> Result<Self, Box<dyn std::error::Error>> {
        Self::before(options, &OTHERS, |client| client).await
    }

    /// Starts everything with a layer of one's own around all calls.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn with_layer(options: Options, layer: Arc<dyn Layer>) -> Result<Self, Box<dyn std::error::Error>> {
        Self::before(options, &[], |client| client.layer(layer)).await
    }

    /// Starts everything with every vendor that the test kit plays, and fetches media for those that take only bytes.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn with_fetch(options: Options, fetch: Arc<dyn Fetch>) -> Result<Self, Box<dyn std::error::Error>> {
        Self::before(options, &OTHERS, |client| client.fetch(fetch)).await
    }

    /// Starts everything with a client that is changed before it is built.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn with_client(
        options: Options,
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        Self::before(options, &[], change).await
    }

    /// Starts everything with every vendor that the test kit plays, and records what is called.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn with_metering(options: Options, metering: Metering) -> Result<Self, Box<dyn std::error::Error>> {
        Self::before(options, &OTHERS, |client| client.metering(metering)).await
    }

    async fn before(
        options: Options,
        others: &[(&'static str, Kind)],
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let openai = Upstream::new(Kind::OpenAi).start().await?;
        let anthropic = Upstream::new(Kind::Anthropic).start().await?;
        let google = Upstream::new(Kind::Google).start().await?;
        let at = |upstream: &Upstream, key: &str| {
            let (url, key) = (upstream.url(), Secret::new(key));
            move |settings: &mut ProviderSettings| {
                settings.base_url = Some(url);
                settings.api_key = Some(key);
            }
        };
        let mut client = Client::builder()
            .configure("echo", |_| {})?
            .configure("openai", at(&openai, "openai-key"))?
            .configure("anthropic", at(&anthropic, "anthropic-key"))?
            .configure("gemini", at(&google, "gemini-key"))?
            .alias("main", "openai/mock");
        client = change(client);
        let mut started = Vec::new();
        for (name, kind) in others {
            let upstream = Upstream::new(*kind).strict(true).start().await?;
            let there = at(&upstream, "another-key");
            client = client.configure(name, |settings| {
                there(settings);
                settings.options.insert("project".to_owned(), "p".to_owned());
                settings.options.insert("region".to_owned(), "eu-central-1".to_owned());
            })?;
            started.push((*name, upstream));
        }
        let (client, others) = (client.build()?, started);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = oneshot::channel();
        let gateway = Gateway::new(client.clone(), options);
        let served = tokio::spawn(gateway.serve(listener, async {
            // A bench that is dropped stops its gateway too.
            let _ = stopped.await;
        }));
        let http = HttpTransport::new(std::time::Duration::from_secs(5))?;
        Ok(Self { openai, anthropic, google, others, client, url, stop: Some(stop), served, http })
    }

    /// Returns every mock with the name that it is configured under.
    pub fn upstreams(&self) -> impl Iterator<Item = (&'static str, &Upstream)> {
        let usual = [("openai", &self.openai), ("anthropic", &self.anthropic), ("gemini", &self.google)];
        usual.into_iter().chain(self.others.iter().map(|(name, upstream)| (*name, upstream)))
    }

    /// Sends a request to the gateway and reads the whole response.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Answered, tollbridge::Error> {
        self.send_with(method, path, &[], body).await
    }

    /// Sends a request with headers.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answered, tollbridge::Error> {
        Answered::read(self.open(method, path, headers, body).await?).await
    }

    /// Sends a request and returns as soon as the head is there.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<http::Response<ByteStream>, tollbridge::Error> {
        self.open_body(method, path, headers, body.into().into()).await
    }

    /// Sends a request with a body of any kind, and returns as soon as the head is there.
    ///
    /// # Errors
    /// When the connection breaks, or the body does.
    pub async fn open_body(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: RequestBody,
    ) -> Result<http::Response<ByteStream>, tollbridge::Error> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = format!("{}{path}", self.url).parse().unwrap_or_default();
        for (name, value) in headers {
            request.headers_mut().insert(*name, http::HeaderValue::from_str(value).map_err(unsendable)?);
        }
        let http: Arc<dyn Transport> = Arc::new(self.http.clone());
        http.send(request, Timeouts::default(), &CallContext::new("test")).await
    }

    /// Hands out what tells the gateway to stop when it is dropped, as SIGTERM does.
    pub fn stopper(&mut self) -> Option<oneshot::Sender<()>> {
        self.stop.take()
    }

    /// Waits until the gateway has ended.
    ///
    /// # Errors
    /// When it failed.
    pub async fn ended(self) -> std::io::Result<()> {
        self.served.await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}

/// Reads the recordings in the folder that `TOLLBRIDGE_CORPUS` names; without it there are none, and a note says so.
///
/// # Errors
/// When a file of the folder cannot be read, or holds something else.
pub fn recorded() -> Result<Vec<serde_json::Value>, Box<dyn std::error::Error>> {
    let Some(folder) = std::env::var_os("TOLLBRIDGE_CORPUS") else {
        note("TOLLBRIDGE_CORPUS names no folder of recordings: none is passed");
        return Ok(Vec::new());
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    let mut exchanges = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(file)?.lines() {
            exchanges.push(serde_json::from_str(line)?);
        }
    }
    Ok(exchanges)
}

fn unsendable(error: http::header::InvalidHeaderValue) -> tollbridge::Error {
    tollbridge::Error::new(tollbridge::ErrorKind::InvalidRequest, "the test's header cannot be sent").with_source(error)
}

#[expect(clippy::print_stderr, reason = "whoever runs a test is to know what it left out")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// The kinds of provider that the test kit plays, beside the usual three.
const OTHERS: [(&str, Kind); 7] = [
    ("xai", Kind::Grok),
    ("moonshot", Kind::Kimi),
    ("mistral", Kind::Mistral),
    ("ollama", Kind::Ollama),
    ("cohere", Kind::Cohere),
    ("bedrock", Kind::Bedrock),
    ("vertex", Kind::Vertex),
];
