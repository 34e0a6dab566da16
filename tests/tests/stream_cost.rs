//! What streams tell of their cost, through the gateway.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use serde_json::{Value, json};
use tollbridge::Protocol;
use tollbridge::usage::ledger::Durability;
use tollbridge_gateway::Options;
use tollbridge_testkit::Step;
use tollbridge_tests::{Answered, Recorded};

/// Starts a gateway whose calls are recorded.
async fn start(stream_cost: bool) -> Recorded {
    let mut options = Options::default();
    options.stream_cost = stream_cost;
    Recorded::with(options, Durability::Fast, |_, _| {}).await
}

async fn send(recorded: &Recorded, (path, body): &(String, Value), headers: &[(&'static str, &str)]) -> Answered {
    recorded.bench.send_with(Method::POST, path, headers, body.to_string()).await.unwrap()
}

/// Returns what the ledger says that the last call cost, as JSON has it.
fn cost(recorded: &Recorded) -> String {
    let last = recorded.records().pop().unwrap();
    last.charge.cost.map_or_else(|| "null".to_owned(), |cost| cost.to_decimal())
}

/// Asks for a stream in each protocol that clients speak.
fn calls(model: &str) -> [(Protocol, (String, Value)); 6] {
    let messages = json!([{"role": "user", "content": "hi"}]);
    let usage = json!({"include_usage": true});
    let gemini = format!("/v1beta/models/{model}:streamGenerateContent");
    let contents = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    let chat = json!({"model": model, "messages": messages, "stream": true, "stream_options": usage});
    let text = json!({"model": model, "prompt": "hi", "stream": true, "stream_options": usage});
    let message = json!({"model": model, "max_tokens": 9, "messages": messages, "stream": true});
    let response = json!({"model": model, "input": "hi", "stream": true});
    [
        (Protocol::OPENAI_CHAT, ("/v1/chat/completions".to_owned(), chat)),
        (Protocol::OPENAI_COMPLETIONS, ("/v1/completions".to_owned(), text)),
        (Protocol::OPENAI_RESPONSES, ("/v1/responses".to_owned(), response)),
        (Protocol::ANTHROPIC_MESSAGES, ("/v1/messages".to_owned(), message)),
        (Protocol::GEMINI_GENERATE, (format!("{gemini}?alt=sse"), contents.clone())),
        (Protocol::GEMINI_GENERATE, (gemini, contents)),
    ]
}

/// Returns the cost that the last usage of a stream tells.
fn told(protocol: Protocol, text: &str) -> Option<Value> {
    let frames: Vec<Value> = match serde_json::from_str(text) {
        Ok(array) => array,
        Err(_) => text.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?).ok()).collect(),
    };
    let place = match protocol {
        Protocol::OPENAI_RESPONSES => "/response/usage",
        Protocol::GEMINI_GENERATE => "/usageMetadata",
        _ => "/usage",
    };
    let usage = frames.iter().filter_map(|frame| frame.pointer(place)).rfind(|usage| usage.is_object())?;
    usage.get("cost").cloned()
}

/// Returns a stream's text without what differs from call to call.
fn steady(answer: &Answered) -> String {
    let text = answer.text().replace(answer.headers.get("x-request-id").unwrap().to_str().unwrap(), "ID");
    // Ids of items are made from that of the answer.
    let mut parts = text.split("_tb_");
    let first = parts.next().unwrap_or_default().to_owned();
    let text = parts.fold(first, |text, part| {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric());
        text + "_tb_" + rest
    });
    ["\"created\":", "\"created_at\":"].into_iter().fold(text, |text, name| {
        let mut parts = text.split(name);
        let first = parts.next().unwrap_or_default().to_owned();
        let rest = parts.map(|part| part.trim_start_matches(|letter: char| letter.is_ascii_digit()));
        rest.fold(first, |text, part| text + name + part)
    })
}

#[tokio::test]
async fn the_last_usage_of_every_stream_tells_what_the_ledger_records_and_no_other_byte_changes() {
    let (off, on) = (start(false).await, start(true).await);
    let models =
        ["openai/gpt-4o", "anthropic/claude-sonnet-4-5", "gemini/gemini-2.5-flash", "openai/unpriced", "echo/e"];
    for model in models {
        for (protocol, call) in calls(model) {
            let what = format!("{model} {}", call.0);
            let (plain, priced) = (send(&off, &call, &[]).await, send(&on, &call, &[]).await);
            assert_eq!((plain.status.as_u16(), told(protocol, &plain.text())), (200, None), "{what}: {}", plain.text());
            let cost = cost(&on);
            assert_eq!(cost == "null", model == "openai/unpriced", "{what}");
            assert_eq!(told(protocol, &priced.text()).unwrap().is_number(), cost != "null", "{what}");
            let field = format!(",\"cost\":{cost}");
            let (priced, plain) = (steady(&priced), steady(&plain));
            assert_eq!(priced.matches(&field).count(), 1, "{what}: {priced}");
            assert_eq!(priced.replace(&field, ""), plain, "{what}");
        }
    }
}

#[tokio::test]
async fn a_call_says_for_itself_whether_its_stream_tells_the_cost() {
    let (off, on) = (start(false).await, start(true).await);
    let header = |value| [("x-tollbridge-stream-cost", value)];
    for (protocol, call) in calls("openai/gpt-4o") {
        let (wanted, refused) = (send(&off, &call, &header("true")).await, send(&on, &call, &header("false")).await);
        assert!(told(protocol, &wanted.text()).is_some_and(|cost| cost.is_number()), "{}", wanted.text());
        assert_eq!(told(protocol, &refused.text()), None, "{}", refused.text());
        let wrong = send(&off, &call, &header("maybe")).await;
        assert!(wrong.status == 400 && wrong.text().contains("x-tollbridge-stream-cost"), "{}", wrong.text());
    }
}

#[tokio::test]
async fn chat_completions_show_usage_to_those_who_ask_for_it_or_for_their_cost() {
    let recorded = start(true).await;
    let header: &[_] = &[("x-tollbridge-stream-cost", "true")];
    for model in ["openai/gpt-4o", "anthropic/claude-sonnet-4-5"] {
        let [(protocol, (path, mut body)), ..] = calls(model);
        let mut call = async |options: Option<Value>, headers| {
            body["stream_options"] = options.unwrap_or_default();
            send(&recorded, &(path.clone(), body.clone()), headers).await.text()
        };
        let silent = call(None, &[]).await;
        assert!(silent.contains("[DONE]") && !silent.contains("_tokens"), "{silent}");
        let asked = call(None, header).await;
        assert!(told(protocol, &asked).unwrap().is_number(), "{asked}");
        let refused = call(Some(json!({"include_usage": false})), header).await;
        assert!(refused.contains("[DONE]") && !refused.contains("_tokens"), "{refused}");
    }
}

/// Has the gateway pass on an exact stream of chat completions.
async fn pass(recorded: &Recorded, frames: &[&str], cut: bool) -> String {
    let kind = ("content-type".to_owned(), "text/event-stream".to_owned());
    let step = Step::canned(200, vec![kind], frames.iter().map(|frame| (*frame).to_owned()).collect());
    recorded.bench.openai.play(vec![if cut { step.cut() } else { step }]);
    let [(_, call), ..] = calls("openai/gpt-4o");
    send(recorded, &call, &[]).await.text()
}

#[tokio::test]
async fn a_vendors_own_figure_gives_way_and_its_remarks_stay_in_their_order() {
    let recorded = start(true).await;
    let frames = [
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":7}}\r\n\r\n",
        "id: 5\r\ndata: {\"choices\": [{\"index\":0,\"delta\":{}, \"finish_reason\":\"stop\"}],\r\ndata:  \"usage\": \
         { \"prompt_tokens\": 7, \"cost\" : {\"total\":\r\ndata: 9} , \"completion_tokens\": 1 } }\r\n\r\n",
        ": still here\r\n\r\n",
        "data: {\"choices\":[],\"moderation\":{}}\r\n\r\n",
        "data: [DONE]\r\n\r\n",
    ];
    let passed = pass(&recorded, &frames, false).await;
    let cost = cost(&recorded);
    assert_eq!(passed, frames.concat().replace("{\"total\":\r\ndata: 9}", &cost));
}

#[tokio::test]
async fn a_stream_that_fails_behind_its_usage_tells_no_cost() {
    let recorded = start(true).await;
    let frames = [
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7}}\n\n",
        "data: {\"error\":{\"message\":\"broken\"}}\n\n",
    ];
    let passed = pass(&recorded, &frames, true).await;
    assert!(passed.starts_with(&frames.concat()), "{passed}");
}
