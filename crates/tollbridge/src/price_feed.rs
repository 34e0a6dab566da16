//! Follows prices at an address.

use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::future::select;
use http::{HeaderName, header};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tollbridge_core::{CallContext, Error, ErrorKind, RequestBody, Timeouts, Transport};
use tollbridge_transport::HttpTransport;
use tollbridge_usage::price::{Fetch, Fetched, PriceBook, PriceFeed, Prices};

/// Prices that a thread of their own fetches, until this is dropped.
///
/// A program need have no runtime for it, and one that is busy does not keep the prices from changing.
pub(crate) struct Followed {
    feed: Arc<PriceFeed>,
    _stop: oneshot::Sender<()>,
}

impl Followed {
    /// Begins to fetch. If nothing was ever fetched, this waits for the first answer, but only for so long.
    pub(crate) fn start(feed: PriceFeed, every: Duration) -> Result<Self, Error> {
        let wrong = |error: std::io::Error| {
            Error::new(ErrorKind::Config, format!("`usage.prices` cannot be followed: {error}"))
                .with_path("usage.prices")
        };
        let feed = Arc::new(feed);
        let getter = Getter(HttpTransport::new(Duration::from_secs(10))?);
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let followed = Arc::clone(&feed);
        let work = move || {
            // A runtime must not end where another one runs, so it is made here.
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(tell.send(Err(error))),
            };
            let _ = tell.send(Ok(()));
            runtime.block_on(async {
                let following = pin!(async {
                    // The feed tells the log why it failed.
                    let _ = followed.refresh(&getter).await;
                    let _ = tell.send(Ok(()));
                    followed.run(&getter, every).await;
                });
                select(following, stopped).await;
            });
        };
        thread::Builder::new().name("prices".to_owned()).spawn(work).map_err(wrong)?;
        told.recv().unwrap_or(Ok(())).map_err(wrong)?;
        if !feed.is_filled() {
            // Until they come, the prices that are built in hold.
            let _ = told.recv_timeout(PATIENCE);
        }
        Ok(Self { feed, _stop: stop })
    }
}

impl Prices for Followed {
    fn book(&self) -> Arc<PriceBook> {
        self.feed.book()
    }

    fn warning(&self) -> Option<String> {
        self.feed.warning()
    }
}

/// Fetches over a transport like that of calls.
struct Getter(HttpTransport);

#[async_trait]
impl Fetch for Getter {
    async fn fetch(&self, url: &str, headers: &[(&'static str, &str)], most: usize) -> Result<Fetched, Error> {
        let request =
            headers.iter().fold(http::Request::get(url), |request, (name, value)| request.header(*name, *value));
        let request = request.body(RequestBody::Whole(bytes::Bytes::new()));
        let request = request.map_err(|_| Error::new(ErrorKind::Config, "not a valid URL"))?;
        let mut timeouts = Timeouts::default();
        (timeouts.first_byte, timeouts.total) = (Duration::from_secs(20), Some(Duration::from_secs(30)));
        let (head, mut body) = self.0.send(request, timeouts, &CallContext::new("prices")).await?.into_parts();
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut fetched = Fetched::new(head.status.as_u16());
        (fetched.etag, fetched.last_modified) = (text(header::ETAG), text(header::LAST_MODIFIED));
        while let Some(piece) = body.next().await {
            fetched.body.extend_from_slice(&piece?);
            if fetched.body.len() > most {
                return Err(Error::new(ErrorKind::Decode, format!("the answer is longer than {most} bytes")));
            }
        }
        Ok(fetched)
    }
}

/// How long a start waits for its first prices.
const PATIENCE: Duration = Duration::from_secs(5);
