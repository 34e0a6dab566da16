//! What a model is called: by whoever asks, in the reply, in the keys, and towards the vendor.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde_json::{Value, json};
use tollbridge::core::ProviderInfo;
use tollbridge::{CallContext, Error, Layer, Provider, Reply, ReplyModel, Request};
use tollbridge_gateway::Options;
use tollbridge_testkit::{Step, Upstream};
use tollbridge_tests::{Answered, Bench, calls};
use tollbridge_usage::key::{KeyStore, NewKey};

fn naming(choice: ReplyModel) -> Options {
    let mut options = Options::default();
    options.reply_model = choice;
    options
}

async fn post(bench: &Bench, path: &str, body: &Value) -> Answered {
    bench.send(Method::POST, path, body.to_string()).await.unwrap()
}

/// Returns every name of a model in an answer, whole or streamed, wherever its protocol puts one.
fn names(answer: &Answered) -> Vec<String> {
    let text = answer.text();
    let lines = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut events: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line.trim()).ok()).collect();
    events.extend(serde_json::from_str::<Value>(&text).ok());
    let places = ["/model", "/modelVersion", "/response/model", "/message/model"];
    let found = events.iter().flat_map(|event| places.map(|place| event.pointer(place)));
    found.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Calls a model by every client protocol, and checks what each reply calls it.
async fn expect_names(bench: &Bench, model: &str, wanted: impl Fn(&str) -> String) {
    for stream in [false, true] {
        for (path, body) in calls(model, stream) {
            let answer = post(bench, &path, &body).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            let names = names(&answer);
            assert!(!names.is_empty(), "{path} names no model: {}", answer.text());
            let wanted = wanted(&path);
            assert!(names.iter().all(|name| *name == wanted), "{path}, stream {stream}: {names:?}, not {wanted}");
        }
    }
}

/// Says whether a route speaks the protocol of the mock behind a provider.
fn passes(path: &str, provider: &str) -> bool {
    match provider {
        "openai" => path.contains("completions") || path.contains("responses"),
        "anthropic" => path.contains("messages"),
        _ => path.contains("v1beta"),
    }
}

#[tokio::test]
async fn a_translated_reply_names_the_model_that_was_asked_for() {
    let bench = Bench::with(naming(ReplyModel::Auto)).await.unwrap();
    for provider in ["openai", "anthropic", "gemini"] {
        let asked = format!("{provider}/m");
        expect_names(&bench, &asked, |path| if passes(path, provider) { "m".to_owned() } else { asked.clone() }).await;
    }
}

#[tokio::test]
async fn the_name_is_spliced_into_bytes_that_pass_if_that_is_wanted() {
    let bench = Bench::with(naming(ReplyModel::Asked)).await.unwrap();
    for asked in ["openai/m", "anthropic/m", "gemini/m", "main"] {
        expect_names(&bench, asked, |_| asked.to_owned()).await;
    }
    // Nothing else of the reply changes, whatever it looks like.
    let reply = "{ \"model\" :  \"m-2024\" , \"choices\":[{\"message\":{\"content\":\"\\\"model\\\":\\\"m\\\"\"}}], \
                 \"x\":1.10,\"usage\":{\"model\":\"inner\"}}";
    let kind = || vec![("content-type".to_owned(), "application/json".to_owned())];
    bench.openai.play(vec![Step::canned(200, kind(), vec![reply.to_owned()])]);
    let (path, body) = &calls("openai/m", false)[0];
    assert_eq!(post(&bench, path, body).await.text(), reply.replace("m-2024", "openai/m"));
    let events = "data: {\"object\":\"chat.completion.chunk\",\n\
                  data: \"model\":\"m-2024\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\n\
                  : a comment\n\n\
                  data: {\"choices\":[],\"model\":null}\n\n\
                  data: [DONE]\n\n";
    let kind = vec![("content-type".to_owned(), "text/event-stream".to_owned())];
    bench.openai.play(vec![Step::canned(200, kind, vec![events.to_owned()])]);
    let (path, body) = &calls("openai/m", true)[0];
    assert_eq!(post(&bench, path, body).await.text(), events.replace("m-2024", "openai/m"));
}

#[tokio::test]
async fn a_reply_names_the_vendors_model_if_that_is_wanted() {
    let bench = Bench::with(naming(ReplyModel::Vendor)).await.unwrap();
    for model in ["openai/m", "anthropic/m", "gemini/m"] {
        expect_names(&bench, model, |_| "m".to_owned()).await;
    }
}

#[tokio::test]
async fn vectors_and_verdicts_are_named_by_the_same_rule() {
    for (choice, passed, translated) in [
        (ReplyModel::Auto, "m", "gemini/m"),
        (ReplyModel::Asked, "openai/m", "gemini/m"),
        (ReplyModel::Vendor, "m", "gemini/m"),
    ] {
        let bench = Bench::with(naming(choice)).await.unwrap();
        for (path, model, wanted) in [
            ("/v1/embeddings", "openai/m", passed),
            // Gemini's vectors name no model.
            ("/v1/embeddings", "gemini/m", translated),
            ("/v1/moderations", "openai/m", passed),
        ] {
            let answer = post(&bench, path, &json!({"model": model, "input": "a"})).await;
            assert_eq!(names(&answer), [wanted], "{choice:?} {path} {model}: {}", answer.text());
        }
    }
}

/// Takes a call to another model, as a fallback would.
struct Elsewhere;

struct Redirected(Arc<dyn Provider>);

impl Layer for Elsewhere {
    fn wrap(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Redirected(inner))
    }
}

#[async_trait]
impl Provider for Redirected {
    fn info(&self) -> &ProviderInfo {
        self.0.info()
    }

    async fn call(&self, mut request: Request, cx: &CallContext) -> Result<Reply, Error> {
        request.model = "anthropic/other".to_owned();
        self.0.call(request, cx).await
    }
}

#[tokio::test]
async fn after_a_fallback_the_reply_names_the_model_that_answered() {
    let bench = Bench::with_layer(naming(ReplyModel::Asked), Arc::new(Elsewhere)).await.unwrap();
    expect_names(&bench, "openai/m", |_| "anthropic/other".to_owned()).await;
}

fn sent(upstream: &Upstream) -> Value {
    upstream.requests().pop().unwrap().json()
}

#[tokio::test]
async fn aliases_with_a_star_lead_to_the_vendors_own_names() {
    let bench = Bench::with_client(Options::default(), |client| {
        client
            .alias("claude-*", "anthropic/*")
            .alias("claude-haiku-*", "small")
            .alias("small", "openai/tiny")
            .alias("team/*", "anthropic/*")
            .alias("fast-*", "openai/quick-*")
    })
    .await
    .unwrap();
    for (asked, upstream, model) in [
        ("claude-sonnet-5", &bench.anthropic, "claude-sonnet-5"),
        ("claude-haiku-5", &bench.openai, "tiny"),
        ("team/claude-opus", &bench.anthropic, "claude-opus"),
        ("fast-one", &bench.openai, "quick-one"),
        ("openai/claude-x", &bench.openai, "claude-x"),
    ] {
        for (path, body) in calls(asked, false).into_iter().filter(|(path, _)| !path.contains("v1beta")) {
            let answer = post(&bench, &path, &body).await;
            assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
            assert_eq!(sent(upstream)["model"], model, "{asked}");
        }
    }
    let path = "/v1beta/models/claude-sonnet-5:generateContent";
    let answer = post(&bench, path, &json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})).await;
    assert_eq!(
        (sent(&bench.anthropic)["model"].as_str(), names(&answer)),
        (Some("claude-sonnet-5"), vec!["claude-sonnet-5".to_owned()])
    );
    assert_eq!(post(&bench, "/v1/chat/completions", &chat("other")).await.status, 404);
}

#[tokio::test]
async fn aliases_with_a_star_are_listed_by_the_names_they_make() {
    let bench = Bench::with_client(Options::default(), |client| {
        client.alias("mo*", "anthropic/*").alias("x-*", "gemini/*").alias("at/*", "openai/*")
    })
    .await
    .unwrap();
    for upstream in [&bench.openai, &bench.anthropic] {
        list(upstream, &["mock"]);
    }
    let list = bench.send(Method::GET, "/v1/models", "").await.unwrap().json();
    let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    for name in ["anthropic/mock", "mock", "at/mock"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains('*') || name.starts_with("x-")), "{names:?}");
}

#[test]
fn aliases_that_lead_nowhere_or_in_a_circle_are_refused_when_the_client_is_built() {
    for (aliases, told) in [
        (&[("a-*", "b-*"), ("b-*", "a-*")][..], "circle"),
        (&[("*", "x/*")][..], "circle"),
        (&[("a", "echo/*")][..], "`*`"),
        (&[("a-*", "nobody/*")][..], "`nobody`"),
        (&[("echo/*", "main")][..], "`echo`"),
        (&[("a*b*", "echo/x")][..], "more than one"),
    ] {
        let client = tollbridge::Client::builder().configure("echo", |_| {}).unwrap();
        let client = aliases.iter().fold(client, |client, (alias, target)| client.alias(*alias, *target));
        let error = client.alias("main", "echo/echo").build().unwrap_err().to_string();
        assert!(error.contains(told), "{aliases:?}: {error}");
    }
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

/// The list of one vendor with these models.
fn list(upstream: &Upstream, models: &[&str]) {
    let rows: Vec<_> = models.iter().map(|model| json!({"id": model, "object": "model", "type": "model"})).collect();
    let kind = vec![("content-type".to_owned(), "application/json".to_owned())];
    upstream.play(vec![Step::canned(200, kind, vec![json!({"object": "list", "data": rows}).to_string()])]);
}

#[tokio::test]
async fn a_name_without_a_provider_belongs_to_the_only_one_that_lists_it() {
    let bench = Bench::with_client(Options::default(), |client| client.bare_models()).await.unwrap();
    list(&bench.openai, &["gpt-a", "shared", "org/model"]);
    list(&bench.anthropic, &["claude-a", "shared"]);
    for (asked, upstream) in [("claude-a", &bench.anthropic), ("gpt-a", &bench.openai), ("org/model", &bench.openai)] {
        for (path, body) in calls(asked, false) {
            let before = upstream.requests().len();
            let answer = post(&bench, &path, &body).await;
            assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
            assert!(upstream.requests().len() > before, "{asked} went elsewhere");
        }
        assert_eq!(sent(upstream)["model"], asked);
    }
    let answer = post(&bench, "/v1/chat/completions", &chat("shared")).await;
    assert_eq!(answer.status, 404);
    let told = answer.text();
    assert!(told.contains("anthropic, openai") && told.contains("`openai/shared`"), "{told}");
    let unknown = post(&bench, "/v1/chat/completions", &chat("nobodys")).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("nor in the list of any provider"), "{}", unknown.text());
    // What names a kind of provider is never taken for another's.
    assert_eq!(post(&bench, "/v1/chat/completions", &chat("mistral/gpt-a")).await.status, 404);
    // The lists were asked for once.
    let asked =
        |upstream: &Upstream| upstream.requests().iter().filter(|sent| sent.uri.path().ends_with("/models")).count();
    assert_eq!((asked(&bench.openai), asked(&bench.anthropic)), (1, 1));
}

#[tokio::test]
async fn names_without_a_provider_are_refused_unless_they_are_let_through() {
    let bench = Bench::start().await.unwrap();
    list(&bench.openai, &["gpt-a"]);
    let answer = post(&bench, "/v1/chat/completions", &chat("gpt-a")).await;
    assert_eq!(answer.status, 404);
    assert!(bench.openai.requests().is_empty());
}

#[tokio::test]
async fn the_default_provider_takes_what_no_list_decides() {
    let bench = Bench::with_client(Options::default(), |client| client.bare_models().default_provider("anthropic"));
    let bench = bench.await.unwrap();
    list(&bench.openai, &["gpt-a", "shared"]);
    list(&bench.anthropic, &["claude-a", "shared"]);
    for (asked, upstream) in [
        ("gpt-a", &bench.openai),
        ("claude-a", &bench.anthropic),
        ("shared", &bench.anthropic),
        ("new", &bench.anthropic),
    ] {
        let answer = post(&bench, "/v1/chat/completions", &chat(asked)).await;
        assert_eq!(answer.status, 200, "{asked}: {}", answer.text());
        assert_eq!(sent(upstream)["model"], asked);
    }
    // Alone, it needs no lists.
    let bench = Bench::with_client(Options::default(), |client| client.default_provider("openai")).await.unwrap();
    assert_eq!(post(&bench, "/v1/chat/completions", &chat("new")).await.status, 200);
    assert_eq!((bench.openai.requests().len(), bench.anthropic.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_list_that_cannot_be_had_is_no_list() {
    let bench = Bench::with_client(Options::default(), |client| client.bare_models()).await.unwrap();
    bench.openai.play(vec![Step::parse("overloaded").unwrap()]);
    list(&bench.anthropic, &["claude-a"]);
    assert_eq!(post(&bench, "/v1/chat/completions", &chat("claude-a")).await.status, 200);
}

#[tokio::test]
async fn a_key_is_for_a_model_by_any_of_its_names() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KeyStore::open(folder.path()).unwrap();
    let make = |model: &str| {
        let mut new = NewKey::new(format!("for {model}").replace(['/', '*', ' '], "-"));
        new.models = vec![model.parse().unwrap()];
        keys.create(new, 1).unwrap().text.expose().to_owned()
    };
    let (anthropic, claude, google, alias) = (make("anthropic/*"), make("claude/m"), make("google/*"), make("best"));
    let mut options = Options::default();
    options.keys = Some(Arc::new(keys));
    let bench = Bench::with_client(options, |client| {
        client.alias("best", "anthropic/m").alias("c-*", "anthropic/*").bare_models()
    });
    let bench = bench.await.unwrap();
    list(&bench.anthropic, &["m", "n"]);
    // The list is asked for when the first name needs it.
    for (key, asked, allowed) in [
        (&anthropic, "n", true),
        (&anthropic, "best", true),
        (&anthropic, "c-x", true),
        (&anthropic, "claude/m", true),
        (&anthropic, "openai/m", false),
        (&anthropic, "nobodys", false),
        (&claude, "anthropic/m", true),
        (&claude, "best", true),
        (&claude, "anthropic/n", false),
        (&google, "gemini/m", true),
        (&google, "google_genai/m", true),
        (&google, "best", false),
        (&alias, "best", true),
        (&alias, "anthropic/m", false),
    ] {
        let body = chat(asked).to_string();
        let answer = bench.send_with(Method::POST, "/v1/chat/completions", &[("x-api-key", key)], body).await.unwrap();
        assert_eq!(answer.status, if allowed { 200 } else { 403 }, "{asked}: {}", answer.text());
    }
}

#[tokio::test]
async fn who_a_call_is_for_is_no_name_for_vendors_that_forbid_it() {
    let bench = Bench::start().await.unwrap();
    let uuid = "6f1c2f5e-8c3b-4a53-9f0e-2d1f6f0b7a11";
    for (user, passes) in [("ann@example.com", false), ("Ann Lee", false), (uuid, true), ("+1 555 0100", false)] {
        let mut body = chat("anthropic/m");
        body["user"] = user.into();
        let answer = post(&bench, "/v1/chat/completions", &body).await;
        assert_eq!(sent(&bench.anthropic)["metadata"]["user_id"].as_str(), passes.then_some(user));
        let losses = answer.headers.get("x-tollbridge-loss").map(|losses| losses.to_str().unwrap().to_owned());
        assert_eq!(losses.unwrap_or_default().contains("dropped user"), !passes, "{user}");
    }
    // Claude Code's ids are longer than what OpenAI takes; its own protocol passes them.
    let long = format!("user_{}_account__session_{uuid}", "a".repeat(64));
    let (path, body) = &mut calls("openai/m", false)[2];
    body["metadata"] = json!({"user_id": long});
    let answer = post(&bench, path, body).await;
    assert_eq!(sent(&bench.openai).get("user"), None);
    assert_eq!(answer.headers["x-tollbridge-loss"], "dropped metadata.user_id");
    body["model"] = "anthropic/m".into();
    post(&bench, path, body).await;
    assert_eq!(sent(&bench.anthropic)["metadata"]["user_id"], long);
}

#[tokio::test]
async fn a_stream_begins_with_a_guess_of_its_input_and_ends_with_the_vendors_count() {
    let bench = Bench::start().await.unwrap();
    let (path, body) = &mut calls("openai/m", true)[2];
    body["system"] = "x".repeat(4000).into();
    let answer = post(&bench, path, body).await.text();
    let events: Vec<Value> =
        answer.lines().filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok()).collect();
    let usage = |kind: &str, place: &str| {
        let event = events.iter().find(|event| event["type"] == kind).unwrap();
        event.pointer(place).unwrap()["input_tokens"].as_u64().unwrap()
    };
    let guessed = usage("message_start", "/message/usage");
    assert!((900..1200).contains(&guessed), "{guessed}");
    let whole = {
        body["stream"] = false.into();
        post(&bench, path, body).await.json()["usage"]["input_tokens"].as_u64().unwrap()
    };
    assert_eq!(usage("message_delta", "/usage"), whole);
    // A vendor that tells its input at the start is believed.
    body["stream"] = true.into();
    body["model"] = "anthropic/m".into();
    let answer = post(&bench, path, body).await.text();
    assert!(answer.contains("message_start"), "{answer}");
}
