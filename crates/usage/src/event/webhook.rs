use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tollbridge_core::{Error, ErrorKind, Secret};

use super::{Event, Signer, Subscription};
use crate::budget::Clock;

/// Sends a webhook's bodies. Whoever has an HTTP client implements it, and sees to it that the URL leads where it may.
#[async_trait]
pub trait Post: Send + Sync {
    /// Posts JSON to a URL within a time limit of its own, follows no redirect, and returns the status of the answer.
    ///
    /// # Errors
    /// When no answer came.
    async fn post(&self, url: &str, headers: &[(&'static str, String)], body: &[u8]) -> Result<u16, Error>;
}

/// Posts events to a URL, signed, one after the other, and again if that fails.
///
/// An answer of 2xx ends it. After anything else it waits, each time twice as long as before and up to half of that
/// more, so that many senders do not come at once. An event that no attempt brings across is counted and left; those
/// that come too fast meanwhile are missed, as by any other listener.
pub struct Webhook {
    url: String,
    signer: Signer,
    kinds: Vec<String>,
    attempts: u32,
    pause: Duration,
    counts: Arc<WebhookCounts>,
}

/// How many events a [`Webhook`] has brought across.
#[derive(Debug, Default)]
pub struct WebhookCounts {
    delivered: AtomicU64,
    failed: AtomicU64,
    missed: AtomicU64,
}

impl WebhookCounts {
    /// Returns how many were taken with 2xx.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Returns how many no attempt brought across.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Returns how many came too fast, of those that were to be sent and of others.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Webhook {
    /// Sends events to a URL, signed with a secret that the receiver knows too.
    ///
    /// Each has six attempts in all, with waits of 1 s to 16 s between them, and up to half more.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the URL is not of HTTP, or the secret is no key; see [`Signer::new`].
    pub fn new(url: impl Into<String>, secret: &Secret) -> Result<Self, Error> {
        let url = url.into();
        if !["https://", "http://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(Error::new(ErrorKind::Config, "the webhook's `url` is not of http or https").with_path("url"));
        }
        let (signer, counts) = (Signer::new(secret)?, Arc::default());
        Ok(Self { url, signer, kinds: Vec::new(), attempts: 6, pause: Duration::from_secs(1), counts })
    }

    /// Sends only events of these types, such as `BUDGET_ALERT`; none is all.
    #[must_use]
    pub fn only(mut self, kinds: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.kinds = kinds.into_iter().map(Into::into).collect();
        self
    }

    /// Sets how many attempts each event has, and how long to wait after the first.
    #[must_use]
    pub fn retry(mut self, attempts: u32, pause: Duration) -> Self {
        (self.attempts, self.pause) = (attempts.max(1), pause);
        self
    }

    /// Returns the counts, to look at while it runs.
    pub fn counts(&self) -> Arc<WebhookCounts> {
        Arc::clone(&self.counts)
    }

    /// Sends what a subscription gets, until that is closed and nothing is left. Dropped, it stops at once.
    pub async fn run(self, mut subscription: Subscription, post: Arc<dyn Post>, clock: Arc<dyn Clock>) {
        while let Some(item) = subscription.next().await {
            self.counts.missed.fetch_add(item.missed, Ordering::Relaxed);
            let event = &*item.event;
            if self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == event.payload.kind()) {
                let delivered = self.deliver(event, &*post, &*clock).await;
                let count = if delivered { &self.counts.delivered } else { &self.counts.failed };
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.counts.missed.store(subscription.missed(), Ordering::Relaxed);
    }

    async fn deliver(&self, event: &Event, post: &dyn Post, clock: &dyn Clock) -> bool {
        let Ok(body) = serde_json::to_vec(event) else { return false };
        for attempt in 1..=self.attempts {
            let timestamp = clock.now_ms() / 1000;
            let headers = [
                ("content-type", "application/json".to_owned()),
                ("webhook-id", event.id.clone()),
                ("webhook-timestamp", timestamp.to_string()),
                ("webhook-signature", self.signer.sign(&event.id, timestamp, &body)),
            ];
            if matches!(post.post(&self.url, &headers, &body).await, Ok(200..=299)) {
                return true;
            }
            if attempt < self.attempts {
                tokio::time::sleep(self.wait(&event.id, attempt)).await;
            }
        }
        false
    }

    /// Doubles with each attempt, and adds up to a half. The random part is taken from the event's id, which is random.
    fn wait(&self, id: &str, attempt: u32) -> Duration {
        let mut hasher = DefaultHasher::new();
        (id, attempt).hash(&mut hasher);
        let thousandths = u32::try_from(hasher.finish() % 500).unwrap_or(0);
        let wait = self.pause.saturating_mul(2_u32.saturating_pow(attempt - 1)).min(LONGEST);
        wait.saturating_add(wait.saturating_mul(thousandths) / 1000)
    }
}

impl fmt::Debug for Webhook {
    // A URL may be a secret of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("kinds", &self.kinds).field("counts", &self.counts).finish_non_exhaustive()
    }
}

/// The longest wait between two attempts, without its random part.
const LONGEST: Duration = Duration::from_secs(300);
