//! The mocks as a client of theirs sees them, over bare sockets.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollbridge_testkit::{Kind, Step, Upstream, UsageMode};

async fn send(upstream: &Upstream, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(upstream.address()).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, format!("{head}\n\n{body}"))
}

async fn post(upstream: &Upstream, path: &str, body: &Value) -> Value {
    let (_, text) = send(upstream, "POST", path, "", &body.to_string()).await;
    // A body that was passed on comes in chunks; the object is what stands between their marks.
    let body = text.split_once("\n\n").unwrap().1;
    let object = body.find('{').zip(body.rfind('}')).and_then(|(start, end)| body.get(start..=end));
    serde_json::from_str(object.unwrap_or_default()).unwrap_or_default()
}

fn hi() -> Value {
    json!({"messages": [{"role": "user", "content": "hi"}]})
}

#[tokio::test]
async fn the_openai_family_says_who_it_is() {
    let cases = [
        (Kind::OpenAi, "mock-openai", "mock(qwen2.5-0.5b-instruct-mlx)"),
        (Kind::Google, "mock-google-openai", "mock-google(gemini-1.5-flash)"),
        (Kind::Grok, "mock-grok", "mock-grok(grok-1.5)"),
        (Kind::Kimi, "mock-kimi", "mock-kimi(moonshot-v1-8k)"),
    ];
    for (kind, id, words) in cases {
        let upstream = Upstream::new(kind).start().await.unwrap();
        for path in ["/v1/chat/completions", "/chat/completions"] {
            let reply = post(&upstream, path, &hi()).await;
            assert_eq!((&reply["id"], &reply["object"]), (&json!(id), &json!("chat.completion")));
            assert_eq!(reply["choices"][0]["message"]["content"], format!("{words}: hi"));
            assert_eq!(post(&upstream, path, &json!({})).await["choices"][0]["message"]["content"], words);
        }
    }
    let upstream = Upstream::new(Kind::OpenAi).model("m").start().await.unwrap();
    let parts = json!([{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "x"}}]);
    let reply =
        post(&upstream, "/v1/chat/completions", &json!({"messages": [{"role": "user", "content": parts}]})).await;
    assert_eq!(reply["choices"][0]["message"]["content"], "mock(m): hi [image]");
}

#[tokio::test]
async fn anthropic_and_google_repeat_what_was_said() {
    let anthropic = Upstream::new(Kind::Anthropic).start().await.unwrap();
    let body = json!({"system": "s", "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]},
    ]});
    let reply = post(&anthropic, "/v1/messages", &body).await;
    assert_eq!(reply["content"][0]["text"], "system: s\nuser: a\nassistant: b c");
    assert_eq!((&reply["id"], &reply["stop_reason"]), (&json!("local-anthropic-mock"), &json!("end_turn")));
    let google = Upstream::new(Kind::Google).start().await.unwrap();
    let body = json!({"contents": [{"parts": [{"text": "a"}, {"text": "b"}]}]});
    for path in ["/v1/models/google/gemini-1.5-flash:generateContent", "/v1beta/models/g:generateContent"] {
        let reply = post(&google, path, &body).await;
        assert_eq!(reply["candidates"][0]["content"]["parts"][0]["text"], "a\nb");
        assert_eq!(reply["candidates"][0]["finishReason"], "STOP");
    }
    let (_, text) =
        send(&google, "POST", "/v1beta/models/g:streamGenerateContent?alt=sse", "", &body.to_string()).await;
    assert!(text.contains("text/event-stream") && text.contains("data: {"), "{text}");
}

#[tokio::test]
async fn usage_is_true_constant_or_omitted_and_the_same_on_streams() {
    let of = |mode| async move {
        let upstream = Upstream::new(Kind::OpenAi).usage(mode).start().await.unwrap();
        let mut body = hi();
        let whole = post(&upstream, "/v1/chat/completions", &body).await["usage"].clone();
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
        let (_, text) = send(&upstream, "POST", "/v1/chat/completions", "", &body.to_string()).await;
        (whole, text)
    };
    let (whole, stream) = of(UsageMode::True).await;
    assert_eq!(whole["prompt_tokens"], 1);
    assert!(stream.contains(&whole.to_string()), "{stream}");
    assert_eq!(of(UsageMode::Constant).await.0["total_tokens"], 2);
    let (whole, stream) = of(UsageMode::Omit).await;
    assert!(whole.is_null() && !stream.contains("usage"));
}

#[tokio::test]
async fn scripts_come_by_header_by_route_and_by_hand() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let call = |header: &'static str| {
        let upstream = &upstream;
        async move { send(upstream, "POST", "/v1/chat/completions", header, &hi().to_string()).await.0 }
    };
    for wanted in [429, 500, 200, 200] {
        assert_eq!(call("x-mock-script: 429,500,200\r\n").await, wanted);
    }
    let (status, _) =
        send(&upstream, "POST", "/__script", "", r#"{"steps": ["503", {"status": 418, "chunks": ["tea"]}]}"#).await;
    assert_eq!(status, 200);
    assert_eq!([call("").await, call("").await, call("").await], [503, 418, 200]);
    upstream.play(vec![Step::parse("delay:1+404").unwrap()]);
    assert_eq!(call("").await, 404);
    let (status, text) = send(&upstream, "POST", "/__script", "", r#"{"steps": ["dance"]}"#).await;
    assert_eq!(status, 400);
    assert!(text.contains("`dance` is no step"), "{text}");
}

#[tokio::test]
async fn what_was_received_is_shown_with_keys_masked() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    send(&upstream, "POST", "/v1/chat/completions", "authorization: Bearer secret\r\nx-a: b\r\n", &hi().to_string())
        .await;
    let (_, text) = send(&upstream, "GET", "/__requests", "", "").await;
    assert!(
        text.contains("/v1/chat/completions") && text.contains("\"x-a\":\"b\"") && !text.contains("secret"),
        "{text}"
    );
    assert_eq!(upstream.requests()[0].header("authorization"), Some("Bearer secret"));
    send(&upstream, "DELETE", "/__requests", "", "").await;
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn garbage_is_forgiven_unless_strict() {
    for (strict, wanted) in [(false, 200), (true, 400)] {
        let upstream = Upstream::new(Kind::OpenAi).strict(strict).start().await.unwrap();
        assert_eq!(send(&upstream, "POST", "/v1/chat/completions", "", "garbage").await.0, wanted);
    }
    let upstream = Upstream::new(Kind::Anthropic).strict(true).start().await.unwrap();
    assert_eq!(send(&upstream, "POST", "/v1/messages", "", "{}").await.0, 401);
    assert_eq!(
        send(&upstream, "POST", "/v1/messages", "x-api-key: k\r\nanthropic-version: 2023-06-01\r\n", "{}").await.0,
        200
    );
}

#[tokio::test]
async fn requests_are_forwarded_in_openais_protocol() {
    let inner = Upstream::new(Kind::OpenAi).model("inner").start().await.unwrap();
    let target = format!("{}/v1/", inner.url());
    let outer = Upstream::new(Kind::OpenAi).target(&target).api_key("key").start().await.unwrap();
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "later": [1]});
    assert_eq!(
        post(&outer, "/v1/chat/completions", &body).await["choices"][0]["message"]["content"],
        "mock(inner): hi"
    );
    let received = &inner.requests()[0];
    assert_eq!((received.json(), received.header("authorization")), (body, Some("Bearer key")));
    inner.script(["429;retry-after=3"]).unwrap();
    let (status, text) = send(&outer, "POST", "/v1/chat/completions", "", "{}").await;
    assert_eq!(status, 429);
    assert!(text.contains("retry-after: 3"), "{text}");
    let anthropic = Upstream::new(Kind::Anthropic).target(&target).model("m").start().await.unwrap();
    let body = json!({"max_tokens": 50, "system": "s", "messages": [{"role": "user", "content": "hi"}]});
    assert_eq!(post(&anthropic, "/v1/messages", &body).await["content"][0]["text"], "mock(inner): hi");
    let sent = inner.requests()[2].json();
    assert_eq!(
        (&sent["model"], &sent["max_tokens"], &sent["messages"][0]["role"]),
        (&json!("m"), &json!(50), &json!("system"))
    );
    inner.script(["500"]).unwrap();
    assert_eq!(post(&anthropic, "/v1/messages", &body).await["type"], "error");
    let own = Upstream::new(Kind::Google).target(&target).inline(true).start().await.unwrap();
    let count = inner.requests().len();
    post(&own, "/v1beta/models/g:generateContent", &json!({"contents": [{"parts": [{"text": "a"}]}]})).await;
    assert_eq!(inner.requests().len(), count, "inline asks nobody");
    let (url, lost) = (inner.url(), Upstream::new(Kind::OpenAi).target("http://127.0.0.1:9").start().await.unwrap());
    assert!(!url.is_empty());
    let (status, text) = send(&lost, "POST", "/v1/chat/completions", "", "{}").await;
    assert_eq!(status, 502);
    assert!(text.contains("proxy_failed"), "{text}");
}

#[tokio::test]
async fn ports_are_free_again_and_starts_never_race() {
    let first = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let address = first.address();
    assert!(address.ip().is_loopback());
    drop(first);
    for _ in 0..20 {
        let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
        assert_eq!(send(&upstream, "GET", "/health", "", "").await.0, 200);
    }
}

#[tokio::test]
async fn the_environment_describes_a_mock() {
    let lookup = |name: &str| match name {
        "MOCK_OAI_PORT" => Some("0".to_owned()),
        "MOCK_MODEL" => Some("mine".to_owned()),
        _ => None,
    };
    let upstream = Upstream::from_env(Kind::OpenAi, lookup).unwrap().start().await.unwrap();
    assert_eq!(
        post(&upstream, "/v1/chat/completions", &hi()).await["choices"][0]["message"]["content"],
        "mock(mine): hi"
    );
    let error = Upstream::from_env(Kind::Kimi, |name| (name == "PORT").then(|| "x".to_owned())).unwrap_err();
    assert_eq!(error, "PORT is `x`, which is no port");
}

#[tokio::test]
async fn what_was_answered_is_kept_with_its_id_and_usage() {
    for kind in [Kind::OpenAi, Kind::Anthropic, Kind::Google] {
        let upstream = Upstream::new(kind).numbered(true).start().await.unwrap();
        upstream.script(["ok", "pace:1", "429", "reset", "cut-after:2"]).unwrap();
        let [whole, stream] = kind.chat_paths();
        let mut body = hi();
        body["contents"] = json!([{"role": "user", "parts": [{"text": "hi"}]}]);
        send(&upstream, "POST", whole, "", &body.to_string()).await;
        body["stream"] = true.into();
        body["stream_options"] = json!({"include_usage": true});
        for _ in 0..4 {
            send(&upstream, "POST", stream, "", &body.to_string()).await;
        }
        let answers: Vec<_> = upstream.requests().iter().map(|request| request.answer()).collect();
        let [Some(first), Some(second), Some(refused), None, Some(cut)] = answers.as_slice() else {
            unreachable!("{kind}: {answers:?}")
        };
        assert_eq!([first.status, second.status, refused.status, cut.status], [200, 200, 429, 200], "{kind}");
        assert_eq!([first, second, refused, cut].map(|answer| answer.ended), [true, true, true, false], "{kind}");
        assert!(first.id().is_some_and(|id| id.ends_with("-1")), "{kind}: {first:?}");
        assert!(second.id().is_some_and(|id| id.ends_with("-2")), "{kind}: {second:?}");
        assert_eq!(first.usage(), second.usage(), "{kind}");
        assert!(first.usage().is_some_and(|(input, output)| input > 0 && output > 0), "{kind}: {first:?}");
    }
}
