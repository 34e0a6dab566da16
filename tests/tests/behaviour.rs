//! One list of behaviours that every provider passes, over the mock of its vendor's protocol.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use serde_json::json;
use tollbridge::types::{FinishReason, Part, Role, Thought, ToolCall};
use tollbridge::{ChatRequest, Client, ErrorKind, Message, Operation, Registry, Secret, Tool, ToolResult};
use tollbridge_testkit::{Kind, Upstream};

/// A provider of each kind, over the mock of its protocol. `echo` needs none, and has no failures.
async fn providers() -> Vec<(&'static str, Client, Upstream)> {
    let mut providers = Vec::new();
    for kind in Registry::linked().unwrap().iter().filter(|kind| kind.kind != "echo") {
        let mock = match kind.kind {
            "anthropic" => Kind::Anthropic,
            "gemini" => Kind::Google,
            "xai" => Kind::Grok,
            "moonshot" => Kind::Kimi,
            "mistral" => Kind::Mistral,
            "ollama" => Kind::Ollama,
            "cohere" => Kind::Cohere,
            "bedrock" => Kind::Bedrock,
            "vertex" => Kind::Vertex,
            _ => Kind::OpenAi,
        };
        let upstream = Upstream::new(mock).strict(kind.kind != "custom").start().await.unwrap();
        let url = upstream.url();
        let client = Client::builder().configure(kind.kind, |settings| {
            settings.base_url = Some(url);
            settings.api_key = Some(Secret::new("key"));
            settings.options.insert("project".to_owned(), "p".to_owned());
            settings.options.insert("region".to_owned(), "eu-central-1".to_owned());
        });
        providers.push((kind.kind, client.unwrap().build().unwrap(), upstream));
    }
    assert!(providers.len() > 25, "{}", providers.len());
    providers
}

fn weather() -> Tool {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    Tool::function("get_weather", "Get the weather", city)
}

#[tokio::test]
async fn answers_are_whole_and_streamed_with_usage() {
    for (name, client, _upstream) in providers().await {
        let model = format!("{name}/m");
        let whole = client.chat(&model, "héllo 你好").await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let streamed = client.chat(&model, "héllo 你好").stream().await.unwrap().collect().await.unwrap();
        assert!(whole.text().contains("héllo 你好"), "{name}: {}", whole.text());
        assert_eq!(whole.text(), streamed.text(), "{name}");
        assert_eq!(whole.finish().unwrap().reason, FinishReason::Stop, "{name}");
        let usage = |reply: &tollbridge::ChatReply| {
            reply.usage.as_ref().map(|usage| (usage.total_input(), usage.total_output()))
        };
        assert!(usage(&whole).is_some_and(|(input, output)| input > 0 && output > 0), "{name}");
        // Perplexity sends usage unasked, and its mock does not.
        if name != "perplexity" {
            assert_eq!(usage(&whole), usage(&streamed), "{name}");
        }
    }
}

#[tokio::test]
async fn tools_are_called_in_parallel_and_answered() {
    for (name, client, _upstream) in providers().await {
        let model = format!("{name}/m");
        let ask = "What is the weather? Ask in parallel.";
        let whole = client.chat(&model, ask).tool(weather()).await.unwrap();
        let streamed = client.chat(&model, ask).tool(weather()).stream().await.unwrap().collect().await.unwrap();
        for reply in [&*whole, &streamed] {
            let calls: Vec<_> = reply.tool_calls().map(|call| (call.name.as_str(), call.arguments.as_str())).collect();
            assert_eq!(calls, [("get_weather", r#"{"city":"value-of-city"}"#); 2], "{name}");
            assert_eq!(reply.finish().unwrap().reason, FinishReason::ToolCalls, "{name}");
        }
        let mut messages = vec![Message::user(ask), whole.message()];
        messages.extend(
            whole
                .tool_calls()
                .zip(["sunny", "rainy"])
                .map(|(call, text)| Message::tool(ToolResult::text(call.id.clone().unwrap_or_default(), text))),
        );
        let answer = client.chat(&model, messages).tool(weather()).await.unwrap();
        assert_eq!(answer.text(), "tool said: sunny | rainy", "{name}");
    }
}

#[tokio::test]
async fn a_conversation_that_began_elsewhere_goes_on() {
    for (name, client, _upstream) in providers().await {
        let mut call = ToolCall::default();
        call.id = Some("call_of_another_vendor_1".to_owned());
        (call.name, call.arguments) = ("get_weather".to_owned(), r#"{"city":"A"}"#.to_owned());
        let mut thought = Thought::default();
        thought.text = "let me see".to_owned();
        let messages = vec![
            Message::user("What is the weather?"),
            Message::new(Role::Assistant, vec![Part::Thought(thought), Part::ToolCall(call)]),
            Message::tool(ToolResult::text("call_of_another_vendor_1", "sunny")),
        ];
        let mut request = ChatRequest::new(format!("{name}/m")).tool(weather()).max_tokens(100).temperature(0.5);
        (request.messages, request.seed, request.user) = (messages, Some(7), Some("u".to_owned()));
        let answer = client.request(request).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(answer.text(), "tool said: sunny", "{name}");
    }
}

#[tokio::test]
async fn failures_have_their_kind() {
    let cases = [
        ("401", ErrorKind::Auth),
        ("403", ErrorKind::Permission),
        ("404", ErrorKind::ModelNotFound),
        ("429", ErrorKind::RateLimit),
        ("500", ErrorKind::Server),
        ("context-length", ErrorKind::ContextLength),
        ("quota", ErrorKind::Quota),
        ("content-policy", ErrorKind::ContentPolicy),
        ("overloaded", ErrorKind::Overloaded),
        ("reset", ErrorKind::Network),
        ("html", ErrorKind::Decode),
        ("empty", ErrorKind::Decode),
        ("truncated", ErrorKind::Decode),
    ];
    for (name, client, upstream) in providers().await {
        for (step, kind) in cases {
            upstream.script([step, step]).unwrap();
            let whole = client.chat(format!("{name}/m"), "hi").await.unwrap_err();
            let streamed = client.chat(format!("{name}/m"), "hi").stream().await.unwrap_err();
            assert_eq!((whole.kind(), streamed.kind()), (kind, kind), "{name}, {step}: {whole}");
            assert_eq!((whole.provider(), whole.model()), (Some(name), Some("m")), "{name}, {step}");
        }
        for step in ["cut-after:2", "stream-error"] {
            upstream.script([step]).unwrap();
            let stream = client.chat(format!("{name}/m"), "one two three").stream().await.unwrap();
            assert!(stream.collect().await.is_err(), "{name}, {step}");
        }
    }
}

#[tokio::test]
async fn embeddings_and_lists_come_where_there_are_any() {
    for (name, client, _upstream) in providers().await {
        let info = client.provider(name).unwrap().info().clone();
        if info.protocol(Operation::Embed).is_some() {
            let vectors = client.embed(format!("{name}/m"), ["one", "two"]).await.unwrap();
            assert_eq!(vectors.floats().unwrap().len(), 2, "{name}");
        }
        if info.protocol(Operation::Models).is_some() {
            let list = client.models().await;
            assert!(list.failures.is_empty() && !list.models.is_empty(), "{name}: {:?}", list.failures);
        }
    }
}
