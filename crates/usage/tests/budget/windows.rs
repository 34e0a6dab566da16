use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tollbridge_usage::budget::{Amount, Budgets, Clock, Scope, Spending, Subject};

use crate::setup::{Caller, Ledger, MINUTE, NOON, Watch, budget, budgets, tokens};

fn ms(time: &str) -> u64 {
    u64::try_from(time.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
}

fn window(window: &str, zone: &str, watch: &Watch) -> Budgets {
    let spec = format!(r#"name = "b"; scope = "global"; tokens = 100; window = "{window}"; zone = "{zone}""#);
    budgets(&[spec.as_str()], &Arc::default(), watch)
}

fn spend(budgets: &Budgets, count: u64) -> bool {
    let reservation = budgets.reserve(&Subject::default(), tokens(count), MINUTE);
    reservation.map(|reservation| reservation.settle(tokens(count))).is_ok()
}

#[test]
fn calendar_windows_end_at_local_midnight() {
    for (length, zone, now, start, end) in [
        ("day", "Europe/Berlin", "2025-06-11T12:00:00Z", "2025-06-10T22:00:00Z", "2025-06-11T22:00:00Z"),
        // The days on which clocks change have 23 and 25 hours.
        ("day", "Europe/Berlin", "2025-03-30T12:00:00Z", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"),
        ("day", "Europe/Berlin", "2025-10-26T12:00:00Z", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z"),
        ("day", "America/New_York", "2025-03-09T12:00:00Z", "2025-03-09T05:00:00Z", "2025-03-10T04:00:00Z"),
        ("day", "America/New_York", "2025-11-02T12:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"),
        ("day", "Asia/Kolkata", "2025-06-11T18:29:59Z", "2025-06-10T18:30:00Z", "2025-06-11T18:30:00Z"),
        ("day", "Asia/Kolkata", "2025-06-11T18:30:00Z", "2025-06-11T18:30:00Z", "2025-06-12T18:30:00Z"),
        // Here midnight itself was jumped over.
        ("day", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"),
        ("week", "Europe/Berlin", "2025-06-15T21:59:59Z", "2025-06-08T22:00:00Z", "2025-06-15T22:00:00Z"),
        ("week", "Europe/Berlin", "2025-06-15T22:00:00Z", "2025-06-15T22:00:00Z", "2025-06-22T22:00:00Z"),
        ("month", "Europe/Berlin", "2025-03-15T00:00:00Z", "2025-02-28T23:00:00Z", "2025-03-31T22:00:00Z"),
        ("month", "America/New_York", "2024-02-29T23:00:00Z", "2024-02-01T05:00:00Z", "2024-03-01T05:00:00Z"),
        ("year", "Asia/Kolkata", "2025-06-11T12:00:00Z", "2024-12-31T18:30:00Z", "2025-12-31T18:30:00Z"),
    ] {
        let watch = Watch::at(ms(now));
        let budgets = window(length, zone, &watch);
        let status = budgets.status().remove(0);
        assert_eq!((status.window_start_ms, status.window_end_ms), (ms(start), Some(ms(end))), "{length} {zone} {now}");
        assert!(spend(&budgets, 100) && !spend(&budgets, 1));
        watch.set(ms(end) - 1);
        assert!(!spend(&budgets, 1), "{length} {zone}: still the same window");
        watch.set(ms(end));
        assert!(spend(&budgets, 100), "{length} {zone}: the next one");
        assert!(!spend(&budgets, 1));
    }
}

#[test]
fn rolling_windows_forget_after_their_length_and_never_before() {
    let watch = Watch::at(NOON);
    let budgets = window("24h", "UTC", &watch);
    let piece = Duration::from_secs(86_400 / 240);
    assert!(spend(&budgets, 60));
    watch.advance(Duration::from_secs(3600));
    assert!(spend(&budgets, 40));
    let refused = budgets.reserve(&Subject::default(), tokens(10), MINUTE).unwrap_err();
    assert_eq!(refused.resets_ms, Some(NOON + 86_400_000 + 360_000), "when the first 60 leave");
    watch.set(NOON + 86_400_000);
    assert!(!spend(&budgets, 1), "what was spent 24 hours ago still counts");
    watch.advance(piece);
    assert!(spend(&budgets, 60) && !spend(&budgets, 1));
    let told_to_wait_for_both = budgets.reserve(&Subject::default(), tokens(90), MINUTE).unwrap_err();
    assert_eq!(told_to_wait_for_both.resets_ms, Some(watch.now_ms() + 86_400_000 + 360_000));
}

#[test]
fn a_clock_that_jumps_back_loses_nothing() {
    for length in ["day", "90m", "forever"] {
        let watch = Watch::at(NOON);
        let budgets = window(length, "UTC", &watch);
        assert!(spend(&budgets, 70));
        let held = budgets.reserve(&Subject::default(), tokens(20), MINUTE).unwrap();
        watch.set(NOON - 7 * 86_400_000);
        assert!(!spend(&budgets, 11), "{length}");
        assert!(spend(&budgets, 10), "{length}");
        drop(held);
        assert_eq!(budgets.status()[0].spent.count(), 80, "{length}");
    }
}

#[test]
fn a_restart_finds_what_was_spent_in_the_window() {
    let ledger = Arc::new(Ledger::default());
    let day_ms = 86_400_000;
    for (ago, count) in [(2 * day_ms, 1000), (day_ms, 1), (23 * 3_600_000, 20), (5_000, 30), (0, 40)] {
        ledger.write(NOON - ago, &Caller::key("ada"), tokens(count));
    }
    for (window, spent) in [("24h", 91), ("day", 70), ("2d", 1091), ("36h", 91), ("forever", 1091), ("1s", 40)] {
        let spec = format!(r#"name = "b"; scope = "key"; tokens = 5000; window = "{window}""#);
        let budgets = budgets(&[spec.as_str()], &ledger, &Watch::at(NOON));
        let status = budgets.status_of(&Caller::key("ada").subject());
        assert_eq!(status[0].spent.count(), spent, "{window}");
        assert_eq!(budgets.status_of(&Caller::key("bob").subject())[0].spent.count(), 0);
    }
}

#[test]
fn a_rolling_window_is_filled_with_one_question() {
    #[derive(Default)]
    struct Counting {
        ledger: Ledger,
        questions: AtomicUsize,
    }
    impl Spending for Counting {
        fn spent(&self, scope: &Scope, value: &str, since_ms: u64, until_ms: u64) -> Amount {
            self.questions.fetch_add(1, Ordering::Relaxed);
            self.ledger.spent(scope, value, since_ms, until_ms)
        }

        fn spent_in_pieces(
            &self,
            scope: &Scope,
            value: &str,
            piece_ms: u64,
            numbers: Range<u64>,
        ) -> BTreeMap<u64, Amount> {
            self.questions.fetch_add(1, Ordering::Relaxed);
            self.ledger.spent_in_pieces(scope, value, piece_ms, numbers)
        }
    }

    let counting = Arc::new(Counting::default());
    for minute in 0..1440 {
        counting.ledger.write(NOON - minute * 60_000, &Caller::default(), tokens(1));
    }
    let rolling = budget(r#"name = "b"; scope = "global"; tokens = 5000; window = "24h""#);
    let spending: Arc<dyn Spending> = Arc::<Counting>::clone(&counting);
    let budgets = Budgets::new(vec![rolling], spending, Arc::new(Watch::at(NOON))).unwrap();
    assert!(spend(&budgets, 60));
    assert_eq!(budgets.status()[0].spent.count(), 1500);
    assert_eq!(counting.questions.load(Ordering::Relaxed), 1);
}
