//! A server with paths, headers and fields of its own is reached by configuration alone.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use futures_util::StreamExt;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};
use tollbridge::config::Loader;
use tollbridge::{Client, ErrorKind, Registry};

type Seen = Arc<Mutex<Vec<(Uri, HeaderMap, Value)>>>;

/// Answers in no vendor's form.
async fn answer(State(seen): State<Seen>, uri: Uri, headers: HeaderMap, body: Bytes) -> String {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let stream = body.get("flow").is_some_and(|flow| *flow == true);
    seen.lock().unwrap().push((uri, headers, body));
    if !stream {
        return json!({"result": {"text": "hello", "why": "stop"}, "billing": {"in": 7, "out": 2}}).to_string();
    }
    let chunks = [json!({"token": {"text": "hel"}}), json!({"token": {"text": "lo", "why": "stop"}})];
    chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect()
}

async fn start() -> (String, Seen) {
    let seen = Seen::default();
    let app = Router::new().fallback(answer).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, seen)
}

fn client(file: &str) -> Result<Client, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollbridge.toml");
    std::fs::write(&path, file).unwrap();
    let registry = Registry::linked().unwrap();
    let config = Loader::new(&registry).file(path).load().map_err(|problems| problems.to_string())?;
    Client::builder_with(registry).config(&config).build().map_err(|error| error.to_string())
}

#[tokio::test]
async fn odd_paths_headers_and_fields_are_a_matter_of_configuration() {
    let (url, seen) = start().await;
    let file = format!(
        r#"
[providers.house]
kind = "custom"
base_url = "{url}"
path = "/engines/{{model}}/talk?version=2"
auth = "x-house-key"
api_key = "secret"
headers = {{ x-team = "search" }}
stream_options = false
[providers.house.request_fields]
messages = "conversation.turns"
max_tokens = "limits.answer"
stream = "flow"
model = ""
[providers.house.reply_fields]
"choices.0.message.content" = "result.text"
"choices.0.finish_reason" = "result.why"
"usage.prompt_tokens" = "billing.in"
"usage.completion_tokens" = "billing.out"
[providers.house.stream_fields]
"choices.0.delta.content" = "token.text"
"choices.0.finish_reason" = "token.why"
"#
    );
    let client = client(&file).unwrap();
    let answer = client.chat("house/big one", "hi").max_tokens(9).await.unwrap();
    assert_eq!((answer.text().as_str(), answer.finish().unwrap().raw.as_deref()), ("hello", Some("stop")));
    let usage = answer.usage.as_ref().unwrap();
    assert_eq!((usage.total_input(), usage.total_output()), (7, 2));
    let mut stream = client.chat("house/big one", "hi").stream().await.unwrap();
    while let Some(event) = stream.next().await {
        event.unwrap();
    }
    assert_eq!(stream.so_far().text(), "hello");
    let seen = seen.lock().unwrap();
    for (uri, headers, body) in seen.iter() {
        assert_eq!(uri.to_string(), "/api/engines/big%20one/talk?version=2");
        assert_eq!(
            (&headers["x-house-key"], &headers["x-team"]),
            (&"secret".parse().unwrap(), &"search".parse().unwrap())
        );
        assert!(!headers.contains_key("authorization"));
        assert_eq!(body["conversation"]["turns"][0]["content"], "hi");
        assert!(["messages", "model", "stream", "max_tokens"].iter().all(|name| body.get(*name).is_none()), "{body}");
    }
    assert_eq!(seen[0].2["limits"]["answer"], 9);
    assert_eq!(seen[1].2["flow"], true);
}

#[test]
fn a_map_that_is_none_is_told_when_the_client_is_made() {
    let file = "[providers.house]\nkind = \"custom\"\nbase_url = \"http://localhost:1\"\nreply_fields = \"what\"\n";
    let told = client(file).unwrap_err();
    assert!(told.contains("a map of fields"), "{told}");
}

#[tokio::test]
async fn the_context_window_is_the_configured_one_the_known_one_or_the_usual_one() {
    let file = "[providers.anthropic]\napi_key = \"k\"\n[providers.anthropic.models.mine]\ncontext_window = 128000\n\
                [providers.house]\nkind = \"custom\"\nbase_url = \"http://localhost:1\"\n[aliases]\n\"m-*\" = \"anthropic/*\"\nm = \"anthropic/mine\"\n";
    let client = client(file).unwrap();
    for (model, window) in [("anthropic/mine", 128_000), ("m", 128_000), ("house/nobody-knows", 200_000)] {
        assert_eq!(client.context_window(model).unwrap(), window, "{model}");
    }
    assert!(client.context_window("anthropic/claude-opus-4-6").unwrap() >= 200_000);
    assert_eq!(client.context_window("nobody/m").unwrap_err().kind(), ErrorKind::ModelNotFound);
}
