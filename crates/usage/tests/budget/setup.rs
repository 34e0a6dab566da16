//! A ledger in memory, a clock to set, and budgets from one line each.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollbridge_usage::budget::{Amount, Budget, BudgetSpec, Budgets, Clock, Scope, Spending, Subject};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// 2025-06-11T12:00:00Z, a Wednesday.
pub(crate) const NOON: u64 = 1_749_643_200_000;

/// Whose call it was, as values that outlive it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    pub(crate) key: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) task: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) tags: Vec<(String, String)>,
}

impl Caller {
    pub(crate) fn key(key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..Self::default() }
    }

    pub(crate) fn subject(&self) -> Subject<'_> {
        let mut subject = Subject::default();
        subject.key = self.key.as_deref();
        subject.user = self.user.as_deref();
        subject.task = self.task.as_deref();
        subject.provider = self.provider.as_deref();
        subject.tags = &self.tags;
        subject
    }

    pub(crate) fn is_of(&self, scope: &Scope, value: &str) -> bool {
        match scope {
            Scope::Global => true,
            Scope::Key => self.key.as_deref() == Some(value),
            Scope::User => self.user.as_deref() == Some(value),
            Scope::Task => self.task.as_deref() == Some(value),
            Scope::Provider => self.provider.as_deref() == Some(value),
            Scope::Tag(name) => self.tags.iter().any(|(tag, of)| tag == name && of == value),
            _ => false,
        }
    }
}

#[derive(Default)]
pub(crate) struct Ledger(pub(crate) Mutex<Vec<(u64, Caller, Amount)>>);

impl Ledger {
    pub(crate) fn write(&self, at_ms: u64, caller: &Caller, amount: Amount) {
        self.0.lock().unwrap().push((at_ms, caller.clone(), amount));
    }
}

impl Spending for Ledger {
    fn spent(&self, scope: &Scope, value: &str, since_ms: u64, until_ms: u64) -> Amount {
        let mut sum = Amount::new(Some(0), 0);
        for (at_ms, caller, amount) in &*self.0.lock().unwrap() {
            if (since_ms..until_ms).contains(at_ms) && caller.is_of(scope, value) {
                sum =
                    Amount::new(Some(sum.pico_usd.unwrap() + amount.pico_usd.unwrap_or(0)), sum.tokens + amount.tokens);
            }
        }
        sum
    }
}

/// A clock that stands until it is set.
#[derive(Clone)]
pub(crate) struct Watch(Arc<AtomicU64>);

impl Watch {
    pub(crate) fn at(ms: u64) -> Self {
        Self(Arc::new(AtomicU64::new(ms)))
    }

    pub(crate) fn set(&self, ms: u64) {
        self.0.store(ms, Ordering::SeqCst);
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub(crate) fn budget(toml: &str) -> Budget {
    let table = toml.replace("; ", "\n");
    Budget::try_from(toml::from_str::<BudgetSpec>(&table).unwrap()).unwrap()
}

/// Puts budgets, each written as TOML with `; ` between its fields, on a ledger and a watch.
pub(crate) fn budgets(specs: &[&str], ledger: &Arc<Ledger>, watch: &Watch) -> Budgets {
    let budgets = specs.iter().map(|spec| budget(spec)).collect();
    let ledger: Arc<dyn Spending> = Arc::<Ledger>::clone(ledger);
    Budgets::new(budgets, ledger, Arc::new(watch.clone())).unwrap()
}

/// So many cents, without tokens.
pub(crate) fn cents(cents: i128) -> Amount {
    Amount::new(Some(cents * 10_000_000_000), 0)
}

pub(crate) fn tokens(tokens: u64) -> Amount {
    Amount::new(None, tokens)
}
