//! Makes a metering of a configuration.

use std::sync::Arc;
#[cfg(feature = "http")]
use std::time::Duration;

use tollbridge_config::{BudgetConfig, Config};
#[cfg(feature = "http")]
use tollbridge_core::{CallContext, Timeouts, Transport};
use tollbridge_core::{Error, ErrorKind};
use tollbridge_usage::budget::{Budget, BudgetSpec, Budgets, SystemClock};
use tollbridge_usage::event::{EventBus, JsonLines, last_numbers};
#[cfg(feature = "http")]
use tollbridge_usage::event::{Post, Webhook};
use tollbridge_usage::ledger::{Durability, Ledger, LedgerOptions};
use tollbridge_usage::meter::{LedgerSpending, Metering, MeteringOptions, OnLeave};

use crate::prices;

/// Reads the budgets of a configuration.
///
/// # Errors
/// [`ErrorKind::Config`] with what is wrong, and where it stands.
pub fn budgets(config: &Config) -> Result<Vec<Budget>, Error> {
    config.budgets.iter().map(budget).collect()
}

/// Makes what a configuration says of records, prices and budgets; `None` if recording is off.
///
/// # Errors
/// [`ErrorKind::Config`] for a budget or a price file that cannot be. An address of prices that does not answer is none:
/// the last good prices hold, or those that are built in.
pub fn metering(config: &Config) -> Result<Option<Metering>, Error> {
    let usage = &config.usage;
    if !usage.enabled {
        if let Some(budget) = config.budgets.first() {
            let message = format!("the budget `{}` needs the records that `usage.enabled` switches off", budget.name);
            return Err(Error::new(ErrorKind::Config, message).with_path("usage.enabled"));
        }
        return Ok(None);
    }
    let budgets = budgets(config)?;
    let mut ledger = LedgerOptions::new(&usage.dir);
    ledger.durability = if usage.strict { Durability::Strict } else { Durability::Fast };
    ledger.spool_limit = usage.spool_limit as u64;
    let ledger = Ledger::open(&ledger);
    let mut options = MeteringOptions::default();
    let spending = Arc::new(LedgerSpending::new(&ledger).with_rates(usage.rates.clone()));
    options.ledger = Some(ledger);
    options.cost = usage.cost;
    options.rates = usage.rates.clone();
    options.content = usage.content;
    options.on_leave = usage.drain.map_or(OnLeave::Cancel, OnLeave::Drain);
    options.budgets = Some(Budgets::new(budgets, spending, Arc::new(SystemClock::new()))?);
    options.prices = prices::follow(usage)?;
    tell_events(config, &mut options)?;
    Ok(Some(Metering::new(options)))
}

/// Begins to tell events to where the configuration wants them.
fn tell_events(config: &Config, options: &mut MeteringOptions) -> Result<(), Error> {
    if let Some(path) = &config.usage.events {
        let wrong = |error: std::io::Error| {
            let message = format!("`usage.events`: {} cannot be written: {error}", path.display());
            Error::new(ErrorKind::Config, message).with_path("usage.events")
        };
        // Tasks outlive processes: their chains go on where they ended.
        let numbers = last_numbers(path).map_err(wrong)?;
        let last = move |trace: &str| numbers.get(trace).copied().unwrap_or(0);
        options.events = EventBus::resuming(Arc::new(SystemClock::new()), last);
        let file = JsonLines::start(path, options.events.subscribe(WAITING)).map_err(wrong)?;
        options.event_file = Some(file);
    }
    #[cfg(feature = "http")]
    if let Some(webhook) = &config.usage.webhook {
        let webhook_sink = Webhook::new(&webhook.url, &webhook.secret)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| {
            Error::new(ErrorKind::Config, "`usage.webhook` needs a tokio runtime").with_path("usage.webhook")
        })?;
        let post = Poster(tollbridge_transport::HttpTransport::new(Duration::from_secs(10))?);
        let subscription = options.events.subscribe(WAITING);
        runtime.spawn(webhook_sink.run(subscription, Arc::new(post), Arc::new(SystemClock::new())));
    }
    Ok(())
}

/// Posts a webhook's bodies over the transport that calls go over.
#[cfg(feature = "http")]
struct Poster(tollbridge_transport::HttpTransport);

#[cfg(feature = "http")]
#[async_trait::async_trait]
impl Post for Poster {
    async fn post(&self, url: &str, headers: &[(&'static str, String)], body: &[u8]) -> Result<u16, Error> {
        let mut request = http::Request::post(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request.body(bytes::Bytes::copy_from_slice(body).into());
        let request = request.map_err(|_| Error::new(ErrorKind::Config, "`usage.webhook` is no valid URL"))?;
        let mut timeouts = Timeouts::default();
        (timeouts.first_byte, timeouts.total) = (Duration::from_secs(20), Some(Duration::from_secs(30)));
        Ok(self.0.send(request, timeouts, &CallContext::new("webhook")).await?.status().as_u16())
    }
}

/// How many events may wait for a file or an address that is slow.
const WAITING: usize = 10_000;

/// Reads one budget, and says where it stands if it cannot be.
fn budget(config: &BudgetConfig) -> Result<Budget, Error> {
    let mut fields = config.fields.clone();
    fields.insert("name".to_owned(), config.name.clone().into());
    let path = format!("budgets.{}", config.name);
    let wrong = |message: String| {
        Error::new(ErrorKind::Config, format!("{}: `{path}`: {message}", config.source)).with_path(path.clone())
    };
    let spec: BudgetSpec = serde_json::from_value(fields.into()).map_err(|error| wrong(error.to_string()))?;
    Budget::try_from(spec).map_err(|error| {
        let told = wrong(error.message().to_owned());
        error.hint().map(str::to_owned).into_iter().fold(told, Error::with_hint)
    })
}
