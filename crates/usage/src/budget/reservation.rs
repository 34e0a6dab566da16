use std::fmt;
use std::sync::{Arc, MutexGuard};
use std::time::Duration;

use super::budgets::Shared;
use super::counter::{Counter, Lease, State};
use super::{Alert, AlertCause, Amount, Exceeded, Quantity, Subject, Unpriced};

/// What a call may cost, taken out of every budget that applies to it.
///
/// [`settle`](Self::settle) books what the call did cost. Dropped without that, it only gives back what it held: what
/// was not settled did not reach a vendor.
#[must_use = "dropped, it holds nothing"]
pub struct Reservation {
    shared: Arc<Shared>,
    holds: Vec<Hold>,
    lease_ms: u64,
}

/// What is held of one counter.
struct Hold {
    counter: Arc<Counter>,
    /// `None` if that is nothing.
    lease: Option<Lease>,
}

impl Reservation {
    pub(crate) fn new(shared: Arc<Shared>, lease: Duration) -> Self {
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        Self { shared, holds: Vec::new(), lease_ms }
    }

    /// Holds another amount, of the budgets that apply now, and begins the lease anew.
    ///
    /// For a later attempt of the same call, which may go to another provider; what the earlier one cost is
    /// [charged](Self::charge) before.
    ///
    /// # Errors
    /// [`Exceeded`] if a budget has no room; then everything is held as it was.
    pub fn adjust(&mut self, subject: &Subject<'_>, asked: Amount) -> Result<(), Exceeded> {
        let now_ms = self.shared.clock.now_ms();
        let mut changes: Vec<Change> = Vec::new();
        for counter in self.shared.matching(subject, now_ms) {
            changes.push(Change { counter, held: None, wanted: true });
        }
        for hold in &self.holds {
            match changes.iter_mut().find(|change| change.counter.order == hold.counter.order) {
                Some(change) => change.held = hold.lease,
                None => changes.push(Change { counter: Arc::clone(&hold.counter), held: hold.lease, wanted: false }),
            }
        }
        changes.sort_by_key(|change| change.counter.order);
        let (holds, alerts) = exchange(&changes, asked, now_ms, self.lease_ms)?;
        self.holds = holds;
        self.shared.tell(&alerts);
        Ok(())
    }

    /// Books what one attempt of the call cost, out of what is held as far as that goes, and holds the rest.
    ///
    /// Also after the lease expired: what was spent always counts.
    pub fn charge(&mut self, actual: Amount) {
        let now_ms = self.shared.clock.now_ms();
        let mut alerts = Vec::new();
        for hold in &self.holds {
            let mut state = hold.counter.lock();
            state.advance(&hold.counter.budget, now_ms);
            book(hold, &mut state, actual, &mut alerts);
        }
        self.shared.tell(&alerts);
    }

    /// Books what the call cost, and gives back the rest.
    pub fn settle(mut self, actual: Amount) {
        let now_ms = self.shared.clock.now_ms();
        let mut alerts = Vec::new();
        for hold in self.holds.drain(..) {
            let mut state = hold.counter.lock();
            state.advance(&hold.counter.budget, now_ms);
            book(&hold, &mut state, actual, &mut alerts);
            state.release(hold.lease);
        }
        self.shared.tell(&alerts);
    }

    /// Gives back what is held. Nothing was spent.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for hold in self.holds.drain(..) {
            hold.counter.lock().release(hold.lease);
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.holds.iter().map(|hold| &hold.counter.budget.name);
        f.debug_list().entries(names).finish()
    }
}

/// What happens to one counter when a reservation is made or changed.
struct Change {
    counter: Arc<Counter>,
    held: Option<Lease>,
    wanted: bool,
}

impl Change {
    fn asked(&self, asked: Amount) -> Option<i128> {
        asked.in_unit(self.counter.budget.limit.unit())
    }
}

/// Locks all counters, in the one order that everybody locks in, looks whether each has room, and only then takes.
fn exchange(
    changes: &[Change],
    asked: Amount,
    now_ms: u64,
    lease_ms: u64,
) -> Result<(Vec<Hold>, Vec<Alert>), Exceeded> {
    let mut states: Vec<(&Change, MutexGuard<'_, State>)> =
        changes.iter().map(|change| (change, change.counter.lock())).collect();
    for (change, state) in &mut states {
        state.advance(&change.counter.budget, now_ms);
    }
    for (change, state) in &states {
        if change.wanted && change.counter.budget.hard {
            check(change, state, asked)?;
        }
    }
    let (mut holds, mut alerts) = (Vec::with_capacity(changes.len()), Vec::new());
    for (change, state) in &mut states {
        state.release(change.held);
        if change.wanted {
            let asked = change.asked(asked);
            if asked.is_none() && state.first_unpriced(&change.counter.budget) {
                alerts.push(Alert { cause: AlertCause::Unpriced, status: change.counter.status(state) });
            }
            let lease = state.hold(asked.unwrap_or(0), lease_ms);
            holds.push(Hold { counter: Arc::clone(&change.counter), lease });
        }
    }
    Ok((holds, alerts))
}

fn check(change: &Change, state: &State, asked: Amount) -> Result<(), Exceeded> {
    let budget = &change.counter.budget;
    let refused = |asked, resets_ms| Exceeded::new(change.counter.status(state), asked, resets_ms, &budget.zone);
    let count = match change.asked(asked) {
        Some(count) => count,
        None if budget.unpriced == Unpriced::Refuse => return Err(refused(None, None)),
        None => 0,
    };
    let excess = state.excess(budget, count, state.held(change.held));
    if excess <= 0 {
        return Ok(());
    }
    Err(refused(Some(Quantity::new(budget.limit.unit(), count)), state.spent.frees_at(excess)))
}

fn book(hold: &Hold, state: &mut State, actual: Amount, alerts: &mut Vec<Alert>) {
    let budget = &hold.counter.budget;
    let count = actual.in_unit(budget.limit.unit());
    if count.is_none() && state.first_unpriced(budget) {
        alerts.push(Alert { cause: AlertCause::Unpriced, status: hold.counter.status(state) });
    }
    state.charge(hold.lease, count.unwrap_or(0));
    for threshold in state.news(budget) {
        alerts.push(Alert { cause: AlertCause::Threshold { threshold }, status: hold.counter.status(state) });
    }
}
