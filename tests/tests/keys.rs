//! Who the gateway lets in, and what it tells the others.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Extension;
use axum::extract::ConnectInfo;
use http::Method;
use serde_json::Value;
use tollbridge::core::ProviderInfo;
use tollbridge::{CallContext, Error, Layer, Provider, Reply, Request};
use tollbridge_gateway::{Gateway, Options};
use tollbridge_tests::{Answered, Bench, calls};
use tollbridge_usage::key::{KeyStore, NewKey, Scope};

const CHAT: &str = "/v1/chat/completions";

/// Keys in a folder, and options of a gateway that asks for them.
fn keys() -> (tempfile::TempDir, Arc<KeyStore>, Options) {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(KeyStore::open(folder.path()).unwrap());
    let mut options = Options::default();
    options.keys = Some(Arc::clone(&store));
    (folder, store, options)
}

/// Makes a key and returns its text.
fn make(store: &KeyStore, name: &str, change: impl FnOnce(&mut NewKey)) -> String {
    let mut new = NewKey::new(name);
    change(&mut new);
    store.create(new, 1).unwrap().text.expose().to_owned()
}

async fn post(bench: &Bench, path: &str, body: &Value, headers: &[(&'static str, &str)]) -> Answered {
    bench.send_with(Method::POST, path, headers, body.to_string()).await.unwrap()
}

async fn get(bench: &Bench, path: &str, key: &str) -> Answered {
    bench.send_with(Method::GET, path, &[("x-api-key", key)], "").await.unwrap()
}

/// Serves the same client and options as if every caller were at an address; `None` hides where it is.
async fn serve_from(bench: &mut Bench, options: Options, peer: Option<&str>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Gateway::new(bench.client.clone(), options).routes();
    let peer = peer.map(|peer| ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
    let routes = if let Some(peer) = peer { routes.layer(Extension(peer)) } else { routes };
    tokio::spawn(async move { axum::serve(listener, routes).await });
}

#[tokio::test]
async fn the_first_key_closes_every_route_but_the_probes() {
    let (_folder, store, options) = keys();
    let bench = Bench::with(options).await.unwrap();
    let (path, body) = &calls("echo/any", false)[0];
    assert_eq!(post(&bench, path, body, &[("authorization", "Bearer unused")]).await.status, 200);
    let text = make(&store, "ci", |_| {});
    let table = include_str!("../../docs/gateway.md");
    let mut asked = 0;
    for row in table.lines().filter(|row| row.starts_with("| `POST ") || row.starts_with("| `GET ")) {
        for route in row.trim_matches('|').split('|').next().unwrap().split(", ") {
            let (method, path) = route.trim().trim_matches('`').split_once(' ').unwrap();
            let method: Method = method.parse().unwrap();
            let path = path.replace("{model}", "echo/echo");
            let open = ["/health", "/ready", "/metrics"].contains(&path.as_str());
            let answer = bench.send(method.clone(), &path, "").await.unwrap();
            assert_eq!(answer.status == 401, !open, "{path}: {}", answer.text());
            let answer = bench.send_with(method, &path, &[("x-api-key", &text)], "").await.unwrap();
            assert_ne!(answer.status, 401, "{path}");
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
    assert_eq!(bench.send(Method::POST, "/chat/completions", "").await.unwrap().status, 401);
    store.revoke("ci", 2).unwrap();
    assert_eq!(post(&bench, path, body, &[]).await.status, 200);
    assert_eq!(post(&bench, path, body, &[("x-api-key", &text)]).await.status, 401, "the last key stays revoked");
}

#[tokio::test]
async fn a_key_is_taken_from_every_place_where_sdks_put_it() {
    let (_folder, store, options) = keys();
    let text = make(&store, "ci", |_| {});
    let bench = Bench::with(options).await.unwrap();
    let (bearer, lower) = (format!("Bearer {text}"), format!("bearer  {text}"));
    let places: [&[(&'static str, &str)]; 6] = [
        &[("authorization", &bearer)],
        &[("authorization", &lower)],
        &[("x-api-key", &text)],
        &[("x-goog-api-key", &text)],
        &[("authorization", "Bearer sk-of-a-vendor"), ("x-api-key", &text)],
        &[("authorization", &bearer), ("x-goog-api-key", "AIza-of-a-vendor")],
    ];
    for (path, body) in calls("echo/any", false) {
        for headers in places {
            assert_eq!(post(&bench, &path, &body, headers).await.status, 200, "{path} {}", headers.len());
        }
        let google = path.contains("generateContent");
        let in_query = post(&bench, &format!("{path}?alt=json&key={text}"), &body, &[]).await;
        assert_eq!(in_query.status, if google { 200 } else { 401 }, "{path}");
    }
    assert_eq!(bench.send(Method::GET, &format!("/v1beta/models?key={text}"), "").await.unwrap().status, 200);
}

#[tokio::test]
async fn refusals_come_in_the_clients_own_form() {
    let (_folder, store, options) = keys();
    make(&store, "good", |_| {});
    let revoked = make(&store, "old", |_| {});
    store.revoke("old", 2).unwrap();
    let expired = make(&store, "late", |new| new.expires_at = Some(86_400_000));
    let narrow = make(&store, "narrow", |new| {
        new.models = vec!["openai/gpt-4o".parse().unwrap(), "anthropic/*".parse().unwrap()];
    });
    let reader = make(&store, "reader", |new| new.scopes = [Scope::UsageRead].into());
    let bench = Bench::with(options).await.unwrap();
    let unknown = format!("tb-{}", "x".repeat(43));
    let mut told = String::new();
    for (path, body) in calls("echo/any", false) {
        let keys = [("none", ""), ("unknown", &unknown), ("revoked", &revoked), ("expired", &expired)];
        let mut invalid = Vec::new();
        for (name, key) in keys.into_iter().chain([("narrow", narrow.as_str()), ("reader", &reader)]) {
            let headers = [("x-api-key", key)];
            let answer = post(&bench, &path, &body, if key.is_empty() { &[] } else { &headers }).await;
            let text = answer.text().replace(answer.headers["x-request-id"].to_str().unwrap(), "ID");
            assert!(key.is_empty() || !text.contains(key), "{text}");
            if ["unknown", "revoked"].contains(&name) {
                invalid.push(text.clone());
            }
            told.push_str(&format!("{path} {name}: {} {text}\n", answer.status.as_u16()));
        }
        assert_eq!(invalid[0], invalid[1], "whether a key was ever good is not told");
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_key_calls_and_lists_only_its_models() {
    let (_folder, store, options) = keys();
    let allow = |models: &[&str]| {
        let models = models.iter().map(|model| model.parse().unwrap()).collect();
        move |new: &mut NewKey| new.models = models
    };
    let vendor = make(&store, "vendor", allow(&["openai/*", "echo/echo"]));
    let alias = make(&store, "alias", allow(&["main"]));
    let bench = Bench::with(options).await.unwrap();
    // The alias `main` leads to `openai/mock`.
    let rows = [
        (&vendor, "openai/any", 200),
        (&vendor, "main", 200),
        (&vendor, "echo/echo", 200),
        (&vendor, "echo/other", 403),
        (&vendor, "nobody/any", 403),
        (&alias, "main", 200),
        (&alias, "openai/mock", 403),
    ];
    for (key, model, status) in rows {
        for (path, body) in calls(model, false) {
            let answer = post(&bench, &path, &body, &[("x-api-key", key)]).await;
            assert_eq!(answer.status, status, "{model} {path}: {}", answer.text());
        }
    }
    let ids = |answer: Answered| {
        let list = answer.json();
        let models = list["data"].as_array().unwrap().clone();
        models.iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(get(&bench, "/v1/models", &alias).await), ["main"]);
    assert_eq!(
        ids(get(&bench, "/v1/models", &vendor).await),
        ["echo/echo", "openai/qwen2.5-0.5b-instruct-mlx", "main"]
    );
    assert_eq!(get(&bench, "/v1/models/echo/echo", &vendor).await.status, 200);
    assert_eq!(get(&bench, "/v1/models/echo/echo", &alias).await.status, 404);
    let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngemini/whisper\r\n--x--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=x"), ("x-api-key", vendor.as_str())];
    let answer = bench.send_with(Method::POST, "/v1/audio/transcriptions", &headers, form).await.unwrap();
    assert_eq!(answer.status, 403, "{}", answer.text());
}

#[tokio::test]
async fn a_key_revoked_elsewhere_stops_working_without_a_restart() {
    let (folder, store, options) = keys();
    make(&store, "other", |_| {});
    let bench = Bench::with(options).await.unwrap();
    let elsewhere = KeyStore::open(folder.path()).unwrap();
    let text = make(&elsewhere, "ci", |_| {});
    let (path, body) = &calls("echo/any", false)[0];
    let until = async |status: u16| {
        while post(&bench, path, body, &[("x-api-key", &text)]).await.status != status {}
    };
    let limit = Duration::from_secs(60);
    tokio::time::timeout(limit, until(200)).await.expect("a key made elsewhere begins to work");
    elsewhere.revoke("ci", 2).unwrap();
    tokio::time::timeout(limit, until(401)).await.expect("a key revoked elsewhere stops working");
}

#[tokio::test]
async fn without_a_key_only_this_machine_is_answered() {
    let (_folder, store, options) = keys();
    let mut open = options.clone();
    open.allow_open = true;
    let mut bench = Bench::with(Options::default()).await.unwrap();
    let (chat, body) = &calls("echo/any", false)[0];
    for (peer, options, expected) in [
        (Some("127.0.0.1:9"), &options, 200),
        (Some("[::1]:9"), &options, 200),
        (Some("[::ffff:127.0.0.1]:9"), &options, 200),
        (Some("10.0.0.7:9"), &options, 403),
        (Some("[::ffff:10.0.0.7]:9"), &options, 403),
        (None, &options, 403),
        (None, &Options::default(), 403),
        (Some("10.0.0.7:9"), &open, 200),
    ] {
        serve_from(&mut bench, options.clone(), peer).await;
        for (path, body) in calls("echo/any", false) {
            let answer = post(&bench, &path, &body, &[("x-forwarded-for", "127.0.0.1")]).await;
            assert_eq!(answer.status, expected, "{peer:?} {path}: {}", answer.text());
        }
        for path in ["/v1/models", "/metrics"] {
            assert_eq!(bench.send(Method::GET, path, "").await.unwrap().status, expected, "{peer:?} {path}");
        }
        assert_eq!(bench.send(Method::GET, "/health", "").await.unwrap().status, 200);
        assert_eq!(bench.send(Method::GET, "/ready", "").await.unwrap().status, 200);
    }
    serve_from(&mut bench, options.clone(), Some("127.0.0.1:9")).await;
    let pages = [
        ("http://localhost:3000", 200),
        ("https://127.0.0.1", 200),
        ("http://[::1]:3000", 200),
        ("vscode-webview://page", 200),
        ("https://evil.example", 403),
        ("http://localhost.evil.example", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("null", 403),
    ];
    for (origin, expected) in pages {
        assert_eq!(post(&bench, chat, body, &[("origin", origin)]).await.status, expected, "{origin}");
    }
    let hosts =
        [("localhost:4000", 200), ("127.0.0.1", 200), ("[::1]:4000", 200), ("evil.example:4000", 403), ("a b", 403)];
    for (host, expected) in hosts {
        let answer = bench.send_with(Method::GET, "/v1/models", &[("host", host)], "").await.unwrap();
        assert_eq!(answer.status, expected, "{host}");
    }
    let text = make(&store, "ci", |_| {});
    for options in [options, open] {
        serve_from(&mut bench, options, Some("10.0.0.7:9")).await;
        assert_eq!(post(&bench, chat, body, &[]).await.status, 401);
        assert_eq!(post(&bench, chat, body, &[("x-api-key", &text)]).await.status, 200);
    }
}

#[tokio::test]
async fn each_scope_opens_its_own_routes() {
    let (_folder, store, options) = keys();
    let scoped = |name: &str, scope| make(&store, name, |new| new.scopes = [scope].into());
    let (call, usage, admin) = (scoped("a", Scope::Call), scoped("b", Scope::UsageRead), scoped("c", Scope::Admin));
    let mut bench = Bench::with(options.clone()).await.unwrap();
    assert_eq!(bench.send(Method::GET, "/metrics", "").await.unwrap().status, 200, "on this machine");
    serve_from(&mut bench, options, Some("10.0.0.7:9")).await;
    assert_eq!(bench.send(Method::GET, "/metrics", "").await.unwrap().status, 401);
    for (key, models, metrics) in [(&call, 200, 403), (&usage, 403, 200), (&admin, 200, 200)] {
        assert_eq!(get(&bench, "/v1/models", key).await.status, models);
        assert_eq!(get(&bench, "/metrics", key).await.status, metrics);
    }
}

/// Remembers whose each call was and what it was for.
#[derive(Debug, Default)]
struct Calls(Mutex<Vec<Call>>);

/// A key's id, and tags.
type Call = (Option<String>, Vec<(String, String)>);

struct Watch(Arc<Calls>);

struct Watched(Arc<Calls>, Arc<dyn Provider>);

impl Layer for Watch {
    fn wrap(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(Watched(Arc::clone(&self.0), inner))
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Watched")
    }
}

#[async_trait]
impl Provider for Watched {
    fn info(&self) -> &ProviderInfo {
        self.1.info()
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        self.0.0.lock().unwrap().push((cx.key.as_deref().map(str::to_owned), cx.tags.clone()));
        self.1.call(request, cx).await
    }
}

#[tokio::test]
async fn a_call_knows_its_key_and_what_it_is_for() {
    let (_folder, store, options) = keys();
    let text = make(&store, "ci", |new| {
        new.owner = Some("ann".into());
        new.team = Some("infra".into());
        new.tags.insert("project".into(), "whale".into());
    });
    let seen = Arc::new(Calls::default());
    let bench = Bench::with_layer(options, Arc::new(Watch(Arc::clone(&seen)))).await.unwrap();
    let headers = [
        ("x-api-key", text.as_str()),
        ("x-tollbridge-tags", "feature=search results, user=eve,project=mine,"),
        ("x-tollbridge-task", "t1"),
    ];
    for model in ["openai/m", "anthropic/m", "gemini/m"] {
        for (path, body) in calls(model, false) {
            let mut body = body;
            if path == CHAT {
                body["user"] = "mallory".into();
            }
            assert_eq!(post(&bench, &path, &body, &headers).await.status, 200, "{path}");
        }
    }
    let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let tags =
        [("user", "ann"), ("team", "infra"), ("project", "whale"), ("task", "t1"), ("feature", "search results")];
    let expected = (Some(store.find("ci").unwrap().id.clone()), tags.map(pair).to_vec());
    let seen = seen.0.lock().unwrap();
    assert_eq!(seen.len(), 12);
    assert!(seen.iter().all(|call| *call == expected), "{seen:?}");
    for (_, upstream) in bench.upstreams() {
        assert_eq!(upstream.requests().len(), 4);
        for request in upstream.requests() {
            let sent = format!("{} {:?}", request.uri, request.headers);
            assert!(!sent.contains(&text) && !sent.contains("x-tollbridge") && !sent.contains("t1"), "{sent}");
            assert!(!request.body.windows(text.len()).any(|window| window == text.as_bytes()));
        }
    }
}

#[tokio::test]
async fn bad_tags_are_an_error_that_names_the_header() {
    let bench = Bench::start().await.unwrap();
    let many = (0..17).map(|number| format!("t{number}=x")).collect::<Vec<_>>().join(",");
    let (long_name, long_value) = (format!("{}=x", "n".repeat(129)), format!("x={}", "v".repeat(129)));
    for (path, body) in calls("echo/any", false) {
        for tags in ["feature", "=x", "a b=x", "a=", "a=1,a=2", &many, &long_name, &long_value] {
            let answer = post(&bench, &path, &body, &[("x-tollbridge-tags", tags)]).await;
            assert_eq!(answer.status, 400, "{tags}");
            assert!(answer.text().contains("`x-tollbridge-tags` is wrong"), "{}", answer.text());
        }
        let twice = [("x-tollbridge-task", "t1"), ("x-tollbridge-tags", "task=t2")];
        assert_eq!(post(&bench, &path, &body, &twice).await.status, 400);
        let empty = post(&bench, &path, &body, &[("x-tollbridge-task", "")]).await;
        assert!(empty.status == 400 && empty.text().contains("`x-tollbridge-task` is wrong"), "{}", empty.text());
        assert_eq!(post(&bench, &path, &body, &[("x-tollbridge-tags", "a=1, b=2")]).await.status, 200);
    }
}
