//! What another protocol cannot carry is told by its place in the client's own body, or refused.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge::{ChatRequest, Protocol};
use tollbridge_gateway::Options;
use tollbridge_tests::{Answered, Bench};

const STRICT: [(&str, &str); 1] = [("x-tollbridge-strict", "true")];

/// One request of each operation and protocol that loses something on its way to another.
fn losing() -> Vec<(&'static str, String, Value)> {
    let ask = json!([{"role": "user", "content": "hi"}]);
    let contents = json!([{"parts": [{"text": "hi", "videoMetadata": {"fps": 1}}]}]);
    vec![
        (
            "chat",
            "/v1/chat/completions".to_owned(),
            json!({"model": "gemini/m", "messages": [
                {"role": "user", "name": "ann", "content": "hi"},
                {"role": "assistant", "content": "ho", "later": 1},
                {"role": "user", "content": [{"type": "text", "text": "hi", "größe": 1}]},
            ], "user": "u", "größe": 1, "a, b": 2}),
        ),
        (
            "responses",
            "/v1/responses".to_owned(),
            json!({"model": "gemini/m", "truncation": "auto", "größe": 1, "tools": [{"type": "web_search"}],
                "input": [{"role": "user", "content": [{"type": "input_text", "text": "hi", "später": 1}]}]}),
        ),
        (
            "messages",
            "/v1/messages".to_owned(),
            json!({"model": "openai/m", "max_tokens": 9, "top_k": 4, "container": "c", "größe": 1,
                "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
                "messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "später": 1}]}]}),
        ),
        (
            "gemini",
            "/v1beta/models/openai/m:generateContent".to_owned(),
            json!({"contents": contents, "safetySettings": [], "größe": 1,
                "generationConfig": {"topK": 4, "mediaResolution": "MEDIA_RESOLUTION_LOW"}}),
        ),
        (
            "count, messages",
            "/v1/messages/count_tokens".to_owned(),
            json!({"model": "gemini/m", "messages": ask, "container": "c"}),
        ),
        (
            "count, gemini",
            "/v1beta/models/anthropic/m:countTokens".to_owned(),
            json!({"contents": contents, "größe": 1}),
        ),
        (
            "count, responses",
            "/v1/responses/input_tokens".to_owned(),
            json!({"model": "anthropic/m", "input": "hi", "truncation": "auto"}),
        ),
        (
            "embeddings",
            "/v1/embeddings".to_owned(),
            json!({"model": "gemini/m", "input": ["one"], "user": "u", "größe": 1}),
        ),
        (
            "embeddings, gemini",
            "/v1beta/models/openai/m:batchEmbedContents".to_owned(),
            json!({"requests": [
                {"content": {"parts": [{"text": "one"}]}, "taskType": "CLUSTERING", "title": "t", "größe": 1},
                {"content": {"parts": [{"text": "two"}, {"inlineData": {"mimeType": "image/png", "data": "aGk="}}]},
                    "taskType": "CLUSTERING", "title": "u", "outputDimensionality": 4},
            ]}),
        ),
        (
            "completions",
            "/v1/completions".to_owned(),
            json!({"model": "anthropic/m", "prompt": "hi", "best_of": 2, "größe": 1}),
        ),
    ]
}

fn loss(answer: &Answered) -> &str {
    answer.headers.get("x-tollbridge-loss").map_or("-", |loss| loss.to_str().unwrap())
}

#[tokio::test]
async fn each_loss_is_named_by_its_place_and_a_strict_call_refused_for_it() {
    let bench = Bench::start().await.unwrap();
    let mut told = String::new();
    for (name, path, body) in losing() {
        let answer = bench.send(Method::POST, &path, body.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        told.push_str(&format!("{name}: {}\n", loss(&answer)));
        let sent = bench.upstreams().map(|(_, upstream)| upstream.requests().len()).sum::<usize>();
        let answer = bench.send_with(Method::POST, &path, &STRICT, body.to_string()).await.unwrap();
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
        let error = &answer.json()["error"];
        told.push_str(&format!("  {} {}\n", error["param"], error["message"].as_str().unwrap()));
        assert_eq!(
            sent,
            bench.upstreams().map(|(_, upstream)| upstream.requests().len()).sum::<usize>(),
            "{name} was sent"
        );
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn nothing_is_lost_within_a_protocol_whatever_it_holds() {
    let bench = Bench::start().await.unwrap();
    for (name, path, mut body) in losing() {
        let own = match name {
            "messages" | "count, messages" => "anthropic",
            "gemini" | "count, gemini" | "embeddings, gemini" => "gemini",
            _ => "openai",
        };
        let mut path = path;
        if path.starts_with("/v1beta") {
            path = format!("/v1beta/models/gemini/m:{}", path.rsplit_once(':').unwrap().1);
        } else {
            body["model"] = format!("{own}/m").into();
        }
        let (_, upstream) = bench.upstreams().find(|(other, _)| *other == own).unwrap();
        let answer = bench.send_with(Method::POST, &path, &STRICT, body.to_string()).await.unwrap();
        if name != "completions" {
            assert_eq!((answer.status.as_u16(), loss(&answer)), (200, "-"), "{name}: {}", answer.text());
        }
        if !path.starts_with("/v1beta") {
            body["model"] = "m".into();
        }
        assert_eq!(upstream.requests().pop().unwrap().json(), body, "{name}");
    }
}

#[tokio::test]
async fn many_losses_fit_a_header_and_are_all_counted() {
    let bench = Bench::start().await.unwrap();
    let mut body = json!({"model": "anthropic/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for number in 0..5000 {
        body[format!("field_{number}")] = number.into();
    }
    let answer = bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (listed, more) = loss(&answer).rsplit_once(", and ").unwrap();
    let more: usize = more.strip_suffix(" more").unwrap().parse().unwrap();
    assert!(listed.len() <= 2000, "{listed}");
    assert_eq!(listed.split(", ").count() + more, 5000);
    let metrics = bench.send(Method::GET, "/metrics", "").await.unwrap().text();
    let line = r#"tollbridge_losses_total{client="openai.chat",vendor="anthropic.messages",kind="dropped"} 5000"#;
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    // A refusal that names them all must fit an answer too.
    let answer = bench.send_with(Method::POST, "/v1/chat/completions", &STRICT, body.to_string()).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("field_4999"), "{}", answer.text());
}

#[tokio::test]
async fn a_fault_is_told_at_the_clients_own_field_whose_path_the_words_name() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let hi = json!({"role": "user", "content": "hi"});
    let call =
        |arguments: &str| json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": arguments}});
    let called = |arguments: &str| json!({"role": "assistant", "content": null, "tool_calls": [call(arguments)]});
    let result = json!({"role": "tool", "tool_call_id": "c1", "content": "done"});
    let tools =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]);
    let chat = |model: &str, messages: Value| json!({"model": model, "messages": messages, "tools": tools});
    let faults = [
        (
            "/v1/chat/completions",
            chat(
                "bedrock/us.anthropic.claude-sonnet-4-5",
                json!([hi, called("{}"), {"role": "tool", "content": "done"}]),
            ),
            "messages[2].tool_call_id",
        ),
        (
            "/v1/chat/completions",
            chat("anthropic/c", json!([hi, called("{\"a\": \"unfinis"), result])),
            "messages[1].tool_calls[0].function.arguments",
        ),
        (
            "/v1/chat/completions",
            chat(
                "anthropic/c",
                json!([hi, {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}]}]),
            ),
            "messages[1].content[0]",
        ),
        (
            "/v1/responses",
            json!({"model": "anthropic/c", "input": [{"type": "message", "role": "user", "content": "hi", "foo": 1}]}),
            "input[0].foo",
        ),
        (
            "/v1/responses",
            json!({"model": "anthropic/c", "input": [hi, {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "b", "name": "f", "arguments": "["}]}),
            "input[2].arguments",
        ),
        (
            "/v1/responses",
            json!({"model": "anthropic/c", "input": [hi, {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "item_reference", "id": "msg_1"}]}),
            "input[2]",
        ),
        (
            "/v1beta/models/openai/m:generateContent",
            json!({"contents": [{"parts": [{"text": "hi"}]}], "tools": [{"googleSearch": {}},
                {"function_declarations": [{"name": "f"}, {"name": "g", "behavior": "BLOCKING"}]}]}),
            "tools[0]",
        ),
        (
            "/v1beta/models/openai/m:generateContent",
            json!({"contents": {"parts": {"text": "hi", "thought_signature": "c2ln"}}}),
            "contents.parts.thought_signature",
        ),
        (
            "/v1beta/models/anthropic/m:countTokens",
            json!({"generateContentRequest": {"contents": [{"parts": [{"text": "hi", "später": 1}]}]}}),
            "generateContentRequest.contents[0].parts[0].später",
        ),
        (
            "/v1beta/models/anthropic/m:countTokens",
            json!({"generate_content_request": {"contents": [{"parts": [{"function_call": {"args": {}}}]}]}}),
            "generate_content_request.contents[0].parts[0].function_call.name",
        ),
        ("/v1/embeddings", json!({"model": "gemini/m", "input": ["a"], "user": "u"}), "user"),
        (
            "/v1/messages/count_tokens",
            json!({"model": "gemini/m", "messages": [hi], "tools": [{"type": "computer_20250124", "name": "computer", "display_width_px": 9, "display_height_px": 9}]}),
            "tools[0]",
        ),
        ("/v1/completions", json!({"model": "anthropic/m", "prompt": "hi", "max_tokens": 9, "suffix": "x"}), "suffix"),
    ];
    for (route, body, place) in faults {
        let answer = bench.send_with(Method::POST, route, &STRICT, body.to_string()).await.unwrap();
        assert_eq!(answer.status, 400, "{route} {body}: {}", answer.text());
        let error = &answer.json()["error"];
        let words = error["message"].as_str().unwrap();
        // Anthropic's and Google's errors have no field for the place: their words name it.
        if let Some(param) = error["param"].as_str() {
            assert_eq!(param, place, "{route}: {words}");
        }
        assert!(words.contains(&format!("`{place}`")), "{route} does not name {place}: {words}");
    }
}

#[tokio::test]
async fn cache_marks_go_where_the_vendor_has_a_place_for_them() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let body = json!({"max_tokens": 9, "messages": [
        {"role": "system", "content": "be kind", "cache_control": mark},
        {"role": "user", "content": "hi", "cache_control": mark},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}, "cache_control": mark},
            {"id": "b", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "one", "cache_control": mark},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "two", "cache_control": mark}]},
    ], "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}, "cache_control": mark}]});
    let mut told = String::new();
    for (model, upstream) in [
        ("anthropic/claude-sonnet-4-5", "anthropic"),
        ("bedrock/us.anthropic.claude-sonnet-4-5", "bedrock"),
        ("gemini/m", "gemini"),
    ] {
        let mut body = body.clone();
        body["model"] = model.into();
        let answer = bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        let (_, upstream) = bench.upstreams().find(|(name, _)| *name == upstream).unwrap();
        let sent = upstream.requests().pop().unwrap().json();
        told.push_str(&format!("{model}: {}\n{}\n", loss(&answer), serde_json::to_string_pretty(&sent).unwrap()));
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_session_is_told_only_what_is_new_to_it() {
    let mut options = Options::default();
    options.losses = tollbridge_gateway::Losses::New;
    let (all, new) = (Bench::start().await.unwrap(), Bench::with(options).await.unwrap());
    let path = "/v1/chat/completions";
    let body = |turns: usize, words: &str| {
        let turn = json!([{"role": "user", "name": "ann", "content": words}]);
        json!({"model": "anthropic/m", "max_tokens": 9, "messages": vec![turn[0].clone(); turns]}).to_string()
    };
    // What names the session, if anything does; the words that it begins with; and what the second call is told.
    let (long, repeated, more) = ("hi ".repeat(500), "dropped messages[0].name", "dropped messages[1].name");
    let second = format!("{repeated}, {more}");
    let cases = [
        (&[("x-tollbridge-session", "a")][..], "hi", more),
        (&[("x-claude-code-session-id", "b")], "hi", more),
        (&[("session-id", "c")], "hi", more),
        (&[], &long, more),
        (&[], "hi", &second),
        (&[("x-tollbridge-losses", "all"), ("session-id", "d")], "hi", &second),
    ];
    for (headers, words, told) in cases {
        let first = new.send_with(Method::POST, path, headers, body(1, words)).await.unwrap();
        assert_eq!(loss(&first), repeated, "{headers:?}");
        let answer = new.send_with(Method::POST, path, headers, body(2, words)).await.unwrap();
        assert_eq!(loss(&answer), told, "{headers:?}");
        if told == more {
            let answer = new.send_with(Method::POST, path, headers, body(2, words)).await.unwrap();
            assert_eq!(loss(&answer), "-", "{headers:?}");
        }
    }
    for _ in 0..2 {
        let answer = all.send_with(Method::POST, path, &[("session-id", "a")], body(1, "hi")).await.unwrap();
        assert_eq!(loss(&answer), repeated);
    }
    for told in [repeated, "-"] {
        let headers = [("session-id", "e"), ("x-tollbridge-losses", "new")];
        assert_eq!(loss(&all.send_with(Method::POST, path, &headers, body(1, "hi")).await.unwrap()), told);
    }
    let wrong = all.send_with(Method::POST, path, &[("x-tollbridge-losses", "some")], body(1, "hi")).await.unwrap();
    assert_eq!(wrong.status, 400);
    assert_eq!(wrong.json()["error"]["param"], "x-tollbridge-losses");
    // Strict refuses what was told before too.
    let headers = [("session-id", "c"), STRICT[0]];
    assert_eq!(new.send_with(Method::POST, path, &headers, body(2, "hi")).await.unwrap().status, 400);
}

#[tokio::test]
async fn the_header_says_yes_or_no_and_overrides_the_configuration() {
    let mut options = Options::default();
    options.strict = true;
    let (lenient, strict) = (Bench::start().await.unwrap(), Bench::with(options).await.unwrap());
    let (_, path, body) = losing().swap_remove(0);
    for (bench, usual) in [(&lenient, 200), (&strict, 400)] {
        for (value, status) in
            [("true", 400), ("1", 400), ("false", 200), ("0", 200), ("", 400), ("yes", 400), ("TRUE", 400)]
        {
            let header = [("x-tollbridge-strict", value)];
            let answer = bench.send_with(Method::POST, &path, &header, body.to_string()).await.unwrap();
            assert_eq!(answer.status, status, "{value}: {}", answer.text());
        }
        assert_eq!(bench.send(Method::POST, &path, body.to_string()).await.unwrap().status, usual);
    }
}

#[tokio::test]
async fn a_program_sees_losses_and_refuses_them_as_clients_do() {
    let bench = Bench::start().await.unwrap();
    let mut request = ChatRequest::new("anthropic/m").user("hi").max_tokens(9);
    request.seed = Some(7);
    request.extras.insert(Protocol::OPENAI_CHAT, "größe", json!(1));
    let reply = bench.client.request(request.clone()).await.unwrap();
    let told: Vec<_> = reply.losses().iter().map(|loss| (loss.kind.as_str(), loss.path.as_str())).collect();
    assert_eq!(told, [("dropped", "seed"), ("dropped", "extras.größe")]);
    let before = bench.anthropic.requests().len();
    let error = bench.client.request(request).strict().await.unwrap_err();
    assert_eq!(error.path(), Some("seed"));
    assert!(error.message().contains("`seed`") && error.message().contains("größe"), "{error}");
    assert_eq!(bench.anthropic.requests().len(), before);
}
