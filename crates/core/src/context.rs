use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Cancellation, Error, Money};

/// What every layer of one call shares: its name, its limits, and who watches it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallContext {
    /// The id of the call, unique over all calls.
    pub request_id: String,
    /// When the call began, to measure from.
    pub began: Instant,
    /// When the call must be over.
    pub deadline: Option<Instant>,
    /// The switch that stops the call.
    pub cancellation: Cancellation,
    /// Time limits of each attempt; `None` leaves them to the provider's settings.
    pub timeouts: Option<Timeouts>,
    /// The virtual key that the call is charged to, by its id.
    pub key: Option<Arc<str>>,
    /// What the call is for, as names and values.
    pub tags: Vec<(String, String)>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
    /// How many attempts reached for a vendor, over all copies of this context.
    attempts: Arc<AtomicU32>,
    /// What the settled attempts cost, over all copies of this context.
    spent: Arc<Mutex<Spent>>,
}

impl CallContext {
    /// Starts a call that has an id and no limits but the default ones.
    pub fn new(request_id: impl Into<String>) -> Self {
        Self {
            request_id: request_id.into(),
            began: Instant::now(),
            deadline: None,
            cancellation: Cancellation::new(),
            timeouts: None,
            key: None,
            tags: Vec::new(),
            observer: Arc::new(Silent),
            attempts: Arc::default(),
            spent: Arc::default(),
        }
    }

    /// Counts one more attempt, and returns its number from 1.
    pub fn begin_attempt(&self) -> u32 {
        self.attempts.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// Returns how many attempts reached for a vendor.
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Adds what an attempt cost; `None` if no price is known.
    pub fn add_cost(&self, cost: Option<Money>) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = match (*spent, cost) {
            (Spent::Nothing, Some(cost)) => Spent::Known(cost),
            (Spent::Known(sum), Some(cost)) => sum.checked_add(cost).map_or(Spent::Unknown, Spent::Known),
            (_, _) => Spent::Unknown,
        };
    }

    /// Returns what the settled attempts cost; `None` if nobody prices them, or one has no known price.
    pub fn cost(&self) -> Option<Money> {
        match *self.spent.lock().unwrap_or_else(PoisonError::into_inner) {
            Spent::Known(cost) => Some(cost),
            Spent::Nothing | Spent::Unknown => None,
        }
    }

    /// Returns the value of a tag.
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Tells the observer.
    pub fn observe(&self, event: CallEvent<'_>) {
        self.observer.observe(&self.request_id, event);
    }
}

/// What the attempts of a call cost until now.
#[derive(Clone, Copy, Debug, Default)]
enum Spent {
    #[default]
    Nothing,
    Known(Money),
    Unknown,
}

/// Time limits of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Until the connection stands.
    pub connect: Duration,
    /// From sending until the first byte of the reply's body.
    pub first_byte: Duration,
    /// Between two pieces of the reply's body.
    pub idle: Duration,
    /// Over the whole attempt; `None` lets a stream run as long as it flows.
    pub total: Option<Duration>,
    /// From a stream's last answer until its usage and its end.
    pub finish: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            idle: Duration::from_secs(60),
            total: None,
            finish: Duration::from_secs(1),
        }
    }
}

/// Is told what happens to calls, by every layer and provider.
pub trait Observer: Send + Sync {
    /// Takes one event. It must not block.
    fn observe(&self, request_id: &str, event: CallEvent<'_>);
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Something that happened to a call.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum CallEvent<'a> {
    /// A request goes out to a vendor.
    #[non_exhaustive]
    Sent {
        /// The provider.
        provider: &'a str,
        /// The model, as the vendor knows it.
        model: &'a str,
    },
    /// A new connection stands, which was made for the request.
    #[non_exhaustive]
    Connected {
        /// How long that took.
        took: Duration,
    },
    /// The head of a reply arrived.
    #[non_exhaustive]
    Answered {
        /// The provider.
        provider: &'a str,
        /// The HTTP status.
        status: u16,
    },
    /// A request is sent again without what the vendor refused.
    #[non_exhaustive]
    Adapted {
        /// The provider.
        provider: &'a str,
        /// The model, as the vendor knows it.
        model: &'a str,
        /// What is done, in words.
        what: &'a str,
    },
    /// An attempt failed, before or in the middle of its reply.
    #[non_exhaustive]
    Failed {
        /// The provider.
        provider: &'a str,
        /// What went wrong.
        error: &'a Error,
    },
}

impl<'a> CallEvent<'a> {
    /// Reports that a request is sent again without what the vendor refused.
    pub fn adapted(provider: &'a str, model: &'a str, what: &'a str) -> Self {
        Self::Adapted { provider, model, what }
    }

    /// Reports that a request goes out.
    pub fn sent(provider: &'a str, model: &'a str) -> Self {
        Self::Sent { provider, model }
    }

    /// Reports that a new connection stands.
    pub fn connected(took: Duration) -> Self {
        Self::Connected { took }
    }

    /// Reports that the head of a reply arrived.
    pub fn answered(provider: &'a str, status: u16) -> Self {
        Self::Answered { provider, status }
    }

    /// Reports that an attempt failed.
    pub fn failed(provider: &'a str, error: &'a Error) -> Self {
        Self::Failed { provider, error }
    }
}

struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &str, _: CallEvent<'_>) {}
}
