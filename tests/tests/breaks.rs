//! Streams that break after they began, in every client's protocol and from every vendor.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge_gateway::Options;
use tollbridge_tests::Bench;

/// The protocols of clients, and what only a stream that came to its end holds.
const CLIENTS: [(&str, &[&str]); 5] = [
    ("openai.chat", &["[DONE]"]),
    ("openai.responses", &["response.completed", "response.incomplete"]),
    ("openai.completions", &["[DONE]"]),
    ("anthropic.messages", &["message_stop"]),
    ("gemini.generate", &["\"finishReason\""]),
];

fn request(client: &str, model: &str) -> (String, Value) {
    let message = json!([{"role": "user", "content": "one two three four five"}]);
    match client {
        "openai.chat" => {
            ("/v1/chat/completions".to_owned(), json!({"model": model, "stream": true, "messages": message}))
        }
        "openai.responses" => ("/v1/responses".to_owned(), json!({"model": model, "stream": true, "input": message})),
        "openai.completions" => {
            ("/v1/completions".to_owned(), json!({"model": model, "stream": true, "prompt": "one two three"}))
        }
        "anthropic.messages" => {
            let body = json!({"model": model, "stream": true, "max_tokens": 100, "messages": message});
            ("/v1/messages".to_owned(), body)
        }
        _ => (
            format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
            json!({"contents": [{"role": "user", "parts": [{"text": "one two three four five"}]}]}),
        ),
    }
}

/// Leaves out what the transport says of how a connection broke, and how many events came before.
fn without_transport(data: &str) -> String {
    let (mut told, mut rest) = (String::new(), data);
    while let Some(at) = rest.find("the connection broke") {
        let (before, after) = rest.split_at(at + "the connection broke".len());
        told.push_str(before);
        rest = &after[after.find('"').unwrap_or(after.len())..];
    }
    told.push_str(rest);
    match told.split_once("\"sequence_number\":") {
        Some((before, after)) => {
            let after = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
            format!("{before}\"sequence_number\":N{after}")
        }
        None => told,
    }
}

/// Returns the last event of a stream: its name and its data.
fn last(stream: &str) -> (String, String) {
    let event = stream.trim_end().rsplit("\n\n").next().unwrap();
    let event = event.rsplit("\r\n\r\n").next().unwrap();
    let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("-").to_owned();
    (line("event: "), line("data: "))
}

#[tokio::test]
async fn a_broken_stream_ends_with_an_error_of_the_clients_protocol_and_nothing_else() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for step in ["cut-after:3", "stream-error", "malformed"] {
        let mut told = String::new();
        for (client, ends) in CLIENTS {
            for (name, upstream) in bench.upstreams() {
                // Text completions are a vendor's own or none of its.
                if client == "openai.completions" && upstream.kind().chat_paths()[0] == "/v1/chat/completions" {
                    continue;
                }
                let (path, body) = request(client, &format!("{name}/m"));
                upstream.script([step]).unwrap();
                let answer = bench.send(Method::POST, &path, body.to_string()).await.unwrap();
                let text = answer.text();
                assert!(!ends.iter().any(|end| text.contains(end)), "{step}, {client}, {name}: {text}");
                let (event, data) = last(&text);
                let id = answer.headers["x-request-id"].to_str().unwrap();
                told.push_str(&format!(
                    "{client}, {name}: {} {event} {}\n",
                    answer.status.as_u16(),
                    without_transport(&data).replace(id, "ID")
                ));
            }
        }
        insta::assert_snapshot!(step.split(':').next().unwrap(), told);
    }
}

#[tokio::test]
async fn a_broken_array_stays_json_and_holds_the_error() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for (name, upstream) in bench.upstreams() {
        for step in ["cut-after:3", "stream-error"] {
            upstream.script([step]).unwrap();
            let (path, body) = request("gemini.generate", &format!("{name}/m"));
            let path = path.trim_end_matches("?alt=sse");
            let answer = bench.send(Method::POST, path, body.to_string()).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{}", answer.text()));
            let last = answer.as_array().unwrap().last().unwrap();
            assert!(last["error"]["message"].is_string(), "{name}, {step}: {answer}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_never_began_is_no_stream() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for (name, upstream) in bench.upstreams() {
        for (client, _) in CLIENTS {
            if client == "openai.completions" && upstream.kind().chat_paths()[0] == "/v1/chat/completions" {
                continue;
            }
            for step in ["cut-after:0", "reset", "empty"] {
                upstream.script([step]).unwrap();
                let (path, body) = request(client, &format!("{name}/m"));
                let answer = bench.send(Method::POST, &path, body.to_string()).await.unwrap();
                assert_eq!(answer.status, 502, "{step}, {client}, {name}: {}", answer.text());
                assert!(answer.json()["error"]["message"].is_string(), "{step}, {client}, {name}: {}", answer.text());
            }
        }
    }
}

#[tokio::test]
async fn an_error_with_the_status_of_a_success_is_an_error() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let mut told = String::new();
    let faults = [
        ("moonshot", r#"{"error":{"message":"too many","type":"rate_limit_error","code":"rate_limit_exceeded"}}"#),
        ("moonshot", r#"{"error":"no such model"}"#),
        ("mistral", r#"{"object":"error","message":"overloaded","type":"service_unavailable","code":"3505"}"#),
        ("anthropic", r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        ("gemini", r#"{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}"#),
        ("ollama", r#"{"error":"model not found"}"#),
        ("cohere", r#"{"id":"1","message":"too many tokens"}"#),
    ];
    for (name, fault) in faults {
        let (_, upstream) = bench.upstreams().find(|(other, _)| *other == name).unwrap();
        for (client, _) in CLIENTS {
            // A vendor of text completions passes them unread.
            if client == "openai.completions" && upstream.kind().chat_paths()[0] == "/v1/chat/completions" {
                continue;
            }
            for stream in [false, true] {
                let (path, mut body) = request(client, &format!("{name}/m"));
                let path = match stream {
                    true => path,
                    false => path.replace(":streamGenerateContent?alt=sse", ":generateContent"),
                };
                if body.get("stream").is_some() {
                    body["stream"] = json!(stream);
                }
                upstream.play(vec![tollbridge_testkit::Step::canned(200, Vec::new(), vec![fault.to_owned()])]);
                let answer = bench.send(Method::POST, &path, body.to_string()).await.unwrap();
                assert!(answer.status.as_u16() >= 400, "{client}, {name}, {stream}: {}", answer.text());
                let error = answer.json()["error"].clone();
                assert!(error["message"].is_string(), "{client}, {name}: {}", answer.text());
                if client == "openai.chat" {
                    told.push_str(&format!("{fault}, stream {stream}: {} {error}\n", answer.status.as_u16()));
                }
            }
        }
    }
    insta::assert_snapshot!(told);
}
