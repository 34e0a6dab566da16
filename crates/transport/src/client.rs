use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::redirect::Policy;
use tollbridge_core::{ByteStream, CallContext, Error, ErrorKind, TimeoutPhase, Timeouts, Transport};

use crate::guard::Guard;

/// Sends requests over HTTP/1.1 and HTTP/2, with TLS where the URL asks for it.
///
/// ```no_run
/// let transport = tollbridge_transport::HttpTransport::new(std::time::Duration::from_secs(10))?;
/// # Ok::<(), tollbridge_core::Error>(())
/// ```
#[derive(Clone)]
pub struct HttpTransport {
    client: reqwest::Client,
}

impl HttpTransport {
    /// Makes a client whose connections must stand within `connect`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the TLS back end or a proxy variable of the environment is unusable.
    pub fn new(connect: Duration) -> Result<Self, Error> {
        // Another part of the program may have chosen a back end before; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(connect)
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_max_idle_per_host(64)
            .tcp_nodelay(true)
            .http2_adaptive_window(true)
            .user_agent(concat!("tollbridge/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Config, format!("the HTTP client cannot start: {}", story(error)))
            })?;
        Ok(Self { client })
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpTransport")
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        timeouts: Timeouts,
        cx: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error> {
        let guard = Guard::new(timeouts, cx);
        let request = reqwest::Request::try_from(request)
            .map_err(|error| Error::new(ErrorKind::Config, format!("not a request to send: {}", story(error))))?;
        let response = guard.before_first_byte(self.client.execute(request)).await?.map_err(network)?;
        let mut head = http::Response::new(());
        *head.status_mut() = response.status();
        *head.headers_mut() = response.headers().clone();
        let body = read(response.bytes_stream().boxed(), guard);
        Ok(head.map(|()| body))
    }
}

/// Reads a body under its time limits; it ends after the first error.
fn read(body: stream::BoxStream<'static, reqwest::Result<Bytes>>, guard: Guard) -> ByteStream {
    Box::pin(stream::unfold(Some((body, guard, true)), |state| async move {
        let (mut body, guard, first) = state?;
        let next = if first { guard.before_first_byte(body.next()).await } else { guard.while_idle(body.next()).await };
        match next {
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some((body, guard, false)))),
            Ok(Some(Err(error))) => Some((Err(network(error)), None)),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    }))
}

fn network(error: reqwest::Error) -> Error {
    let (kind, what) = if error.is_timeout() {
        (ErrorKind::Timeout(TimeoutPhase::Connect), "connecting took too long")
    } else if error.is_connect() {
        (ErrorKind::Network, "the server could not be reached")
    } else {
        (ErrorKind::Network, "the connection broke")
    };
    Error::new(kind, format!("{what}: {}", story(error)))
}

/// Tells an error and its causes without the URL, which may name an account.
fn story(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut story = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !story.contains(&text) {
            story = format!("{story}: {text}");
        }
        cause = next.source();
    }
    story
}
