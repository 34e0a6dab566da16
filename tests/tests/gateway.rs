//! The gateway as its clients see it, before real upstreams that speak the vendors' protocols.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use tollbridge_gateway::Options;
use tollbridge_testkit::Upstream;
use tollbridge_tests::Bench;

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

fn openai(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "héllo 你好"}]})
}

fn anthropic(model: &str, stream: bool) -> Value {
    json!({"model": model, "stream": stream, "max_tokens": 100, "messages": [{"role": "user", "content": "héllo 你好"}]})
}

fn google() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "héllo 你好"}]}]})
}

async fn post(bench: &Bench, path: &str, body: &Value) -> tollbridge_tests::Answered {
    bench.send(Method::POST, path, body.to_string()).await.unwrap()
}

#[tokio::test]
async fn every_client_protocol_reaches_every_provider() {
    let bench = Bench::start().await.unwrap();
    for model in ["echo/any", "openai/m", "anthropic/m", "gemini/m"] {
        let reply = post(&bench, CHAT, &openai(model, false)).await.json();
        assert!(reply["choices"][0]["message"]["content"].as_str().unwrap().contains("héllo 你好"), "{model}: {reply}");
        let reply = post(&bench, MESSAGES, &anthropic(model, false)).await.json();
        assert!(reply["content"][0]["text"].as_str().unwrap().contains("héllo 你好"), "{model}: {reply}");
        for version in ["v1", "v1beta"] {
            let path = format!("/{version}/models/{model}:generateContent");
            let reply = post(&bench, &path, &google()).await.json();
            let text = reply["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap().to_owned();
            assert!(text.contains("héllo 你好"), "{model}: {reply}");
        }
    }
}

#[tokio::test]
async fn the_response_names_who_served_and_the_call() {
    let bench = Bench::start().await.unwrap();
    let reply = post(&bench, MESSAGES, &anthropic("main", false)).await;
    assert_eq!(reply.headers["x-tollbridge-provider"], "openai");
    assert_eq!(reply.headers["x-tollbridge-model"], "mock");
    assert_eq!(reply.headers["x-request-id"], reply.headers["request-id"]);
    assert_eq!(reply.headers["x-request-id"].len(), 32);
}

#[tokio::test]
async fn bytes_pass_untouched_within_a_protocol() {
    let bench = Bench::start().await.unwrap();
    let body = "{ \"new_field\" : [1.10, 12345678901234567890123] ,\"model\":\"openai/m\",\n \"messages\":[{\"content\":\"x\",\"role\":\"user\",\"later\":null}]}";
    let reply = bench.send(Method::POST, CHAT, body).await.unwrap();
    let received = bench.openai.requests();
    let sent = String::from_utf8(received[0].body.to_vec()).unwrap();
    assert_eq!(sent, body.replace("openai/m", "m"));
    // The mock writes its keys in another order than our encoder would.
    assert!(reply.text().starts_with("{\"choices\":"), "{}", reply.text());
}

#[tokio::test]
async fn usage_is_asked_for_and_hidden_from_who_did_not_ask() {
    let bench = Bench::start().await.unwrap();
    let silent = post(&bench, CHAT, &openai("openai/m", true)).await.text();
    assert!(!silent.contains("prompt_tokens"), "{silent}");
    assert!(silent.ends_with("data: [DONE]\n\n"));
    let mut asking = openai("openai/m", true);
    asking["stream_options"] = json!({"include_usage": true});
    let told = post(&bench, CHAT, &asking).await.text();
    assert_eq!(told.matches("prompt_tokens\"").count(), 1, "{told}");
    asking["stream_options"] = json!({"include_usage": false});
    post(&bench, CHAT, &asking).await;
    let options: Vec<_> = bench.openai.requests().iter().map(|sent| sent.json()["stream_options"].clone()).collect();
    assert_eq!(
        options,
        [json!({"include_usage": true}), json!({"include_usage": true}), json!({"include_usage": false})]
    );
}

#[tokio::test]
async fn a_gemini_stream_without_sse_is_one_array() {
    let bench = Bench::start().await.unwrap();
    for model in ["gemini/m", "openai/m", "echo/any"] {
        let reply = post(&bench, &format!("/v1beta/models/{model}:streamGenerateContent"), &google()).await;
        let chunks = reply.json();
        let text: String = chunks
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|chunk| chunk["candidates"][0]["content"]["parts"][0]["text"].as_str())
            .collect();
        assert!(text.contains("héllo 你好"), "{model}: {}", reply.text());
    }
}

#[tokio::test]
async fn bad_input_is_told_in_the_clients_own_form() {
    let mut options = Options::default();
    options.body_limit = 2000;
    let bench = Bench::with(options).await.unwrap();
    let user = json!([{"role": "user", "content": "x"}]);
    let image =
        json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://x.example/y.png"}}]}]);
    let orphan = json!([{"role": "user", "content": "x"}, {"role": "tool", "tool_call_id": "c1", "content": "x"}]);
    let blocks = json!([{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "x"}]}]);
    let generate = "/v1beta/models/openai/m:generateContent";
    let cases = [
        ("broken JSON", CHAT, "{\"model\": ".to_owned()),
        ("no object", MESSAGES, "[1]".to_owned()),
        ("empty body", generate, String::new()),
        ("no model", CHAT, json!({"messages": user}).to_string()),
        ("model of the wrong type", CHAT, json!({"model": 5, "messages": user}).to_string()),
        ("bare model", CHAT, json!({"model": "gpt-5", "messages": user}).to_string()),
        ("unknown provider", MESSAGES, json!({"model": "nobody/m", "max_tokens": 5, "messages": user}).to_string()),
        ("provider without a key", CHAT, json!({"model": "mistral/m", "messages": user}).to_string()),
        ("no messages", CHAT, json!({"model": "anthropic/m"}).to_string()),
        ("no max_tokens", MESSAGES, json!({"model": "openai/m", "messages": user}).to_string()),
        (
            "messages of the wrong type",
            MESSAGES,
            json!({"model": "openai/m", "max_tokens": 5, "messages": "x"}).to_string(),
        ),
        (
            "temperature of the wrong type",
            CHAT,
            json!({"model": "anthropic/m", "messages": user, "temperature": "hot"}).to_string(),
        ),
        ("contents of the wrong type", generate, json!({"contents": 5}).to_string()),
        ("result without its call", CHAT, json!({"model": "anthropic/m", "messages": orphan}).to_string()),
        (
            "result without its call",
            MESSAGES,
            json!({"model": "openai/m", "max_tokens": 5, "messages": blocks}).to_string(),
        ),
        ("image address for a vendor of bytes", CHAT, json!({"model": "gemini/m", "messages": image}).to_string()),
        ("too large", MESSAGES, format!("{{\"padding\": \"{}\"}}", "x".repeat(3000))),
        ("unknown route", "/v1/nothing", "{}".to_owned()),
        ("unknown method", "/v1beta/models/m:dance", "{}".to_owned()),
    ];
    let mut told = String::new();
    for (name, path, body) in cases {
        let reply = bench.send(Method::POST, path, body).await.unwrap();
        let id = reply.headers.get("request-id").and_then(|id| id.to_str().ok()).unwrap_or("-").to_owned();
        told.push_str(&format!("{name}, {path}\n  {} {}\n", reply.status.as_u16(), reply.text().replace(&id, "ID")));
    }
    let reply = bench.send(Method::POST, CHAT, vec![0x7b, 0xff, 0x7d]).await.unwrap();
    told.push_str(&format!("not UTF-8\n  {} {}\n", reply.status.as_u16(), reply.text()));
    insta::assert_snapshot!(told);
    assert!(bench.openai.requests().is_empty() && bench.anthropic.requests().is_empty(), "nothing bad was sent on");
    // In the vendor's own protocol the vendor judges, unless all must be understood.
    for body in [
        json!({"model": "openai/m", "messages": user, "logprobs": 5}),
        json!({"model": "openai/m", "messages": user, "top_k": 50.0}),
    ] {
        let reply = bench.send(Method::POST, CHAT, body.to_string()).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(bench.openai.requests().last().unwrap().json()["messages"], user);
    }
    let strict = [("x-tollbridge-strict", "true")];
    let body = json!({"model": "openai/m", "messages": user, "logprobs": 5}).to_string();
    let reply = bench.send_with(Method::POST, CHAT, &strict, body).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.json()["error"]["param"].clone()), (400, json!("logprobs")));
    assert_eq!(post(&bench, CHAT, &openai("echo/any", false)).await.status, 200, "the process goes on");
}

#[tokio::test]
async fn upstream_garbage_is_502_and_stays_out_of_the_reply() {
    let bench = Bench::start().await.unwrap();
    for step in ["html", "empty", "truncated", "wrong-content-type", "reset", "redirect:http://127.0.0.1:9/"] {
        for stream in [false, true] {
            for (path, body) in [(CHAT, openai("openai/m", stream)), (MESSAGES, anthropic("openai/m", stream))] {
                bench.openai.script([step]).unwrap();
                let reply = post(&bench, path, &body).await;
                assert_eq!(reply.status, 502, "{step}, {path}: {}", reply.text());
                for leak in ["<html", "this is not the API", "mess\"", "openai-key", "127.0.0.1"] {
                    assert!(!reply.text().contains(leak), "{step}, {path}: {}", reply.text());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_vendors_refusal_keeps_its_class() {
    let bench = Bench::start().await.unwrap();
    let mut told = String::new();
    for step in [
        "400",
        "401",
        "403",
        "404",
        "429;retry-after=7",
        "500",
        "overloaded",
        "context-length",
        "quota",
        "content-policy",
    ] {
        for (upstream, model) in upstreams(&bench) {
            for (path, body) in [(CHAT, openai(model, false)), (MESSAGES, anthropic(model, true))] {
                upstream.script([step]).unwrap();
                let reply = post(&bench, path, &body).await;
                let error = reply.json()["error"].clone();
                let after =
                    reply.headers.get("retry-after").map(|after| format!(" retry-after {}", after.to_str().unwrap()));
                told.push_str(&format!(
                    "{step}, {model}, {path}: {} {} {}{}\n",
                    reply.status.as_u16(),
                    error["type"].as_str().unwrap(),
                    error["code"].as_str().unwrap_or("-"),
                    after.unwrap_or_default(),
                ));
            }
        }
    }
    insta::assert_snapshot!(told);
}

fn upstreams(bench: &Bench) -> [(&Upstream, &'static str); 3] {
    [(&bench.openai, "openai/m"), (&bench.anthropic, "anthropic/m"), (&bench.google, "gemini/m")]
}

#[tokio::test]
async fn a_stream_cut_short_is_an_error_and_never_an_end() {
    let bench = Bench::start().await.unwrap();
    for (upstream, model) in upstreams(&bench) {
        for step in ["cut-after:2", "stream-error"] {
            upstream.script([step, step, step]).unwrap();
            let text = post(&bench, CHAT, &openai(model, true)).await.text();
            assert!(text.contains("\"error\"") && !text.contains("[DONE]"), "{step}, {model}: {text}");
            let text = post(&bench, MESSAGES, &anthropic(model, true)).await.text();
            assert!(text.contains("event: error") && !text.contains("message_stop"), "{step}, {model}: {text}");
            let path = format!("/v1beta/models/{model}:streamGenerateContent?alt=sse");
            let text = post(&bench, &path, &google()).await.text();
            assert!(
                text.contains("\"error\"") && !text.contains("\"finishReason\":\"STOP\""),
                "{step}, {model}: {text}"
            );
        }
    }
}

#[tokio::test]
async fn a_stream_split_anywhere_reads_the_same() {
    let bench = Bench::start().await.unwrap();
    let whole = post(&bench, MESSAGES, &anthropic("openai/m", true)).await.text();
    for size in [1, 2, 3, 5, 17] {
        bench.openai.script([format!("split:{size}")]).unwrap();
        let split = post(&bench, MESSAGES, &anthropic("openai/m", true)).await.text();
        assert_eq!(split, whole, "pieces of {size} bytes");
    }
}

#[tokio::test]
async fn a_server_that_never_ends_its_stream_does_not_hold_the_client() {
    let bench = Bench::start().await.unwrap();
    bench.openai.script(["never-ends"]).unwrap();
    let text = post(&bench, MESSAGES, &anthropic("openai/m", true)).await.text();
    assert!(text.contains("message_stop"), "{text}");
}

#[tokio::test]
async fn the_clients_leaving_cancels_the_upstream_call() {
    let bench = Bench::start().await.unwrap();
    for (upstream, model) in upstreams(&bench) {
        upstream.script(["stall-after:3"]).unwrap();
        let body = openai(model, true).to_string();
        let mut response = bench.open(Method::POST, CHAT, &[], body).await.unwrap().into_body();
        response.next().await.unwrap().unwrap();
        drop(response);
        upstream.wait_for_disconnect().await;
    }
    // Also before the head has come.
    bench.openai.script(["delay:60000"]).unwrap();
    let seen = bench.openai.requests().len();
    let body = openai("openai/m", false).to_string();
    let call = bench.open(Method::POST, CHAT, &[], body);
    tokio::select! {
        _ = call => panic!("the answer was to wait a minute"),
        () = bench.openai.wait_for_requests(seen + 1) => {}
    }
    bench.openai.wait_for_disconnect().await;
}

#[tokio::test]
async fn a_stop_lets_open_streams_finish() {
    let mut bench = Bench::start().await.unwrap();
    bench.openai.script(["delay:300"]).unwrap();
    let body = openai("openai/m", true).to_string();
    let stop = bench.stopper();
    let call = bench.send(Method::POST, CHAT, body);
    let stopping = async {
        bench.openai.wait_for_requests(1).await;
        drop(stop);
    };
    let (reply, ()) = tokio::join!(call, stopping);
    assert!(reply.unwrap().text().ends_with("data: [DONE]\n\n"));
    bench.ended().await.unwrap();
}

#[tokio::test]
async fn probes_and_lists() {
    let bench = Bench::start().await.unwrap();
    let health = bench.send(Method::GET, "/health", "").await.unwrap();
    assert_eq!((health.status.as_u16(), health.text()), (200, r#"{"status":"ok"}"#.to_owned()));
    assert_eq!(bench.send(Method::GET, "/ready", "").await.unwrap().status, 200);
    let list = bench.send(Method::GET, "/v1/models", "").await.unwrap().json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(
        ids,
        [
            "anthropic/claude-3-haiku",
            "echo/echo",
            "gemini/gemini-1.5-flash",
            "openai/qwen2.5-0.5b-instruct-mlx",
            "main"
        ]
    );
    let version = [("anthropic-version", "2023-06-01")];
    let list = bench.send_with(Method::GET, "/v1/models", &version, "").await.unwrap().json();
    assert_eq!((&list["has_more"], &list["data"][0]["type"]), (&json!(false), &json!("model")));
    let list = bench.send(Method::GET, "/v1beta/models", "").await.unwrap().json();
    assert_eq!(list["models"][0]["name"], "models/anthropic/claude-3-haiku");
    let one = bench.send(Method::GET, "/v1/models/echo%2Fecho", "").await.unwrap().json();
    assert_eq!((&one["id"], &one["object"]), (&json!("echo/echo"), &json!("model")));
    let one = bench.send(Method::GET, "/v1beta/models/echo/echo", "").await.unwrap().json();
    assert_eq!(one["name"], "models/echo/echo");
    assert_eq!(bench.send(Method::GET, "/v1/models/nobody/none", "").await.unwrap().status, 404);
}

#[tokio::test]
async fn embeddings_cross_protocols() {
    let bench = Bench::start().await.unwrap();
    for model in ["openai/m", "gemini/m", "echo/any"] {
        let body = json!({"model": model, "input": ["one", "two"], "dimensions": 4});
        let reply = post(&bench, "/v1/embeddings", &body).await.json();
        let lengths: Vec<_> = reply["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["embedding"].as_array().unwrap().len())
            .collect();
        assert_eq!(lengths, [4, 4], "{model}: {reply}");
        let mut body = body;
        body["encoding_format"] = json!("base64");
        let reply = post(&bench, "/v1/embeddings", &body).await.json();
        assert_eq!(reply["data"][0]["embedding"].as_str().unwrap().len(), 24, "{model}: {reply}");
    }
    let body = json!({"requests": [{"model": "models/x", "content": {"parts": [{"text": "one"}]}}]});
    let reply = post(&bench, "/v1beta/models/openai/m:batchEmbedContents", &body).await.json();
    assert_eq!(reply["embeddings"][0]["values"].as_array().unwrap().len(), 8, "{reply}");
}
