use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::spent::Spent;
use super::{Budget, BudgetStatus, Quantity, Spending};

/// One count against one budget: of all calls, or of those of one value of its scope.
pub(crate) struct Counter {
    /// The place of the budget in the configuration, and a number of its own: the order in which counters are locked.
    pub(crate) order: (usize, u64),
    pub(crate) budget: Arc<Budget>,
    /// Empty for the scope `global`.
    pub(crate) value: String,
    state: Mutex<State>,
}

impl Counter {
    /// Makes a counter that begins with what was spent before.
    pub(crate) fn new(
        order: (usize, u64),
        budget: Arc<Budget>,
        value: String,
        spending: &dyn Spending,
        now_ms: u64,
    ) -> Self {
        let spent = Spent::seeded(&budget, &value, spending, now_ms);
        let state = Mutex::new(State::new(&budget, spent, now_ms));
        Self { order, budget, value, state }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether anybody used it in the last `idle_ms`, or does now.
    pub(crate) fn used_since(&self, now_ms: u64, idle_ms: u64) -> bool {
        self.state.try_lock().map_or(true, |state| state.now_ms.saturating_add(idle_ms) > now_ms)
    }

    pub(crate) fn status(&self, state: &State) -> BudgetStatus {
        let quantity = |count| Quantity::new(self.budget.limit.unit(), count);
        let (start, end) = state.spent.span(state.now_ms);
        BudgetStatus {
            name: self.budget.name.clone(),
            scope: self.budget.scope.clone(),
            value: (!self.value.is_empty()).then(|| self.value.clone()),
            unit: self.budget.limit.unit(),
            limit: self.budget.limit,
            spent: quantity(state.spent.sum()),
            reserved: quantity(state.reserved),
            percent: percent(state.spent.sum(), self.budget.limit.count()),
            window_start_ms: start,
            window_end_ms: (end != u64::MAX).then_some(end),
            hard: self.budget.hard,
        }
    }
}

/// What changes about a counter.
pub(crate) struct State {
    /// The latest time that was seen: a clock that jumps back neither opens an old window nor frees a lease twice.
    pub(crate) now_ms: u64,
    pub(crate) spent: Spent,
    /// The sum of `leases`.
    pub(crate) reserved: i128,
    leases: BTreeMap<Lease, i128>,
    next_lease: u64,
    /// When each threshold of the budget was last told.
    told: Vec<Option<u64>>,
    told_unpriced: Option<u64>,
}

/// When a reservation ends by itself, and its number: earliest first.
pub(crate) type Lease = (u64, u64);

impl State {
    fn new(budget: &Budget, spent: Spent, now_ms: u64) -> Self {
        let sum = spent.sum();
        // What was passed before was told before.
        let told =
            budget.thresholds.iter().map(|threshold| reached(sum, budget, *threshold).then_some(now_ms)).collect();
        let leases = BTreeMap::new();
        Self { now_ms, spent, reserved: 0, leases, next_lease: 0, told, told_unpriced: None }
    }

    /// Lets the time be now: expired leases are freed, and what left the window no longer counts.
    pub(crate) fn advance(&mut self, budget: &Budget, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some(lease) = self.leases.first_entry()
            && lease.key().0 <= self.now_ms
        {
            self.reserved = self.reserved.saturating_sub(lease.remove());
        }
        if self.spent.advance(budget, self.now_ms) {
            self.told.fill(None);
            self.told_unpriced = None;
        }
    }

    /// Returns how much a lease holds: nothing once it has expired.
    pub(crate) fn held(&self, lease: Option<Lease>) -> i128 {
        lease.and_then(|lease| self.leases.get(&lease)).copied().unwrap_or(0)
    }

    /// Says by how much the limit would be passed; zero or less if there is room.
    pub(crate) fn excess(&self, budget: &Budget, asked: i128, credit: i128) -> i128 {
        let taken = self.spent.sum().saturating_add(self.reserved).saturating_sub(credit);
        taken.saturating_add(asked).saturating_sub(budget.limit.count())
    }

    pub(crate) fn hold(&mut self, count: i128, lease_ms: u64) -> Option<Lease> {
        if count == 0 {
            return None;
        }
        let lease = (self.now_ms.saturating_add(lease_ms), self.next_lease);
        self.next_lease += 1;
        self.leases.insert(lease, count);
        self.reserved = self.reserved.saturating_add(count);
        Some(lease)
    }

    pub(crate) fn release(&mut self, lease: Option<Lease>) {
        let held = lease.and_then(|lease| self.leases.remove(&lease)).unwrap_or(0);
        self.reserved = self.reserved.saturating_sub(held);
    }

    /// Books what was spent, out of what the lease holds as far as that goes.
    pub(crate) fn charge(&mut self, lease: Option<Lease>, count: i128) {
        if let Some(held) = lease.and_then(|lease| self.leases.get_mut(&lease)) {
            let covered = count.min(*held);
            *held -= covered;
            self.reserved = self.reserved.saturating_sub(covered);
        }
        if count > 0 {
            self.spent.add(self.now_ms, count);
        }
    }

    /// Returns the thresholds that are reached and were not told in this window, and takes them for told.
    pub(crate) fn news(&mut self, budget: &Budget) -> Vec<u32> {
        let (sum, now_ms) = (self.spent.sum(), self.now_ms);
        let fresh = budget.thresholds.iter().zip(&mut self.told).filter_map(|(threshold, told)| {
            (reached(sum, budget, *threshold) && tell(told, budget, now_ms)).then_some(*threshold)
        });
        fresh.collect()
    }

    /// Says whether a call of unknown price is the first of this window.
    pub(crate) fn first_unpriced(&mut self, budget: &Budget) -> bool {
        tell(&mut self.told_unpriced, budget, self.now_ms)
    }
}

/// Says whether something was not told in this window, and takes it for told.
fn tell(told: &mut Option<u64>, budget: &Budget, now_ms: u64) -> bool {
    let again = match (budget.window, *told) {
        (_, None) => true,
        (super::Window::Rolling(length), Some(told)) => u128::from(now_ms.saturating_sub(told)) >= length.as_millis(),
        (_, Some(_)) => false,
    };
    if again {
        *told = Some(now_ms);
    }
    again
}

fn reached(sum: i128, budget: &Budget, threshold: u32) -> bool {
    sum > 0 && sum.saturating_mul(100) >= budget.limit.count().saturating_mul(i128::from(threshold))
}

fn percent(sum: i128, limit: i128) -> u64 {
    let percent = sum.saturating_mul(100).checked_div(limit).unwrap_or(if sum > 0 { 100 } else { 0 });
    u64::try_from(percent).unwrap_or(u64::MAX)
}
