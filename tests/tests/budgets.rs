//! Budgets before a gateway: what is refused, and what is known of before.

use std::sync::Arc;

use http::Method;
use tollbridge::usage::budget::{Budgets, SystemClock};
use tollbridge::usage::key::{KeyBudget, KeyStore, NewKey};
use tollbridge::usage::ledger::{Ledger, LedgerOptions};
use tollbridge::usage::meter::{LedgerSpending, Metering, MeteringOptions};
use tollbridge_gateway::Options;
use tollbridge_tests::{Bench, Recorded, SOON, calls, limited, records};

#[tokio::test]
async fn a_budget_refuses_before_anything_is_sent_and_in_every_clients_own_form() {
    let recorded = Recorded::start(limited("0.000001")).await;
    let mut told = Vec::new();
    for (path, body) in calls("openai/gpt-4o", false) {
        let answer = recorded.bench.send(Method::POST, &path, body.to_string()).await.unwrap();
        let path = path.replace("openai/gpt-4o", "MODEL");
        told.push(format!(
            "{path} {}\n{}",
            answer.status.as_u16(),
            answer.text().replace(answer.headers["x-request-id"].to_str().unwrap(), "ID")
        ));
    }
    insta::assert_snapshot!(told.join("\n\n"));
    assert!(recorded.records().is_empty());
    assert!(recorded.bench.openai.requests().is_empty());
}

#[tokio::test]
async fn a_key_is_held_to_its_budget_also_if_it_is_made_while_the_gateway_runs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(KeyStore::open(folder.path()).unwrap());
    let make = |name: &str, tokens: Option<u64>| {
        let mut new = NewKey::new(name);
        new.budgets.extend(tokens.map(|tokens| KeyBudget::tokens(tokens, "day")));
        store.create(new, 1).unwrap().text.expose().to_owned()
    };
    let (poor, rich) = (make("poor", Some(10)), make("rich", None));
    let mut options = Options::default();
    options.keys = Some(Arc::clone(&store));
    let mut metering = MeteringOptions::default();
    let ledger = Ledger::open(&LedgerOptions::new(folder.path()));
    let spending = Arc::new(LedgerSpending::new(&ledger));
    metering.budgets = Some(Budgets::new(Vec::new(), spending, Arc::new(SystemClock::new())).unwrap());
    let bench = Bench::with_metering(options, Metering::new(metering)).await.unwrap();
    let call = async |key: &str| {
        let (path, body) = &calls("echo/any", false)[2];
        bench.send_with(Method::POST, path, &[("x-api-key", key)], body.to_string()).await.unwrap()
    };
    let refused = call(&poor).await;
    assert!(refused.status == 429 && refused.text().contains("budget `key poor`"), "{}", refused.text());
    assert_eq!(call(&rich).await.status, 200);
    // The second one is made when the keys have been looked at again.
    for name in ["late", "later"] {
        let key = make(name, Some(10));
        let until = tokio::time::Instant::now() + SOON;
        while call(&key).await.status != 429 {
            assert!(tokio::time::Instant::now() < until, "the budget of {name} is not held");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn parallel_calls_do_not_spend_the_same_room() {
    // A call reserves its prompt and 50 tokens of answer: about half a thousandth of a dollar.
    let recorded = Recorded::start(limited("0.0011")).await;
    let calls = (0..10).map(|_| recorded.chat("openai/gpt-4o", &[]));
    let outcomes = futures_util::future::join_all(calls).await;
    let served = outcomes.iter().filter(|(status, _)| *status == 200).count();
    assert!((1..10).contains(&served), "{served}");
    let spent: i128 = recorded.records().iter().map(|record| record.charge.cost.unwrap().pico()).sum();
    assert!(spent <= 1_100_000_000, "{spent}");
    let status = recorded.metering.budgets().unwrap().status().remove(0);
    assert_eq!((status.spent.count(), status.reserved.count()), (spent, 0));
}

#[tokio::test]
async fn a_budget_knows_after_a_restart_what_was_spent() {
    let folder = {
        let recorded = Recorded::start(limited("1")).await;
        recorded.chat("openai/gpt-4o", &[]).await;
        assert_eq!(recorded.records().len(), 1);
        recorded.folder
    };
    let ledger = Ledger::open(&LedgerOptions::new(folder.path()));
    let mut options = MeteringOptions::default();
    limited("1")(&mut options, &ledger);
    let spent = options.budgets.unwrap().status().remove(0).spent;
    assert_eq!(spent.count(), records(folder.path())[0].charge.cost.unwrap().pico());
}
