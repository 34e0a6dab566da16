//! Bodies that no honest client sends, on every route: refused in the form of the route's protocol, and nothing sent on.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use tollbridge_gateway::Options;
use tollbridge_tests::{Answered, Bench};

/// A route, and a body of it that is all right but for the place of `VALUE`.
struct Route {
    path: &'static str,
    body: &'static str,
    /// Whether the gateway reads all of the body, or leaves that to the vendor.
    read: bool,
}

const ROUTES: [Route; 14] = [
    Route::read("/v1/chat/completions", r#"{"model":"MODEL/m","messages":[{"role":"user","content":VALUE}]}"#),
    Route::read("/v1/responses", r#"{"model":"MODEL/m","input":[{"role":"user","content":VALUE}]}"#),
    Route::read("/v1/messages", r#"{"model":"MODEL/m","max_tokens":9,"messages":[{"role":"user","content":VALUE}]}"#),
    Route::read("/v1beta/models/MODEL/m:generateContent", r#"{"contents":[{"parts":[{"text":VALUE}]}]}"#),
    Route::read(
        "/v1beta/models/MODEL/m:streamGenerateContent?alt=sse",
        r#"{"contents":[{"role":"user","parts":[{"text":VALUE}]}]}"#,
    ),
    Route::read("/v1/messages/count_tokens", r#"{"model":"MODEL/m","messages":[{"role":"user","content":VALUE}]}"#),
    Route::read("/v1beta/models/MODEL/m:countTokens", r#"{"contents":[{"parts":[{"text":VALUE}]}]}"#),
    Route::read("/v1/responses/input_tokens", r#"{"model":"MODEL/m","input":[{"role":"user","content":VALUE}]}"#),
    Route::read("/v1/embeddings", r#"{"model":"MODEL/m","input":[VALUE]}"#),
    Route::read("/v1beta/models/MODEL/m:batchEmbedContents", r#"{"requests":[{"content":{"parts":[VALUE]}}]}"#),
    Route::read("/v1/rerank", r#"{"model":"MODEL/m","query":"q","documents":[VALUE]}"#),
    Route::passed("/v1/completions", r#"{"model":"MODEL/m","prompt":VALUE}"#),
    Route::passed("/v1/moderations", r#"{"model":"MODEL/m","input":VALUE}"#),
    Route::passed("/v1/images/generations", r#"{"model":"MODEL/m","prompt":VALUE}"#),
];

impl Route {
    const fn read(path: &'static str, body: &'static str) -> Self {
        Self { path, body, read: true }
    }

    const fn passed(path: &'static str, body: &'static str) -> Self {
        Self { path, body, read: false }
    }

    /// Says whether a provider speaks another protocol than the route's.
    fn is_foreign(&self, provider: &str) -> bool {
        let own = match provider {
            "anthropic" => self.path.starts_with("/v1/messages"),
            "gemini" => self.path.starts_with("/v1beta"),
            "openai" => !self.path.starts_with("/v1/messages") && !self.path.starts_with("/v1beta"),
            _ => false,
        };
        !own
    }

    fn of(&self, provider: &str, value: &str) -> (String, String) {
        (self.path.replace("MODEL", provider), self.body.replace("MODEL", provider).replace("VALUE", value))
    }
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

async fn send(bench: &Bench, path: &str, body: impl Into<Bytes>) -> Answered {
    bench.send(Method::POST, path, body).await.unwrap()
}

/// Checks that an error has the form that SDKs of the route's protocol read.
fn check_form(path: &str, answer: &Answered) {
    let body = answer.json();
    let error = &body["error"];
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{path}: {}", answer.text());
    assert_eq!(answer.headers["content-type"], "application/json", "{path}");
    if path.starts_with("/v1/messages") {
        assert_eq!((&body["type"], error["type"].is_string()), (&Value::from("error"), true), "{path}: {body}");
    } else if path.contains("/models/") {
        assert_eq!(error["code"], answer.status.as_u16(), "{path}: {body}");
        assert!(error["status"].is_string(), "{path}: {body}");
    } else {
        assert!(error["type"].is_string() && error.get("code").is_some(), "{path}: {body}");
    }
    assert!(answer.body.len() < 2000, "{path}: an error of {} bytes", answer.body.len());
}

async fn received(bench: &Bench) -> usize {
    bench.upstreams().map(|(_, upstream)| upstream.requests().len()).sum()
}

#[tokio::test]
async fn what_is_no_json_is_refused_on_every_route() {
    let bench = Bench::start().await.unwrap();
    for route in &ROUTES {
        let (path, good) = route.of("openai", "\"hi\"");
        let mut cut = good.clone();
        cut.truncate(good.len() - 1);
        let bodies: Vec<Vec<u8>> = vec![
            Vec::new(),
            b" \r\n".to_vec(),
            b"null".to_vec(),
            b"[]".to_vec(),
            b"\"text\"".to_vec(),
            nested(10_000).into_bytes(),
            cut.into_bytes(),
            format!("{good}{good}").into_bytes(),
            format!("\u{feff}{good}").into_bytes(),
            good.replace("\"hi\"", "\"\u{0}\"").into_bytes(),
            good.replace("\"hi\"", "NaN").into_bytes(),
            good.replace("\"hi\"", "'hi'").into_bytes(),
            good.replace("\"hi\"", "\"\\x\"").into_bytes(),
            [good.as_bytes(), b"\xff"].concat(),
            good.replace("hi", "@").bytes().map(|byte| if byte == b'@' { 0xff } else { byte }).collect(),
            // What a client sent compressed.
            vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0],
        ];
        for body in bodies {
            let answer = send(&bench, &path, body.clone()).await;
            let shown = String::from_utf8_lossy(&body).chars().take(90).collect::<String>();
            assert_eq!(answer.status, 400, "{path}, {shown}: {}", answer.text());
            check_form(&path, &answer);
        }
    }
    assert_eq!(received(&bench).await, 0, "something was sent on");
}

#[tokio::test]
async fn values_out_of_bounds_are_refused_where_they_are_read() {
    let bench = Bench::start().await.unwrap();
    for route in ROUTES.iter().filter(|route| route.read) {
        // In the vendor's own protocol they are the vendor's to judge.
        for provider in
            ["openai", "anthropic", "gemini", "echo"].into_iter().filter(|provider| route.is_foreign(provider))
        {
            let values =
                [nested(10_000), "\"\\ud800\"".to_owned(), "\"\\udc00\\ud800\"".to_owned(), "1e400".to_owned()];
            for value in values {
                let (path, body) = route.of(provider, &value);
                let before = received(&bench).await;
                let answer = send(&bench, &path, body).await;
                let shown: String = value.chars().take(20).collect();
                assert_eq!(answer.status, 400, "{path}, {shown}: {}", answer.text());
                check_form(&path, &answer);
                assert_eq!(received(&bench).await, before, "{path}, {shown}: it was sent on");
            }
        }
    }
}

#[tokio::test]
async fn numbers_that_no_type_holds_are_refused_by_their_place() {
    let bench = Bench::start().await.unwrap();
    let ask = r#""messages":[{"role":"user","content":"hi"}]"#;
    let mut told = String::new();
    for (path, field, values) in [
        ("/v1/chat/completions", "temperature", &["1e400", "-1e400", "\"1\"", "[]"][..]),
        ("/v1/chat/completions", "max_tokens", &["1e400", "-1", "1.5", "18446744073709551616"]),
        ("/v1/chat/completions", "seed", &["9223372036854775808", "1.5", "1e3"]),
        ("/v1/chat/completions", "n", &["4294967296", "-1"]),
        ("/v1/messages", "top_k", &["1e400", "-1", "0.5"]),
    ] {
        for value in values {
            let (model, limit) =
                if path == "/v1/messages" { ("openai/m", "\"max_tokens\":9,") } else { ("anthropic/m", "") };
            let body = format!("{{\"model\":\"{model}\",{limit}{ask},\"{field}\":{value}}}");
            let answer = send(&bench, path, body).await;
            let error = &answer.json()["error"];
            told.push_str(&format!("{path} {field} {value}: {} {}\n", answer.status.as_u16(), error["message"]));
        }
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn keys_that_stand_twice_have_one_meaning_everywhere() {
    let bench = Bench::start().await.unwrap();
    // A gateway that reads one model and a vendor that reads the other would part what is asked from what is billed.
    for (path, body) in [
        (
            "/v1/chat/completions",
            r#"{"model":"openai/m","messages":[{"role":"user","content":"hi"}],"model":"openai/n"}"#,
        ),
        (
            "/v1/messages",
            r#"{"model":"anthropic/m","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"mod\u0065l":"x/n"}"#,
        ),
        ("/v1/responses", r#"{"model":"openai/m","input":"hi","stream":false,"stream":true}"#),
        ("/v1/embeddings", r#"{"model":"openai/m","model":"openai/n","input":"hi"}"#),
        ("/v1/moderations", r#"{"model":"openai/m","model":"openai/n","input":"hi"}"#),
    ] {
        let answer = send(&bench, path, body).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text());
        check_form(path, &answer);
    }
    assert_eq!(received(&bench).await, 0, "something was sent on");
    // Of any other the last counts, as vendors read it, and within a protocol both arrive.
    let body = r#"{"model":"openai/m","messages":[{"role":"user","content":"one","content":"two"}],"x":1,"x":2}"#;
    assert_eq!(send(&bench, "/v1/chat/completions", body).await.status, 200);
    let sent = bench.openai.requests().pop().unwrap();
    assert_eq!(String::from_utf8_lossy(&sent.body), body.replace("openai/m", "m"));
    let answer = send(&bench, "/v1/chat/completions", body.replace("openai/", "anthropic/")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(bench.anthropic.requests().pop().unwrap().json()["messages"][0]["content"], "two");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413_on_every_route() {
    let mut options = Options::default();
    options.body_limit = 1 << 20;
    let bench = Bench::with(options).await.unwrap();
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for route in &ROUTES {
        let (path, body) = route.of("openai", &large);
        let answer = send(&bench, &path, body.clone()).await;
        assert_eq!(answer.status, 413, "{path}: {}", answer.text());
        check_form(&path, &answer);
        // Without a length, too.
        let pieces: Vec<_> = body.into_bytes().chunks(60_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let stream = Box::pin(futures_util::stream::iter(pieces));
        let body = tollbridge::core::RequestBody::Stream(stream, None);
        let answer = Answered::read(bench.open_body(Method::POST, &path, &[], body).await.unwrap()).await.unwrap();
        assert_eq!(answer.status, 413, "{path}: {}", answer.text());
        check_form(&path, &answer);
    }
    assert_eq!(received(&bench).await, 0, "something was sent on");
}

#[tokio::test]
async fn a_text_of_64_megabytes_is_413_and_the_process_goes_on() {
    let bench = Bench::start().await.unwrap();
    let (path, body) = ROUTES[0].of("openai", &format!("\"{}\"", "x".repeat(64 << 20)));
    let answer = send(&bench, &path, body).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    check_form(&path, &answer);
    let (path, body) = ROUTES[0].of("openai", "\"hi\"");
    assert_eq!(send(&bench, &path, body).await.status, 200);
}

#[tokio::test]
async fn a_hundred_thousand_tools_and_fields_cross_or_are_refused() {
    let bench = Bench::start().await.unwrap();
    let tools: Vec<String> = (0..100_000)
        .map(|place| {
            format!(r#"{{"type":"function","function":{{"name":"f{place}","parameters":{{"type":"object"}}}}}}"#)
        })
        .collect();
    let fields: Vec<String> = (0..100_000).map(|place| format!("\"x{place}\":{place}")).collect();
    for provider in ["openai", "anthropic", "gemini", "echo"] {
        let ask = format!(r#""model":"{provider}/m","max_tokens":9,"messages":[{{"role":"user","content":"hi"}}]"#);
        let many = format!(r#"{{{ask},"tools":[{}]}}"#, tools.join(","));
        let wide = format!("{{{ask},{}}}", fields.join(","));
        for body in [many, wide] {
            let answer = send(&bench, "/v1/chat/completions", body).await;
            assert_eq!(answer.status, 200, "{provider}: {}", answer.text());
        }
    }
    let sent = bench.anthropic.requests()[0].json();
    assert_eq!(sent["tools"].as_array().map(Vec::len), Some(100_000));
}

#[tokio::test]
async fn forms_and_types_that_do_not_belong_are_refused() {
    let bench = Bench::start().await.unwrap();
    const FORM: [(&str, &str); 1] = [("content-type", "multipart/form-data; boundary=edge")];
    let (_, good) = ROUTES[0].of("openai", "\"hi\"");
    for route in &ROUTES {
        let (path, body) = route.of("openai", "\"hi\"");
        for body in [String::new(), body, "--edge\r\n\r\n\r\n--edge--\r\n".to_owned()] {
            let answer = bench.send_with(Method::POST, &path, &FORM, body).await.unwrap();
            assert_eq!(answer.status, 400, "{path}: {}", answer.text());
            check_form(&path, &answer);
        }
    }
    // Routes of forms take nothing else, and of broken forms nothing.
    for path in ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits", "/v1/images/variations"] {
        let types = [
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=edge",
            "application/x-www-form-urlencoded",
            "text/plain",
        ];
        for kind in types {
            let header = [("content-type", kind)];
            for body in [
                "",
                "--",
                "--edge",
                "--edge\r\n",
                "--edge--",
                "--edge\r\nfoo\r\n\r\n\r\n--edge--\r\n",
                "model=openai/m",
            ] {
                let answer = bench.send_with(Method::POST, path, &header, body).await.unwrap();
                assert_eq!(answer.status, 400, "{path}, {kind}, {body}: {}", answer.text());
                check_form(path, &answer);
            }
        }
    }
    assert_eq!(received(&bench).await, 0, "something was sent on");
    // A JSON body is one whatever it is called, as it is for the vendors.
    for kind in ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"] {
        let header = [("content-type", kind)];
        let answer = bench.send_with(Method::POST, ROUTES[0].path, &header, good.clone()).await.unwrap();
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
}
