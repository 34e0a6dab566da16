//! Costs in other currencies: apart without exchange rates, and counted in dollars with them.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use tollbridge::config::Loader;
use tollbridge::usage::meter::Metering;
use tollbridge_gateway::Options;
use tollbridge_tests::Bench;

/// A gateway whose model costs ten yuan a call, before a budget of two dollars.
async fn start(folder: &Path, rate: Option<&str>) -> (Bench, Metering) {
    let prices = folder.join("prices.toml");
    let price = "[[model]]\nprovider = 'openai'\nname = 'm'\ncurrency = 'CNY'\nrequest = 10\ninput = 0\noutput = 0\n";
    std::fs::write(&prices, price).unwrap();
    let registry = tollbridge::Registry::linked().unwrap();
    let mut arguments = vec![
        format!("usage.dir={}", folder.join("data").display()),
        format!("usage.prices={}", prices.display()),
        "budgets.all.scope=global".to_owned(),
        "budgets.all.usd=2".to_owned(),
        "budgets.all.window=forever".to_owned(),
    ];
    arguments.extend(rate.map(|rate| format!("usage.rates.CNY={rate}")));
    let config = Loader::new(&registry).arguments(arguments).load().unwrap();
    let metering = tollbridge::metering(&config).unwrap().unwrap();
    (Bench::with_metering(Options::default(), metering.clone()).await.unwrap(), metering)
}

async fn call(bench: &Bench) -> u16 {
    let body = json!({"model": "openai/m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]});
    bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap().status.as_u16()
}

async fn get(bench: &Bench, path: &str) -> Value {
    bench.send(Method::GET, path, "").await.unwrap().json()
}

#[tokio::test]
async fn a_budget_in_dollars_counts_other_currencies_at_their_rate() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, metering) = start(folder.path(), Some("0.14")).await;
    assert_eq!([call(&bench).await, call(&bench).await], [200, 429]);
    assert_eq!(metering.totals().pico_usd, 1_400_000_000_000);
    let budgets = get(&bench, "/v1/usage/budgets").await;
    assert_eq!(budgets["data"][0]["spent"], "1.4");
    let summary = get(&bench, "/v1/usage/summary").await;
    assert_eq!(summary["total"]["cost"], json!({"CNY": "10"}));
    assert_eq!(summary["converted"], json!({"usd": "1.4", "rates": {"CNY": "0.14"}}));
    let records = get(&bench, "/v1/usage/records").await;
    assert_eq!(records["data"][0]["charge"]["cost"], "10 CNY");
    // The next process begins with what the ledger has, at its own rate.
    let (next, _) = start(folder.path(), Some("0.15")).await;
    assert_eq!(get(&next, "/v1/usage/budgets").await["data"][0]["spent"], "1.5");
}

#[tokio::test]
async fn without_a_rate_nothing_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, metering) = start(folder.path(), None).await;
    assert_eq!([call(&bench).await, call(&bench).await], [200, 200]);
    assert_eq!((metering.totals().pico_usd, metering.totals().unpriced), (0, 2));
    assert_eq!(get(&bench, "/v1/usage/budgets").await["data"][0]["spent"], "0");
    let summary = get(&bench, "/v1/usage/summary").await;
    assert_eq!((&summary["total"]["cost"], &summary["converted"]), (&json!({"CNY": "20"}), &Value::Null));
}
