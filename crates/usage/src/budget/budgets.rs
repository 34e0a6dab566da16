use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tollbridge_core::{Error, ErrorKind};

use super::counter::Counter;
use super::entries::{Entries, Entry};
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
    entries: RwLock<Arc<Entries>>,
    next_place: AtomicUsize,
    spending: Arc<dyn Spending>,
    pub(crate) clock: Arc<dyn Clock>,
    listener: OnceLock<AlertListener>,
    next_counter: AtomicU64,
}

/// What a budget does with calls that do not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Hardness {
    /// Lets them in, and raises events.
    Soft,
    /// Refuses them.
    Hard,
}

type AlertListener = Box<dyn Fn(&Alert) + Send + Sync>;

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
        let entry = |(place, budget)| Arc::new(Entry::new(place, budget));
        let plain: Vec<_> = budgets.into_iter().enumerate().map(entry).collect();
        let (listener, next_counter) = (OnceLock::new(), AtomicU64::new(0));
        let next_place = AtomicUsize::new(plain.len());
        let entries = RwLock::new(Arc::new(Entries { plain, of_keys: HashMap::new() }));
        Ok(Self { shared: Arc::new(Shared { entries, next_place, spending, clock, listener, next_counter }) })
    }

    /// Replaces the budgets that came with virtual keys. One that stays as it was keeps its counters.
    ///
    /// Each is of the scope `key` and of one key, by its id; any other would apply to no call.
    pub fn set_key_budgets(&self, budgets: Vec<Budget>) {
        let known = self.shared.entries();
        let mut of_keys: HashMap<String, Vec<Arc<Entry>>> = HashMap::with_capacity(budgets.len());
        for budget in budgets {
            let key = budget.of.clone().unwrap_or_default();
            let entry = known.of_key(&key, &budget).cloned().unwrap_or_else(|| {
                let place = self.shared.next_place.fetch_add(1, Ordering::Relaxed);
                Arc::new(Entry::new(place, budget))
            });
            of_keys.entry(key).or_default().push(entry);
        }
        let next = Arc::new(Entries { plain: known.plain.clone(), of_keys });
        *self.shared.entries.write().unwrap_or_else(PoisonError::into_inner) = next;
    }

    /// Tells every alert to `listener`, which must not block; an event bus does not. The first listener stays.
    pub fn on_alert(&self, listener: impl Fn(&Alert) + Send + Sync + 'static) {
        let _ = self.shared.listener.set(Box::new(listener));
    }

    /// Says how hard the hardest budget is that applies to calls of a subject, and with that how well it is worth
    /// finding out what they may cost; `None` if none applies.
    pub fn hardest(&self, subject: &Subject<'_>) -> Option<Hardness> {
        let entries = self.shared.entries();
        let hardness = |hard| if hard { Hardness::Hard } else { Hardness::Soft };
        entries.applying(subject).map(|(entry, _)| hardness(entry.budget.hard)).max()
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
        let entries = self.shared.entries();
        let entries = entries.all();
        for entry in &entries {
            if let Some(value) = entry.budget.single_value() {
                self.shared.counter(entry, value, now_ms);
            }
        }
        let all = entries.iter().flat_map(|entry| entry.counters.all());
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
    fn entries(&self) -> Arc<Entries> {
        Arc::clone(&self.entries.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the counters of a subject in the order of locking, each filled from the ledger.
    pub(crate) fn matching(&self, subject: &Subject<'_>, now_ms: u64) -> Vec<Arc<Counter>> {
        let entries = self.entries();
        let applying = entries.applying(subject);
        let mut matching: Vec<_> = applying.map(|(entry, value)| self.counter(entry, value, now_ms)).collect();
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
        f.debug_list().entries(self.shared.entries().all().iter().map(|entry| &entry.budget)).finish()
    }
}
