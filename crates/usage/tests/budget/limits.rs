use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tollbridge_core::{Error, ErrorKind, Retry};
use tollbridge_usage::budget::{Alert, AlertCause, Amount, Budgets, Subject};

use crate::setup::{Caller, Ledger, MINUTE, NOON, Watch, budgets, cents, tokens};

fn one(spec: &str) -> Budgets {
    budgets(&[spec], &Arc::default(), &Watch::at(NOON))
}

/// Collects the thresholds that are told.
fn thresholds(budgets: &Budgets) -> Arc<Mutex<Vec<u32>>> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    budgets.on_alert(move |alert: &Alert| {
        if let AlertCause::Threshold { threshold, .. } = alert.cause {
            heard.lock().unwrap().push(threshold);
        }
    });
    told
}

#[test]
fn ten_calls_at_once_spend_no_more_than_five_of_them_may() {
    let budgets = one(r#"name = "tasks"; scope = "task"; usd = "0.05""#);
    let told = thresholds(&budgets);
    let mut task = Subject::default();
    task.task = Some("task-1");
    let admitted = Mutex::new(Vec::new());
    let refused = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| match budgets.reserve(&task, cents(1), MINUTE) {
                Ok(reservation) => admitted.lock().unwrap().push(reservation),
                Err(exceeded) => refused.lock().unwrap().push(exceeded),
            });
        }
    });
    let admitted = admitted.into_inner().unwrap();
    assert_eq!((admitted.len(), refused.lock().unwrap().len()), (5, 5));
    assert!(told.lock().unwrap().is_empty(), "what is only reserved is not told");
    admitted.into_iter().for_each(|reservation| reservation.settle(cents(1)));
    assert_eq!(*told.lock().unwrap(), [80, 100]);
}

#[test]
fn each_threshold_is_told_once_in_a_window() {
    let watch = Watch::at(NOON);
    let ledger = Arc::default();
    let budgets = budgets(&[r#"name = "all"; scope = "global"; usd = "1"; window = "day""#], &ledger, &watch);
    let told = thresholds(&budgets);
    let spend = |amount| budgets.reserve(&Subject::default(), cents(0), MINUTE).unwrap().settle(cents(amount));
    spend(79);
    assert!(told.lock().unwrap().is_empty());
    spend(1);
    assert_eq!(*told.lock().unwrap(), [80]);
    spend(10);
    spend(10);
    assert_eq!(*told.lock().unwrap(), [80, 100]);
    watch.advance(Duration::from_secs(86_400));
    spend(90);
    spend(1);
    assert_eq!(*told.lock().unwrap(), [80, 100, 80]);
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again() {
    let (ledger, watch) = (Arc::new(Ledger::default()), Watch::at(NOON));
    ledger.write(NOON - 1000, &Caller::default(), cents(85));
    let budgets = budgets(&[r#"name = "all"; scope = "global"; usd = "1"; window = "day""#], &ledger, &watch);
    let told = thresholds(&budgets);
    budgets.reserve(&Subject::default(), cents(10), MINUTE).unwrap().settle(cents(10));
    assert!(told.lock().unwrap().is_empty());
    assert!(budgets.reserve(&Subject::default(), cents(6), MINUTE).is_err(), "85 and 10 are spent");
}

#[test]
fn a_call_takes_from_all_budgets_or_from_none() {
    let budgets = budgets(
        &[
            r#"name = "all"; scope = "global"; tokens = 1000; window = "day""#,
            r#"name = "each"; scope = "key"; tokens = 100; window = "day""#,
            r#"name = "ada"; scope = "key"; of = "ada"; tokens = 60; window = "day""#,
        ],
        &Arc::default(),
        &Watch::at(NOON),
    );
    let (ada, bob) = (Caller::key("ada"), Caller::key("bob"));
    let refused = budgets.reserve(&ada.subject(), tokens(70), MINUTE).unwrap_err();
    assert_eq!((refused.status.name.as_str(), refused.status.value.as_deref()), ("ada", Some("ada")));
    assert!(budgets.status().iter().all(|status| status.reserved.count() == 0));
    let held = budgets.reserve(&bob.subject(), tokens(100), MINUTE).unwrap();
    assert_eq!(budgets.reserve(&bob.subject(), tokens(1), MINUTE).unwrap_err().status.name, "each");
    let held_too = budgets.reserve(&ada.subject(), tokens(60), MINUTE).unwrap();
    let reserved: Vec<_> = budgets.status().into_iter().map(|status| (status.name, status.reserved.count())).collect();
    let wanted = [("all", 160), ("each", 60), ("each", 100), ("ada", 60)];
    assert_eq!(reserved, wanted.map(|(name, count)| (name.to_owned(), count)));
    held.release();
    held_too.settle(tokens(10));
    assert!(budgets.reserve(&bob.subject(), tokens(100), MINUTE).is_ok());
    assert_eq!(budgets.status_of(&ada.subject()).len(), 3);
}

#[test]
fn a_lease_that_expired_is_free_and_what_it_cost_still_counts() {
    let watch = Watch::at(NOON);
    let budgets =
        budgets(&[r#"name = "all"; scope = "global"; tokens = 100; window = "day""#], &Arc::default(), &watch);
    let slow = budgets.reserve(&Subject::default(), tokens(100), MINUTE).unwrap();
    assert!(budgets.reserve(&Subject::default(), tokens(1), MINUTE).is_err());
    watch.advance(MINUTE);
    let next = budgets.reserve(&Subject::default(), tokens(100), MINUTE).unwrap();
    slow.settle(tokens(40));
    next.settle(tokens(90));
    assert_eq!(budgets.status()[0].spent.count(), 130, "the bound: what the expired lease cost");
    assert_eq!(budgets.status()[0].reserved.count(), 0);
}

#[test]
fn later_attempts_move_a_reservation_to_another_provider() {
    let budgets = budgets(
        &[
            r#"name = "all"; scope = "global"; tokens = 100; window = "day""#,
            r#"name = "vendors"; scope = "provider"; tokens = 50; window = "day""#,
        ],
        &Arc::default(),
        &Watch::at(NOON),
    );
    let at = |provider| {
        let mut subject = Subject::default();
        subject.provider = Some(provider);
        subject
    };
    let mut call = budgets.reserve(&at("openai"), tokens(50), MINUTE).unwrap();
    call.charge(tokens(20));
    let counts = |name: &str| {
        let status = budgets.status();
        let found = status.iter().find(|status| status.value.as_deref() == Some(name) || status.name == name);
        found.map(|status| (status.spent.count(), status.reserved.count())).unwrap()
    };
    assert_eq!((counts("all"), counts("openai")), ((20, 30), (20, 30)));
    assert_eq!(call.adjust(&at("mistral"), tokens(51)).unwrap_err().status.name, "vendors");
    assert_eq!(counts("all"), (20, 30), "a refusal leaves everything as it was");
    call.adjust(&at("mistral"), tokens(50)).unwrap();
    assert_eq!((counts("all"), counts("openai"), counts("mistral")), ((20, 50), (20, 0), (0, 50)));
    call.settle(tokens(10));
    assert_eq!((counts("all"), counts("openai"), counts("mistral")), ((30, 0), (20, 0), (10, 0)));
}

#[test]
fn an_unknown_price_is_let_in_or_refused_as_the_budget_says() {
    let open = one(r#"name = "open"; scope = "global"; usd = "1"; window = "day""#);
    let alerts = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&alerts);
    open.on_alert(move |alert| heard.lock().unwrap().push(alert.cause));
    for _ in 0..2 {
        open.reserve(&Subject::default(), tokens(9), MINUTE).unwrap().settle(tokens(9));
    }
    assert_eq!(*alerts.lock().unwrap(), [AlertCause::Unpriced], "once in a window");
    let closed = one(r#"name = "closed"; scope = "global"; usd = "1"; window = "day"; unpriced = "refuse""#);
    let error = Error::from(closed.reserve(&Subject::default(), tokens(9), MINUTE).unwrap_err());
    assert_eq!(
        error.to_string(),
        "budget `closed` takes no call whose price is unknown; set a price for the model, or `unpriced = \"allow\"` for the budget"
    );
}

#[test]
fn soft_budgets_refuse_nothing() {
    let budgets = one(r#"name = "soft"; scope = "global"; usd = "1"; window = "day"; warn = [50]; hard = false"#);
    let told = thresholds(&budgets);
    budgets.reserve(&Subject::default(), cents(500), MINUTE).unwrap().settle(cents(500));
    assert!(budgets.reserve(&Subject::default(), cents(1), MINUTE).is_ok());
    assert_eq!(*told.lock().unwrap(), [50, 100]);
}

#[test]
fn tags_count_each_value_apart_and_a_call_only_once() {
    let budgets = one(r#"name = "projects"; scope = "tag:project"; tokens = 10; window = "forever""#);
    let mut caller = Caller::default();
    for value in ["a", "b", "a"] {
        caller.tags.push(("project".to_owned(), value.to_owned()));
    }
    budgets.reserve(&caller.subject(), tokens(10), MINUTE).unwrap().settle(tokens(10));
    let spent: Vec<_> = budgets.status().iter().map(|status| status.spent.count()).collect();
    assert_eq!(spent, [10, 10]);
    assert!(budgets.reserve(&Subject::default(), tokens(99), MINUTE).is_ok(), "a call without the tag");
}

#[test]
fn a_refusal_says_what_is_spent_and_when_there_is_room() {
    let spec = r#"name = "research"; scope = "key"; usd = "12.50"; window = "month"; zone = "Europe/Berlin""#;
    let budgets = one(spec);
    let key = Caller::key("ada");
    budgets.reserve(&key.subject(), cents(1200), MINUTE).unwrap().settle(cents(1200));
    let _running = budgets.reserve(&key.subject(), cents(30), MINUTE).unwrap();
    let exceeded = budgets.reserve(&key.subject(), cents(25), MINUTE).unwrap_err();
    insta::assert_snapshot!(serde_json::to_string_pretty(&exceeded).unwrap());
    let error = Error::from(exceeded);
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Budget, Retry::Never));
    insta::assert_snapshot!(error.to_string(), @"budget `research` of key `ada` has no room for 0.25 USD: 12 USD of 12.5 USD are spent and 0.3 USD are reserved by calls that run; there is room from 2025-07-01T00:00:00+02:00[Europe/Berlin] on; or ask for fewer tokens");
    let error = Error::from(budgets.reserve(&key.subject(), cents(9999), MINUTE).unwrap_err());
    insta::assert_snapshot!(error.hint().unwrap(), @"this call alone is more than the limit: ask for fewer tokens, or raise the limit");
}

#[test]
fn nothing_gives_a_budget_back_what_was_spent() {
    let budgets = one(r#"name = "all"; scope = "global"; usd = "1"; window = "day""#);
    budgets.reserve(&Subject::default(), cents(-50), MINUTE).unwrap().settle(cents(-50));
    budgets.reserve(&Subject::default(), Amount::new(Some(i128::MAX), 0), MINUTE).unwrap_err();
    budgets.reserve(&Subject::default(), cents(0), MINUTE).unwrap().settle(Amount::new(Some(i128::MAX), u64::MAX));
    assert!(budgets.reserve(&Subject::default(), cents(0), MINUTE).is_err());
}

#[test]
fn counters_that_nobody_uses_are_put_away_and_still_known() {
    let (ledger, watch) = (Arc::new(Ledger::default()), Watch::at(NOON));
    let budgets = budgets(&[r#"name = "tasks"; scope = "task"; tokens = 10"#], &ledger, &watch);
    let task = |number: u32| Caller { task: Some(format!("task-{number}")), ..Caller::default() };
    ledger.write(NOON, &task(0), tokens(10));
    let running = budgets.reserve(&task(1).subject(), tokens(10), MINUTE * 600).unwrap();
    for hour in 0..3 {
        watch.advance(MINUTE * 61);
        (0..70_000)
            .for_each(|number| drop(budgets.reserve(&task(2 + hour * 70_000 + number).subject(), tokens(1), MINUTE)));
    }
    assert!(budgets.status().len() < 150_000, "of 210,000 that were used");
    assert!(budgets.reserve(&task(0).subject(), tokens(1), MINUTE).is_err(), "the ledger knows");
    assert!(budgets.reserve(&task(1).subject(), tokens(1), MINUTE).is_err(), "what is in use stays");
    running.release();
}
