use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use tollbridge_core::{Error, ExchangeRates, Money};

use crate::budget::{Amount, Scope, Spending};
use crate::ledger::{Filter, Ledger, Reader};

/// Tells budgets what the ledger knows of spending.
pub struct LedgerSpending {
    /// What this process writes, if it writes.
    ledger: Option<Ledger>,
    directory: PathBuf,
    rates: ExchangeRates,
    reader: Mutex<Option<Reader>>,
}

impl LedgerSpending {
    /// Reads from a ledger that this process writes.
    pub fn new(ledger: &Ledger) -> Self {
        let directory = ledger.database().parent().map_or_else(PathBuf::new, PathBuf::from);
        Self { ledger: Some(ledger.clone()), ..Self::reading(directory) }
    }

    /// Reads from a ledger that other processes write, if any.
    pub fn reading(directory: impl Into<PathBuf>) -> Self {
        Self { ledger: None, directory: directory.into(), rates: ExchangeRates::default(), reader: Mutex::default() }
    }

    /// Counts other currencies in US dollars, as the calls do that the budgets are for.
    #[must_use]
    pub fn with_rates(mut self, rates: ExchangeRates) -> Self {
        self.rates = rates;
        self
    }
}

impl LedgerSpending {
    /// Asks the ledger about the calls of one value of a scope; `None` if it has no answer.
    fn ask<T>(
        &self,
        scope: &Scope,
        value: &str,
        question: impl FnOnce(&Reader, Filter) -> Result<T, Error>,
    ) -> Option<T> {
        // What was settled just now must be in the sum.
        if self.ledger.as_ref().is_some_and(|ledger| !ledger.flush(PATIENCE)) {
            tracing::warn!(%scope, "the ledger is behind: a budget begins without what was spent last");
        }
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.is_none() {
            *reader = Reader::open(&self.directory).ok();
        }
        let answer = question(reader.as_ref()?, filter(scope, value));
        if let Err(error) = &answer {
            tracing::error!(%error, %scope, "a budget begins without what was spent before");
            *reader = None;
        }
        answer.ok()
    }

    fn amount(&self, cost: impl Iterator<Item = Money>, tokens: u64) -> Amount {
        let dollars = cost.filter_map(|cost| self.rates.usd(cost));
        Amount::new(Some(dollars.map(Money::pico).sum()), tokens)
    }
}

impl Spending for LedgerSpending {
    fn spent(&self, scope: &Scope, value: &str, since_ms: u64, until_ms: u64) -> Amount {
        let summary = self.ask(scope, value, |reader, mut filter| {
            (filter.since, filter.until) = (Some(since_ms), Some(until_ms));
            reader.summary(&filter, &[], &TimeZone::UTC)
        });
        let row = summary.unwrap_or_default().total;
        let tokens =
            [row.input, row.cache_read, row.cache_write, row.input_media, row.output, row.reasoning, row.output_media];
        let tokens = tokens.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
        self.amount(row.cost.into_iter(), u64::try_from(tokens).unwrap_or_default())
    }

    fn spent_in_pieces(&self, scope: &Scope, value: &str, piece_ms: u64, numbers: Range<u64>) -> BTreeMap<u64, Amount> {
        let pieces = self.ask(scope, value, |reader, filter| reader.pieces(&filter, piece_ms, &numbers));
        let pieces = pieces.unwrap_or_default().into_iter();
        pieces.map(|(number, piece)| (number, self.amount(piece.cost(), piece.tokens))).collect()
    }
}

fn filter(scope: &Scope, value: &str) -> Filter {
    let mut filter = Filter::default();
    let value = value.to_owned();
    let mut tag = |name: &str, value: String| filter.tags.push((name.to_owned(), value));
    match scope {
        Scope::Global => {}
        Scope::Key => filter.key = Some(value),
        Scope::User => tag("user", value),
        Scope::Team => tag("team", value),
        Scope::Task => tag("task", value),
        Scope::Alias => filter.alias = Some(value),
        Scope::Provider => filter.provider = Some(value),
        Scope::Tag(name) => tag(name, value),
    }
    filter
}

impl fmt::Debug for LedgerSpending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LedgerSpending").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// How long a budget that is first needed waits for the ledger.
const PATIENCE: Duration = Duration::from_secs(2);
