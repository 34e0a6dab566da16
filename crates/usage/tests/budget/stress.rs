//! Ten thousand calls at once, of all kinds, against the stated bound.

use std::collections::BTreeMap;
use std::mem;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tollbridge_usage::budget::{Amount, Budgets, Clock, Exceeded};

use crate::setup::{Caller, Ledger, MINUTE, NOON, Watch, budgets};

const CALLS: u64 = 10_000;
const THREADS: u64 = 16;
const LEASE: Duration = Duration::from_secs(5);
const MILLI: i128 = 1_000_000_000;

const SPECS: [&str; 4] = [
    r#"name = "all"; scope = "global"; usd = 20; window = "forever""#,
    r#"name = "keys"; scope = "key"; usd = 2; window = "day""#,
    r#"name = "vendors"; scope = "provider"; tokens = 9000; window = "forever""#,
    r#"name = "tasks"; scope = "task"; usd = "0.05""#,
];

/// A sequence of numbers that is the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn caller(random: &mut Random) -> Caller {
    Caller {
        key: Some(format!("key-{}", random.below(12))),
        task: Some(format!("task-{}", random.below(900))),
        provider: Some(format!("vendor-{}", random.below(3))),
        ..Caller::default()
    }
}

fn amount(units: u64) -> Amount {
    Amount::new(Some(i128::from(units) * MILLI), units)
}

/// A refusal is right only if there was no room, by what it says itself, which was read under the lock.
fn check_refusal(exceeded: &Exceeded) {
    let asked = exceeded.asked.unwrap().count();
    let status = &exceeded.status;
    assert!(status.spent.count() + status.reserved.count() + asked > status.limit.count(), "{exceeded}");
}

/// Sums the ledger per counter that it counts against, in the unit of the budget.
fn sums(ledger: &Ledger) -> BTreeMap<(String, String), i128> {
    let mut sums = BTreeMap::new();
    for (_, caller, amount) in &*ledger.0.lock().unwrap() {
        let usd = amount.pico_usd.unwrap();
        let values = [
            ("all", "", usd),
            ("keys", caller.key.as_deref().unwrap(), usd),
            ("vendors", caller.provider.as_deref().unwrap(), i128::from(amount.tokens)),
            ("tasks", caller.task.as_deref().unwrap(), usd),
        ];
        for (name, value, count) in values {
            *sums.entry((name.to_owned(), value.to_owned())).or_insert(0) += count;
        }
    }
    sums
}

fn in_threads(work: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for number in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(number));
        }
    });
}

#[test]
fn calls_that_cost_no_more_than_they_reserve_never_pass_a_limit() {
    let (ledger, watch) = (Arc::new(Ledger::default()), Watch::at(NOON));
    let budgets = budgets(&SPECS, &ledger, &watch);
    let refused = AtomicU64::new(0);
    in_threads(|thread| {
        let mut random = Random(thread + 1);
        let mut running = Vec::new();
        for _ in 0..CALLS / THREADS {
            let (caller, asked) = (caller(&mut random), 1 + random.below(20));
            match budgets.reserve(&caller.subject(), amount(asked), MINUTE) {
                Ok(reservation) => running.push((caller, asked, reservation)),
                Err(exceeded) => {
                    refused.fetch_add(1, Ordering::Relaxed);
                    check_refusal(&exceeded);
                }
            }
            let one_ends = running.len() > 8 || random.below(3) == 0;
            if one_ends && let Some((caller, asked, reservation)) = running.pop() {
                let actual = amount(random.below(asked + 1));
                ledger.write(NOON, &caller, actual);
                reservation.settle(actual);
            }
        }
        // The rest never reached a vendor.
    });
    assert!(refused.load(Ordering::Relaxed) > 1000, "the limits were reached");
    let sums = sums(&ledger);
    for status in budgets.status() {
        let sum = sums.get(&(status.name.clone(), status.value.clone().unwrap_or_default())).copied().unwrap_or(0);
        assert_eq!((status.spent.count(), status.reserved.count()), (sum, 0), "{status:?}");
        assert!(sum <= status.limit.count(), "{status:?}");
    }
}

/// What the calls of each counter cost above what they held.
#[derive(Default)]
struct Excess(Mutex<BTreeMap<(String, String), i128>>);

impl Excess {
    fn add(&self, caller: &Caller, count: u64) {
        let count = i128::from(count);
        let values = [
            ("all", "", count * MILLI),
            ("keys", caller.key.as_deref().unwrap(), count * MILLI),
            ("vendors", caller.provider.as_deref().unwrap(), count),
            ("tasks", caller.task.as_deref().unwrap(), count * MILLI),
        ];
        for (name, value, count) in values {
            *self.0.lock().unwrap().entry((name.to_owned(), value.to_owned())).or_insert(0) += count;
        }
    }
}

/// One call: it may fail and be tried again elsewhere, cost more than it reserved, outlast its lease, or die.
fn call(budgets: &Budgets, ledger: &Ledger, watch: &Watch, excess: &Excess, random: &mut Random) -> bool {
    let (mut caller, mut asked) = (caller(random), 1 + random.below(20));
    let began = watch.now_ms();
    // Other calls move the clock too: then what this one held may be free again.
    let covered = |asked: u64| if watch.now_ms() < began + LEASE.as_millis() as u64 { asked } else { 0 };
    let mut reservation = match budgets.reserve(&caller.subject(), amount(asked), LEASE) {
        Ok(reservation) => reservation,
        Err(exceeded) => {
            check_refusal(&exceeded);
            return false;
        }
    };
    if random.below(5) == 0 {
        let wasted = random.below(asked + 1);
        ledger.write(watch.now_ms(), &caller, amount(wasted));
        reservation.charge(amount(wasted));
        excess.add(&caller, wasted.saturating_sub(covered(asked)));
        caller.provider = Some("vendor-2".to_owned());
        asked = 1 + random.below(20);
        if let Err(exceeded) = reservation.adjust(&caller.subject(), amount(asked)) {
            check_refusal(&exceeded);
            return false;
        }
    }
    let actual = random.below(asked * 3 / 2 + 1);
    match random.below(20) {
        // The process dies; its vendor charges all the same, and the ledger hears of it later.
        0 => {
            ledger.write(watch.now_ms(), &caller, amount(actual));
            excess.add(&caller, actual);
            mem::forget(reservation);
        }
        1 => {
            watch.advance(LEASE);
            ledger.write(watch.now_ms(), &caller, amount(actual));
            excess.add(&caller, actual);
            reservation.settle(amount(actual));
        }
        2 => reservation.release(),
        _ => {
            ledger.write(watch.now_ms(), &caller, amount(actual));
            reservation.settle(amount(actual));
            excess.add(&caller, actual.saturating_sub(covered(asked)));
        }
    }
    true
}

#[test]
fn ten_thousand_mixed_calls_with_crashes_stay_within_the_bound() {
    let (ledger, watch, excess) = (Arc::new(Ledger::default()), Watch::at(NOON), Excess::default());
    let refused = AtomicI64::new(0);
    for life in 0..5 {
        let budgets = budgets(&SPECS, &ledger, &watch);
        in_threads(|thread| {
            let mut random = Random(1000 * life + thread);
            for _ in 0..CALLS / THREADS / 5 {
                if !call(&budgets, &ledger, &watch, &excess, &mut random) {
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    assert!(refused.load(Ordering::Relaxed) > 500, "the limits were reached");
    let (sums, excess) = (sums(&ledger), excess.0.into_inner().unwrap());
    let last = budgets(&SPECS, &ledger, &watch);
    for ((name, value), sum) in sums {
        let limit = SPECS.iter().map(|spec| crate::setup::budget(spec)).find(|budget| budget.name() == name).unwrap();
        let bound = limit.limit().count() + excess.get(&(name.clone(), value.clone())).copied().unwrap_or(0);
        assert!(sum <= bound, "{name} {value}: {sum} is past {bound}");
    }
    assert_eq!(last.status()[0].spent.count(), sums_of_all(&ledger), "a new life knows all that was spent");
}

fn sums_of_all(ledger: &Ledger) -> i128 {
    ledger.0.lock().unwrap().iter().map(|(_, _, amount)| amount.pico_usd.unwrap()).sum()
}
