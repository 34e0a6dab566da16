use std::error::Error as _;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::{StreamExt, stream};
use http::header;
use reqwest::redirect::Policy;
use tollbridge_core::{ByteStream, CallContext, Error, ErrorKind, RequestBody, TimeoutPhase, Timeouts, Transport};

use crate::connect::{Timer, timed};
use crate::guard::Guard;
use crate::upload::Upload;

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
            .connector_layer(Timer)
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
        request: http::Request<RequestBody>,
        timeouts: Timeouts,
        cx: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error> {
        let mut guard = Guard::new(timeouts, cx);
        let (mut head, body) = request.into_parts();
        let (body, mut upload) = match body {
            RequestBody::Stream(stream, length) => {
                if let Some(length) = length {
                    head.headers.insert(header::CONTENT_LENGTH, length.into());
                }
                let (body, upload) = Upload::new(stream);
                (body, Some(upload))
            }
            RequestBody::Whole(body) => (body.into(), None),
            _ => (reqwest::Body::default(), None),
        };
        let request = reqwest::Request::try_from(http::Request::from_parts(head, body))
            .map_err(|error| Error::new(ErrorKind::Config, format!("not a request to send: {}", story(error))))?;
        let mut answer = pin!(timed(self.client.execute(request), cx));
        let early = match &mut upload {
            // A refusal may come before all is sent.
            Some(upload) => match guard.while_sending(select(answer.as_mut(), upload.sent())).await? {
                Either::Left((response, _)) => Some(response),
                Either::Right(_) => None,
            },
            None => None,
        };
        let response = match early {
            Some(response) => response,
            None => {
                guard.sent();
                guard.before_first_byte(answer).await?
            }
        };
        let failure = || upload.as_ref().and_then(Upload::failure);
        let response = response.map_err(|error| failure().unwrap_or_else(|| network(error)))?;
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
