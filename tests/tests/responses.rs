//! OpenAI's responses before every vendor that the test kit plays, whole and streamed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what a test needs and cannot have fails it"
)]

use http::Method;
use serde_json::{Value, json};
use tollbridge_gateway::Options;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::{Answered, Bench};

const PATH: &str = "/v1/responses";

async fn post(bench: &Bench, body: &Value) -> Answered {
    bench.send(Method::POST, PATH, body.to_string()).await.unwrap()
}

/// Reads the events of a stream, and checks what every client of the protocol relies on.
fn events(answer: &Answered) -> Vec<Value> {
    let text = answer.text();
    let mut events: Vec<Value> = Vec::new();
    for event in text.split("\n\n").filter(|event| !event.is_empty()) {
        let line = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
        let data: Value = serde_json::from_str(line("data: ").unwrap()).unwrap_or_else(|_| panic!("{event}"));
        assert_eq!(Some(data["type"].as_str().unwrap()), line("event: "), "{event}");
        assert_eq!(data["sequence_number"].as_u64(), Some(events.len() as u64), "{text}");
        events.push(data);
    }
    events
}

/// Asks for the same thing whole and streamed, and returns both responses: the stream's is that of its last event.
async fn both(bench: &Bench, body: &Value) -> [Value; 2] {
    let whole = post(bench, body).await;
    assert_eq!(whole.status, 200, "{body}: {}", whole.text());
    let mut body = body.clone();
    body["stream"] = json!(true);
    let streamed = post(bench, &body).await;
    assert_eq!(streamed.status, 200, "{body}: {}", streamed.text());
    let events = events(&streamed);
    assert_eq!(events[0]["type"], "response.created", "{}", streamed.text());
    let last = events.last().unwrap();
    assert!(
        ["response.completed", "response.incomplete"].contains(&last["type"].as_str().unwrap()),
        "{}",
        streamed.text()
    );
    // The items of the last event are those that were told one by one, and their texts the sum of the pieces.
    let done: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| &event["item"])
        .collect();
    assert_eq!(done, last["response"]["output"].as_array().unwrap().iter().collect::<Vec<_>>(), "{}", streamed.text());
    let pieces = |kind: &str| -> String {
        events.iter().filter(|event| event["type"] == kind).map(|event| event["delta"].as_str().unwrap()).collect()
    };
    assert_eq!(pieces("response.output_text.delta"), text(&last["response"]));
    let arguments: String =
        items(&last["response"], "function_call").iter().map(|item| item["arguments"].as_str().unwrap()).collect();
    assert_eq!(pieces("response.function_call_arguments.delta"), arguments, "{}", streamed.text());
    [whole.json(), last["response"].clone()]
}

fn items(response: &Value, kind: &str) -> Vec<Value> {
    let output = response["output"].as_array().unwrap_or_else(|| panic!("{response}"));
    output.iter().filter(|item| item["type"] == kind).cloned().collect()
}

fn text(response: &Value) -> String {
    let messages = items(response, "message");
    let parts = messages.iter().flat_map(|message| message["content"].as_array().unwrap());
    parts.filter_map(|part| part["text"].as_str()).collect()
}

fn weather() -> Value {
    json!([{"type": "function", "name": "get_weather", "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
    }}])
}

#[tokio::test]
async fn answers_come_whole_and_streamed_from_every_vendor() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for name in bench.upstreams().map(|(name, _)| name).chain(["echo"]) {
        let body = json!({"model": format!("{name}/m"), "instructions": "be kind", "input": "héllo 你好"});
        for response in both(&bench, &body).await {
            assert!(text(&response).contains("héllo 你好"), "{name}: {response}");
            assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!("completed")), "{name}");
            let count = |field: &str| response["usage"][field].as_u64().unwrap_or_else(|| panic!("{name}: {response}"));
            assert!(count("input_tokens") > 0 && count("output_tokens") > 0, "{name}");
            assert_eq!(count("input_tokens") + count("output_tokens"), count("total_tokens"), "{name}: {response}");
        }
    }
}

#[tokio::test]
async fn functions_are_called_and_their_outputs_answered() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for (name, _) in bench.upstreams() {
        let ask = json!({"role": "user", "content": "What is the weather? Ask in parallel."});
        let model = format!("{name}/m");
        for response in both(&bench, &json!({"model": model, "input": [ask], "tools": weather()})).await {
            let calls = items(&response, "function_call");
            assert_eq!(calls.len(), 2, "{name}: {response}");
            assert_ne!(calls[0]["call_id"], calls[1]["call_id"], "{name}: {response}");
            let mut input = vec![ask.clone()];
            input.extend(response["output"].as_array().unwrap().clone());
            for (call, output) in calls.iter().zip(["sunny", "rainy"]) {
                let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
                assert_eq!(arguments, json!({"city": "value-of-city"}), "{name}");
                input.push(json!({"type": "function_call_output", "call_id": call["call_id"], "output": output}));
            }
            for answer in both(&bench, &json!({"model": model, "input": input, "tools": weather()})).await {
                assert_eq!(text(&answer), "tool said: sunny | rainy", "{name}: {answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_schema_is_kept_and_a_limit_told() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    for (name, _) in bench.upstreams() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
            "additionalProperties": false});
        let format = json!({"format": {"type": "json_schema", "name": "answer", "strict": true, "schema": schema}});
        for response in both(&bench, &json!({"model": format!("{name}/m"), "input": "a number", "text": format})).await
        {
            let answer: Value = serde_json::from_str(&text(&response)).unwrap_or_else(|_| panic!("{name}: {response}"));
            assert_eq!(answer, json!({"n": 1}), "{name}");
        }
        let body =
            json!({"model": format!("{name}/m"), "input": "one two three four five six", "max_output_tokens": 3});
        for response in both(&bench, &body).await {
            assert_eq!(response["status"], "incomplete", "{name}: {response}");
            assert_eq!(response["incomplete_details"]["reason"], "max_output_tokens", "{name}: {response}");
        }
    }
}

#[tokio::test]
async fn reasoning_comes_with_what_its_vendor_wants_back_and_gets_it_back() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let mut told = String::new();
    for (name, upstream) in bench.upstreams() {
        let ask = json!({"role": "user", "content": "think"});
        let body = json!({"model": format!("{name}/m"), "input": [ask], "store": false, "max_output_tokens": 9000,
            "reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"]});
        let [whole, streamed] = both(&bench, &body).await;
        assert_eq!(thinking(&whole), thinking(&streamed), "{name}");
        told.push_str(&format!("{name}: {}\n", thinking(&whole)));
        let sealed = |response: &Value| -> Vec<bool> {
            items(response, "reasoning").iter().map(|item| item["encrypted_content"].is_string()).collect()
        };
        assert_eq!(sealed(&whole), sealed(&streamed), "{name}: {whole} {streamed}");
        for response in [whole, streamed] {
            let mut again = body.clone();
            let mut input = vec![ask.clone()];
            input.extend(response["output"].as_array().unwrap().clone());
            input.push(json!({"role": "user", "content": "go on"}));
            again["input"] = input.into();
            let answer = post(&bench, &again).await;
            assert_eq!(answer.status, 200, "{name}: {}", answer.text());
            let sent = upstream.requests().pop().unwrap();
            assert!(!String::from_utf8_lossy(&sent.body).contains("dG9sbHN0YXRl"), "{name} was sent a sealed state");
            let lost = answer.headers.get("x-tollbridge-loss").map_or("-", |lost| lost.to_str().unwrap());
            told.push_str(&format!("  sent back: lost {lost}\n"));
        }
    }
    insta::assert_snapshot!(told);
}

fn thinking(response: &Value) -> String {
    let items = items(response, "reasoning");
    let parts = items.iter().flat_map(|item| item["summary"].as_array().unwrap());
    parts.filter_map(|part| part["text"].as_str()).collect()
}

#[tokio::test]
async fn what_a_vendor_signed_reaches_it_as_it_was() {
    let bench = Bench::start().await.unwrap();
    let ask = json!({"role": "user", "content": "think"});
    let mut body = json!({"model": "openai/m", "input": [ask], "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "high"}});
    let [own, _] = both(&bench, &body).await;
    assert_eq!(items(&own, "reasoning")[0]["encrypted_content"], "mock-encrypted-reasoning");
    // Another vendor's reply is dictated, so that what is signed is known.
    for (stream, reply) in [(false, SIGNED), (true, SIGNED_STREAM)] {
        let kind = if stream { "text/event-stream" } else { "application/json" };
        play(&bench.anthropic, kind, reply);
        body = json!({"model": "anthropic/m", "input": [ask], "max_output_tokens": 9000, "stream": stream,
            "reasoning": {"effort": "high", "summary": "auto"}, "include": ["reasoning.encrypted_content"]});
        let answer = post(&bench, &body).await;
        let response = if stream { events(&answer).pop().unwrap()["response"].clone() } else { answer.json() };
        let mut input = vec![ask.clone()];
        input.extend(response["output"].as_array().unwrap().clone());
        input.push(json!({"role": "user", "content": "go on"}));
        (body["input"], body["stream"]) = (input.into(), json!(false));
        assert_eq!(post(&bench, &body).await.status, 200);
        let sent = bench.anthropic.requests().pop().unwrap().json();
        let blocks = json!([
            {"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"},
            {"type": "redacted_thinking", "data": "aGlkZGVu"},
            {"type": "text", "text": "hi"},
        ]);
        assert_eq!(sent["messages"][1]["content"], blocks, "stream {stream}: {response}");
    }
}

const SIGNED: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[
    {"type":"thinking","thinking":"hm","signature":"c2lnbmVk"},
    {"type":"redacted_thinking","data":"aGlkZGVu"},
    {"type":"text","text":"hi"}],
    "stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"#;

const SIGNED_STREAM: &str = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2lnbmVk"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"aGlkZGVu"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"hi"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":1}}

event: message_stop
data: {"type":"message_stop"}

"#;

fn play(upstream: &Upstream, kind: &str, body: &str) {
    let headers = vec![("content-type".to_owned(), kind.to_owned())];
    upstream.play(vec![Step::canned(200, headers, vec![body.to_owned()])]);
}

#[tokio::test]
async fn built_in_tools_pass_to_openai_and_are_mapped_or_told_elsewhere() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let tools = json!([{"type": "web_search", "filters": {"allowed_domains": ["example.com"]}},
        {"type": "code_interpreter", "container": {"type": "auto"}},
        {"type": "mcp", "server_label": "s", "server_url": "https://mcp.example.com", "require_approval": "never"}]);
    for (name, upstream) in bench.upstreams() {
        let answer = post(&bench, &json!({"model": format!("{name}/m"), "input": "hi", "tools": tools})).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        let lost = answer.headers.get("x-tollbridge-loss").map(|lost| lost.to_str().unwrap());
        let sent = upstream.requests().pop().unwrap();
        if sent.uri.path().ends_with("/responses") {
            assert_eq!((lost, &sent.json()["tools"]), (None, &tools), "{name}");
        } else {
            // Each is in the vendor's own form, or told.
            let body = String::from_utf8_lossy(&sent.body);
            let forms = [
                &["web_search", "google_search", "googleSearch"][..],
                &["code_execution", "codeExecution"],
                &["mcp_servers"],
            ];
            for (place, forms) in forms.iter().enumerate() {
                let told = lost.is_some_and(|lost| lost.contains(&format!("tools[{place}]")));
                assert!(told || forms.iter().any(|form| body.contains(form)), "{name}: {lost:?}: {body}");
            }
        }
    }
}

#[tokio::test]
async fn stored_state_is_refused_where_nobody_keeps_it() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let reference = json!([{"type": "item_reference", "id": "msg_1"}, {"role": "user", "content": "go on"}]);
    let states = [
        ("previous_response_id", json!("resp_1"), json!("go on")),
        ("conversation", json!({"id": "conv_1"}), json!("go on")),
        ("prompt", json!({"id": "pmpt_1"}), json!("go on")),
        ("background", json!(true), json!("go on")),
        ("input[0]", Value::Null, reference),
    ];
    let routes = [PATH, "/v1/responses/input_tokens"];
    let names = bench.upstreams().map(|(name, upstream)| (name, Some(upstream))).chain([("echo", None)]);
    for ((name, upstream), route) in names.flat_map(|named| routes.map(|route| (named, route))) {
        let received = || upstream.map(|upstream| upstream.requests()).unwrap_or_default();
        for (path, value, input) in &states {
            let mut body = json!({"model": format!("{name}/m"), "input": input});
            if !value.is_null() {
                body[*path] = value.clone();
            }
            let before = received().len();
            let answer = bench.send(Method::POST, route, body.to_string()).await.unwrap();
            if let Some(sent) = received().get(before) {
                assert!(name == "openai" || name == "xai", "{name} keeps no responses, and was sent {}", sent.json());
                body["model"] = json!("m");
                assert_eq!((answer.status.as_u16(), sent.json()), (200, body), "{name}, {route}");
            } else {
                assert_eq!(answer.status, 400, "{name}, {route}, {path}: {}", answer.text());
                let error = &answer.json()["error"];
                assert_eq!(error["param"], *path, "{name}, {route}: {error}");
                assert!(error["message"].as_str().unwrap().contains("keeps responses"), "{name}, {route}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn refusals_and_filters_have_their_own_form() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let mut told = String::new();
    // OpenAI's own responses would pass, so another vendor speaks its chat completions.
    let dictated =
        [("moonshot", &REFUSED_OPENAI[..]), ("anthropic", &REFUSED_ANTHROPIC[..]), ("gemini", &REFUSED_GOOGLE[..])];
    for (name, replies) in dictated {
        let (_, upstream) = bench.upstreams().find(|(other, _)| *other == name).unwrap();
        for (case, whole, stream) in replies {
            for (kind, body, streams) in [("application/json", *whole, false), ("text/event-stream", *stream, true)] {
                play(upstream, kind, body);
                let ask = json!({"model": format!("{name}/m"), "input": "hi", "stream": streams});
                let answer = post(&bench, &ask).await;
                assert_eq!(answer.status, 200, "{name}, {case}: {}", answer.text());
                let response = match streams {
                    true => events(&answer).pop().unwrap()["response"].clone(),
                    false => answer.json(),
                };
                let parts: Vec<Value> = items(&response, "message")
                    .iter()
                    .flat_map(|message| message["content"].as_array().unwrap().clone())
                    .map(|part| json!([part["type"], part["text"], part["refusal"]]))
                    .collect();
                told.push_str(&format!(
                    "{name}, {case}, stream {streams}: {} {} {}\n",
                    response["status"],
                    response["incomplete_details"],
                    Value::from(parts)
                ));
            }
        }
    }
    insta::assert_snapshot!(told);
}

type Dictated = (&'static str, &'static str, &'static str);

const REFUSED_OPENAI: [Dictated; 2] = [
    (
        "refusal",
        r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}]}"#,
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"refusal\":\"I will \"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"refusal\":\"not.\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
    ),
    (
        "filter",
        r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"so"},"finish_reason":"content_filter"}]}"#,
        "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"so\"},\"finish_reason\":null}]}\n\ndata: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n",
    ),
];

const REFUSED_ANTHROPIC: [Dictated; 1] = [(
    "refusal",
    r#"{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":"refusal","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}"#,
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"},\"usage\":{\"output_tokens\":1}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
)];

const REFUSED_GOOGLE: [Dictated; 2] = [
    (
        "safety",
        r#"{"candidates":[{"content":{"parts":[{"text":"so"}],"role":"model"},"finishReason":"SAFETY","index":0}],"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1}}"#,
        "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"so\"}],\"role\":\"model\"},\"finishReason\":\"SAFETY\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":1,\"totalTokenCount\":1}}\r\n\r\n",
    ),
    (
        "prompt blocked",
        r#"{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1}}"#,
        "data: {\"promptFeedback\":{\"blockReason\":\"PROHIBITED_CONTENT\"},\"usageMetadata\":{\"promptTokenCount\":1,\"totalTokenCount\":1}}\r\n\r\n",
    ),
];
