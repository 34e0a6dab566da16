use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::stream::FuturesOrdered;
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderValue, Method, StatusCode, header};
use reqwest::Url;
use reqwest::redirect::Policy;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tollbridge_core::{CallContext, Error, ErrorKind, Fetch, FetchedBytes};

use super::address::Networks;
use super::resolve::{Checked, Lookup, NotPublic, SystemLookup};

/// How far fetching may go.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FetchOptions {
    /// Hosts that may be reached, such as `images.example.com` or `*.example.com`; none means all that are public.
    pub hosts: Vec<String>,
    /// Networks that may be reached although they are not public.
    pub networks: Networks,
    /// The most bytes of all media of one call.
    pub max_bytes: u64,
    /// The most media of one call.
    pub max_count: usize,
    /// Until all of it is there.
    pub timeout: Duration,
    /// How many redirects of one address are followed; each is checked again.
    pub redirects: usize,
    /// How many are fetched at once, over all calls.
    pub parallel: usize,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            networks: Networks::default(),
            max_bytes: 20 << 20,
            max_count: 20,
            timeout: Duration::from_secs(10),
            redirects: 3,
            parallel: 16,
        }
    }
}

/// The one way to what a caller's address leads to.
///
/// It reaches public addresses over HTTP and HTTPS alone, connects to the very address that was checked, follows a few
/// redirects and checks each, sends no credentials and takes no cookies, goes through no proxy, and reads no more than
/// it may.
#[derive(Clone)]
pub struct Fetcher {
    client: reqwest::Client,
    options: Arc<FetchOptions>,
    places: Arc<Semaphore>,
}

impl Fetcher {
    /// Makes a fetcher that asks the system for the addresses of hosts.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the TLS back end is unusable.
    pub fn new(options: FetchOptions) -> Result<Self, Error> {
        Self::with_lookup(options, Arc::new(SystemLookup))
    }

    /// Makes a fetcher that finds the addresses of hosts in another way. They are checked all the same.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_lookup(options: FetchOptions, lookup: Arc<dyn Lookup>) -> Result<Self, Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(options.timeout)
            .dns_resolver(Checked { lookup, networks: options.networks.clone() })
            .user_agent(concat!("tollbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| Error::new(ErrorKind::Config, "the client that fetches media cannot start"))?;
        let places = Arc::new(Semaphore::new(options.parallel.max(1)));
        Ok(Self { client, options: Arc::new(options), places })
    }

    async fn one(&self, url: &str, left: &AtomicU64) -> Result<FetchedBytes, Error> {
        let _place = self.places.acquire().await;
        let mut url = Url::parse(url).map_err(|_| refused("the address is no URL"))?;
        for _ in 0..=self.options.redirects {
            self.check(&url)?;
            let response = self.client.request(Method::GET, url.clone());
            let response = response.header(header::ACCEPT, HeaderValue::from_static("*/*"));
            let response = response.header(header::ACCEPT_ENCODING, HeaderValue::from_static("identity")).send().await;
            let response = response.map_err(|error| unreachable(&error))?;
            if !response.status().is_redirection() {
                return read(response, left).await;
            }
            let next = response.headers().get(header::LOCATION).and_then(|place| url.join(place.to_str().ok()?).ok());
            let next = next.ok_or_else(|| refused("the address redirects to nowhere"))?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(refused("the address redirects from HTTPS to something less"));
            }
            url = next;
        }
        Err(refused("the address redirects too often"))
    }

    /// Checks what of an address is known before a name becomes one.
    fn check(&self, url: &Url) -> Result<(), Error> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused("only addresses of HTTP and HTTPS are fetched"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("an address with a user name or password is not fetched"));
        }
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        // An address in the place of a name asks no resolver.
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        if host.is_empty() || literal.is_ok_and(|address| !self.options.networks.allow(address)) {
            return Err(refused(&NotPublic.to_string()));
        }
        let hosts = &self.options.hosts;
        if !hosts.is_empty() && !hosts.iter().any(|allowed| is_host(allowed, host)) {
            return Err(refused("the host of the address is none of those that are configured"));
        }
        Ok(())
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("options", &self.options).finish_non_exhaustive()
    }
}

#[async_trait]
impl Fetch for Fetcher {
    async fn fetch(&self, urls: &[String], cx: &CallContext) -> Result<Vec<FetchedBytes>, (usize, Error)> {
        let most = self.options.max_count;
        if urls.len() > most {
            return Err((most, refused(&format!("at most {most} media of a call are fetched"))));
        }
        let left = AtomicU64::new(self.options.max_bytes);
        // The places bound how many are on their way.
        let mut fetches = FuturesOrdered::new();
        for (place, url) in urls.iter().enumerate() {
            let one = self.one(url, &left);
            fetches.push_back(async move { one.await.map_err(|error| (place, error)) });
        }
        let end = Instant::now() + self.options.timeout;
        let end = cx.deadline.map_or(end, |deadline| end.min(Instant::from_std(deadline)));
        tokio::select! {
            biased;
            () = cx.cancellation.cancelled() => Err((0, Error::new(ErrorKind::Cancelled, "the call was cancelled"))),
            all = fetches.try_collect() => all,
            () = tokio::time::sleep_until(end) => Err((0, refused("the media were not there in time"))),
        }
    }
}

async fn read(response: reqwest::Response, left: &AtomicU64) -> Result<FetchedBytes, Error> {
    let status = response.status();
    if status != StatusCode::OK {
        return Err(refused(&format!("the server of the address answered with status {}", status.as_u16())));
    }
    let text = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text(header::CONTENT_ENCODING).is_some_and(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(refused("the server of the address sends it compressed"));
    }
    let content_type = text(header::CONTENT_TYPE).map(str::to_owned);
    let too_large = || refused("what is at the address is too large");
    if response.content_length().is_some_and(|length| length > left.load(Ordering::Relaxed)) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    let mut body = response.bytes_stream();
    while let Some(chunk) = body.next().await {
        let chunk: Bytes = chunk.map_err(|error| unreachable(&error))?;
        let length = chunk.len() as u64;
        // What all media of the call may have together is taken from one purse.
        let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(length));
        taken.map_err(|_| too_large())?;
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() {
        return Err(refused("there is nothing at the address"));
    }
    Ok(FetchedBytes::new(bytes.freeze(), content_type))
}

fn is_host(allowed: &str, host: &str) -> bool {
    match allowed.strip_prefix("*.") {
        Some(domain) => {
            let start = host.len().checked_sub(domain.len());
            let matches = start.and_then(|start| host.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(domain));
            matches && start.is_some_and(|start| start > 0 && host.as_bytes().get(start - 1) == Some(&b'.'))
        }
        None => host.eq_ignore_ascii_case(allowed),
    }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).with_hint("send the bytes as a data: URL or base64")
}

/// Tells why nothing came, without the addresses that a name leads to.
fn unreachable(error: &reqwest::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(next) = cause {
        if next.is::<NotPublic>() {
            return refused(&NotPublic.to_string());
        }
        cause = next.source();
    }
    refused("the server of the address could not be reached")
}
