//! Meters calls: reserves before, reads usage in passing, prices, records and settles after.

mod attempts;
mod body;
mod calls;
mod count;
mod estimate;
mod recorder;
mod spending;
mod totals;
mod words;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tollbridge_core::{ExchangeRates, Layer};

use crate::budget::{Budgets, OutputHistory};
use crate::event::{EventBus, JsonLines, Summaries};
use crate::ledger::Ledger;
use crate::price::{PriceBook, Prices};

pub use count::CountTokens;
pub use estimate::chat_by_length;
pub use spending::LedgerSpending;
pub use totals::MeterTotals;

/// Meters every call of a client.
///
/// [`deployment`](Self::deployment) goes around each provider, below whatever retries; it records
/// attempts. [`calls`](Self::calls) goes around everything; it tells events of whole calls.
#[derive(Clone)]
pub struct Metering(Arc<Parts>);

/// What a [`Metering`] is made of. Everything is off that is not set.
#[non_exhaustive]
pub struct MeteringOptions {
    /// Where attempts are recorded.
    pub ledger: Option<Ledger>,
    /// Whether attempts are priced.
    pub cost: bool,
    /// The prices.
    pub prices: Arc<dyn Prices>,
    /// How other currencies count in budgets and totals, which are in US dollars.
    pub rates: ExchangeRates,
    /// What limits spending.
    pub budgets: Option<Budgets>,
    /// Where events go.
    pub events: EventBus,
    /// The file that events are written to, kept open as long as the metering.
    pub event_file: Option<JsonLines>,
    /// What happens to an answer whose reader has left.
    pub on_leave: OnLeave,
    /// Whether the words of prompts and answers are kept.
    pub content: bool,
    /// Counts tokens for reservations, and where a vendor told none: by `tollbridge-tokens` where it is linked.
    /// `None` takes four bytes for a token.
    pub count: Option<Arc<dyn CountTokens>>,
    /// How long a reservation holds for a call that does not end.
    pub lease: Duration,
}

impl fmt::Debug for MeteringOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeteringOptions").field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Default for MeteringOptions {
    fn default() -> Self {
        let book = Arc::new(PriceBook::embedded().clone());
        Self {
            ledger: None,
            cost: true,
            prices: Arc::new(move || Arc::clone(&book)),
            rates: ExchangeRates::default(),
            budgets: None,
            events: EventBus::new(),
            event_file: None,
            on_leave: OnLeave::default(),
            content: false,
            count: count::usual(),
            lease: Duration::from_secs(600),
        }
    }
}

/// What happens to an answer whose reader has left before its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnLeave {
    /// The vendor is told to stop; what it had written until then is counted or estimated.
    #[default]
    Cancel,
    /// The answer is read to its end, for the vendor's own word on what was used, but no longer than this.
    Drain(Duration),
}

/// A provider as prices and records know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployment {
    /// The kind of the provider, under which the price book knows its models.
    pub vendor: String,
    /// A fingerprint of the key that it calls with.
    pub key: Option<String>,
    /// The region of its endpoint, where the vendor charges by it.
    pub region: Option<String>,
}

impl Deployment {
    /// Describes a provider of a kind.
    pub fn new(vendor: impl Into<String>) -> Self {
        Self { vendor: vendor.into(), ..Self::default() }
    }
}

impl Metering {
    /// Puts the parts together.
    pub fn new(options: MeteringOptions) -> Self {
        if let Some(budgets) = &options.budgets {
            let events = options.events.clone();
            budgets.on_alert(move |alert| calls::tell_alert(&events, alert));
        }
        let history = OutputHistory::new(PAIRS);
        Self(Arc::new(Parts { options, history, calls: calls::Calls::default(), totals: totals::Running::default() }))
    }

    /// Returns the layer for one provider.
    pub fn deployment(&self, deployment: Deployment) -> Arc<dyn Layer> {
        Arc::new(attempts::AttemptLayer::new(self.clone(), deployment))
    }

    /// Returns the layer for whole calls.
    pub fn calls(&self) -> Arc<dyn Layer> {
        Arc::new(calls::CallLayer::new(self.clone()))
    }

    /// Returns the ledger, if there is one.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.0.options.ledger.as_ref()
    }

    /// Returns the budgets, if there are any.
    pub fn budgets(&self) -> Option<&Budgets> {
        self.0.options.budgets.as_ref()
    }

    /// Returns the bus that events go to.
    pub fn events(&self) -> &EventBus {
        &self.0.options.events
    }

    /// Returns what all attempts of this metering used and cost until now.
    ///
    /// Those of a task, a key or a time are in the [ledger](crate::ledger::Reader::summary).
    pub fn totals(&self) -> MeterTotals {
        self.0.totals.now()
    }

    /// Returns the prices that hold now.
    pub fn prices(&self) -> Arc<PriceBook> {
        self.0.options.prices.book()
    }

    /// Returns how other currencies count in US dollars.
    pub fn rates(&self) -> &ExchangeRates {
        &self.0.options.rates
    }

    /// Returns why newer prices cannot be had, if so.
    pub fn price_warning(&self) -> Option<String> {
        self.0.options.prices.warning()
    }
}

impl fmt::Debug for Metering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metering").field("ledger", &self.0.options.ledger).finish_non_exhaustive()
    }
}

/// What all layers of one metering share.
pub(crate) struct Parts {
    pub(crate) options: MeteringOptions,
    pub(crate) history: OutputHistory,
    pub(crate) calls: calls::Calls,
    pub(crate) totals: totals::Running,
}

impl Metering {
    pub(crate) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(crate) fn summaries(&self) -> Summaries {
        if self.0.options.content { Summaries::on() } else { Summaries::off() }
    }
}

/// How many pairs of key and model the lengths of answers are kept of.
const PAIRS: usize = 10_000;
