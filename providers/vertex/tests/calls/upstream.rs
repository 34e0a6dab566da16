//! Whole calls over the network, before the test kit's Vertex AI and its token server.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tollbridge_core::{CallContext, Error, Operation, Protocol, Provider, ReplyBody, Request};
use tollbridge_protocol::chat_reply;
use tollbridge_testkit::{Kind, Upstream};
use tollbridge_transport::HttpTransport;
use tollbridge_types::{ChatReply, ChatRequest, FinishReason, Tool};
use tollbridge_vertex::REGISTRATION;

use crate::wire::{options, service_account, wire};

async fn upstream() -> (Upstream, Arc<dyn Provider>) {
    let upstream = Upstream::new(Kind::Vertex).strict(true).start().await.unwrap();
    let mut account = service_account();
    account["token_uri"] = format!("{}/token", upstream.url()).into();
    let mut settings = tollbridge_core::ProviderSettings::new("vertex");
    settings.base_url = Some(upstream.url());
    options(&[("credentials", &account.to_string()), ("location", "europe-west4")])(&mut settings);
    let transport = Arc::new(HttpTransport::new(Duration::from_secs(5)).unwrap());
    let provider = (REGISTRATION.build)(&REGISTRATION, settings, transport).unwrap();
    (upstream, provider)
}

async fn ask(provider: &Arc<dyn Provider>, mut request: ChatRequest, stream: bool) -> Result<ChatReply, Error> {
    request.stream = stream;
    let reply = provider.call(Request::chat(request), &CallContext::new("1")).await?;
    chat_reply(reply).await
}

#[tokio::test]
async fn gemini_and_claude_answer_alike() {
    let (upstream, provider) = upstream().await;
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    for model in ["gemini-2.5-flash", "claude-sonnet-4-5@20250929"] {
        let whole = ask(&provider, ChatRequest::new(model).user("héllo"), false).await.unwrap();
        let streamed = ask(&provider, ChatRequest::new(model).user("héllo"), true).await.unwrap();
        assert!(whole.text().contains("héllo"), "{model}: {}", whole.text());
        assert_eq!(whole.text(), streamed.text(), "{model}");
        assert_eq!(whole.finish().unwrap().reason, FinishReason::Stop, "{model}");
        let total = |reply: &ChatReply| reply.usage.as_ref().map(tollbridge_types::Usage::total);
        assert!(total(&whole).is_some_and(|total| total > 0) && total(&whole) == total(&streamed), "{model}");
        for stream in [false, true] {
            let mut request = ChatRequest::new(model).user("What is the weather?");
            request.tools = vec![Tool::function("get_weather", "Get the weather", city.clone())];
            let reply = ask(&provider, request, stream).await.unwrap();
            assert_eq!(reply.tool_calls().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["get_weather"]);
        }
        upstream.script(["429"]).unwrap();
        let error = ask(&provider, ChatRequest::new(model).user("hi"), false).await.unwrap_err();
        assert_eq!(error.kind(), tollbridge_core::ErrorKind::RateLimit, "{model}: {error}");
        upstream.script(["cut-after:2"]).unwrap();
        assert!(ask(&provider, ChatRequest::new(model).user("one two three"), true).await.is_err(), "{model}");
    }
    let fetches = upstream.requests().iter().filter(|sent| sent.uri.path() == "/token").count();
    assert_eq!(fetches, 1);
}

#[tokio::test]
async fn a_refusal_of_the_token_is_not_seen_by_the_caller() {
    let (upstream, provider) = upstream().await;
    ask(&provider, ChatRequest::new("claude").user("hi"), false).await.unwrap();
    upstream.script(["401"]).unwrap();
    ask(&provider, ChatRequest::new("claude").user("hi"), false).await.unwrap();
    let paths: Vec<_> = upstream.requests().iter().map(|sent| sent.uri.path().to_owned()).collect();
    let claude = "/v1/projects/from-file/locations/europe-west4/publishers/anthropic/models/claude:rawPredict";
    assert_eq!(paths, ["/token", claude, claude, "/token", claude]);
}

#[tokio::test]
async fn frames_of_the_clients_own_protocol_pass() {
    let (_upstream, provider) = upstream().await;
    let body = r#"{"model":"claude","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}"#;
    let request = wire(Operation::Chat, Protocol::ANTHROPIC_MESSAGES, "claude", body).with_stream(true);
    let reply = provider.call(request, &CallContext::new("1")).await.unwrap();
    assert_eq!(reply.protocol, Protocol::ANTHROPIC_MESSAGES);
    assert!(matches!(reply.body, ReplyBody::Frames(_)));
}
