#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollbridge::usage::Attempt;
use tollbridge::usage::budget::{Budget, BudgetSpec, Budgets, SystemClock};
use tollbridge::usage::ledger::{Durability, Filter, Ledger, LedgerOptions, Reader};
use tollbridge::usage::meter::{LedgerSpending, Metering, MeteringOptions};
use tollbridge_gateway::Options;

use crate::Bench;

/// How long a test waits for what comes at once unless something is broken.
pub const SOON: Duration = Duration::from_secs(30);

/// A gateway whose calls are recorded.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// The gateway and its upstreams.
    pub bench: Bench,
    /// Where calls are recorded.
    pub ledger: Ledger,
    /// What records them.
    pub metering: Metering,
    /// The ledger's directory.
    pub folder: TempDir,
}

impl Recorded {
    /// Starts a gateway with the usual options, and metering as it is changed.
    pub async fn start(change: impl FnOnce(&mut MeteringOptions, &Ledger)) -> Self {
        Self::with(Options::default(), Durability::Fast, change).await
    }

    /// Starts a gateway with options of its own.
    pub async fn with(
        options: Options,
        durability: Durability,
        change: impl FnOnce(&mut MeteringOptions, &Ledger),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place = LedgerOptions::new(folder.path());
        place.durability = durability;
        let ledger = Ledger::open(&place);
        let mut metering = MeteringOptions::default();
        metering.ledger = Some(ledger.clone());
        change(&mut metering, &ledger);
        let metering = Metering::new(metering);
        let bench = Bench::with_metering(options, metering.clone()).await.unwrap();
        Self { bench, ledger, metering, folder }
    }

    /// Returns what has been recorded until now, the oldest first.
    pub fn records(&self) -> Vec<Attempt> {
        assert!(self.ledger.flush(SOON), "the ledger is behind");
        records(self.folder.path())
    }

    /// Waits for a number of records: those of callers who left come when they come.
    pub async fn records_once(&self, count: usize) -> Vec<Attempt> {
        let until = tokio::time::Instant::now() + SOON;
        loop {
            let records = self.records();
            if records.len() >= count {
                return records;
            }
            assert!(tokio::time::Instant::now() < until, "there are {} records", records.len());
            tokio::task::yield_now().await;
        }
    }

    /// Asks a model to chat, and returns the status and the answer.
    pub async fn chat(&self, model: &str, headers: &[(&'static str, &str)]) -> (u16, Value) {
        let body = json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]});
        let answer =
            self.bench.send_with(Method::POST, "/v1/chat/completions", headers, body.to_string()).await.unwrap();
        (answer.status.as_u16(), answer.json())
    }
}

/// A budget of everything.
pub fn limited(usd: &str) -> impl FnOnce(&mut MeteringOptions, &Ledger) {
    let text = json!({"name": "all", "scope": "global", "usd": usd, "window": "day"}).to_string();
    move |options, ledger| {
        let spec: BudgetSpec = serde_json::from_str(&text).unwrap();
        let budget = Budget::try_from(spec).unwrap();
        let spending = Arc::new(LedgerSpending::new(ledger));
        options.budgets = Some(Budgets::new(vec![budget], spending, Arc::new(SystemClock::new())).unwrap());
    }
}

/// Reads the records of a ledger, the oldest first.
pub fn records(folder: &Path) -> Vec<Attempt> {
    let mut found = Vec::new();
    let each = |attempt| {
        found.push(attempt);
        Ok(())
    };
    Reader::open(folder).unwrap().records(&Filter::default(), false, None, each).unwrap();
    found
}

/// Returns a path and a body of each protocol that clients speak: chat, responses, messages, generate.
pub fn calls(model: &str, stream: bool) -> [(String, Value); 4] {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    [
        ("/v1/chat/completions".to_owned(), json!({"model": model, "messages": messages, "stream": stream})),
        ("/v1/responses".to_owned(), json!({"model": model, "input": "hi", "stream": stream})),
        ("/v1/messages".to_owned(), json!({"model": model, "max_tokens": 9, "messages": messages, "stream": stream})),
        (format!("/v1beta/models/{model}:{method}"), contents),
    ]
}
