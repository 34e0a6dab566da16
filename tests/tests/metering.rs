//! What is recorded and told of calls, through the gateway and the library.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use tollbridge::types::{ChatEvent, UsageBasis};
use tollbridge::usage::Status;
use tollbridge::usage::event::{CostDiscrepancy, Event, Payload};
use tollbridge::usage::ledger::{Durability, Reader};
use tollbridge::usage::meter::OnLeave;
use tollbridge_gateway::Options;
use tollbridge_testkit::Step;
use tollbridge_tests::{Bench, Recorded, SOON, calls, limited};

#[tokio::test]
async fn every_protocol_and_vendor_is_recorded_with_the_vendors_own_numbers() {
    let recorded = Recorded::start(|_, _| {}).await;
    let mut made = 0;
    for (name, _) in recorded.bench.upstreams() {
        for stream in [false, true] {
            for (path, body) in calls(&format!("{name}/m"), stream) {
                let answer = recorded.bench.send(Method::POST, &path, body.to_string()).await.unwrap();
                assert_eq!(answer.status, 200, "{name} {path} {stream}: {}", answer.text());
                made += 1;
            }
        }
    }
    let records = recorded.records();
    assert_eq!(records.len(), made);
    assert!(
        records.iter().any(|record| record.connect.is_some()) && records.iter().any(|record| record.connect.is_none())
    );
    for record in records {
        let what = format!("{} {} {}", record.provider, record.protocol, record.stream);
        let usage = record.usage.as_ref().unwrap();
        assert_eq!((record.status, usage.basis), (Status::Ok, UsageBasis::VendorFinal), "{what}");
        assert!(usage.total_input() > 0 && usage.total_output() > 0 && usage.raw.is_some(), "{what}: {usage:?}");
        assert_eq!((record.http_status, record.attempt, record.attempts), (Some(200), 1, 1), "{what}");
        assert!(record.first_token.unwrap() <= record.total && record.head.is_some(), "{what}");
        assert!(record.provider_key.is_some() && record.content.is_none(), "{what}");
    }
}

#[tokio::test]
async fn streams_of_text_completions_are_asked_for_usage_that_their_clients_do_not_see() {
    let recorded = Recorded::start(|_, _| {}).await;
    let body = json!({"model": "openai/gpt-3.5-turbo-instruct", "prompt": "hi", "stream": true});
    let answer = recorded.bench.send(Method::POST, "/v1/completions", body.to_string()).await.unwrap();
    assert!(answer.status == 200 && !answer.text().contains("prompt_tokens"), "{}", answer.text());
    let usage = recorded.records().remove(0).usage.unwrap();
    assert_eq!((usage.basis, usage.total_output() > 0), (UsageBasis::VendorFinal, true));
}

#[tokio::test]
async fn a_record_says_whose_and_what_a_call_was() {
    let recorded = Recorded::start(|_, _| {}).await;
    let headers = [("x-tollbridge-tags", "team=blue, category=test"), ("x-tollbridge-task", "t1")];
    let (status, _) = recorded.chat("main", &headers).await;
    assert_eq!(status, 200);
    let record = recorded.records().remove(0);
    assert_eq!((record.asked.as_str(), record.alias.as_deref(), record.model.as_str()), ("main", Some("main"), "mock"));
    assert_eq!((record.tag("team"), record.tag("category"), record.tag("task")), ("blue", "test", "t1"));
    assert_eq!((record.provider.as_str(), record.charge.vendor.as_str()), ("openai", "openai"));
    assert_ne!(record.provider_key.as_deref(), Some("openai-key"));
}

#[tokio::test]
async fn a_price_is_exact_and_an_unknown_one_is_none() {
    let recorded = Recorded::start(|_, _| {}).await;
    for model in ["openai/gpt-4o-mini", "openai/no-such-model", "echo/any"] {
        let (_, _) = recorded.chat(model, &[]).await;
    }
    let records = recorded.records();
    let usage = records[0].usage.as_ref().unwrap();
    let pico = usage.total_input() * 150_000 + usage.total_output() * 600_000;
    assert_eq!(records[0].charge.cost.unwrap().pico(), i128::from(pico));
    assert_eq!(records[1].charge.cost, None);
    assert_eq!(records[2].charge.cost.map(|cost| cost.pico()), Some(0), "echo is free, and that is known");
}

/// A whole answer with a usage and headers.
fn whole(model: &str, usage: &str, headers: &[(&str, &str)]) -> Vec<Step> {
    let message = r#"{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"x"}}"#;
    let body =
        format!(r#"{{"id":"c","object":"chat.completion","model":"{model}","choices":[{message}],"usage":{usage}}}"#);
    let headers = [("content-type", "application/json")].iter().chain(headers);
    let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    vec![Step::canned(200, headers, vec![body])]
}

fn costing(cost: &str) -> String {
    format!(r#"{{"prompt_tokens":10,"completion_tokens":1,"total_tokens":11,"cost":{cost}}}"#)
}

#[tokio::test]
async fn the_vendors_own_cost_is_kept_and_counts_where_there_is_no_price() {
    let recorded = Recorded::start(|_, _| {}).await;
    for (model, cost) in [("mystery", "0.5"), ("gpt-4o", "0.5"), ("mystery", "-1"), ("mystery", "null")] {
        recorded.bench.openai.play(whole(model, &costing(cost), &[]));
        recorded.chat(&format!("openai/{model}"), &[]).await;
    }
    let told: Vec<_> = recorded
        .records()
        .iter()
        .map(|record| {
            let text = |money: Option<tollbridge::core::Money>| money.map_or("-".to_owned(), |money| money.to_string());
            format!("{} {} {}", record.model, text(record.charge.cost), text(record.charge.reported))
        })
        .collect();
    assert_eq!(told, ["mystery 0.5 USD 0.5 USD", "gpt-4o 0.000035 USD 0.5 USD", "mystery - -", "mystery - -"]);
}

#[tokio::test]
async fn an_answer_over_several_lines_is_one_record() {
    let recorded = Recorded::start(|options, _| options.content = true).await;
    let message = json!({"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "x\ny"}});
    let usage = json!({"prompt_tokens": 10, "completion_tokens": 1, "details": {"note": "a\nb"}});
    let reply = json!({"id": "c", "object": "chat.completion", "choices": [message], "usage": usage});
    let kind = ("content-type".to_owned(), "application/json".to_owned());
    recorded.bench.openai.play(vec![Step::canned(200, vec![kind], vec![format!("{reply:#}")])]);
    recorded.chat("openai/gpt-4o", &[]).await;
    let record = recorded.records().remove(0);
    assert_eq!(record.usage.unwrap().raw.unwrap().parse::<Value>().unwrap(), usage);
    assert_eq!(record.content.unwrap().parse::<Value>().unwrap()["reply"], reply);
}

#[tokio::test]
async fn a_reported_cost_that_is_not_ours_is_an_event_of_its_attempt() {
    let recorded = Recorded::start(|_, _| {}).await;
    let mut listener = recorded.metering.events().subscribe(100);
    let header = "x-litellm-response-cost";
    let answers = [
        // Within 1 %, without a price of ours, and no figure at all.
        ("gpt-4o", costing("0.0000349"), vec![]),
        ("mystery", costing("0.5"), vec![]),
        ("gpt-4o", costing("-1"), vec![(header, "NaN")]),
        ("gpt-4o", costing("1.23e-7"), vec![]),
        ("gpt-4o", costing("null"), vec![(header, "0.5")]),
    ];
    for (model, usage, headers) in &answers {
        recorded.bench.openai.play(whole(model, usage, headers));
        let (status, _) = recorded.chat(&format!("openai/{model}"), &[]).await;
        assert_eq!(status, 200);
    }
    let mut told = Vec::new();
    let mut ended = 0;
    while ended < answers.len() {
        let event = tokio::time::timeout(SOON, listener.next()).await.unwrap().unwrap().event;
        match &event.payload {
            Payload::Completed(_) => ended += 1,
            Payload::CostDiscrepancy(_) => told.push((event.request_id.clone(), event.payload.clone())),
            _ => {}
        }
    }
    let records = recorded.records();
    let expected: Vec<_> = [(3, "0.000000123"), (4, "0.5")]
        .into_iter()
        .map(|(place, reported)| {
            let mut event = CostDiscrepancy::new("0.000035".parse().unwrap(), reported.parse().unwrap());
            event.attempt = 1;
            (event.provider, event.model_name) = ("openai".to_owned(), "gpt-4o".to_owned());
            event.price_row = "gpt-4o".to_owned();
            (Some(records[place].call.clone()), Payload::CostDiscrepancy(event))
        })
        .collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn failures_are_recorded_with_their_kind_and_cost_nothing() {
    let recorded = Recorded::start(|_, _| {}).await;
    let steps = [("401", "auth"), ("429", "rate_limit"), ("500", "server_error"), ("context-length", "token_limit")];
    for (step, _) in steps {
        recorded.bench.openai.script([step]).unwrap();
        let (status, _) = recorded.chat("openai/gpt-4o", &[]).await;
        assert_ne!(status, 200);
    }
    let records = recorded.records();
    for (record, (_, kind)) in records.iter().zip(steps) {
        assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some(kind)));
        assert_eq!(record.charge.cost.map(|cost| cost.pico()), Some(0));
        assert!(record.http_status.is_some() && record.usage.is_none());
    }
    assert_eq!(records.len(), steps.len());
}

#[tokio::test]
async fn what_never_goes_out_is_no_attempt() {
    let recorded = Recorded::start(|_, _| {}).await;
    let body = json!({"model": "openai/gpt-4o", "messages": []});
    let answer = recorded.bench.send(Method::POST, "/v1/messages", body.to_string()).await.unwrap();
    assert_eq!(answer.status, 400);
    recorded.chat("nobody/x", &[]).await;
    recorded.bench.send(Method::GET, "/v1/models", "").await.unwrap();
    assert!(recorded.records().is_empty());
}

/// Reads some frames of a stream and leaves.
async fn leave(recorded: &Recorded, model: &str) {
    let (path, body) = &calls(model, true)[0];
    let mut response = recorded.bench.open(Method::POST, path, &[], body.to_string()).await.unwrap().into_body();
    response.next().await.unwrap().unwrap();
}

#[tokio::test]
async fn a_caller_who_leaves_is_recorded_by_what_is_counted() {
    let recorded = Recorded::start(|_, _| {}).await;
    recorded.bench.openai.script(["stall-after:3"]).unwrap();
    leave(&recorded, "openai/gpt-4o").await;
    let record = recorded.records_once(1).await.remove(0);
    assert_eq!((record.status, record.error.as_deref()), (Status::Cancelled, Some("cancelled")));
    let usage = record.usage.unwrap();
    assert_eq!(usage.basis, UsageBasis::Counted);
    assert!(usage.total_input() > 0);
}

#[tokio::test]
async fn a_drained_answer_has_the_vendors_own_numbers() {
    let recorded = Recorded::start(|options, _| options.on_leave = OnLeave::Drain(SOON)).await;
    recorded.bench.anthropic.script(["delay:50"]).unwrap();
    leave(&recorded, "anthropic/claude-sonnet-4-5").await;
    let record = recorded.records_once(1).await.remove(0);
    let basis = record.usage.as_ref().unwrap().basis;
    assert!(matches!(record.status, Status::Cancelled | Status::Ok), "{record:?}");
    assert_eq!(basis, UsageBasis::VendorFinal);
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_drained_no_longer_than_the_limit() {
    let recorded = Recorded::start(|options, _| options.on_leave = OnLeave::Drain(Duration::from_millis(200))).await;
    recorded.bench.openai.script(["stall-after:3", "stall"]).unwrap();
    leave(&recorded, "openai/gpt-4o").await;
    // Of the second answer not even the head comes.
    let (path, body) = &calls("openai/gpt-4o", true)[0];
    tokio::select! {
        answer = recorded.bench.open(Method::POST, path, &[], body.to_string()) => panic!("{}", answer.is_ok()),
        () = recorded.bench.openai.wait_for_requests(2) => {}
    }
    for record in recorded.records_once(2).await {
        assert_eq!((record.status, record.usage.unwrap().basis), (Status::Cancelled, UsageBasis::Counted));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_recorded_with_what_was_told() {
    let recorded = Recorded::start(|_, _| {}).await;
    recorded.bench.anthropic.script(["cut-after:4"]).unwrap();
    let (path, body) = &calls("anthropic/claude-sonnet-4-5", true)[2];
    recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    let record = recorded.records_once(1).await.remove(0);
    assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some("network")));
    let usage = record.usage.unwrap();
    assert_ne!(usage.basis, UsageBasis::VendorFinal);
    assert!(usage.total_input() > 0, "{usage:?}");
}

#[tokio::test]
async fn strict_durability_serves_calls() {
    let recorded = Recorded::with(Options::default(), Durability::Strict, |_, _| {}).await;
    for stream in [false, true] {
        for (path, body) in calls("openai/gpt-4o", stream) {
            let answer = recorded.bench.send(Method::POST, &path, body.to_string()).await.unwrap();
            assert_eq!(answer.status, 200);
        }
    }
    assert_eq!(recorded.records().len(), 8);
}

#[tokio::test]
async fn content_is_kept_only_if_that_is_switched_on() {
    let recorded = Recorded::start(|options, _| options.content = true).await;
    recorded.chat("openai/gpt-4o", &[]).await;
    let content = recorded.records().remove(0).content.unwrap();
    assert!(content.as_str().contains("\"hi\"") && content.as_str().contains("choices"), "{}", content.as_str());
}

#[tokio::test]
async fn events_tell_a_call_from_its_begin_to_its_end() {
    let recorded = Recorded::start(|_, _| {}).await;
    let mut listener = recorded.metering.events().subscribe(100);
    recorded.chat("openai/gpt-4o", &[("x-tollbridge-task", "t1")]).await;
    recorded.bench.openai.script(["429"]).unwrap();
    recorded.chat("openai/gpt-4o", &[("x-tollbridge-task", "t1")]).await;
    recorded.bench.openai.script(["stall-after:3"]).unwrap();
    leave(&recorded, "openai/gpt-4o").await;
    recorded.records_once(3).await;
    let mut events: Vec<Arc<Event>> = Vec::new();
    while events.len() < 9 {
        events.push(tokio::time::timeout(SOON, listener.next()).await.unwrap().unwrap().event);
    }
    let kinds: Vec<_> = events.iter().map(|event| event.payload.kind()).collect();
    let (started, attempt) = ("MODEL_CALL_STARTED", "MODEL_CALL_ATTEMPT");
    let (completed, failed) = ("MODEL_CALL_COMPLETED", "MODEL_CALL_FAILED");
    assert_eq!(kinds, [started, attempt, completed, started, attempt, failed, started, attempt, failed]);
    let chain: Vec<_> = events[..6].iter().map(|event| (event.trace_id.as_str(), event.seq)).collect();
    assert_eq!(chain, (1..=6).map(|seq| ("trace-t1", seq)).collect::<Vec<_>>());
    let Payload::Completed(told) = &events[2].payload else { panic!("{:?}", events[2]) };
    let record = recorded.records().remove(0);
    assert_eq!(told.cost, record.charge.cost);
    assert_eq!(told.token_usage.total_tokens, record.usage.unwrap().total());
    let Payload::Failed(told) = &events[8].payload else { panic!("{:?}", events[8]) };
    assert_eq!((told.error_type.as_str(), told.token_usage.prompt_tokens > 0), ("cancelled", true));
}

#[tokio::test]
async fn a_caller_who_leaves_behind_the_last_word_has_its_answer() {
    let recorded = Recorded::start(|_, _| {}).await;
    let mut listener = recorded.metering.events().subscribe(10);
    let mut stream = recorded.bench.client.chat("gemini/gemini-2.5-flash", "hi").stream().await.unwrap();
    while !matches!(stream.next().await.unwrap().unwrap(), ChatEvent::Finish { .. }) {}
    drop(stream);
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let event = tokio::time::timeout(SOON, listener.next()).await.unwrap().unwrap().event;
        kinds.push(event.payload.kind().to_owned());
    }
    assert_eq!(recorded.records()[0].status, Status::Ok);
    assert_eq!(kinds, ["MODEL_CALL_STARTED", "MODEL_CALL_ATTEMPT", "MODEL_CALL_COMPLETED"]);
}

#[tokio::test]
async fn events_hold_words_only_where_content_is_on() {
    for (content, stream) in [(false, false), (true, false), (true, true)] {
        let recorded = Recorded::start(|options, _| options.content = content).await;
        let mut listener = recorded.metering.events().subscribe(10);
        let (path, body) = &calls("echo/any", stream)[2];
        recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
        let mut told = Vec::new();
        while told.len() < 3 {
            told.push(tokio::time::timeout(SOON, listener.next()).await.unwrap().unwrap().event);
        }
        let (Payload::Started(started), Payload::Completed(completed)) = (&told[0].payload, &told[2].payload) else {
            panic!("{told:?}")
        };
        let words = (started.request_summary.as_str(), completed.response.text.as_str());
        assert_eq!(words, if content { ("User asks: hi", "Echo: hi") } else { ("", "") }, "{stream}");
    }
}

#[tokio::test]
async fn the_gateway_answers_about_its_ledger() {
    let recorded = Recorded::start(limited("1")).await;
    recorded.chat("openai/gpt-4o", &[("x-tollbridge-tags", "team=blue")]).await;
    recorded.chat("openai/unknown", &[]).await;
    let get = async |path: &str| recorded.bench.send(Method::GET, path, "").await.unwrap();
    let summary = get("/v1/usage/summary?by=team&since=1h").await.json();
    assert_eq!((&summary["total"]["calls"], &summary["rows"][0]["group"]["tag:team"]), (&json!(1), &json!("blue")));
    let records = get("/v1/usage/records?limit=1&outcome=ok").await.json();
    let call = records["data"][0]["call"].as_str().unwrap();
    assert_eq!(get(&format!("/v1/usage/calls/{call}")).await.json()["data"][0]["model"], "unknown");
    assert_eq!(get("/v1/usage/calls/none").await.status, 400);
    assert_eq!(get("/v1/usage/export?format=csv").await.text().lines().count(), 3);
    assert_eq!(get("/v1/usage/export?format=jsonl").await.text().lines().count(), 2);
    assert_eq!(get("/v1/usage/budgets").await.json()["data"][0]["name"], "all");
    let mut told = Vec::new();
    for path in [
        "summary?since=soon",
        "summary?by=colour",
        "records?limit=0",
        "export?format=xml",
        "summary?who=me",
        "summary?tag=x",
    ] {
        let answer = get(&format!("/v1/usage/{path}")).await;
        assert_eq!(answer.status, 400);
        told.push(format!("{path}: {}", answer.json()["error"]["message"]));
    }
    insta::assert_snapshot!(told.join("\n"));
    let post = async |path: &str| recorded.bench.send(Method::POST, path, "").await.unwrap().json();
    assert_eq!(post("/v1/usage/reprice?since=1h").await["changed"], 0);
    assert_eq!(post("/v1/usage/cleanup?keep=1d&dry_run").await["found"], 0);
    assert_eq!(get("/health").await.json(), json!({"status": "ok"}));
}

#[tokio::test]
async fn a_gateway_that_records_nothing_says_so() {
    let bench = Bench::start().await.unwrap();
    for path in ["summary", "records", "export", "calls/x"] {
        let answer = bench.send(Method::GET, &format!("/v1/usage/{path}"), "").await.unwrap();
        assert!(answer.status == 400 && answer.text().contains("not recorded"), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn an_export_that_fails_does_not_look_whole() {
    let recorded = Recorded::start(|_, _| {}).await;
    recorded.chat("openai/gpt-4o", &[]).await;
    recorded.records();
    std::fs::remove_file(recorded.ledger.database()).unwrap();
    let exported = recorded.bench.send(Method::GET, "/v1/usage/export", "").await;
    assert!(exported.is_err(), "{:?}", exported.map(|answer| answer.text()));
}

#[tokio::test]
async fn the_library_records_too() {
    let recorded = Recorded::start(|_, _| {}).await;
    let client = &recorded.bench.client;
    let answer = client.chat("openai/gpt-4o", "hi").tag("task", "t").await.unwrap();
    let mut stream = client.chat("openai/gpt-4o", "hi").tag("task", "t").stream().await.unwrap();
    assert_eq!(stream.cost(), None, "it is not over");
    while stream.next().await.is_some() {}
    assert!(answer.cost().unwrap().pico() > 0);
    assert_eq!(stream.cost(), answer.cost());
    client.embed("openai/text-embedding-3-small", ["one", "two"]).await.unwrap();
    assert!(recorded.ledger.flush(SOON));
    let task = Reader::open(recorded.folder.path()).unwrap().task_total("t").unwrap();
    assert_eq!((task.calls, task.unpriced), (2, 0));
    assert_eq!(recorded.records()[2].operation, "embed");
}
