//! Budgets against a plain counter: a list of what was spent and a list of what is held, added up anew each time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tollbridge_usage::budget::{Amount, Budgets, Clock, Reservation, Scope};

use crate::setup::{Caller, Ledger, NOON, Watch, budgets};

const SPECS: [&str; 5] = [
    r#"name = "all"; scope = "global"; usd = 100; window = "day""#,
    r#"name = "keys"; scope = "key"; tokens = 60; window = "10m""#,
    r#"name = "tasks"; scope = "task"; usd = 50"#,
    r#"name = "vendor"; scope = "provider"; of = "p1"; tokens = 90; window = "forever""#,
    r#"name = "soft"; scope = "user"; usd = 10; window = "day"; hard = false"#,
];

#[derive(Clone, Copy, Debug)]
enum Window {
    Day,
    TenMinutes,
    Forever,
}

const DAY_MS: u64 = 86_400_000;
const PIECE_MS: u64 = 2_500;

impl Window {
    /// Says whether what was spent at one time counts at another.
    fn counts(self, spent_ms: u64, now_ms: u64) -> bool {
        match self {
            Self::Day => spent_ms / DAY_MS == now_ms / DAY_MS,
            Self::TenMinutes => (spent_ms / PIECE_MS..=spent_ms / PIECE_MS + 240).contains(&(now_ms / PIECE_MS)),
            Self::Forever => true,
        }
    }
}

struct Rule {
    name: &'static str,
    scope: Scope,
    window: Window,
    limit: i128,
    usd: bool,
    hard: bool,
}

fn rules() -> [Rule; 5] {
    const DOLLAR: i128 = 1_000_000_000_000;
    let rule = |name, scope, window, limit, usd, hard| Rule { name, scope, window, limit, usd, hard };
    [
        rule("all", Scope::Global, Window::Day, 100 * DOLLAR, true, true),
        rule("keys", Scope::Key, Window::TenMinutes, 60, false, true),
        rule("tasks", Scope::Task, Window::Forever, 50 * DOLLAR, true, true),
        rule("vendor", Scope::Provider, Window::Forever, 90, false, true),
        rule("soft", Scope::User, Window::Day, 10 * DOLLAR, true, false),
    ]
}

impl Rule {
    fn value(&self, caller: &Caller) -> Option<String> {
        match self.scope {
            Scope::Global => Some(String::new()),
            Scope::Key => caller.key.clone(),
            Scope::Task => caller.task.clone(),
            Scope::User => caller.user.clone(),
            _ => caller.provider.clone().filter(|provider| provider == "p1"),
        }
    }

    fn count(&self, amount: Amount) -> i128 {
        if self.usd { amount.pico_usd.unwrap_or(0) } else { i128::from(amount.tokens) }
    }
}

#[derive(Default)]
struct Plain {
    latest_ms: u64,
    spent: Vec<(u64, i128)>,
    held: BTreeMap<u64, (u64, i128)>,
    /// What calls cost above what they held, since one was last let in.
    excess: i128,
}

impl Plain {
    fn touch(&mut self, now_ms: u64) {
        self.latest_ms = self.latest_ms.max(now_ms);
        self.held.retain(|_, (expires_ms, _)| *expires_ms > self.latest_ms);
    }

    fn spent(&self, rule: &Rule) -> i128 {
        self.spent.iter().filter(|(at, _)| rule.window.counts(*at, self.latest_ms)).map(|(_, count)| count).sum()
    }

    fn reserved(&self) -> i128 {
        self.held.values().map(|(_, count)| count).sum()
    }
}

type Key = (usize, String);

struct Live {
    caller: Caller,
    reservation: Reservation,
    number: u64,
    keys: Vec<Key>,
    lease_ms: u64,
}

struct World {
    rules: [Rule; 5],
    ledger: Arc<Ledger>,
    watch: Watch,
    budgets: Budgets,
    counters: BTreeMap<Key, Plain>,
    live: Vec<Live>,
    next: u64,
}

impl World {
    fn new() -> Self {
        let (ledger, watch) = (Arc::default(), Watch::at(NOON));
        let budgets = budgets(&SPECS, &ledger, &watch);
        Self { rules: rules(), ledger, watch, budgets, counters: BTreeMap::new(), live: Vec::new(), next: 0 }
    }

    fn matching(&self, caller: &Caller) -> Vec<Key> {
        let keys = self.rules.iter().enumerate();
        keys.filter_map(|(place, rule)| Some((place, rule.value(caller)?))).collect()
    }

    fn counter(&mut self, key: &Key) -> &mut Plain {
        let now_ms = self.watch.now_ms();
        let (rule, ledger) = (&self.rules[key.0], &self.ledger);
        let counter = self.counters.entry(key.clone()).or_insert_with(|| {
            let entries = ledger.0.lock().unwrap();
            let of_it = entries
                .iter()
                .filter(|(at_ms, caller, _)| caller.is_of(&rule.scope, &key.1) && rule.window.counts(*at_ms, now_ms));
            let spent: Vec<_> = of_it.map(|(at_ms, _, amount)| (*at_ms, rule.count(*amount))).collect();
            let mut counter = Plain { latest_ms: now_ms, spent, ..Plain::default() };
            counter.excess = (counter.spent(rule) - rule.limit).max(0);
            counter
        });
        counter.touch(now_ms);
        counter
    }

    /// Tries to hold an amount in place of what a call holds; names the budget that has no room.
    fn exchange(
        &mut self,
        number: u64,
        old: &[Key],
        new: &[Key],
        asked: Amount,
        lease_ms: u64,
    ) -> Option<&'static str> {
        for key in new.iter().chain(old) {
            self.counter(key);
        }
        for key in new {
            let rule = &self.rules[key.0];
            let counter = &self.counters[key];
            let credit = counter.held.get(&number).map_or(0, |(_, count)| *count);
            let taken = counter.spent(rule) + counter.reserved() - credit;
            if rule.hard && taken + rule.count(asked) > rule.limit {
                return Some(rule.name);
            }
        }
        for key in old {
            self.counters.get_mut(key).unwrap().held.remove(&number);
        }
        for key in new {
            let count = self.rules[key.0].count(asked);
            let counter = self.counters.get_mut(key).unwrap();
            counter.held.insert(number, (counter.latest_ms + lease_ms, count));
            counter.touch(0);
            counter.excess = 0;
        }
        None
    }

    fn charge(&mut self, number: u64, caller: &Caller, keys: &[Key], actual: Amount) {
        for key in keys {
            let count = self.rules[key.0].count(actual);
            let counter = self.counter(key);
            let held = counter.held.get_mut(&number).map_or(0, |(_, held)| {
                let covered = count.min(*held);
                *held -= covered;
                covered
            });
            counter.excess += count - held;
            counter.spent.push((counter.latest_ms, count));
        }
        self.ledger.write(self.watch.now_ms(), caller, actual);
    }

    fn end(&mut self, place: usize) -> Option<Live> {
        if self.live.is_empty() {
            return None;
        }
        let place = place % self.live.len();
        Some(self.live.swap_remove(place))
    }

    fn drop_holds(&mut self, live: &Live) {
        for key in &live.keys {
            self.counters.get_mut(key).unwrap().held.remove(&live.number);
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Reserve { caller, asked, lease_ms } => {
                let (keys, number) = (self.matching(&caller), self.next);
                self.next += 1;
                let wanted = self.exchange(number, &[], &keys, asked, lease_ms);
                let got = self.budgets.reserve(&caller.subject(), asked, Duration::from_millis(lease_ms));
                assert_eq!(got.as_ref().err().map(|exceeded| exceeded.status.name.as_str()), wanted);
                self.live.extend(got.ok().map(|reservation| Live { caller, reservation, number, keys, lease_ms }));
            }
            Op::Adjust { place, caller, asked } => {
                let Some(mut live) = self.end(place) else { return };
                let keys = self.matching(&caller);
                let wanted = self.exchange(live.number, &live.keys, &keys, asked, live.lease_ms);
                let got = live.reservation.adjust(&caller.subject(), asked);
                assert_eq!(got.as_ref().err().map(|exceeded| exceeded.status.name.as_str()), wanted);
                if got.is_ok() {
                    (live.caller, live.keys) = (caller, keys);
                }
                self.live.push(live);
            }
            Op::Charge { place, actual } => {
                let Some(mut live) = self.end(place) else { return };
                self.charge(live.number, &live.caller, &live.keys, actual);
                live.reservation.charge(actual);
                self.live.push(live);
            }
            Op::Settle { place, actual } => {
                let Some(live) = self.end(place) else { return };
                self.charge(live.number, &live.caller, &live.keys, actual);
                self.drop_holds(&live);
                live.reservation.settle(actual);
            }
            Op::Release { place } => {
                let Some(live) = self.end(place) else { return };
                self.drop_holds(&live);
                live.reservation.release();
            }
            Op::Forget { place } => {
                let Some(live) = self.end(place) else { return };
                std::mem::forget(live.reservation);
            }
            Op::Wait { ms } => self.watch.advance(Duration::from_millis(ms)),
            Op::JumpBack { ms } => self.watch.set(self.watch.now_ms().saturating_sub(ms)),
            Op::Restart { late } => {
                // What ran is known to the ledger later or never.
                for live in std::mem::take(&mut self.live) {
                    if let Some(actual) = late {
                        self.ledger.write(self.watch.now_ms(), &live.caller, actual);
                    }
                    std::mem::forget(live.reservation);
                }
                self.counters.clear();
                self.budgets = budgets(&SPECS, &self.ledger, &self.watch);
            }
        }
        self.compare();
    }

    fn compare(&mut self) {
        for key in [(0, String::new()), (3, "p1".to_owned())] {
            self.counter(&key);
        }
        let status = self.budgets.status();
        assert_eq!(status.len(), self.counters.len());
        let keys: Vec<_> = self.counters.keys().cloned().collect();
        for (key, status) in keys.iter().zip(status) {
            self.counter(key);
            let (rule, counter) = (&self.rules[key.0], &self.counters[key]);
            assert_eq!((status.name.as_str(), status.value.as_deref().unwrap_or("")), (rule.name, key.1.as_str()));
            assert_eq!(status.spent.count(), counter.spent(rule), "{key:?}");
            assert_eq!(status.reserved.count(), counter.reserved(), "{key:?}");
            if rule.hard {
                assert!(status.spent.count() <= rule.limit + counter.excess, "{key:?} is past its bound");
            }
        }
    }
}

const LEASE_MS: u64 = 60_000;

#[derive(Clone, Debug)]
enum Op {
    Reserve { caller: Caller, asked: Amount, lease_ms: u64 },
    Adjust { place: usize, caller: Caller, asked: Amount },
    Charge { place: usize, actual: Amount },
    Settle { place: usize, actual: Amount },
    Release { place: usize },
    Forget { place: usize },
    Wait { ms: u64 },
    JumpBack { ms: u64 },
    Restart { late: Option<Amount> },
}

fn caller() -> impl Strategy<Value = Caller> {
    let name = |letter: &'static str, count: u8| {
        prop::option::weighted(0.8, (1..=count).prop_map(move |number| format!("{letter}{number}")))
    };
    (name("k", 3), name("u", 2), name("t", 2), name("p", 2)).prop_map(|(key, user, task, provider)| Caller {
        key,
        user,
        task,
        provider,
        tags: Vec::new(),
    })
}

fn amount() -> impl Strategy<Value = Amount> {
    (prop::option::weighted(0.9, 0_i128..40), 0_u64..40)
        .prop_map(|(dollars, tokens)| Amount::new(dollars.map(|dollars| dollars * 1_000_000_000_000), tokens))
}

fn op() -> impl Strategy<Value = Op> {
    let place = || any::<usize>();
    let lease_ms = prop_oneof![Just(LEASE_MS), 0_u64..5_000];
    prop_oneof![
        8 => (caller(), amount(), lease_ms).prop_map(|(caller, asked, lease_ms)| Op::Reserve { caller, asked, lease_ms }),
        2 => (place(), caller(), amount()).prop_map(|(place, caller, asked)| Op::Adjust { place, caller, asked }),
        2 => (place(), amount()).prop_map(|(place, actual)| Op::Charge { place, actual }),
        4 => (place(), amount()).prop_map(|(place, actual)| Op::Settle { place, actual }),
        1 => place().prop_map(|place| Op::Release { place }),
        1 => place().prop_map(|place| Op::Forget { place }),
        3 => prop_oneof![0_u64..10_000, 0_u64..1_000_000, 0..2 * DAY_MS].prop_map(|ms| Op::Wait { ms }),
        1 => prop_oneof![0_u64..10_000, 0..2 * DAY_MS].prop_map(|ms| Op::JumpBack { ms }),
        1 => prop::option::of(amount()).prop_map(|late| Op::Restart { late }),
    ]
}

proptest! {
    #[test]
    fn budgets_do_what_a_plain_counter_does(ops in prop::collection::vec(op(), 1..80)) {
        let mut world = World::new();
        ops.into_iter().for_each(|op| world.apply(op));
    }
}
