//! Media through the gateway: in the form of each vendor, refused before anything is sent, or fetched where that is on.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tollbridge::core::{Fetch, FetchedBytes};
use tollbridge::{CallContext, Error, ErrorKind};
use tollbridge_gateway::Options;
use tollbridge_tests::Bench;

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn chat(model: &str, part: impl Into<Value>) -> String {
    let part: Value = part.into();
    json!({"model": model, "messages": [{"role": "user", "content": [part, {"type": "text", "text": "?"}]}]})
        .to_string()
}

fn image(url: &str) -> Value {
    json!({"type": "image_url", "image_url": {"url": url}})
}

#[tokio::test]
async fn the_reports_inputs_reach_anthropic_as_it_wants_them() {
    let bench = Bench::start().await.unwrap();
    let sent = || bench.anthropic.requests().pop().unwrap().json();
    let octets = chat("anthropic/m", image(&format!("data:application/octet-stream;base64,{PNG}")));
    let answered = bench.send(Method::POST, "/v1/chat/completions", octets).await.unwrap();
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    let source = json!({"type": "base64", "media_type": "image/png", "data": PNG});
    assert_eq!(sent()["messages"][0]["content"][0]["source"], source);

    let text = |data: &str| json!({"type": "text", "media_type": "text/plain", "data": data});
    let file = json!({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,aGVsbG8="}});
    bench.send(Method::POST, "/v1/chat/completions", chat("anthropic/m", file)).await.unwrap();
    assert_eq!(sent()["messages"][0]["content"][0]["source"], text("hello"));
    let csv = json!({"type": "input_file", "filename": "a.csv", "file_data": "data:text/csv;base64,YSxiCg=="});
    let body = json!({"model": "anthropic/m", "input": [{"role": "user", "content": [csv, {"type": "input_text", "text": "?"}]}]});
    bench.send(Method::POST, "/v1/responses", body.to_string()).await.unwrap();
    assert_eq!(sent()["messages"][0]["content"][0]["source"], text("a,b\n"));
    let body = json!({"contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "text/plain", "data": "aGVsbG8="}}, {"text": "?"}]}]});
    bench.send(Method::POST, "/v1beta/models/anthropic/m:generateContent", body.to_string()).await.unwrap();
    assert_eq!(sent()["messages"][0]["content"][0]["source"], text("hello"));

    let before = bench.anthropic.requests().len();
    let svg = chat("anthropic/m", image("data:image/svg+xml;base64,PHN2Zy8+"));
    let answered = bench.send(Method::POST, "/v1/chat/completions", svg).await.unwrap();
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    let error = &answered.json()["error"];
    assert!(error["param"].as_str().unwrap().starts_with("messages[0].content[0]"), "{error}");
    assert!(error["message"].as_str().unwrap().contains("image/jpeg, image/png, image/gif, image/webp"), "{error}");
    assert_eq!(bench.anthropic.requests().len(), before);
}

/// Fetches from a table.
struct Shelf;

#[async_trait]
impl Fetch for Shelf {
    async fn fetch(&self, urls: &[String], _: &CallContext) -> Result<Vec<FetchedBytes>, (usize, Error)> {
        let get = |(place, url): (usize, &String)| match url.as_str() {
            "https://h.example/a" => {
                Ok(FetchedBytes::new(b"\x89PNG\r\n\x1a\n"[..].into(), Some("text/html".to_owned())))
            }
            _ => Err((place, Error::new(ErrorKind::InvalidRequest, "the address is not public"))),
        };
        urls.iter().enumerate().map(get).collect()
    }
}

#[tokio::test]
async fn an_address_is_fetched_only_where_that_is_on_and_the_vendor_needs_it() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let body = chat("ollama/m", image("https://h.example/a"));
    let answered = bench.send(Method::POST, "/v1/chat/completions", body.clone()).await.unwrap();
    assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{}", answered.text());
    assert!(answered.text().contains("media.fetch"), "{}", answered.text());

    let bench = Bench::with_fetch(Options::default(), Arc::new(Shelf)).await.unwrap();
    let answered = bench.send(Method::POST, "/v1/chat/completions", body).await.unwrap();
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.text());
    let ollama = bench.upstreams().find(|(name, _)| *name == "ollama").unwrap().1;
    let sent = ollama.requests().pop().unwrap().json();
    assert_eq!(sent["messages"][0]["images"], json!(["iVBORw0KGgo="]));

    let other = chat("ollama/m", image("http://169.254.169.254/latest"));
    let answered = bench.send(Method::POST, "/v1/chat/completions", other).await.unwrap();
    assert_eq!(answered.status, StatusCode::BAD_REQUEST);
    let error = &answered.json()["error"];
    assert!(error["param"].as_str().unwrap().starts_with("messages[0].content[0]"), "{error}");
    // Anthropic reads addresses itself.
    bench.send(Method::POST, "/v1/chat/completions", chat("anthropic/m", image("https://h.example/a"))).await.unwrap();
    let sent = bench.anthropic.requests().pop().unwrap().json();
    assert_eq!(sent["messages"][0]["content"][0]["source"]["type"], "url");
    // A path of this machine is read by nobody.
    for path in ["file:///etc/passwd", "/etc/passwd"] {
        let answered = bench.send(Method::POST, "/v1/chat/completions", chat("ollama/m", image(path))).await.unwrap();
        assert_eq!(answered.status, StatusCode::BAD_REQUEST, "{path}");
    }
}
