//! Ids of calls and state of vendors through the gateway: what a client sees, and what the vendor of its next turn gets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge_gateway::Options;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::Bench;

fn play(upstream: &Upstream, body: &Value) {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    upstream.play(vec![Step::canned(200, headers, vec![body.to_string()])]);
}

fn play_events(upstream: &Upstream, events: &[Value]) {
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    upstream.play(vec![Step::canned(200, headers, events.iter().map(|event| format!("data: {event}\n\n")).collect())]);
}

async fn post(bench: &Bench, path: &str, body: &Value) -> Value {
    let answer = bench.send(Method::POST, path, body.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    answer.json()
}

/// What Gemini answers when it calls a function, which it wants back with its signature.
fn gemini_calls() -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": [
            {"functionCall": {"id": "fc1", "name": "f", "args": {"city": "A", "days": 2}}, "thoughtSignature": "SIGABC=="},
        ]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
        "modelVersion": "gemini-3-pro", "responseId": "r1",
    })
}

fn gemini_says() -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": [{"text": "sunny"}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
        "modelVersion": "gemini-3-pro", "responseId": "r2",
    })
}

/// Returns the signature that the call of the last request to Google had.
fn signature(bench: &Bench) -> Value {
    let sent = bench.google.requests().last().unwrap().json();
    let parts =
        sent["contents"].as_array().unwrap().iter().flat_map(|content| content["parts"].as_array().unwrap().clone());
    let call = parts.clone().find(|part| part["functionCall"].is_object());
    call.unwrap_or_else(|| json!({"sent": sent}))["thoughtSignature"].clone()
}

#[tokio::test]
async fn a_vendors_ids_reach_a_client_and_come_back_as_they_were() {
    let bench = Bench::start().await.unwrap();
    let call = json!([{"id": "functions.Bash:1", "type": "function", "function": {"name": "Bash", "arguments": "{}"}}]);
    let ask = json!({"model": "openai/kimi", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for stream in [false, true] {
        let mut body = ask.clone();
        body["stream"] = json!(stream);
        if stream {
            let mut delta = call.clone();
            delta[0]["index"] = json!(0);
            let delta = json!({"role": "assistant", "tool_calls": delta});
            play_events(
                &bench.openai,
                &[
                    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]}),
                    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
                ],
            );
        } else {
            let message = json!({"role": "assistant", "content": null, "tool_calls": call});
            play(
                &bench.openai,
                &json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}),
            );
        }
        let answer = bench.send(Method::POST, "/v1/messages", body.to_string()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.text().contains(r#""id":"functions.Bash:1""#), "{}", answer.text());
    }
    let mut second = ask;
    second["messages"] = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "functions.Bash:1", "name": "Bash", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "functions.Bash:1", "content": "ok"}]},
    ]);
    post(&bench, "/v1/messages", &second).await;
    let sent = bench.openai.requests().last().unwrap().json();
    assert_eq!(sent["messages"][1]["tool_calls"][0]["id"], "functions.Bash:1");
    assert_eq!(sent["messages"][2]["tool_call_id"], "functions.Bash:1");
}

#[tokio::test]
async fn a_chat_client_that_sends_back_calls_alone_loses_no_state() {
    for (size, expected) in [(64 << 20, "SIGABC=="), (0, "skip_thought_signature_validator")] {
        let mut options = Options::default();
        options.state_cache_size = size;
        let bench = Bench::with(options).await.unwrap();
        for stream in [false, true] {
            if stream {
                play_events(&bench.google, &[gemini_calls()]);
            } else {
                play(&bench.google, &gemini_calls());
            }
            let ask = json!({"role": "user", "content": format!("weather? {stream}")});
            let body = json!({"model": "gemini/gemini-3-pro", "stream": stream, "messages": [ask]});
            let answer = bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap();
            assert!(answer.text().contains(r#""id":"fc1""#), "{}", answer.text());
            // Frameworks read the arguments and write them anew.
            let call = json!({"id": "fc1", "type": "function", "function": {"name": "f", "arguments": "{ \"days\": 2, \"city\": \"A\" }"}});
            let messages = json!([
                ask,
                {"role": "assistant", "content": null, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "fc1", "content": "sunny"},
            ]);
            play(&bench.google, &gemini_says());
            post(&bench, "/v1/chat/completions", &json!({"model": "gemini/gemini-3-pro", "messages": messages})).await;
            assert_eq!(signature(&bench), expected, "stream {stream}");
        }
    }
}

#[tokio::test]
async fn references_to_items_that_were_made_here_resolve() {
    let bench = Bench::start().await.unwrap();
    let ask = json!({"role": "user", "content": "weather?"});
    for (store, stream) in [(None, false), (Some(true), true), (Some(false), false)] {
        let mut body = json!({"model": "gemini/gemini-3-pro", "stream": stream, "input": [ask]});
        if let Some(store) = store {
            body["store"] = json!(store);
        }
        let mut answer = gemini_calls();
        answer["responseId"] = json!(format!("r{stream}{store:?}"));
        if stream {
            play_events(&bench.google, &[answer]);
        } else {
            play(&bench.google, &answer);
        }
        let answer = bench.send(Method::POST, "/v1/responses", body.to_string()).await.unwrap();
        let response = match stream {
            false => answer.json(),
            true => {
                let text = answer.text();
                let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
                serde_json::from_str::<Value>(last).unwrap()["response"].clone()
            }
        };
        let items = response["output"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| item["id"].as_str().unwrap().len() <= 64), "{response}");
        let mut input = vec![ask.clone()];
        input.extend(items.iter().map(|item| json!({"type": "item_reference", "id": item["id"]})));
        input.push(json!({"type": "function_call_output", "call_id": "fc1", "output": "sunny"}));
        let second = json!({"model": "gemini/gemini-3-pro", "input": input});
        if store == Some(false) {
            let refused = bench.send(Method::POST, "/v1/responses", second.to_string()).await.unwrap();
            assert_eq!(refused.status, 400, "{}", refused.text());
            continue;
        }
        play(&bench.google, &gemini_says());
        post(&bench, "/v1/responses", &second).await;
        assert_eq!(signature(&bench), "SIGABC==", "{store:?}");
        // Another vendor of the client's own protocol gets the call itself, and nothing that was sealed for Google.
        let mut elsewhere = second;
        elsewhere["model"] = json!("openai/gpt-5");
        post(&bench, "/v1/responses", &elsewhere).await;
        let sent = bench.openai.requests().last().unwrap().json();
        let kinds: Vec<_> = sent["input"].as_array().unwrap().iter().map(|item| item["type"].clone()).collect();
        assert_eq!(kinds, [json!(null), json!("function_call"), json!("function_call_output")], "{sent}");
        assert!(!sent.to_string().contains("dG9sbHN0YXRl"), "{sent}");
    }
}

#[tokio::test]
async fn what_was_sealed_for_one_vendor_is_not_sent_to_another() {
    let bench = Bench::start().await.unwrap();
    let seal = "dG9sbHN0YXRlFxttnFt7ImsiOiJjYWxsIiwiaWQiOiJmYzEiLCJwIjoiZ2VtaW5pLmdlbmVyYXRlIiwicyI6IlNJR0FCQz09In1d";
    let body = json!({"model": "anthropic/claude-sonnet-4-5", "max_tokens": 9, "messages": [
        {"role": "user", "content": "w?"},
        {"role": "assistant", "content": [
            {"type": "redacted_thinking", "data": seal},
            {"type": "tool_use", "id": "functions.f:0", "name": "f", "input": {}},
        ]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "functions.f:0", "content": "sunny"}]},
    ], "tools": [{"name": "f", "input_schema": {"type": "object"}}]});
    let answer = bench.send(Method::POST, "/v1/messages", body.to_string()).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.headers["x-tollbridge-loss"].to_str().unwrap();
    assert!(told.contains("messages[1].content[0]"), "{told}");
    let sent = bench.anthropic.requests().last().unwrap().json();
    assert_eq!(sent["messages"][1]["content"][0]["id"], "functions_f_0", "{sent}");
    assert_eq!(sent["messages"][2]["content"][0]["tool_use_id"], "functions_f_0", "{sent}");
    let strict = [("x-tollbridge-strict", "true")];
    let refused = bench.send_with(Method::POST, "/v1/messages", &strict, body.to_string()).await.unwrap();
    assert_eq!(refused.status, 400, "{}", refused.text());
}
