use std::sync::Arc;

use http::HeaderValue;
use tollbridge_core::{CallContext, Operation, Protocol, ProviderSettings, Request};

use crate::wire::{Canned, Fake, KEY, Sent, chat, embed, kinds, provider, settings};

/// Names the header that carries the key, and says how its value begins.
fn key_header(sent: &Sent) -> Option<(String, String)> {
    let mut found = sent.headers.iter().filter(|(_, value)| value.to_str().is_ok_and(|value| value.contains(KEY)));
    let (name, value) = found.next()?;
    assert!(found.next().is_none(), "the key travels twice: {sent:?}");
    assert!(value.is_sensitive(), "{name} would be printed");
    assert!(!sent.url.contains(KEY) && !sent.body.contains(KEY), "the key is not in its header alone");
    Some((name.to_string(), value.to_str().unwrap().replace(KEY, "KEY")))
}

async fn sent(name: &str, set: impl FnOnce(&mut ProviderSettings)) -> Sent {
    let fake = Fake::refusing();
    chat(&provider(name, &fake, set).unwrap(), "m", false).await.unwrap_err();
    fake.last()
}

fn option(name: &'static str, value: &'static str) -> impl FnOnce(&mut ProviderSettings) {
    move |settings| {
        settings.options.insert(name.into(), value.into());
    }
}

fn header(name: &str, value: &str) -> Option<(String, String)> {
    Some((name.to_owned(), value.to_owned()))
}

#[tokio::test]
async fn each_kind_sends_its_key_in_its_header_alone() {
    for kind in kinds() {
        let fake = Fake::refusing();
        let provider = (kind.build)(&kind, settings(&kind), Arc::clone(&fake) as _).unwrap();
        let expected = match kind.kind {
            "anthropic" => header("x-api-key", "KEY"),
            "gemini" => header("x-goog-api-key", "KEY"),
            "azure" => header("api-key", "KEY"),
            _ => header("authorization", "Bearer KEY"),
        };
        for stream in [false, true] {
            chat(&provider, "m", stream).await.unwrap_err();
            assert_eq!(key_header(&fake.last()), expected, "{}", kind.kind);
        }
        let models = Request::models(kind.kind);
        provider.call(models, &CallContext::new("1")).await.unwrap_err();
        assert_eq!(key_header(&fake.last()), expected, "{} lists models", kind.kind);
        assert_eq!(fake.last().method, "GET");
        if provider.info().protocol(Operation::Embed).is_some() {
            embed(&provider, "m").await.unwrap_err();
            assert_eq!(key_header(&fake.last()), expected, "{} embeds", kind.kind);
        }
    }
}

#[tokio::test]
async fn without_a_key_no_header_is_made_up() {
    for kind in kinds().into_iter().filter(|kind| kind.keyless) {
        let sent = sent(kind.kind, |settings| settings.api_key = None).await;
        for name in ["authorization", "api-key", "x-api-key"] {
            assert!(!sent.headers.contains_key(name), "{} sends {name}", kind.kind);
        }
    }
}

#[tokio::test]
async fn azure_takes_a_token_in_its_place() {
    assert_eq!(key_header(&sent("azure", option("auth", "bearer")).await), header("authorization", "Bearer KEY"));
    let error = provider("azure", &Fake::refusing(), option("auth", "basic")).unwrap_err();
    insta::assert_snapshot!(error, @"`auth` is `basic`; set it to `api-key` or `bearer`");
}

#[tokio::test]
async fn a_custom_server_says_how_the_key_travels() {
    assert_eq!(key_header(&sent("custom", |_| {}).await), header("authorization", "Bearer KEY"));
    assert_eq!(key_header(&sent("custom", option("auth", "X-My-Key")).await), header("x-my-key", "KEY"));
    assert_eq!(key_header(&sent("custom", option("auth", "none")).await), None);
    let error = provider("custom", &Fake::refusing(), option("auth", "two words")).unwrap_err();
    insta::assert_snapshot!(error, @"`auth` is not the name of a header; set it to `bearer`, `none` or a name");
}

#[tokio::test]
async fn headers_of_the_settings_go_with_every_request() {
    let fake = Fake::refusing();
    let openai = provider("openai", &fake, |settings| {
        settings.headers.insert("x-team", HeaderValue::from_static("blue"));
        settings.options.insert("organization".into(), "org-1".into());
        settings.options.insert("project".into(), "proj-1".into());
    })
    .unwrap();
    chat(&openai, "m", false).await.unwrap_err();
    let headers = fake.last().headers;
    for (name, value) in [
        ("x-team", "blue"),
        ("openai-organization", "org-1"),
        ("openai-project", "proj-1"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(headers[name], value);
    }
}

#[tokio::test]
async fn anthropic_is_told_its_version_unless_the_settings_do() {
    assert_eq!(sent("anthropic", |_| {}).await.headers["anthropic-version"], "2023-06-01");
    assert_eq!(sent("anthropic", option("version", "2030-01-01")).await.headers["anthropic-version"], "2030-01-01");
    assert_eq!(sent("anthropic", option("beta", "a,b")).await.headers["anthropic-beta"], "a,b");
}

#[tokio::test]
async fn headers_of_a_request_go_only_to_a_vendor_of_its_protocol() {
    for (kind, arrives) in [("anthropic", true), ("openai", false)] {
        let fake = Fake::refusing();
        let body = br#"{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;
        let mut request =
            Request::from_wire(Operation::Chat, Protocol::ANTHROPIC_MESSAGES, "m", body.as_slice().into());
        request.headers.insert("anthropic-beta", HeaderValue::from_static("files"));
        let provider = provider(kind, &fake, |_| {}).unwrap();
        provider.call(request, &CallContext::new("1")).await.unwrap_err();
        assert_eq!(fake.last().headers.contains_key("anthropic-beta"), arrives, "{kind}");
    }
}

#[test]
fn a_key_that_no_header_carries_is_refused_without_showing_it() {
    for kind in kinds() {
        let mut settings = settings(&kind);
        settings.api_key = Some(tollbridge_core::Secret::new("sk-\nsecret"));
        let error = (kind.build)(&kind, settings, Fake::refusing()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the api key has characters that a header cannot carry; check the key for line breaks and quotes",
            "{}",
            kind.kind
        );
    }
}

#[tokio::test]
async fn a_vendor_that_repeats_the_key_does_not_print_it() {
    let refusals = [
        ("openai", format!(r#"{{"error":{{"message":"Incorrect API key: {KEY}.","code":"invalid_api_key"}}}}"#)),
        ("anthropic", format!(r#"{{"type":"error","error":{{"type":"authentication_error","message":"bad {KEY}"}}}}"#)),
        ("gemini", format!(r#"{{"error":{{"code":401,"message":"bad {KEY}","status":"UNAUTHENTICATED"}}}}"#)),
    ];
    for (name, body) in refusals {
        let fake = Fake::new([Canned::new(401, &body)]);
        let error = chat(&provider(name, &fake, |_| {}).unwrap(), "m", false).await.unwrap_err();
        let told = format!("{error} {error:?} {:?}", error.vendor().unwrap().message);
        assert!(!told.contains(KEY) && told.contains("***"), "{told}");
    }
}

#[tokio::test]
async fn a_provider_prints_no_key() {
    let provider = provider("openai", &Fake::refusing(), |_| {}).unwrap();
    assert_eq!(format!("{provider:?}"), r#"Provider("openai")"#);
}
