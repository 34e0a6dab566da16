//! What is beside chat passes within its protocol byte for byte, but for the model's name.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use http::Method;
use proptest::prelude::*;
use serde_json::Value;
use tollbridge_gateway::Options;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::{Bench, recorded};

/// The end of a vendor's URL, the provider that has such a call, and the gateway's route.
const WAYS: [(&str, &str, &str); 12] = [
    ("/embeddings", "openai", "/v1/embeddings"),
    ("/v1/completions", "openai", "/v1/completions"),
    ("/moderations", "openai", "/v1/moderations"),
    ("/images/generations", "openai", "/v1/images/generations"),
    ("/images/edits", "openai", "/v1/images/edits"),
    ("/responses/input_tokens", "openai", "/v1/responses/input_tokens"),
    ("/audio/speech", "openai", "/v1/audio/speech"),
    ("/rerank", "cohere", "/v2/rerank"),
    ("/messages/count_tokens", "anthropic", "/v1/messages/count_tokens"),
    (":countTokens", "gemini", "/v1beta/models/gemini/m:countTokens"),
    (":batchEmbedContents", "gemini", "/v1beta/models/gemini/m:batchEmbedContents"),
    ("/chat/completions", "xai", "/v1/chat/completions"),
];

async fn pass(bench: &Bench, way: (&str, &str, &str), body: &str, kind: &str, reply: &str) -> Result<(), String> {
    let (_, provider, path) = way;
    let upstream: &Upstream = bench.upstreams().find(|(name, _)| *name == provider).unwrap().1;
    let before = upstream.requests().len();
    upstream.play(vec![Step::canned(200, vec![("content-type".to_owned(), kind.to_owned())], vec![reply.to_owned()])]);
    let asked = body.replace("PLACE", &format!("{provider}/m"));
    let answer = bench.send(Method::POST, path, asked).await.unwrap();
    let Some(sent) = upstream.requests().get(before).map(|sent| sent.body.clone()) else {
        // What was not asked for must not answer the next request.
        upstream.post("/any", "{}").await.unwrap();
        return Err(format!("{path} refuses {body}: {}", answer.text()));
    };
    let wanted = body.replace("PLACE", "m");
    assert!(sent == wanted, "{path}: the vendor received\n{}\nfor\n{wanted}", String::from_utf8_lossy(&sent));
    assert!(answer.body == reply, "{path}: the client received\n{}\nfor\n{reply}", answer.text());
    assert!(!answer.headers.contains_key("x-tollbridge-loss"), "{path}");
    Ok(())
}

fn name_model(body: &mut Value, provider: &str) {
    if provider != "gemini" {
        body["model"] = "PLACE".into();
        return;
    }
    let Some(body) = body.as_object_mut() else { return };
    let requests = body.get_mut("requests").and_then(Value::as_array_mut).into_iter().flatten();
    for named in requests.filter(|request| request.get("model").is_some()) {
        named["model"] = "models/PLACE".into();
    }
    if let Some(whole) = body.get_mut("generateContentRequest") {
        whole["model"] = "models/PLACE".into();
    }
}

#[tokio::test]
async fn every_recorded_body_beside_chat_passes() {
    let bench = Bench::with_all(Options::default()).await.unwrap();
    let (mut passed, mut refused) = (0, Vec::new());
    for exchange in recorded().unwrap() {
        let url = exchange["url"].as_str().unwrap_or_default().split('?').next().unwrap_or_default();
        let way = WAYS.iter().find(|(end, ..)| url.ends_with(end) && *end != "/chat/completions");
        let (Some(way), true, true) = (way, exchange["request_body"].is_object(), exchange["status"] == 200) else {
            continue;
        };
        let (Some(reply), true) = (exchange["response_body"].as_str(), exchange["response_body_encoding"] == "utf8")
        else {
            continue;
        };
        // Cohere's first version of embeddings is another protocol, whose bodies have no `input`.
        if way.0 == "/embeddings" && exchange["request_body"].get("input").is_none() {
            continue;
        }
        let stream = reply.trim_start().starts_with("data:");
        let kind = if stream { "text/event-stream" } else { "application/json" };
        let mut body = exchange["request_body"].clone();
        name_model(&mut body, way.1);
        // A stream of text completions is asked for usage, unless it says itself whether it wants any.
        if way.0 == "/v1/completions" && body["stream"] == true && body.get("stream_options").is_none() {
            body["stream_options"] = serde_json::json!({"include_usage": true});
        }
        let text = serde_json::to_string_pretty(&body).unwrap().replace("\": ", "\" :  ") + "\r\n";
        match pass(&bench, *way, &text, kind, reply).await {
            Ok(()) => passed += 1,
            Err(why) => refused.push(format!("{}: {why}", exchange["id"])),
        }
    }
    assert!(refused.len() * 50 <= passed + refused.len(), "{passed} passed, but not\n{}", refused.join("\n"));
}

/// Makes fields that nobody knows, in spellings that no encoder would choose; some names stand twice.
fn unknown() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("1.0"),
        Just("1e400"),
        Just("-0.0E-0"),
        Just("12345678901234567890"),
        Just("\"\\u0041\\/\\ud83d\\ude00\""),
        Just("{ \"a\":{\"a\" :[ ]},\"a\":null }"),
        Just("[\n1 ,\t2]"),
        Just("\"é\u{2028}\""),
    ];
    let field = ("[ \t\r\n]{0,2}", "x_[ab]", "[ \n]{0,2}", value);
    let field = field.prop_map(|(space, name, after, value)| format!("{space}\"{name}\"{after}:{space}{value},"));
    prop::collection::vec(field, 0..6).prop_map(|fields| fields.concat())
}

/// The fields that each way demands.
fn known(end: &str) -> &'static str {
    match end {
        "/embeddings" | "/moderations" | "/responses/input_tokens" => "\"model\":\"PLACE\", \"input\" :\"h\\u0069\"",
        "/rerank" => "\"query\":\"q\" ,\"model\" : \"PLACE\",\"documents\":[\"a\",{\"text\":\"b\",\"x\":1.0}]",
        "/messages/count_tokens" | "/chat/completions" => {
            "\"model\":\"PLACE\", \"messages\":[ {\"later\":1e400,\"content\":\"hi\",\"role\":\"user\"}]"
        }
        ":countTokens" => "\"contents\" :[{\"parts\":[{ \"text\":\"hi\"}]}]",
        ":batchEmbedContents" => {
            "\"requests\":[{\"x\":1e400,\"content\":{\"parts\":[{\"text\":\"a\"}]} , \"model\": \"models/PLACE\"}]"
        }
        _ => "\"prompt\" : \"a\\u0062\",\"model\":\"PLACE\"",
    }
}

#[test]
fn every_generated_body_beside_chat_passes() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::with_all(Options::default())).unwrap();
    let config = ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(place in 0..WAYS.len(), before in unknown(), after in unknown(), reply in unknown())| {
        let way = WAYS[place];
        let body = format!(" {{{before}{}{}}}\r\n ", known(way.0), after.strip_suffix(',').map(|after| format!(",{after}")).unwrap_or_default());
        let reply = format!("{{{reply} \"object\":\"any\", \"choices\":[]}}\n");
        let passed = runtime.block_on(pass(&bench, way, &body, "application/json", &reply));
        prop_assert_eq!(passed, Ok(()));
    });
}
