use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tollbridge_core::{Error, ErrorKind};

use super::counter::Counter;
use super::counters::Counters;
use super::{Alert, Amount, Budget, BudgetStatus, Clock, Exceeded, Reservation, Spending, Subject};

/// All budgets, and what is spent and reserved against each. Clones share it.
///
/// A call reserves what it may cost in every budget that applies to it, all or none, and settles what it did cost:
/// then no two calls spend the same room. Windows begin anew, leases expire and counters fill from the ledger when
/// they are next needed; there is no task behind it.
///
/// # The bound
/// In every window, `spent ≤ limit + E`: *E* is what the calls that were in flight when the last one was let in cost
/// above what they held. It is zero if each call reserves the most it can cost and settles within its lease. And no
/// call is refused while `spent + reserved + asked ≤ limit`. `docs/budgets.md` has the proof.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tollbridge_usage::budget::{Amount, Budget, BudgetSpec, Budgets, Subject};
/// # use tollbridge_usage::budget::{Scope, Spending};
/// # struct Ledger;
/// # impl Spending for Ledger {
/// #     fn spent(&self, _: &Scope, _: &str, _: u64, _: u64) -> Amount { Amount::default() }
/// # }
/// # let ledger = Arc::new(Ledger);
/// let spec: BudgetSpec = serde_json::from_str(r#"{"name": "all", "scope": "global", "tokens": 1000, "window": "day"}"#)?;
/// let budgets = Budgets::new(vec![Budget::try_from(spec)?], ledger, Arc::new(|| 1_700_000_000_000))?;
/// let call = budgets.reserve(&Subject::default(), Amount::new(None, 800), Duration::from_secs(60))?;
/// assert!(budgets.reserve(&Subject::default(), Amount::new(None, 300), Duration::from_secs(60)).is_err());
/// call.settle(Amount::new(None, 500));
/// assert!(budgets.reserve(&Subject::default(), Amount::new(None, 300), Duration::from_secs(60)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Budgets {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    entries: Vec<Entry>,
    spending: Arc<dyn Spending>,
    pub(crate) clock: Arc<dyn Clock>,
    listener: OnceLock<AlertListener>,
    next_counter: AtomicU64,
}

type AlertListener = Box<dyn Fn(&Alert) + Send + Sync>;

/// One budget with its counters.
struct Entry {
    place: usize,
    budget: Arc<Budget>,
    counters: Counters,
}

impl Budgets {
    /// Puts budgets together with the ledger that knows what was spent before.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if two budgets have one name.
    pub fn new(budgets: Vec<Budget>, spending: Arc<dyn Spending>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let mut names = BTreeSet::new();
        if let Some(double) = budgets.iter().find(|budget| !names.insert(&budget.name)) {
            let message = format!("two budgets have the `name` `{}`", double.name);
            return Err(Error::new(ErrorKind::Config, message).with_path("name").with_hint("rename one of them"));
        }
        let entry = |(place, budget)| Entry { place, budget: Arc::new(budget), counters: Counters::new() };
        let entries = budgets.into_iter().enumerate().map(entry).collect();
        let (listener, next_counter) = (OnceLock::new(), AtomicU64::new(0));
        Ok(Self { shared: Arc::new(Shared { entries, spending, clock, listener, next_counter }) })
    }

    /// Tells every alert to `listener`, which must not block; an event bus does not. The first listener stays.
    pub fn on_alert(&self, listener: impl Fn(&Alert) + Send + Sync + 'static) {
        let _ = self.shared.listener.set(Box::new(listener));
    }

    /// Takes what a call may cost out of every budget that applies to it, or out of none.
    ///
    /// After `lease` without an end, what is reserved is free again.
    ///
    /// # Errors
    /// [`Exceeded`] of the first hard budget, in the order of the configuration, that has no room.
    pub fn reserve(&self, subject: &Subject<'_>, asked: Amount, lease: Duration) -> Result<Reservation, Exceeded> {
        let mut reservation = Reservation::new(Arc::clone(&self.shared), lease);
        reservation.adjust(subject, asked)?;
        Ok(reservation)
    }

    /// Lists the counters: those of one value each, and of the others those in use, by budget and value.
    pub fn status(&self) -> Vec<BudgetStatus> {
        let now_ms = self.shared.clock.now_ms();
        for entry in &self.shared.entries {
            if let Some(value) = entry.budget.single_value() {
                self.shared.counter(entry, value, now_ms);
            }
        }
        let all = self.shared.entries.iter().flat_map(|entry| entry.counters.all());
        all.map(|counter| status(&counter, now_ms)).collect()
    }

    /// Lists the counters that apply to calls of a subject, used or not.
    pub fn status_of(&self, subject: &Subject<'_>) -> Vec<BudgetStatus> {
        let now_ms = self.shared.clock.now_ms();
        let counters = self.shared.matching(subject, now_ms);
        counters.iter().map(|counter| status(counter, now_ms)).collect()
    }
}

impl Shared {
    /// Returns the counters of a subject in the order of locking, each filled from the ledger.
    pub(crate) fn matching(&self, subject: &Subject<'_>, now_ms: u64) -> Vec<Arc<Counter>> {
        let mut matching = Vec::new();
        for entry in &self.entries {
            let of = entry.budget.of.as_deref();
            let values = subject.values(&entry.budget.scope).filter(|value| of.is_none_or(|of| of == *value));
            matching.extend(values.map(|value| self.counter(entry, value, now_ms)));
        }
        matching.sort_by_key(|counter| counter.order);
        matching.dedup_by_key(|counter| counter.order);
        matching
    }

    fn counter(&self, entry: &Entry, value: &str, now_ms: u64) -> Arc<Counter> {
        entry.counters.find_or(value, now_ms, || {
            let order = (entry.place, self.next_counter.fetch_add(1, Ordering::Relaxed));
            Counter::new(order, Arc::clone(&entry.budget), value.to_owned(), &*self.spending, now_ms)
        })
    }

    pub(crate) fn tell(&self, alerts: &[Alert]) {
        if let Some(listener) = self.listener.get() {
            alerts.iter().for_each(listener);
        }
    }
}

fn status(counter: &Counter, now_ms: u64) -> BudgetStatus {
    let mut state = counter.lock();
    state.advance(&counter.budget, now_ms);
    counter.status(&state)
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.shared.entries.iter().map(|entry| &entry.budget)).finish()
    }
}
