//! Within one protocol the gateway changes the model's name and nothing else: every other byte of a request reaches the
//! vendor, and every byte of a reply the client.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use proptest::prelude::*;
use serde_json::Value;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::{Answered, Bench, recorded};

/// A protocol that clients and a provider share.
struct Way {
    api: &'static [&'static str],
    provider: &'static str,
    path: &'static str,
}

const WAYS: [Way; 4] = [
    Way { api: &["chat_completions"], provider: "openai", path: "/v1/chat/completions" },
    Way { api: &["responses"], provider: "openai", path: "/v1/responses" },
    Way { api: &["messages"], provider: "anthropic", path: "/v1/messages" },
    Way { api: &["generateContent", "streamGenerateContent"], provider: "gemini", path: "/v1beta/models/gemini/m" },
];

fn upstream<'a>(bench: &'a Bench, way: &Way) -> &'a Upstream {
    match way.provider {
        "openai" => &bench.openai,
        "anthropic" => &bench.anthropic,
        _ => &bench.google,
    }
}

/// Plays a reply to a request, and returns what the client got and what the vendor did, if it was asked at all.
async fn pass(
    bench: &Bench,
    way: &Way,
    path: &str,
    request: &str,
    reply: &str,
    size: usize,
) -> (Answered, Option<String>) {
    let kind = if is_stream(reply) { "text/event-stream" } else { "application/json" };
    let letters: Vec<char> = reply.chars().collect();
    let chunks = letters.chunks(size).map(|letters| letters.iter().collect()).collect();
    let upstream = upstream(bench, way);
    upstream.play(vec![Step::canned(200, vec![("content-type".to_owned(), kind.to_owned())], chunks)]);
    let before = upstream.requests().len();
    let answer = bench.send(Method::POST, path, request.to_owned()).await.unwrap();
    let sent = upstream.requests().get(before).map(|sent| String::from_utf8(sent.body.to_vec()).unwrap());
    if sent.is_none() {
        // What was not asked for must not answer the next request.
        upstream.post(path, "{}").await.unwrap();
    }
    (answer, sent)
}

/// Writes a body with spaces where no encoder of ours would put them.
fn spaced(body: &Value) -> String {
    let line = |line: &str| match line.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((name, rest)) if rest.starts_with(": ") && !name.ends_with('\\') => {
            let space = &line[..line.len() - line.trim_start().len()];
            format!("{space}\"{name}\" :\t{}\r\n", &rest[2..])
        }
        _ => format!("{line}\n"),
    };
    serde_json::to_string_pretty(body).unwrap().lines().map(line).collect()
}

fn is_stream(body: &str) -> bool {
    ["data:", "event:", ":", "id:"].iter().any(|start| body.trim_start().starts_with(start))
}

/// Leaves out the chunk that only reports usage, which a client that did not ask for it does not see.
fn without_usage(stream: &str) -> String {
    let is_usage = |event: &&str| {
        let data = event.lines().find_map(|line| line.strip_prefix("data:")).unwrap_or_default();
        let chunk: Value = serde_json::from_str(data).unwrap_or_default();
        let field = |name: &str| chunk.get(name).cloned().unwrap_or_default();
        field("choices").as_array().is_some_and(Vec::is_empty) && field("usage").is_object()
    };
    stream.split_inclusive("\n\n").filter(|event| !is_usage(event)).collect()
}

/// Without `TOLLBRIDGE_CORPUS`, a folder of recordings, there is nothing to pass.
#[tokio::test]
async fn every_recorded_body_passes() {
    let bench = Bench::start().await.unwrap();
    let (mut passed, mut refused) = (0, Vec::new());
    for exchange in recorded().unwrap() {
        let Some(way) = WAYS.iter().find(|way| way.api.iter().any(|api| exchange["api"] == *api)) else { continue };
        let body = exchange["request_body"].clone();
        let success = exchange["status"] == 200 && exchange["response_body_encoding"] != "base64";
        let (true, true, Some(reply)) = (body.is_object(), success, exchange["response_body"].as_str()) else {
            continue;
        };
        // A reply that is none, and one that is not what was asked for, are no vendor's.
        let streamed = is_stream(reply);
        let sound = streamed || serde_json::from_str::<Value>(reply).is_ok_and(|reply| reply.get("error").is_none());
        let wants = body["stream"] == true || exchange["api"] == "streamGenerateContent";
        if !sound || streamed != wants || reply.contains("\"error\":{") || !reply.ends_with('\n') && streamed {
            continue;
        }
        // Recorded from others: OpenAI itself takes no longer ids of calls, so that they are renamed.
        let ids = body["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|message| message["tool_calls"].as_array())
            .flatten();
        if way.provider == "openai" && ids.filter_map(|call| call["id"].as_str()).any(|id| id.len() > 40) {
            continue;
        }
        let (mut body, mut expected) = (body, None);
        let path = match way.provider {
            "gemini" if streamed => format!("{}:streamGenerateContent?alt=sse", way.path),
            "gemini" => format!("{}:generateContent", way.path),
            _ => {
                body["model"] = "PLACE".into();
                way.path.to_owned()
            }
        };
        let text = spaced(&body);
        let asks = body.pointer("/stream_options/include_usage").is_some();
        if way.path.ends_with("completions") && streamed && !asks {
            expected = Some(without_usage(reply));
        }
        let request = text.replacen("PLACE", &format!("{}/m", way.provider), 1);
        let size = 1 + reply.len() / 7;
        let (answer, sent) = pass(&bench, way, &path, &request, reply, size).await;
        let Some(sent) = sent else {
            refused.push(format!("{}: {}", exchange["id"], answer.text()));
            continue;
        };
        let as_sent = text.replacen("PLACE", "m", 1);
        if expected.is_some() {
            let (usage, start) = ("\"include_usage\":true", as_sent.trim_end().trim_end_matches('}'));
            assert!(sent.contains(usage), "{}: usage was not asked for", exchange["id"]);
            assert!(sent.starts_with(start) || body["stream_options"].is_object(), "{}: {sent}", exchange["id"]);
        } else {
            assert!(sent == as_sent, "{}: the vendor received\n{sent}\nfor\n{as_sent}", exchange["id"]);
        }
        let wanted = expected.as_deref().unwrap_or(reply);
        assert!(answer.text() == wanted, "{}: the client received\n{}\nfor\n{wanted}", exchange["id"], answer.text());
        passed += 1;
    }
    // What clients may not say is refused before it is sent; recordings hold a few such.
    assert!(refused.len() * 50 <= passed + refused.len(), "{}", refused.join("\n"));
}

/// Makes the text of any JSON value, in spellings that no encoder would choose.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1.0".to_owned()),
        Just("-0".to_owned()),
        Just("1E+400".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just("0.1000".to_owned()),
        Just("\"\\u00e9\\/\\ud83d\\ude00 \\b\"".to_owned()),
        Just("\"é 你好 \u{2028}\"".to_owned()),
        "[a-z ]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let field = ("[ \t\n]{0,2}", "[a-z]{0,5}", "[ \n]{0,2}", inner.clone());
        let field = field.prop_map(|(before, name, after, value)| format!("{before}\"{name}\"{after}:{before}{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[ {}]", items.join(" ,"))),
            prop::collection::vec(field, 0..4).prop_map(|fields| format!("{{{} }}", fields.join(","))),
        ]
    })
}

/// Puts fields that nobody knows among those of an object that says something.
fn object(known: Vec<String>) -> impl Strategy<Value = String> {
    let unknown = ("[ \r\n\t]{0,3}", "x_[a-z]{1,6}", json());
    let unknown = unknown.prop_map(|(space, name, value)| format!("{space}\"{name}\"{space}: {value}{space}"));
    prop::collection::vec(unknown, 0..5).prop_flat_map(move |unknown| {
        let fields: Vec<String> = known.iter().cloned().chain(unknown).collect();
        Just(fields).prop_shuffle().prop_map(|fields| format!(" {{{}\n}}", fields.join(",")))
    })
}

fn bodies(place: usize) -> (Vec<String>, Vec<String>) {
    let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    match place {
        0 => (
            own(&["\"model\" :\"MODEL\"", "\"messages\": [ {\"later\":1e0,\"content\":\"hi\",\"role\":\"user\"}]"]),
            own(&["\"choices\":[ {\"message\":{\"content\":\"\\u0068i\",\"role\":\"assistant\"},\"index\":0}]"]),
        ),
        1 => (
            own(&["\"model\":\"MODEL\" ", "\"input\" : \"h\\u0069\""]),
            own(&["\"output\": [] ", "\"status\":\"completed\""]),
        ),
        2 => (
            own(&[
                "\"model\":\"MODEL\"",
                "\"max_tokens\": 10",
                "\"messages\":[{\"role\":\"user\" ,\"content\":\"hi\"}]",
            ]),
            own(&[
                "\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]",
                "\"role\":\"assistant\"",
                "\"type\" : \"message\"",
            ]),
        ),
        _ => (
            own(&["\"contents\" :[{\"parts\":[{ \"text\":\"hi\"}]}]"]),
            own(&["\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}, \"finishReason\":\"STOP\"}]"]),
        ),
    }
}

fn generated() -> impl Strategy<Value = (usize, String, String, usize)> {
    (0..WAYS.len(), 1..40_usize).prop_flat_map(|(place, size)| {
        let (request, reply) = bodies(place);
        (Just(place), object(request), object(reply), Just(size))
    })
}

#[test]
fn every_generated_body_passes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::start()).unwrap();
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |((place, request, reply, size) in generated())| {
        let way = &WAYS[place];
        let path = if way.provider == "gemini" { format!("{}:generateContent", way.path) } else { way.path.to_owned() };
        let asked = request.replacen("MODEL", &format!("{}/m", way.provider), 1);
        let (answer, sent) = runtime.block_on(pass(&bench, way, &path, &asked, &reply, size));
        prop_assert_eq!(sent, Some(request.replacen("MODEL", "m", 1)), "{}", answer.text());
        prop_assert_eq!(answer.text(), reply);
    });
}
