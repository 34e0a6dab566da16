//! What goes out, byte for byte, and what comes back.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tollbridge_core::{CallContext, Operation, Protocol, Request};
use tollbridge_types::{ChatRequest, EmbedRequest, Embedding};

use crate::wire::{Fake, header, keyed, provider, wire};

async fn sent(request: Request) -> http::Request<Bytes> {
    let fake = Fake::new();
    let provider = provider(&fake, keyed).unwrap();
    let reply = provider.call(request, &CallContext::new("1")).await.unwrap();
    let sent = fake.last();
    assert_eq!(reply.sent, *sent.body(), "a reply tells what was sent");
    sent
}

#[tokio::test]
async fn the_clients_own_bytes_pass_but_for_the_model() {
    // Spaces, spellings of numbers, unknown fields, escapes: what a parser would not give back.
    let rest = "\n \"max_tokens\" : 1.0e1,\t\"messages\":[{\"role\":\"user\",\"content\":\"h\\u00e9 \\\"model\\\": x\"}] ,\"x\":12345678901234567890.10,\"y\":1e400 ";
    let version = r#""anthropic_version":"vertex-2023-10-16""#;
    let cases = [
        (format!("{{\"model\": \"claude-x\",{rest}}}"), format!("{{{version},{rest}}}")),
        (format!("{{{rest}, \"model\"\n:\"claude-x\" }} \n"), format!("{{{rest}, {version} }} \n")),
        (format!("{{{rest}}}"), format!("{{{rest},{version}}}")),
        (
            format!("{{\"anthropic_version\" : \"bedrock-2023-05-31\",\"model\":\"claude-x\" ,{rest}}}"),
            format!("{{\"anthropic_version\" : \"vertex-2023-10-16\",{rest}}}"),
        ),
        (
            format!("{{\"anthropic_version\" : null,{rest} , \"model\":\"claude-x\"}}"),
            format!("{{\"anthropic_version\" : \"vertex-2023-10-16\",{rest} }}"),
        ),
        (format!("{{\"mod\\u0065l\":\"claude-x\",{rest}}}"), format!("{{{version},{rest}}}")),
    ];
    for (body, wanted) in cases {
        let request = wire(Operation::Chat, Protocol::ANTHROPIC_MESSAGES, "claude-x", body.clone());
        assert_eq!(*sent(request).await.body(), wanted, "{body}");
    }
    let body = format!("{{{rest}, \"contents\" : [ ] , \"model\":\"mine\"}}");
    let request = wire(Operation::Chat, Protocol::GEMINI_GENERATE, "gemini-x", body.clone());
    assert_eq!(*sent(request).await.body(), body);
}

#[tokio::test]
async fn beta_features_stay_in_their_header() {
    let body = r#"{"model":"claude-x","max_tokens":1,"messages":[]}"#;
    let mut request = wire(Operation::Chat, Protocol::ANTHROPIC_MESSAGES, "claude-x", body);
    let beta = HeaderValue::from_static("context-1m-2025-08-07,compact-2026-01-12");
    request.headers.insert(HeaderName::from_static("anthropic-beta"), beta.clone());
    assert_eq!(header(&sent(request).await, "anthropic-beta"), beta.to_str().ok());
}

#[tokio::test]
async fn other_protocols_are_translated_for_each_publisher() {
    let mut bodies = Vec::new();
    for model in ["anthropic/claude-x", "google/gemini-x"] {
        for stream in [false, true] {
            let mut request = ChatRequest::new(model).user("hi");
            request.stream = stream;
            bodies.push(String::from_utf8(sent(Request::chat(request)).await.body().to_vec()).unwrap());
        }
    }
    insta::assert_snapshot!(bodies.join("\n"));
}

#[tokio::test]
async fn texts_become_instances_and_predictions_vectors() {
    let mut request = EmbedRequest::new("text-embedding-005", ["one", "two"]);
    request.dimensions = Some(2);
    let fake = Fake::new();
    let provider = provider(&fake, keyed).unwrap();
    let reply = provider.call(Request::embed(request), &CallContext::new("1")).await.unwrap();
    let wanted = r#"{"instances":[{"content":"one"},{"content":"two"}],"parameters":{"outputDimensionality":2}}"#;
    assert_eq!(*fake.last().body(), wanted);
    let vectors = tollbridge_protocol::embed_reply(&reply).unwrap();
    assert_eq!(vectors.embeddings, [Embedding::Floats(vec![0.5, -1.0]), Embedding::Floats(vec![0.25, 1.0])]);
    assert_eq!(vectors.usage.unwrap().total_input(), 5);
}

#[tokio::test]
async fn predictions_of_ones_own_pass_as_they_are() {
    let body =
        r#"{ "instances": [{"content":"x", "task_type":"RETRIEVAL_QUERY"}], "parameters":{"autoTruncate":false} }"#;
    let request = wire(Operation::Embed, Protocol::VERTEX_PREDICT, "text-embedding-005", body);
    assert_eq!(*sent(request).await.body(), body);
}

#[tokio::test]
async fn counts_are_asked_without_a_wrapper() {
    let inner =
        r#"{"model":"models/x","contents":[{"role":"user","parts":[{"text":"hi"}]}],"tools":[],"safetySettings":[]}"#;
    let wanted = r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"tools":[]}"#;
    let plain = r#"{ "contents" : [], "generationConfig":{} }"#;
    let cases = [
        (Protocol::GEMINI_COUNT_TOKENS, format!(r#"{{"generateContentRequest":{inner}}}"#), wanted),
        (Protocol::GEMINI_COUNT_TOKENS, plain.to_owned(), plain),
        (
            Protocol::OPENAI_INPUT_TOKENS,
            r#"{"model":"x","input":"hi"}"#.to_owned(),
            r#"{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}"#,
        ),
    ];
    for (protocol, body, wanted) in cases {
        assert_eq!(*sent(wire(Operation::CountTokens, protocol, "gemini-x", body)).await.body(), wanted);
    }
    let body = r#"{"model":"x","messages":[{"role":"user","content":"hi"}]}"#;
    let request = wire(Operation::CountTokens, Protocol::ANTHROPIC_COUNT_TOKENS, "claude-x", body);
    let wanted = r#"{"model":"claude-x","messages":[{"role":"user","content":"hi"}]}"#;
    assert_eq!(*sent(request).await.body(), wanted);
}
