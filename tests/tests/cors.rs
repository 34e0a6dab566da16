//! Pages of allowed origins may call from a browser, and no others.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::Arc;

use http::Method;
use serde_json::json;
use tollbridge_gateway::Options;
use tollbridge_testkit::Step;
use tollbridge_tests::{Answered, Bench};
use tollbridge_usage::key::{KeyStore, NewKey};

const PAGE: &str = "http://localhost:5173";

fn options(origins: &[&str]) -> Options {
    let mut options = Options::default();
    options.cors_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    options
}

async fn preflight(bench: &Bench, path: &str, origin: &str) -> Answered {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,x-stainless-os"),
    ];
    bench.send_with(Method::OPTIONS, path, &headers, "").await.unwrap()
}

fn chat(stream: bool) -> String {
    json!({"model": "openai/m", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}).to_string()
}

#[tokio::test]
async fn a_preflight_passes_without_a_key_and_names_method_and_headers() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyStore::open(folder.path()).unwrap();
    keys.create(NewKey::new("one"), tollbridge_usage::now_ms()).unwrap();
    let mut options = options(&[PAGE]);
    options.keys = Some(Arc::new(keys));
    let bench = Bench::with(options).await.unwrap();
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/openai/m:generateContent"] {
        let answer = preflight(&bench, path, PAGE).await;
        assert_eq!(answer.status, 204, "{path}: {}", answer.text());
        assert_eq!(answer.headers["access-control-allow-origin"], PAGE, "{path}");
        assert!(answer.headers["access-control-allow-methods"].to_str().unwrap().contains("POST"), "{path}");
        assert_eq!(answer.headers["access-control-allow-headers"], "authorization,content-type,x-stainless-os");
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{path}");
        assert!(answer.body.is_empty(), "{path}");
    }
    // The call itself needs the key, and the page may read that it was refused.
    let answer = bench.send_with(Method::POST, "/v1/chat/completions", &[("origin", PAGE)], chat(false)).await.unwrap();
    assert_eq!((answer.status.as_u16(), &answer.headers["access-control-allow-origin"]), (401, &PAGE.parse().unwrap()));
}

#[tokio::test]
async fn every_answer_names_the_origin() {
    let bench = Bench::with(options(&["https://app.example", PAGE])).await.unwrap();
    let post =
        async |path: &str, body: String| bench.send_with(Method::POST, path, &[("origin", PAGE)], body).await.unwrap();
    let get = async |method: Method, path: &str| bench.send_with(method, path, &[("origin", PAGE)], "").await.unwrap();
    let mut answers = vec![
        (200, post("/v1/chat/completions", chat(false)).await),
        (200, post("/v1/chat/completions", chat(true)).await),
        (400, post("/v1/chat/completions", "{".to_owned()).await),
        (404, post("/v1/nothing", String::new()).await),
        (405, get(Method::DELETE, "/v1/models").await),
        (200, get(Method::GET, "/v1/models").await),
        (200, get(Method::HEAD, "/v1/models").await),
        (200, get(Method::GET, "/health").await),
    ];
    bench.openai.play(vec![Step::parse("overloaded").unwrap()]);
    answers.push((503, post("/v1/chat/completions", chat(false)).await));
    for (status, answer) in answers {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.headers.get_all("access-control-allow-origin").iter().count(), 1, "{}", answer.text());
        assert_eq!(answer.headers["access-control-allow-origin"], PAGE, "{}", answer.text());
        assert_eq!(answer.headers["vary"], "Origin", "{}", answer.text());
        assert_eq!(answer.headers["access-control-expose-headers"], "*", "{}", answer.text());
        assert!(!answer.headers.contains_key("access-control-allow-credentials"), "{}", answer.text());
    }
}

#[tokio::test]
async fn nothing_is_allowed_to_other_origins() {
    for origins in [&[][..], &[PAGE][..]] {
        let bench = Bench::with(options(origins)).await.unwrap();
        for origin in ["http://localhost:5174", "https://localhost:5173", "http://localhost.evil.example:5173", "null"]
        {
            let answer = preflight(&bench, "/v1/chat/completions", origin).await;
            assert_eq!(answer.status, 403, "{origin}");
            // Without a key, a foreign page is a stranger; a page of this machine is answered and cannot read it.
            let headers = [("origin", origin)];
            let called = bench.send_with(Method::POST, "/v1/chat/completions", &headers, chat(false)).await.unwrap();
            assert_eq!(called.status == 200, !origin.contains("evil") && origin != "null", "{origin}");
            for answer in [answer, called] {
                let told = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
                assert!(!told, "{origin}: {:?}", answer.headers);
            }
        }
    }
}

#[tokio::test]
async fn a_star_allows_every_origin_and_options_tells_the_methods() {
    let bench = Bench::with(options(&["*"])).await.unwrap();
    let answer = preflight(&bench, "/v1/chat/completions", "https://any.example").await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://any.example");
    // Without a key, a page that is not allowed by its name stays a stranger.
    let call = async |bench: &Bench| {
        let headers = [("origin", "https://any.example")];
        bench.send_with(Method::POST, "/v1/chat/completions", &headers, chat(false)).await.unwrap().status
    };
    assert_eq!(call(&bench).await, 403);
    assert_eq!(call(&Bench::with(options(&["https://any.example"])).await.unwrap()).await, 200);
    let answer = bench.send(Method::OPTIONS, "/v1/models", "").await.unwrap();
    assert_eq!(answer.status, 204);
    assert_eq!(answer.headers["allow"], "GET,HEAD,OPTIONS");
    assert!(!answer.headers.contains_key("access-control-allow-methods"));
    assert_eq!(bench.send(Method::OPTIONS, "/v1/nothing", "").await.unwrap().status, 404);
}
