//! When a request is counted for what it reserves.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tollbridge_core::{CallContext, Error, ErrorKind, Operation, Protocol, Provider, ProviderInfo, Reply, Request};
use tollbridge_types::UsageBasis;
use tollbridge_usage::budget::Budgets;
use tollbridge_usage::meter::{CountTokens, Deployment, Metering, MeteringOptions};

use crate::setup::{NOON, Watch, budgets};

const SOFT: &str = r#"name = "soft"; scope = "global"; tokens = 9; window = "day"; hard = false"#;
const HARD: &str = r#"name = "hard"; scope = "global"; tokens = 9000; window = "day""#;
const HARD_FOR_ANOTHER: &str = r#"name = "other"; scope = "provider"; of = "other"; tokens = 9; window = "day""#;

/// Counts a thousand tokens in everything, and how often it is asked.
#[derive(Default)]
struct Counter(AtomicUsize);

impl CountTokens for Counter {
    fn input(&self, _: &Request) -> Option<(u64, UsageBasis)> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Some((1_000, UsageBasis::Counted))
    }

    fn output(&self, _: &str, _: &str) -> (u64, UsageBasis) {
        (1_000, UsageBasis::Counted)
    }
}

/// Serves nothing, and notes what is reserved meanwhile.
struct Closed {
    info: ProviderInfo,
    budgets: Budgets,
    reserved: Arc<Mutex<Option<i128>>>,
}

#[async_trait]
impl Provider for Closed {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, _: Request, _: &CallContext) -> Result<Reply, Error> {
        *self.reserved.lock().unwrap() = Some(self.budgets.status()[0].reserved.count());
        Err(Error::new(ErrorKind::InvalidRequest, "closed"))
    }
}

/// Makes a call, and returns what it reserves and how often its input is counted.
async fn call(specs: &[&str]) -> (i128, usize) {
    let budgets = budgets(specs, &Arc::default(), &Watch::at(NOON));
    let (counter, reserved) = (Arc::new(Counter::default()), Arc::default());
    let mut options = MeteringOptions::default();
    options.budgets = Some(budgets.clone());
    options.count = Some(Arc::<Counter>::clone(&counter));
    let info = ProviderInfo::new("vendor", &[(Operation::Chat, Protocol::OPENAI_CHAT)]);
    let closed = Closed { info, budgets, reserved: Arc::clone(&reserved) };
    let provider = Metering::new(options).deployment(Deployment::new("openai")).wrap(Arc::new(closed));
    let body = r#"{"model": "m", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}"#;
    let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "m", body.into());
    provider.call(request, &CallContext::new("call")).await.unwrap_err();
    let reserved = reserved.lock().unwrap().unwrap();
    (reserved, counter.0.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_request_is_counted_only_for_a_hard_budget() {
    // A token for four bytes of the body, and the answer that nothing is known of.
    let guessed = 21 + 4096;
    assert_eq!(call(&[SOFT]).await, (guessed, 0));
    assert_eq!(call(&[SOFT, HARD_FOR_ANOTHER]).await, (guessed, 0));
    assert_eq!(call(&[HARD]).await, (1_050, 1));
    assert_eq!(call(&[SOFT, HARD]).await, (1_050, 1));
}
