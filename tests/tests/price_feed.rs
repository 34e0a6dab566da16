//! Prices at an address, from a real server through the configuration to the records of the gateway.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tollbridge::config::{Config, Loader};
use tollbridge::types::Usage;
use tollbridge::usage::meter::Metering;
use tollbridge::usage::price::{PriceBook, Terms};
use tollbridge_gateway::Options;
use tollbridge_tests::{Bench, SOON, records};

/// A server of prices with a runtime of its own, so that it can die with all its connections.
struct PriceServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<Runtime>,
}

#[derive(Default)]
struct State {
    status: u16,
    body: String,
    unmodified: u32,
}

impl PriceServer {
    fn start(body: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let state = Arc::new(Mutex::new(State { status: 200, body, unmodified: 0 }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        let elsewhere = get(|| async { row("7") });
        let routes = Router::new()
            .route("/prices", get(move |headers: HeaderMap| async move { answer(&shared, &headers) }))
            .route("/elsewhere", elsewhere);
        runtime.spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), routes).await });
        Self { address, state, runtime: Some(runtime) }
    }

    fn say(&self, status: u16, body: String) {
        let mut state = self.state.lock().unwrap();
        (state.status, state.body) = (status, body);
    }

    fn die(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

impl Drop for PriceServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn answer(state: &Mutex<State>, headers: &HeaderMap) -> Response {
    let mut state = state.lock().unwrap();
    let mut hasher = DefaultHasher::new();
    state.body.hash(&mut hasher);
    let etag = format!("\"{:x}\"", hasher.finish());
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        state.unmodified += 1;
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let status = StatusCode::from_u16(state.status).unwrap();
    (status, [(header::ETAG, etag), (header::LOCATION, "/elsewhere".to_owned())], state.body.clone()).into_response()
}

fn row(price: &str) -> String {
    format!("[[model]]\nprovider = 'openai'\nname = 'gpt-4o'\ninput = {price}\noutput = 0\n")
}

fn config(folder: &Path, server: &PriceServer) -> Config {
    let registry = tollbridge::Registry::linked().unwrap();
    let arguments = [
        format!("usage.dir={}", folder.join("data").display()),
        format!("usage.prices=http://{}/prices?token=hush", server.address),
        "usage.prices_refresh=20ms".to_owned(),
    ];
    Loader::new(&registry).arguments(arguments).load().unwrap()
}

/// Returns what a million tokens cost.
fn price(book: &PriceBook) -> String {
    let mut usage = Usage::default();
    usage.input = Some(1_000_000);
    book.bill("openai", "gpt-4o", &usage, &Terms::default()).cost.unwrap().to_string()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + SOON;
    while !holds() {
        assert!(tokio::time::Instant::now() < end, "{what}");
        tokio::task::yield_now().await;
    }
}

/// Makes a call, and returns what a million of its tokens cost by its record.
async fn call(bench: &Bench, metering: &Metering, folder: &Path) -> i128 {
    let body = json!({"model": "openai/gpt-4o", "messages": [{"role": "user", "content": "hi"}]});
    let answer = bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(metering.ledger().unwrap().flush(SOON));
    let last = records(&folder.join("data")).pop().unwrap();
    assert!(!last.charge.book.as_ref().unwrap().contains("hush"));
    last.charge.cost.unwrap().pico() / i128::from(last.usage.unwrap().total_input())
}

async fn health(bench: &Bench) -> Value {
    bench.send(Method::GET, "/health", "").await.unwrap().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_changes_at_the_address_holds_for_the_next_call_and_the_last_good_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = PriceServer::start(row("1"));
    let config = config(folder.path(), &server);
    assert!(tollbridge::prices(&config).unwrap_err().to_string().contains("nothing was fetched"));
    let metering = tollbridge::metering(&config).unwrap().unwrap();
    let bench = Bench::with_metering(Options::default(), metering.clone()).await.unwrap();
    assert_eq!(call(&bench, &metering, folder.path()).await, 1_000_000);

    server.say(200, row("2"));
    until("the new price", || price(&metering.prices()) == "2 USD").await;
    assert_eq!(call(&bench, &metering, folder.path()).await, 2_000_000);
    until("a 304", || server.state.lock().unwrap().unmodified > 2).await;
    assert_eq!((price(&metering.prices()).as_str(), metering.price_warning()), ("2 USD", None));

    let warned = |text: &'static str| metering.price_warning().is_some_and(|warning| warning.contains(text));
    server.say(200, row("-3"));
    until("the refusal", || warned("line 4: `model[0].input` -3 is not between")).await;
    assert_eq!(call(&bench, &metering, folder.path()).await, 2_000_000);
    let told = health(&bench).await;
    assert!(told["status"] == "degraded" && told["prices"]["warning"].is_string(), "{told}");
    assert!(!told.to_string().contains("hush"), "{told}");
    server.say(302, row("5"));
    until("no redirect", || warned("no redirect is followed")).await;
    server.say(200, "#".repeat(9 << 20));
    until("the bound", || warned("longer than")).await;
    server.say(200, row("2"));
    until("the end of it", || metering.price_warning().is_none()).await;
    assert_eq!(health(&bench).await, json!({"status": "ok"}));

    server.die();
    until("the silence", || warned("could not be reached") || warned("broke")).await;
    assert_eq!(call(&bench, &metering, folder.path()).await, 2_000_000);

    let second = tollbridge::metering(&config).unwrap().unwrap();
    assert_eq!(price(&second.prices()), "2 USD");
    assert_eq!(price(&tollbridge::prices(&config).unwrap()), "2 USD");
}

#[tokio::test]
async fn a_first_start_without_the_address_has_the_prices_that_are_built_in() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = PriceServer::start(row("1"));
    server.die();
    let metering = tollbridge::metering(&config(folder.path(), &server)).unwrap().unwrap();
    assert_eq!(price(&metering.prices()), price(PriceBook::embedded()));
    until("the warning", || metering.price_warning().is_some()).await;
}
