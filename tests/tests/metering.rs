//! What is recorded, priced, refused and told of calls, through the gateway and the library.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollbridge::tokens::{Encoding, count};
use tollbridge::types::{Usage, UsageBasis};
use tollbridge::usage::budget::{Budget, BudgetSpec, Budgets, SystemClock};
use tollbridge::usage::event::{CostDiscrepancy, Event, Payload};
use tollbridge::usage::key::{KeyBudget, KeyStore, NewKey};
use tollbridge::usage::ledger::{Durability, Filter, Ledger, LedgerOptions, Reader};
use tollbridge::usage::meter::{LedgerSpending, Metering, MeteringOptions, OnLeave};
use tollbridge::usage::{Attempt, Status};
use tollbridge_gateway::Options;
use tollbridge_testkit::Step;
use tollbridge_tests::Bench;

const SOON: Duration = Duration::from_secs(30);
const ENGLISH: &str = "The sky is blue because the molecules of the air scatter short waves of sunlight far more than \
    long ones. Towards the horizon the light has crossed so much air that most of the blue is gone, which leaves the \
    reds and oranges of an evening. On Mars, where fine dust does the scattering, it happens to be the other way round.";
const CHINESE: &str = "天空呈蓝色，是因为空气分子对短波光的散射远远强于长波光。傍晚时分，阳光要穿过更厚的大气层，蓝光大多已经散失，\
    所以我们看到的是红色和橙色。火星上的情况正好相反：那里的细小尘埃使白天的天空泛黄，而日落时却显得发蓝。";

/// A gateway whose calls are recorded.
struct Recorded {
    bench: Bench,
    ledger: Ledger,
    metering: Metering,
    folder: TempDir,
}

impl Recorded {
    async fn start(change: impl FnOnce(&mut MeteringOptions, &Ledger)) -> Self {
        Self::with(Durability::Fast, change).await
    }

    async fn with(durability: Durability, change: impl FnOnce(&mut MeteringOptions, &Ledger)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = LedgerOptions::new(folder.path());
        options.durability = durability;
        let ledger = Ledger::open(&options);
        let mut options = MeteringOptions::default();
        options.ledger = Some(ledger.clone());
        change(&mut options, &ledger);
        let metering = Metering::new(options);
        let bench = Bench::with_metering(Options::default(), metering.clone()).await.unwrap();
        Self { bench, ledger, metering, folder }
    }

    fn records(&self) -> Vec<Attempt> {
        assert!(self.ledger.flush(SOON));
        all(self.folder.path())
    }

    /// Waits for a number of records: those of callers who left come when they come.
    async fn records_once(&self, count: usize) -> Vec<Attempt> {
        let until = tokio::time::Instant::now() + SOON;
        loop {
            let records = self.records();
            if records.len() >= count {
                return records;
            }
            assert!(tokio::time::Instant::now() < until, "there are {} records", records.len());
            tokio::task::yield_now().await;
        }
    }

    async fn chat(&self, model: &str, headers: &[(&'static str, &str)]) -> (u16, Value) {
        let body = json!({"model": model, "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]});
        let answer =
            self.bench.send_with(Method::POST, "/v1/chat/completions", headers, body.to_string()).await.unwrap();
        (answer.status.as_u16(), answer.json())
    }
}

fn all(folder: &Path) -> Vec<Attempt> {
    let mut found = Vec::new();
    let each = |attempt| {
        found.push(attempt);
        Ok(())
    };
    Reader::open(folder).unwrap().records(&Filter::default(), false, None, each).unwrap();
    found
}

/// A path and a body of each protocol that clients speak.
fn calls(model: &str, stream: bool) -> [(String, Value); 4] {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let method = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    [
        ("/v1/chat/completions".to_owned(), json!({"model": model, "messages": messages, "stream": stream})),
        ("/v1/responses".to_owned(), json!({"model": model, "input": "hi", "stream": stream})),
        ("/v1/messages".to_owned(), json!({"model": model, "max_tokens": 9, "messages": messages, "stream": stream})),
        (format!("/v1beta/models/{model}:{method}"), contents),
    ]
}

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

#[tokio::test]
async fn a_vendor_without_usage_is_counted() {
    let recorded = Recorded::start(|_, _| {}).await;
    for stream in [false, true] {
        recorded.bench.openai.script(["no-usage"]).unwrap();
        let (path, body) = &calls("openai/gpt-4o", stream)[0];
        recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    }
    for record in recorded.records() {
        let usage = record.usage.unwrap();
        assert_eq!(usage.basis, UsageBasis::Counted, "{}", record.stream);
        assert!(usage.total_input() > 0 && usage.total_output() > 0, "{usage:?}");
        assert!(record.charge.cost.unwrap().pico() > 0);
    }
}

#[tokio::test]
async fn without_a_counter_four_bytes_are_a_token() {
    let recorded = Recorded::start(|options, _| options.count = None).await;
    recorded.bench.openai.script(["no-usage"]).unwrap();
    let (path, body) = &calls("openai/gpt-4o", false)[0];
    recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    let usage = recorded.records().remove(0).usage.unwrap();
    assert_eq!(usage.basis, UsageBasis::Estimated);
    assert!(usage.total_input() > 0 && usage.total_output() > 0, "{usage:?}");
}

/// A stream that breaks off after some events.
fn broken(events: &[Value]) -> Vec<Step> {
    let headers = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    let chunks = events.iter().map(|event| match event["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {event}\n\n"),
        None => format!("data: {event}\n\n"),
    });
    vec![Step::canned(200, headers, chunks.collect()).cut()]
}

/// Cuts a text as vendors do, without regard to words.
fn pieces(text: &str) -> Vec<String> {
    text.chars().collect::<Vec<_>>().chunks(3).map(|piece| piece.iter().collect()).collect()
}

fn delta(delta: &Value) -> Value {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

/// Sends a question that is answered by a stream which breaks off, and returns the usage that is recorded.
async fn broken_usage(provider: &str, (path, body): &(String, Value), events: &[Value]) -> Usage {
    let recorded = Recorded::start(|_, _| {}).await;
    let (_, upstream) = recorded.bench.upstreams().find(|(name, _)| *name == provider).unwrap();
    upstream.play(broken(events));
    recorded.bench.send(Method::POST, path, body.to_string()).await.unwrap();
    let record = recorded.records_once(1).await.remove(0);
    assert_eq!((record.status, record.error.as_deref()), (Status::Failed, Some("network")), "{provider}");
    record.usage.unwrap()
}

/// Says whether a count is at most 15 % off.
fn is_near(count: u64, truth: u64) -> bool {
    count.abs_diff(truth) * 100 <= truth * 15
}

#[tokio::test]
async fn what_was_written_until_a_stream_broke_off_is_counted_in_any_script() {
    for text in [ENGLISH.to_owned(), CHINESE.to_owned(), ENGLISH.repeat(300), CHINESE.repeat(300)] {
        let mut events = vec![delta(&json!({"role": "assistant", "content": ""}))];
        events.extend(pieces(&text).iter().map(|piece| delta(&json!({"content": piece}))));
        let usage = broken_usage("openai", &calls("openai/gpt-4o", true)[0], &events).await;
        let truth = Encoding::O200K.count(&text);
        assert!(is_near(usage.total_output(), truth), "{} instead of {truth}", usage.total_output());
        // Of the longest answers only the beginning is kept, and the rest estimated.
        let basis = if text.len() > 1 << 16 { UsageBasis::Estimated } else { UsageBasis::Counted };
        // One message of two words.
        assert_eq!((usage.basis, usage.input), (basis, Some(8)));
    }
}

#[tokio::test]
async fn thoughts_and_the_arguments_of_calls_are_output() {
    let arguments = r#"{"city":"Reykjavík","unit":"celsius"}"#;
    let mut events = vec![delta(&json!({"reasoning_content": ENGLISH}))];
    let call = |function: Value| delta(&json!({"tool_calls": [{"index": 0, "function": function}]}));
    events.push(call(json!({"name": "weather", "arguments": ""})));
    events.extend(pieces(arguments).iter().map(|piece| call(json!({"arguments": piece}))));
    let usage = broken_usage("openai", &calls("openai/gpt-4o", true)[0], &events).await;
    assert_eq!(usage.total_output(), Encoding::O200K.count(&format!("{ENGLISH}{arguments}")));

    let arguments: Value = serde_json::from_str(arguments).unwrap();
    let parts = json!([{"text": ENGLISH, "thought": true}, {"functionCall": {"name": "weather", "args": arguments}}]);
    let events = [json!({"candidates": [{"content": {"role": "model", "parts": parts}}]})];
    let usage = broken_usage("gemini", &calls("gemini/gemini-2.5-pro", true)[3], &events).await;
    let estimate = count("gemini-2.5-pro", &format!("{ENGLISH}{arguments}"));
    assert_eq!((usage.total_output(), usage.basis), estimate);
}

#[tokio::test]
async fn what_a_vendor_told_before_it_broke_off_is_the_least() {
    let start = |output: u64| {
        let usage = json!({"input_tokens": 9, "output_tokens": output});
        json!({"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5", "content": [], "usage": usage}})
    };
    let block = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let text = json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": CHINESE}});
    let (estimate, basis) = count("claude-sonnet-4-5", CHINESE);
    for (told, output, basis) in [(1, estimate, basis), (9999, 9999, UsageBasis::VendorPartial)] {
        let events = [start(told), block.clone(), text.clone()];
        let usage = broken_usage("anthropic", &calls("anthropic/claude-sonnet-4-5", true)[2], &events).await;
        assert_eq!((usage.total_input(), usage.total_output(), usage.basis), (9, output, basis));
    }
}

#[tokio::test]
async fn tools_and_texts_to_embed_are_counted_as_input() {
    let recorded = Recorded::start(|_, _| {}).await;
    let json_reply = |body: &Value| {
        vec![Step::canned(
            200,
            vec![("content-type".to_owned(), "application/json".to_owned())],
            vec![body.to_string()],
        )]
    };
    let message = json!({"role": "assistant", "content": CHINESE});
    let choices = json!([{"index": 0, "finish_reason": "stop", "message": message}]);
    recorded.bench.openai.play(json_reply(&json!({"id": "c", "object": "chat.completion", "choices": choices})));
    let tool = json!({"name": "weather", "description": "Tells the weather.", "parameters":
        {"type": "object", "properties": {"city": {"type": "string", "description": "The city."}}}});
    let body = json!({"model": "openai/gpt-4o", "messages": [{"role": "user", "content": CHINESE}],
        "tools": [{"type": "function", "function": tool}]});
    recorded.bench.send(Method::POST, "/v1/chat/completions", body.to_string()).await.unwrap();
    let vectors = json!([{"object": "embedding", "index": 0, "embedding": [0.5, 1]}]);
    recorded.bench.openai.play(json_reply(&json!({"object": "list", "data": vectors})));
    let body = json!({"model": "openai/text-embedding-3-small", "input": CHINESE});
    recorded.bench.send(Method::POST, "/v1/embeddings", body.to_string()).await.unwrap();

    let usages: Vec<_> = recorded.records().into_iter().map(|record| record.usage.unwrap()).collect();
    let words = Encoding::O200K.count(CHINESE);
    assert!(usages[0].total_input() > words + 20 && usages[0].total_input() < words + 60, "{:?}", usages[0]);
    assert_eq!(usages[0].total_output(), words);
    let embedded = (usages[1].total_input(), usages[1].total_output(), usages[1].basis);
    assert_eq!(embedded, (Encoding::CL100K.count(CHINESE), 0, UsageBasis::Counted));
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
    let recorded = Recorded::with(Durability::Strict, |_, _| {}).await;
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

/// A budget of everything.
fn limited(usd: &str) -> impl FnOnce(&mut MeteringOptions, &Ledger) {
    let text = json!({"name": "all", "scope": "global", "usd": usd, "window": "day"}).to_string();
    move |options, ledger| {
        let spec: BudgetSpec = serde_json::from_str(&text).unwrap();
        let budget = Budget::try_from(spec).unwrap();
        let spending = Arc::new(LedgerSpending::new(ledger));
        options.budgets = Some(Budgets::new(vec![budget], spending, Arc::new(SystemClock::new())).unwrap());
    }
}

#[tokio::test]
async fn a_budget_refuses_before_anything_is_sent_and_in_every_clients_own_form() {
    let recorded = Recorded::start(limited("0.000001")).await;
    let mut told = Vec::new();
    for (path, body) in calls("openai/gpt-4o", false) {
        let answer = recorded.bench.send(Method::POST, &path, body.to_string()).await.unwrap();
        let path = path.replace("openai/gpt-4o", "MODEL");
        told.push(format!(
            "{path} {}\n{}",
            answer.status.as_u16(),
            answer.text().replace(answer.headers["x-request-id"].to_str().unwrap(), "ID")
        ));
    }
    insta::assert_snapshot!(told.join("\n\n"));
    assert!(recorded.records().is_empty());
    assert!(recorded.bench.openai.requests().is_empty());
}

#[tokio::test]
async fn a_key_is_held_to_its_budget_also_if_it_is_made_while_the_gateway_runs() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(KeyStore::open(folder.path()).unwrap());
    let make = |name: &str, tokens: Option<u64>| {
        let mut new = NewKey::new(name);
        new.budgets.extend(tokens.map(|tokens| KeyBudget::tokens(tokens, "day")));
        store.create(new, 1).unwrap().text.expose().to_owned()
    };
    let (poor, rich) = (make("poor", Some(10)), make("rich", None));
    let mut options = Options::default();
    options.keys = Some(Arc::clone(&store));
    let mut metering = MeteringOptions::default();
    let ledger = Ledger::open(&LedgerOptions::new(folder.path()));
    let spending = Arc::new(LedgerSpending::new(&ledger));
    metering.budgets = Some(Budgets::new(Vec::new(), spending, Arc::new(SystemClock::new())).unwrap());
    let bench = Bench::with_metering(options, Metering::new(metering)).await.unwrap();
    let call = async |key: &str| {
        let (path, body) = &calls("echo/any", false)[2];
        bench.send_with(Method::POST, path, &[("x-api-key", key)], body.to_string()).await.unwrap()
    };
    let refused = call(&poor).await;
    assert!(refused.status == 429 && refused.text().contains("budget `key poor`"), "{}", refused.text());
    assert_eq!(call(&rich).await.status, 200);
    // The second one is made when the keys have been looked at again.
    for name in ["late", "later"] {
        let key = make(name, Some(10));
        let until = tokio::time::Instant::now() + SOON;
        while call(&key).await.status != 429 {
            assert!(tokio::time::Instant::now() < until, "the budget of {name} is not held");
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn parallel_calls_do_not_spend_the_same_room() {
    // A call reserves its prompt and 50 tokens of answer: about half a thousandth of a dollar.
    let recorded = Recorded::start(limited("0.0011")).await;
    let calls = (0..10).map(|_| recorded.chat("openai/gpt-4o", &[]));
    let outcomes = futures_util::future::join_all(calls).await;
    let served = outcomes.iter().filter(|(status, _)| *status == 200).count();
    assert!((1..10).contains(&served), "{served}");
    let spent: i128 = recorded.records().iter().map(|record| record.charge.cost.unwrap().pico()).sum();
    assert!(spent <= 1_100_000_000, "{spent}");
    let status = recorded.metering.budgets().unwrap().status().remove(0);
    assert_eq!((status.spent.count(), status.reserved.count()), (spent, 0));
}

#[tokio::test]
async fn a_budget_knows_after_a_restart_what_was_spent() {
    let folder = {
        let recorded = Recorded::start(limited("1")).await;
        recorded.chat("openai/gpt-4o", &[]).await;
        assert_eq!(recorded.records().len(), 1);
        recorded.folder
    };
    let ledger = Ledger::open(&LedgerOptions::new(folder.path()));
    let mut options = MeteringOptions::default();
    limited("1")(&mut options, &ledger);
    let spent = options.budgets.unwrap().status().remove(0).spent;
    assert_eq!(spent.count(), all(folder.path())[0].charge.cost.unwrap().pico());
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
