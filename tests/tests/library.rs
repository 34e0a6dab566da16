//! The library as a program sees it, before real upstreams.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::Arc;
use std::time::Duration;

use custom_provider as _;
use futures_util::StreamExt;
use serde_json::json;
use tollbridge::core::ProviderSettings;
use tollbridge::types::{ChatEvent, FinishReason, Json, Reasoning, ReasoningEffort, ResponseFormat};
use tollbridge::{Client, Error, ErrorKind, Media, Message, Registry, Secret, Tool, ToolChoice, ToolResult};
use tollbridge_testkit::{Kind, Step, Upstream};
use tollbridge_tests::Bench;

const MODELS: [&str; 3] = ["openai/m", "anthropic/m", "gemini/m"];

fn weather() -> Tool {
    let city = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    Tool::function("get_weather", "Get the weather", city)
}

#[tokio::test]
async fn whole_and_streamed_answers_are_equal_values() {
    let bench = Bench::start().await.unwrap();
    for model in MODELS {
        let mut thinking = Reasoning::default();
        thinking.effort = Some(ReasoningEffort::Low);
        let call = || {
            bench
                .client
                .chat(model, "What is the weather, 東京? Ask in parallel.")
                .tool(weather())
                .reasoning(thinking.clone())
        };
        let mut whole = call().await.unwrap().into_reply();
        let mut streamed = call().stream().await.unwrap().collect().await.unwrap();
        assert_eq!(whole.tool_calls().count(), 2, "{model}");
        assert!(!whole.reasoning().is_empty(), "{model}");
        assert_eq!(whole.finish().unwrap().reason, FinishReason::ToolCalls, "{model}");
        // Each request has calls of its own, and the two forms their own noise.
        for reply in [&mut whole, &mut streamed] {
            reply.usage.as_mut().unwrap().raw = None;
            reply.extras = Default::default();
            reply.created = None;
            for choice in &mut reply.choices {
                choice.extras = Default::default();
                for part in &mut choice.parts {
                    if let tollbridge::types::Part::ToolCall(call) = part {
                        call.id = None;
                    }
                }
            }
        }
        assert_eq!(whole, streamed, "{model}");
    }
}

#[tokio::test]
async fn a_conversation_with_tools_goes_on() {
    let bench = Bench::start().await.unwrap();
    for model in MODELS {
        let first = bench.client.chat(model, "What is the weather?").tool(weather()).await.unwrap();
        let call = first.tool_calls().next().unwrap().clone();
        assert_eq!(call.arguments::<serde_json::Value>().unwrap(), json!({"city": "value-of-city"}));
        let mut result = ToolResult::text(call.id.clone().unwrap_or_default(), "sunny");
        result.name = Some(call.name);
        let messages = vec![Message::user("What is the weather?"), first.message(), Message::tool(result)];
        let second = bench.client.chat(model, messages).tool(weather()).await.unwrap();
        assert_eq!(second.text(), "tool said: sunny", "{model}");
    }
}

#[tokio::test]
async fn images_forms_and_forced_calls_arrive() {
    let bench = Bench::start().await.unwrap();
    for model in MODELS {
        let answer = bench.client.chat(model, "look").image(Media::base64("image/png", "iVBORw0KGgo=")).await.unwrap();
        assert!(answer.text().contains("[image]"), "{model}: {}", answer.text());
        let schema =
            Json::from(json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}));
        let format = ResponseFormat::json_schema(Some("person".into()), None, schema, Some(true));
        let answer = bench.client.chat(model, "a person").response_format(format).await.unwrap();
        assert_eq!(answer.text(), r#"{"name":"value-of-name"}"#, "{model}");
        let forced = bench.client.chat(model, "hi").tool(weather()).tool_choice(ToolChoice::Required).await.unwrap();
        assert_eq!(forced.tool_calls().count(), 1, "{model}");
        let none = bench.client.chat(model, "weather").tool(weather()).tool_choice(ToolChoice::None).await.unwrap();
        assert_eq!(none.tool_calls().count(), 0, "{model}");
    }
}

#[tokio::test]
async fn both_raw_bodies_and_what_was_lost_are_reachable() {
    let bench = Bench::start().await.unwrap();
    let answer = bench.client.chat("anthropic/m", "hi").with(|request| request.seed = Some(7)).await.unwrap();
    let raw: serde_json::Value = serde_json::from_slice(answer.raw()).unwrap();
    assert_eq!(raw["type"], "message");
    assert_eq!(answer.sent(), &bench.anthropic.requests()[0].body);
    let lost: Vec<_> = answer.losses().iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(lost, ["max_tokens", "seed"]);
}

#[tokio::test]
async fn a_broken_stream_carries_what_had_arrived() {
    let bench = Bench::start().await.unwrap();
    bench.openai.script(["cut-after:3"]).unwrap();
    let mut stream = bench.client.chat("openai/m", "one two three four").stream().await.unwrap();
    let mut text = String::new();
    let mut failure = None;
    while let Some(event) = stream.next().await {
        match event {
            Ok(ChatEvent::Text { text: piece, .. }) => text.push_str(&piece),
            Ok(_) => {}
            Err(error) => failure = Some(error),
        }
    }
    assert_eq!(failure.unwrap().kind(), ErrorKind::Network);
    assert!(!text.is_empty());
    assert_eq!(stream.so_far().text(), text);
    assert_eq!(bench.openai.requests().len(), 1, "nothing is sent again after the first piece");
}

#[tokio::test]
async fn limits_and_switches_end_a_call() {
    let bench = Bench::start().await.unwrap();
    // The mock loads its tokenizer at its first answer, which takes as long as the limit below.
    bench.client.chat("openai/m", "hi").await.unwrap();
    bench.openai.script(["delay:60000", "stall-after:2", "delay:60000"]).unwrap();
    let limit = Duration::from_secs(1);
    let error = bench.client.chat("openai/m", "hi").time_limit(limit).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout(_)), "{error}");
    let stream = bench.client.chat("openai/m", "hi").time_limit(limit).stream().await.unwrap();
    let error = stream.collect().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Timeout(_)), "{error}");
    assert!(error.partial().is_some());
    let switch = tollbridge::core::Cancellation::new();
    let call = bench.client.chat("openai/m", "hi").cancellation(switch.clone());
    let (outcome, ()) = tokio::join!(call.send(), async {
        bench.openai.wait_for_requests(4).await;
        switch.cancel();
    });
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    bench.openai.wait_for_disconnect().await;
}

#[tokio::test]
async fn a_server_without_stream_options_is_asked_again_once_and_never_more() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let refusal = json!({"error": {"message": "Unknown parameter: stream_options"}}).to_string();
    upstream.play(vec![Step::canned(400, Vec::new(), vec![refusal])]);
    let client = client_at("vllm", &upstream);
    for _ in 0..2 {
        client.chat("vllm/m", "hi").stream().await.unwrap().collect().await.unwrap();
    }
    let asked: Vec<_> = upstream.requests().iter().map(|sent| sent.json()["stream_options"].is_object()).collect();
    assert_eq!(asked, [true, false, false]);
}

#[tokio::test]
async fn connections_are_reused_whatever_the_key() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let client = Client::builder().configure("openai", at(&upstream, "a")).unwrap();
    let client = client.configure_as("second", "openai", at(&upstream, "b")).unwrap().build().unwrap();
    for turn in 0..20 {
        let model = if turn % 2 == 0 { "openai/m" } else { "second/m" };
        client.chat(model, "hi").await.unwrap();
    }
    assert_eq!(upstream.connections(), 1);
    let keys: Vec<_> =
        upstream.requests().iter().take(2).map(|sent| sent.header("authorization").unwrap().to_owned()).collect();
    assert_eq!(keys, ["Bearer a", "Bearer b"]);
}

#[tokio::test]
async fn azure_is_called_by_deployment_with_its_own_header() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let azure = |options: &[(&'static str, &'static str)]| {
        let options: Vec<_> = options.to_vec();
        let set = at(&upstream, "azure-key");
        Client::builder()
            .configure("azure", move |settings| {
                set(settings);
                settings.options.extend(options.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
            })
            .unwrap()
            .build()
            .unwrap()
    };
    azure(&[("api_version", "2024-10-21")]).chat("azure/my-gpt", "hi").await.unwrap();
    azure(&[("api", "v1"), ("auth", "bearer")]).chat("azure/my-gpt", "hi").await.unwrap();
    azure(&[]).embed("azure_openai/my-vectors", ["hi"]).await.unwrap();
    let sent = upstream.requests();
    let seen: Vec<_> = sent
        .iter()
        .map(|sent| {
            let key = sent.header("api-key").or(sent.header("authorization")).unwrap_or("-");
            (sent.uri.to_string(), key.to_owned(), sent.headers.contains_key("authorization"))
        })
        .collect();
    assert_eq!(
        seen[0],
        ("/openai/deployments/my-gpt/chat/completions?api-version=2024-10-21".into(), "azure-key".into(), false)
    );
    assert_eq!(seen[1], ("/openai/v1/chat/completions".into(), "Bearer azure-key".into(), true));
    assert_eq!(seen[2].0, "/openai/deployments/my-vectors/embeddings?api-version=2024-10-21");
}

#[tokio::test]
async fn keys_travel_in_the_vendors_header_and_never_in_the_url() {
    let bench = Bench::start().await.unwrap();
    for model in MODELS {
        bench.client.chat(model, "hi").await.unwrap();
    }
    let google = &bench.google.requests()[0];
    assert_eq!(google.header("x-goog-api-key"), Some("gemini-key"));
    assert_eq!(google.uri, "/v1beta/models/m:generateContent");
    let anthropic = &bench.anthropic.requests()[0];
    assert_eq!(
        (anthropic.header("x-api-key"), anthropic.header("anthropic-version")),
        (Some("anthropic-key"), Some("2023-06-01"))
    );
    assert_eq!(anthropic.header("authorization"), None);
    assert_eq!(bench.openai.requests()[0].header("authorization"), Some("Bearer openai-key"));
    // A model's name stays in its place of the path.
    let error = bench.client.chat("gemini/../../evil", "hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    bench.client.chat("gemini/a?key=b#c", "hi").await.unwrap();
    assert_eq!(bench.google.requests()[1].uri, "/v1beta/models/a%3Fkey=b%23c:generateContent");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let (first, second) =
        (Upstream::new(Kind::OpenAi).start().await.unwrap(), Upstream::new(Kind::OpenAi).start().await.unwrap());
    first.script([format!("redirect:{}/v1/chat/completions", second.url())]).unwrap();
    let error = client_at("openai", &first).chat("openai/m", "hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(second.requests().is_empty());
}

#[tokio::test]
async fn a_custom_server_is_reached_by_configuration_alone() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let set = at(&upstream, "house-key");
    let client = Client::builder()
        .configure_as("house", "custom", move |settings| {
            set(settings);
            settings.headers.insert("x-team", "search".parse().unwrap());
            for (name, value) in
                [("auth", "x-house-key"), ("path", "/generate/chat/completions"), ("content_parts", "false")]
            {
                settings.options.insert(name.into(), value.into());
            }
        })
        .unwrap()
        .build()
        .unwrap();
    client.chat("house/m", "look").image(Media::url("https://x.example/y.png")).await.unwrap();
    let sent = &upstream.requests()[0];
    assert_eq!(sent.uri, "/generate/chat/completions");
    assert_eq!((sent.header("x-house-key"), sent.header("x-team")), (Some("house-key"), Some("search")));
    assert_eq!(sent.json()["messages"][0]["content"], "look\n<image>");
}

#[tokio::test]
async fn a_strangers_provider_answers_like_ours() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let said = || Step::canned(200, Vec::new(), vec![json!({"answer": "42 and more"}).to_string()]);
    upstream.play(vec![said(), said()]);
    let client = client_at("acme", &upstream);
    assert_eq!(client.chat("acme/deep", "What is it?").await.unwrap().text(), "42 and more");
    let streamed = client.chat("acme/deep", "What is it?").stream().await.unwrap().collect().await.unwrap();
    assert_eq!(streamed.text(), "42 and more");
    assert_eq!(upstream.requests()[0].header("x-acme-key"), Some("key"));
}

#[test]
fn the_registry_knows_what_is_linked_and_lists_it() {
    let registry = Registry::linked().unwrap();
    for kind in ["acme", "anthropic", "azure", "custom", "deepseek", "echo", "gemini", "grok", "kimi", "openai", "qwen"]
    {
        assert!(registry.get(kind).is_ok(), "{kind}");
    }
    let error = registry.get("opanai").unwrap_err().to_string();
    assert!(error.contains("unknown kind of provider `opanai`") && error.contains("openai"), "{error}");
    let kinds: Vec<_> = registry.iter().map(|kind| format!("{} {:?}", kind.kind, kind.key_env)).collect();
    insta::assert_snapshot!(kinds.join("\n"));
    // No variable belongs to two kinds.
    let mut variables: Vec<_> = registry.iter().flat_map(|kind| kind.key_env).collect();
    variables.sort();
    let count = variables.len();
    variables.dedup();
    assert_eq!(variables.len(), count);
}

#[tokio::test]
async fn a_layer_of_ones_own_sees_every_call() {
    struct Shout;
    struct Shouting(Arc<dyn tollbridge::Provider>);

    impl tollbridge::Layer for Shout {
        fn wrap(&self, inner: Arc<dyn tollbridge::Provider>) -> Arc<dyn tollbridge::Provider> {
            Arc::new(Shouting(inner))
        }
    }

    #[async_trait::async_trait]
    impl tollbridge::Provider for Shouting {
        fn info(&self) -> &tollbridge::core::ProviderInfo {
            self.0.info()
        }

        async fn call(
            &self,
            mut request: tollbridge::Request,
            cx: &tollbridge::CallContext,
        ) -> Result<tollbridge::Reply, Error> {
            request.model = request.model.to_lowercase();
            self.0.call(request, cx).await
        }
    }

    let client = Client::builder().configure("echo", |_| {}).unwrap().layer(Arc::new(Shout)).build().unwrap();
    assert_eq!(client.chat("ECHO/x", "hi").await.unwrap().text(), "Echo: hi");
}

#[test]
fn an_alias_in_a_circle_is_refused() {
    let builder = Client::builder().configure("echo", |_| {}).unwrap();
    let error = builder.alias("a", "b").alias("b", "a").build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the alias `a` leads in a circle: a → b → a; let one of the aliases name a `provider/model`"
    );
}

fn client_at(kind: &str, upstream: &Upstream) -> Client {
    Client::builder().configure(kind, at(upstream, "key")).unwrap().build().unwrap()
}

fn at(upstream: &Upstream, key: &str) -> impl FnOnce(&mut ProviderSettings) + use<> {
    let (url, key) = (upstream.url(), Secret::new(key));
    move |settings| {
        settings.base_url = Some(url);
        settings.api_key = Some(key);
    }
}

#[tokio::test]
async fn all_faults_of_a_request_are_told_before_anything_is_sent() {
    let bench = Bench::start().await.unwrap();
    let call =
        bench.client.chat("openai/m", Vec::new()).message(Message::tool(ToolResult::text("c1", "x"))).with(|request| {
            request.model = String::new();
            request.temperature = Some(3.0);
            request.top_p = Some(-0.1);
            request.max_tokens = Some(0);
            request.choices = Some(0);
            request.stop = vec![String::new()];
            request.tool_choice = Some(ToolChoice::Required);
        });
    let error = call.await.unwrap_err();
    insta::assert_snapshot!(error.to_string(), @"`model` is empty, `temperature` is not between 0 and 2, `top_p` is not between 0 and 1, `max_tokens` is not above zero, `choices` is not above zero, `stop` holds an empty text, `tool_choice` stands without tools, `messages[0].parts[0].id` is one that no earlier tool call has");
    assert_eq!((error.kind(), error.path()), (ErrorKind::InvalidRequest, Some("model")));
    assert!(bench.openai.requests().is_empty());
}

#[tokio::test]
async fn what_a_model_cannot_do_is_refused_before_anything_is_sent() {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let set = at(&upstream, "key");
    let client = Client::builder()
        .configure("openai", move |settings| {
            set(settings);
            let mut model = tollbridge::core::ModelSettings::new("small");
            (model.supports_tools, model.supports_vision, model.supports_streaming) = (false, false, false);
            model.max_tokens = Some(100);
            settings.models = vec![model];
        })
        .unwrap()
        .build()
        .unwrap();
    let call = || client.chat("openai/small", "hi");
    let mut told = vec![
        call().tool(weather()).await.unwrap_err().to_string(),
        call().image(Media::base64("image/png", "iVBO")).await.unwrap_err().to_string(),
        call().max_tokens(101).await.unwrap_err().to_string(),
        call().stream().await.unwrap_err().to_string(),
    ];
    told.dedup();
    insta::assert_snapshot!(told.join("\n"));
    assert!(upstream.requests().is_empty());
    call().max_tokens(100).await.unwrap();
    client.chat("openai/large", "hi").tool(weather()).await.unwrap();
}

/// What vendors send when their filter leaves nothing: whole, by the provider that speaks so.
const FILTERED: [(&str, &str); 4] = [
    (
        "openai/m",
        r#"{"choices":[{"index":0,"message":{"role":"assistant","content":""},"finish_reason":"content_filter"}]}"#,
    ),
    (
        "anthropic/m",
        r#"{"type":"message","role":"assistant","model":"m","content":[],"stop_reason":"refusal","usage":{"input_tokens":5,"output_tokens":0}}"#,
    ),
    ("gemini/m", r#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":5}}"#),
    ("gemini/m", r#"{"candidates":[{"content":{"role":"model","parts":[]},"finishReason":"SAFETY","index":0}]}"#),
];

#[tokio::test]
async fn an_answer_of_which_a_filter_left_nothing_is_a_content_policy_error_and_not_asked_for_again() {
    let bench = Bench::start().await.unwrap();
    let kind = || vec![("content-type".to_owned(), "application/json".to_owned())];
    for (model, body) in FILTERED {
        let upstream = bench.upstreams().find(|(name, _)| model.starts_with(name)).unwrap().1;
        for stream in [false, true] {
            let before = upstream.requests().len();
            upstream.play(vec![Step::canned(200, kind(), vec![body.to_owned()])]);
            let call = bench.client.chat(model, "hi");
            let error = match stream {
                false => call.await.unwrap_err(),
                true => call.stream().await.unwrap().collect().await.unwrap_err(),
            };
            assert_eq!((error.kind(), error.provider()), (ErrorKind::ContentPolicy, model.split('/').next()), "{body}");
            assert_eq!(upstream.requests().len(), before + 1, "{body}");
        }
    }
    let azure = r#"{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#;
    bench.openai.play(vec![Step::canned(400, kind(), vec![azure.to_owned()])]);
    let before = bench.openai.requests().len();
    assert_eq!(bench.client.chat("openai/m", "hi").await.unwrap_err().kind(), ErrorKind::ContentPolicy);
    assert_eq!(bench.openai.requests().len(), before + 1);
    // What was said before a filter cut it stays an answer, and so do words of refusal.
    let cut = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"so far"},"finish_reason":"content_filter"}]}"#;
    let refused = r#"{"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"content_filter"}]}"#;
    for (body, text) in [(cut, "so far"), (refused, "")] {
        bench.openai.play(vec![Step::canned(200, kind(), vec![body.to_owned()])]);
        assert_eq!(bench.client.chat("openai/m", "hi").await.unwrap().text(), text);
    }
}
