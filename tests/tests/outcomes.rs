//! What the ledger, the events and the metrics say of answers that failed, broke off or cannot be read: the same, whoever
//! asked in which protocol.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge::types::UsageBasis;
use tollbridge::usage::Status;
use tollbridge::usage::event::Payload;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::{Answered, Recorded, SOON, calls};

fn typed(kind: &str) -> Vec<(String, String)> {
    vec![("content-type".to_owned(), kind.to_owned())]
}

fn answer(kind: &str, body: &str) -> Vec<Step> {
    vec![Step::canned(200, typed(kind), vec![body.to_owned()])]
}

async fn send(recorded: &Recorded, (path, body): &(String, Value)) -> Answered {
    recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap()
}

/// Returns the mock of a vendor that speaks chat completions alone.
fn moonshot(recorded: &Recorded) -> &Upstream {
    recorded.bench.upstreams().find(|(name, _)| *name == "moonshot").unwrap().1
}

/// Returns the outcomes that the gateway has counted for a provider, with their number.
async fn counted(recorded: &Recorded, provider: &str) -> Vec<(String, u64)> {
    let text = recorded.bench.send(Method::GET, "/metrics", "").await.unwrap().text();
    let of = |line: &str, name: &str| {
        let (_, value) = line.split_once(&format!("{name}=\""))?;
        Some(value.split('"').next()?.to_owned())
    };
    let lines = text.lines().filter(|line| line.starts_with("tollbridge_calls_total{"));
    let own = lines.filter(|line| of(line, "provider").as_deref() == Some(provider));
    let mut found = std::collections::BTreeMap::new();
    for line in own {
        *found.entry(of(line, "outcome").unwrap()).or_default() +=
            line.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    }
    found.into_iter().collect()
}

#[tokio::test]
async fn a_stream_that_fails_is_failed_with_the_kind_of_its_error_in_every_protocol() {
    for step in ["stream-error", "malformed", "cut-after:2"] {
        let recorded = Recorded::start(|_, _| {}).await;
        let mut listener = recorded.metering.events().subscribe(10_000);
        let mut made = 0;
        for (name, upstream) in recorded.bench.upstreams() {
            for call in calls(&format!("{name}/m"), true) {
                upstream.script([step]).unwrap();
                let answer = send(&recorded, &call).await;
                assert_eq!(answer.status, 200, "{step} {name} {}: {}", call.0, answer.text());
                made += 1;
            }
        }
        let records = recorded.records_once(made).await;
        let mut told = Vec::new();
        while told.len() < made {
            let event = tokio::time::timeout(SOON, listener.next()).await.unwrap().unwrap().event;
            match &event.payload {
                Payload::Failed(failed) => told.push((event.request_id.clone().unwrap(), failed.error_type.clone())),
                Payload::Completed(_) => panic!("{step}: {event:?}"),
                _ => {}
            }
        }
        for (name, _) in recorded.bench.upstreams() {
            let own: Vec<_> = records.iter().filter(|record| record.provider == name).collect();
            let kinds: Vec<_> = own.iter().map(|record| record.error.clone().unwrap()).collect();
            let expected = match step {
                "malformed" => "decode",
                "cut-after:2" => "network",
                _ => kinds[0].as_str(),
            };
            for record in &own {
                let what = format!("{step} {name} {:?}", record.error);
                assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some(expected)), "{what}");
                let usage = record.usage.as_ref().unwrap();
                assert!(usage.total_input() > 0, "{what}: {usage:?}");
                let event = told.iter().find(|(call, _)| *call == record.call).unwrap();
                assert_eq!(event.1, expected, "{what}");
            }
            assert_ne!(expected, "cancelled", "{step} {name}");
            assert_eq!(counted(&recorded, name).await, [(expected.to_owned(), own.len() as u64)], "{step} {name}");
        }
    }
}

#[tokio::test]
async fn the_prompt_of_an_answer_that_cannot_be_read_is_counted_and_priced() {
    let recorded = Recorded::start(|_, _| {}).await;
    let whole = r#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"a long answer that was"#;
    let faults = [
        ("text/html", "<html>captive portal</html>"),
        ("application/json", whole),
        ("application/json", ""),
        ("application/json", " \n"),
        ("text/plain", "upstream timed out"),
    ];
    let mut made = 0;
    for (kind, body) in faults {
        for stream in [false, true] {
            for call in calls("openai/gpt-4o", stream) {
                recorded.bench.openai.play(answer(kind, body));
                let answer = send(&recorded, &call).await;
                assert_eq!(answer.status, 502, "{body} {}: {}", call.0, answer.text());
                assert!(answer.json()["error"]["message"].is_string(), "{body} {}: {}", call.0, answer.text());
                made += 1;
            }
        }
    }
    // A body that breaks off, behind the head of a success.
    let call = &calls("openai/gpt-4o", false)[0];
    recorded.bench.openai.play(vec![Step::canned(200, typed("application/json"), vec![whole.to_owned()]).cut()]);
    assert_eq!(send(&recorded, call).await.status, 502);
    let records = recorded.records();
    assert_eq!(records.len(), made + 1);
    for (place, record) in records.iter().enumerate() {
        let expected = if place == made { "network" } else { "decode" };
        assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some(expected)), "{place}");
        let usage = record.usage.as_ref().unwrap();
        assert!(usage.total_input() > 0 && record.charge.cost.unwrap().pico() > 0, "{place}: {usage:?}");
    }
}

#[tokio::test]
async fn json_that_is_no_answer_fails_where_it_is_read() {
    let recorded = Recorded::start(|_, _| {}).await;
    for call in calls("moonshot/m", false).into_iter().skip(1) {
        moonshot(&recorded).play(answer("application/json", r#"{"detail":"hello"}"#));
        assert_eq!(send(&recorded, &call).await.status, 502, "{}", call.0);
    }
    moonshot(&recorded).play(answer("application/json", r#"{"detail":"hello"}"#));
    let failed = recorded.bench.client.chat("moonshot/m", "hi").await;
    assert_eq!(failed.map(drop).unwrap_err().kind(), tollbridge::ErrorKind::Decode);
    for record in recorded.records() {
        assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some("decode")));
        assert!(record.usage.unwrap().total_input() > 0);
    }
}

/// A chat completion as a stream, with its usage.
const EVENTS: &str = r#"data:{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hel"},"finish_reason":null}]}

data:{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}]}

data:{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}

data:[DONE]

"#;

#[tokio::test]
async fn events_in_the_place_of_a_whole_answer_are_the_answer() {
    let recorded = Recorded::start(|_, _| {}).await;
    for call in calls("moonshot/m", false) {
        moonshot(&recorded).play(answer("text/event-stream", EVENTS));
        let answer = send(&recorded, &call).await;
        assert!(answer.status == 200 && answer.text().contains("hello"), "{}: {}", call.0, answer.text());
        assert!(serde_json::from_slice::<Value>(&answer.body).is_ok(), "{}", answer.text());
    }
    for record in recorded.records() {
        let usage = record.usage.unwrap();
        assert_eq!((record.status, usage.basis), (Status::Ok, UsageBasis::VendorFinal));
        assert_eq!((usage.total_input(), usage.total_output()), (10, 2));
    }
}

#[tokio::test]
async fn of_events_that_break_off_in_the_place_of_an_answer_the_usage_is_counted() {
    let recorded = Recorded::start(|_, _| {}).await;
    let first = EVENTS.split_inclusive("\n\n").next().unwrap();
    let error = "data: {\"error\":{\"message\":\"gone\",\"type\":\"server_error\"}}\n\n";
    let told = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":77,\"completion_tokens\":1,\"total_tokens\":78}}\n\n";
    for (events, kind) in [(format!("{told}{first}"), "network"), (format!("{told}{first}{error}"), "server_error")] {
        for call in calls("moonshot/m", false) {
            moonshot(&recorded).play(answer("text/event-stream", &events));
            let answer = send(&recorded, &call).await;
            assert!(answer.status.is_server_error(), "{}: {}", call.0, answer.text());
            let record = recorded.records().pop().unwrap();
            assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some(kind)), "{}", call.0);
            assert_eq!(record.usage.unwrap().total_input(), 77, "{}", call.0);
        }
    }
}

#[tokio::test]
async fn an_answer_that_ends_with_a_failure_is_failed_wherever_it_is_read() {
    let recorded = Recorded::start(|_, _| {}).await;
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12});
    let answers = |word: &str| {
        let choice =
            |name: &str| json!({"index": 0, "finish_reason": word, name: {"role": "assistant", "content": "a"}});
        let whole = json!({"id": "c", "object": "chat.completion", "choices": [choice("message")], "usage": usage});
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "choices": [choice("delta")], "usage": null});
        let last = json!({"id": "c", "object": "chat.completion.chunk", "choices": [], "usage": usage});
        (whole.to_string(), format!("data: {chunk}\n\ndata: {last}\n\ndata: [DONE]\n\n"))
    };
    let words = [("error", "server_error"), ("insufficient_system_resource", "overloaded"), ("of_tomorrow", "unknown")];
    for (word, kind) in words {
        let (whole, events) = answers(word);
        for (stream, body, form) in [(false, whole, "application/json"), (true, events, "text/event-stream")] {
            for (place, call) in calls("moonshot/m", stream).into_iter().enumerate() {
                moonshot(&recorded).play(answer(form, &body));
                let answer = send(&recorded, &call).await;
                let record = recorded.records_once(1).await.pop().unwrap();
                let what = format!("{word} {} {stream}: {} {}", call.0, answer.status, answer.text());
                // Its own clients get the vendor's word, and judge of one that nobody knows.
                let passes = place == 0 && word == "of_tomorrow";
                let expected = if passes { (Status::Ok, None) } else { (Status::Failed, Some(kind)) };
                assert_eq!((record.status, record.error.as_deref()), expected, "{what}");
                let usage = record.usage.unwrap();
                assert_eq!((usage.basis, usage.total()), (UsageBasis::VendorFinal, 12), "{what}");
                assert!(place == 0 || !answer.text().contains("\"end_turn\""), "{what}");
            }
        }
    }
    let outcomes = counted(&recorded, "moonshot").await;
    let number = |name: &str| outcomes.iter().find(|(outcome, _)| outcome == name).map(|(_, number)| *number);
    assert_eq!(
        (number("server_error"), number("overloaded"), number("unknown")),
        (Some(8), Some(8), Some(6)),
        "{outcomes:?}"
    );
    assert_eq!(number("ok"), Some(2), "{outcomes:?}");
}
