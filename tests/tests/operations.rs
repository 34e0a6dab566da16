//! Everything that is not a chat, through the gateway; and what the gateway says of losses.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge_gateway::Options;
use tollbridge_tests::{Answered, Bench};

async fn post(bench: &Bench, path: &str, body: &Value) -> Answered {
    bench.send(Method::POST, path, body.to_string()).await.unwrap()
}

fn field<'a>(body: &'a Value, path: &str) -> &'a Value {
    body.pointer(path).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn tokens_are_counted_in_each_clients_form_by_each_vendor_or_here() {
    let bench = Bench::start().await.unwrap();
    let message = json!([{"role": "user", "content": "How many tokens are these?"}]);
    let contents = json!([{"role": "user", "parts": [{"text": "How many tokens are these?"}]}]);
    for model in ["openai/m", "anthropic/m", "gemini/m", "echo/any"] {
        let body = json!({"model": model, "messages": message, "max_tokens": 5});
        let anthropic = post(&bench, "/v1/messages/count_tokens", &body).await;
        let gemini = format!("/v1beta/models/{model}:countTokens");
        let gemini = post(&bench, &gemini, &json!({"contents": contents})).await;
        let responses = json!({"model": model, "input": "How many tokens are these?"});
        let responses = post(&bench, "/v1/responses/input_tokens", &responses).await;
        let counts = [(&anthropic, "/input_tokens"), (&gemini, "/totalTokens"), (&responses, "/input_tokens")];
        for (answer, path) in counts {
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
            assert!(field(&answer.json(), path).as_u64().is_some_and(|count| count > 4), "{model}: {}", answer.text());
            let counted_here = answer.text().contains("counted") || answer.text().contains("estimated");
            assert_eq!(counted_here, model.starts_with("echo"), "{model}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn embeddings_come_in_the_form_and_order_that_was_asked_for() {
    let bench = Bench::start().await.unwrap();
    for model in ["openai/m", "gemini/m", "echo/any"] {
        let body = json!({"model": model, "input": ["one", "two", "three"], "dimensions": 4});
        let floats = post(&bench, "/v1/embeddings", &body).await.json();
        let list = floats["data"].as_array().unwrap();
        assert_eq!(list.iter().map(|one| one["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2], "{model}");
        assert!(list.iter().all(|one| one["embedding"].as_array().is_some_and(|vector| vector.len() == 4)), "{model}");
        let mut body = body;
        body["encoding_format"] = "base64".into();
        let coded = post(&bench, "/v1/embeddings", &body).await.json();
        // Four numbers of four bytes.
        assert_eq!(field(&coded, "/data/2/embedding").as_str().map(str::len), Some(24), "{model}: {coded}");
    }
    let google =
        json!({"requests": [{"content": {"parts": [{"text": "one"}]}}, {"content": {"parts": [{"text": "two"}]}}]});
    let answer = post(&bench, "/v1beta/models/openai/m:batchEmbedContents", &google).await.json();
    assert_eq!(answer["embeddings"].as_array().map(Vec::len), Some(2), "{answer}");
}

#[tokio::test]
async fn what_one_vendor_has_passes_as_it_is() {
    let bench = Bench::start().await.unwrap();
    for (path, body, wanted) in [
        ("/v1/moderations", json!({"model": "openai/m", "input": "hi"}), "/results/0/flagged"),
        ("/v1/images/generations", json!({"model": "openai/m", "prompt": "a cat"}), "/data/0"),
        ("/v1/rerank", json!({"model": "openai/m", "query": "q", "documents": ["a", "b"]}), ""),
        ("/v1/completions", json!({"model": "openai/m", "prompt": "Once"}), "/choices/0/text"),
    ] {
        let answer = post(&bench, path, &body).await;
        if wanted.is_empty() {
            // OpenAI sorts nothing, and the error says who does not.
            assert_eq!(answer.status, 400, "{path}: {}", answer.text());
            assert!(answer.text().contains("rerank"), "{path}: {}", answer.text());
            continue;
        }
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.json().pointer(wanted).is_some(), "{path}: {}", answer.text());
        assert_eq!(field(&bench.openai.requests().pop().unwrap().json(), "/model"), "m", "{path}");
        // A provider that has no such thing refuses it before anything is sent.
        let mut elsewhere = body;
        elsewhere["model"] = "anthropic/m".into();
        if path != "/v1/completions" {
            let refused = post(&bench, path, &elsewhere).await;
            assert_eq!(refused.status, 400, "{path}: {}", refused.text());
        }
    }
    let speech = post(&bench, "/v1/audio/speech", &json!({"model": "openai/m", "input": "hi", "voice": "alloy"})).await;
    assert_eq!((speech.status.as_u16(), &speech.headers["content-type"]), (200, &"audio/mpeg".parse().unwrap()));
    assert!(!speech.body.is_empty());
}

#[tokio::test]
async fn a_response_id_is_refused_where_nobody_keeps_responses() {
    let bench = Bench::start().await.unwrap();
    for model in ["anthropic/m", "gemini/m"] {
        let body = json!({"model": model, "input": "go on", "previous_response_id": "resp_1"});
        let answer = post(&bench, "/v1/responses", &body).await;
        assert_eq!(answer.status, 400, "{model}: {}", answer.text());
        assert_eq!(field(&answer.json(), "/error/param"), "previous_response_id", "{model}");
    }
    let body = json!({"model": "openai/m", "input": "go on", "previous_response_id": "resp_1"});
    assert_eq!(post(&bench, "/v1/responses", &body).await.status, 200);
    assert_eq!(field(&bench.openai.requests().pop().unwrap().json(), "/previous_response_id"), "resp_1");
}

fn losing() -> Value {
    json!({"model": "anthropic/m", "seed": 7, "max_tokens": 9, "messages": [{"role": "user", "name": "ann", "content": "hi"}]})
}

#[tokio::test]
async fn losses_are_told_in_a_header_and_counted() {
    let bench = Bench::start().await.unwrap();
    for stream in [false, true] {
        let mut body = losing();
        body["stream"] = stream.into();
        let answer = post(&bench, "/v1/chat/completions", &body).await;
        assert_eq!(answer.headers["x-tollbridge-loss"], "dropped messages[0].name, dropped seed", "{}", answer.text());
    }
    let mut body = losing();
    body["model"] = "openai/m".into();
    let answer = post(&bench, "/v1/chat/completions", &body).await;
    assert!(!answer.headers.contains_key("x-tollbridge-loss"), "nothing is lost within a protocol");
    let metrics = bench.send(Method::GET, "/metrics", "").await.unwrap().text();
    let line = r#"tollbridge_losses_total{client="openai.chat",vendor="anthropic.messages",kind="dropped"} 4"#;
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
}

#[tokio::test]
async fn strict_calls_are_refused_before_they_are_sent_by_header_or_by_configuration() {
    let bench = Bench::start().await.unwrap();
    let strict = [("x-tollbridge-strict", "true")];
    let answer = bench.send_with(Method::POST, "/v1/chat/completions", &strict, losing().to_string()).await.unwrap();
    assert_eq!(answer.status, 400);
    let message = answer.json();
    let message = field(&message, "/error/message").as_str().unwrap();
    assert!(message.contains("`messages[0].name`") && message.contains("`seed`"), "{message}");
    assert!(bench.anthropic.requests().is_empty(), "it was sent");
    let wrong = [("x-tollbridge-strict", "maybe")];
    let answer = bench.send_with(Method::POST, "/v1/chat/completions", &wrong, losing().to_string()).await.unwrap();
    assert_eq!(answer.status, 400);

    let mut options = Options::default();
    options.strict = true;
    let bench = Bench::with(options).await.unwrap();
    assert_eq!(post(&bench, "/v1/chat/completions", &losing()).await.status, 400);
    let lenient = [("x-tollbridge-strict", "false")];
    let answer = bench.send_with(Method::POST, "/v1/chat/completions", &lenient, losing().to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn hostile_bodies_are_refused_in_each_protocols_own_form() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    // No vendor's own protocol, so that all is read here.
    let deep = format!("{{\"model\":\"cohere/m\",\"messages\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let message = |content: &str| {
        format!("{{\"model\":\"cohere/m\",\"messages\":[{{\"role\":\"user\",\"content\":{content}}}]}}")
    };
    for path in ["/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/cohere/m:generateContent"] {
        for body in [deep.clone(), message("\"\\ud800\""), message("1e999"), "[]".into(), "\u{0}".into(), String::new()]
        {
            let answer = bench.send(Method::POST, path, body.clone()).await.unwrap();
            let shown: String = body.chars().take(80).collect();
            assert_eq!(answer.status, 400, "{path} {shown}: {}", answer.text());
            assert!(field(&answer.json(), "/error/message").is_string(), "{path} {shown}: {}", answer.text());
        }
    }
    // A text of 64 MB is larger than bodies may be.
    let answer =
        bench.send(Method::POST, "/v1/chat/completions", message(&format!("\"{}\"", "x".repeat(64 << 20)))).await;
    assert_eq!(answer.unwrap().status, 413);
    assert!(bench.openai.requests().is_empty());
}

#[tokio::test]
async fn models_of_all_providers_are_one_list_with_what_they_can_do() {
    let bench = Bench::start().await.unwrap();
    let list = bench.send(Method::GET, "/v1/models", "").await.unwrap().json();
    let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    for provider in ["openai/", "anthropic/", "gemini/", "echo/"] {
        assert!(names.iter().any(|name| name.starts_with(provider)), "{names:?}");
    }
}
