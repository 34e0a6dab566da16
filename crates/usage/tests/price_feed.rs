//! A user's own prices at an address.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::time::Instant;
use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::Usage;
use tollbridge_usage::price::{Fetch, Fetched, PriceBook, PriceFeed, Prices, Terms};

const URL: &str = "https://example.com/prices?token=hush";

/// Answers as it is told to, and keeps what it was asked.
#[derive(Default)]
struct Server {
    answer: Mutex<Option<Fetched>>,
    asked: Mutex<Vec<(Instant, String)>>,
}

impl Server {
    fn answering(status: u16, body: &str) -> Self {
        let server = Self::default();
        server.say(status, body);
        server
    }

    fn say(&self, status: u16, body: &str) {
        let mut fetched = Fetched::new(status);
        fetched.body = body.as_bytes().to_vec();
        fetched.etag = Some(format!("\"{}\"", body.len()));
        fetched.last_modified = Some("Sat, 21 Nov 2026 10:00:00 GMT".to_owned());
        *self.answer.lock().unwrap() = Some(fetched);
    }

    fn die(&self) {
        *self.answer.lock().unwrap() = None;
    }

    fn last_headers(&self) -> String {
        self.asked.lock().unwrap().last().unwrap().1.clone()
    }

    /// Returns the seconds between what was asked.
    fn pauses(&self) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        asked.iter().zip(asked.iter().skip(1)).map(|(one, next)| (next.0 - one.0).as_secs()).collect()
    }
}

#[async_trait]
impl Fetch for Server {
    async fn fetch(&self, url: &str, headers: &[(&'static str, &str)], _: usize) -> Result<Fetched, Error> {
        assert_eq!(url, URL);
        let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        self.asked.lock().unwrap().push((Instant::now(), headers));
        self.answer.lock().unwrap().clone().ok_or_else(|| Error::new(ErrorKind::Network, "connection refused"))
    }
}

fn open(folder: &TempDir, url: &str) -> PriceFeed {
    PriceFeed::open(PriceBook::embedded().clone(), url, folder.path().join("data"))
}

fn priced(price: &str) -> String {
    format!("{{\"model\": [\n {{\"name\": \"m\",\n  \"input\": {price}, \"output\": 0}}]}}")
}

fn cost(feed: &PriceFeed) -> String {
    let mut usage = Usage::default();
    usage.input = Some(1_000_000);
    let bill = feed.book().bill("any", "m", &usage, &Terms::default());
    bill.cost.map_or("unpriced".to_owned(), |cost| cost.to_string())
}

#[tokio::test]
async fn the_last_good_prices_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (feed, server) = (open(&folder, URL), Server::answering(200, &priced("1")));
    assert_eq!((cost(&feed).as_str(), feed.is_filled()), ("unpriced", false));
    assert!(feed.refresh(&server).await.unwrap());
    assert_eq!((cost(&feed).as_str(), server.last_headers().as_str()), ("1 USD", ""));

    server.say(304, "");
    assert!(!feed.refresh(&server).await.unwrap());
    assert_eq!(server.last_headers(), "if-none-match: \"55\"\nif-modified-since: Sat, 21 Nov 2026 10:00:00 GMT\n");
    server.say(200, &priced("2.50"));
    assert!(feed.refresh(&server).await.unwrap());
    assert_eq!((cost(&feed).as_str(), feed.warning()), ("2.5 USD", None));
    // A server without validators sends the same again.
    assert!(!feed.refresh(&server).await.unwrap());

    let mut told = Vec::new();
    let redirect = (302, String::new());
    let wrong =
        [(200, priced("-1")), (200, priced("1e9")), (200, "[[model]".to_owned()), (500, String::new()), redirect];
    for (status, body) in wrong {
        server.say(status, &body);
        told.push(feed.refresh(&server).await.unwrap_err().to_string());
        assert_eq!((cost(&feed), feed.warning()), ("2.5 USD".to_owned(), told.last().cloned()));
    }
    server.die();
    told.push(feed.refresh(&server).await.unwrap_err().to_string());
    assert_eq!(cost(&feed), "2.5 USD");
    insta::assert_snapshot!(told.join("\n"), @r"
    prices of https://example.com/prices, line 3: `model[0].input` -1 is not between 0 and 100000, where a price of this unit can be
    prices of https://example.com/prices, line 3: `model[0].input` 1000000000 is not between 0 and 100000, where a price of this unit can be
    prices of https://example.com/prices, line 1: unclosed array table, expected `]`
    prices of https://example.com/prices: answered 500
    prices of https://example.com/prices: answered 302, and no redirect is followed; name the address that it leads to
    prices of https://example.com/prices: connection refused
    ");
    server.say(304, "");
    assert!(!feed.refresh(&server).await.unwrap());
    assert_eq!(feed.warning(), None);
}

#[tokio::test]
async fn what_is_kept_holds_for_the_same_address() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::answering(200, "[[model]]\nname = 'm'\ninput = 3\noutput = 0");
    open(&folder, URL).refresh(&server).await.unwrap();
    server.die();
    let feed = open(&folder, URL);
    assert!(feed.is_filled());
    feed.refresh(&server).await.unwrap_err();
    assert_eq!(cost(&feed), "3 USD");
    assert!(server.last_headers().contains("if-none-match"));
    assert!(!open(&folder, "https://example.com/prices?token=other").is_filled());

    let kept = only_file(&folder.path().join("data"));
    assert!(!std::fs::read_to_string(&kept).unwrap().contains("hush"));
    std::fs::write(&kept, "{\"source\":").unwrap();
    assert!(!open(&folder, URL).is_filled());
}

fn only_file(folder: &Path) -> std::path::PathBuf {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_costs_only_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), "a file").unwrap();
    let feed = open(&folder, URL);
    assert!(feed.refresh(&Server::answering(200, &priced("1"))).await.unwrap());
    assert_eq!((cost(&feed).as_str(), feed.warning()), ("1 USD", None));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let (feed, server) = (open(&folder, URL), Server::answering(200, &priced("1")));
    let hour = Duration::from_secs(3600);
    let _ = tokio::time::timeout(hour * 2 + Duration::from_secs(1), feed.run(&server, hour)).await;
    server.die();
    let _ = tokio::time::timeout(hour + Duration::from_secs(130), feed.run(&server, hour)).await;
    assert_eq!(server.pauses(), [3600, 3601, 60, 60]);
}

#[tokio::test]
async fn each_way_to_fail_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (feed, server) = (open(&folder, URL), Server::answering(200, &priced("1")));
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    for step in ["good", "dead", "dead", "dead", "500", "500", "good", "good", "dead"] {
        match step {
            "good" => server.say(200, &priced("1")),
            "dead" => server.die(),
            _ => server.say(500, ""),
        }
        let _ = feed.refresh(&server).await;
    }
    insta::assert_snapshot!(log.0.lock().unwrap().join("\n"), @r"
    INFO the prices of https://example.com/prices have changed
    WARN the prices stay as they were: prices of https://example.com/prices: connection refused
    WARN the prices stay as they were: prices of https://example.com/prices: answered 500
    INFO the prices of https://example.com/prices are there again
    WARN the prices stay as they were: prices of https://example.com/prices: connection refused
    ");
}

/// Keeps the lines of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Log {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("tollbridge")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Message(String);

        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{value:?}");
            }
        }

        let mut message = Message(format!("{} ", event.metadata().level()));
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
