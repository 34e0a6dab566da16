//! Where calls go, and with which key.

use tollbridge_core::{CallContext, ErrorKind, ModelSettings, Operation, Protocol, Request, Secret};
use tollbridge_types::EmbedRequest;

use crate::wire::{Fake, call, chat, header, keyed, options, provider, wire};

#[tokio::test]
async fn each_model_has_its_publisher_and_each_operation_its_method() {
    let fake = Fake::new();
    let provider = provider(&fake, keyed).unwrap();
    let mut urls = Vec::new();
    let models = [
        "gemini-2.5-flash",
        "google/gemini-2.5-flash",
        "models/gemini-2.5-flash",
        "publishers/google/models/gemini-2.5-flash",
        "claude-sonnet-4-5@20250929",
        "anthropic/claude-sonnet-4-5@20250929",
        "publishers/anthropic/models/another",
        "endpoints/123",
        "a?b#c",
    ];
    for model in models {
        let count = wire(Operation::CountTokens, Protocol::OPENAI_INPUT_TOKENS, model, r#"{"input":"hi"}"#);
        let embed = Request::embed(EmbedRequest::new(model, ["hi"]));
        for request in [chat(model), chat(model).with_stream(true), count, embed] {
            let operation = request.operation;
            let before = fake.made().len();
            let outcome = provider.call(request, &CallContext::new("1")).await;
            let url = fake.made().get(before).map(|sent| sent.uri().to_string());
            urls.push(format!("{model} {operation}: {}", url.unwrap_or_else(|| outcome.unwrap_err().to_string())));
        }
    }
    insta::assert_snapshot!(urls.join("\n"));
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused() {
    let fake = Fake::new();
    let provider = provider(&fake, keyed).unwrap();
    let cases = [
        ("meta/llama-4", ErrorKind::Unsupported),
        ("publishers/mistralai/models/x", ErrorKind::Unsupported),
        ("", ErrorKind::InvalidRequest),
        ("google/..", ErrorKind::InvalidRequest),
        ("endpoints/../x", ErrorKind::InvalidRequest),
        ("anthropic/", ErrorKind::InvalidRequest),
    ];
    for (model, kind) in cases {
        let error = call(&provider, model).await.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (kind, Some("vertex")), "{model}: {error}");
    }
    assert!(fake.sent().is_empty());
}

#[tokio::test]
async fn the_location_or_the_base_url_chooses_the_host() {
    let cases = [
        ("", "", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/"),
        ("us-east5", "", "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5/"),
        ("eu", "", "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/"),
        ("us-east5", "https://proxy.test/vertex/", "https://proxy.test/vertex/v1/projects/p/locations/us-east5/"),
        ("", "https://h.test/v1beta1", "https://h.test/v1beta1/projects/p/locations/global/"),
    ];
    for (location, base, start) in cases {
        let fake = Fake::new();
        let provider = provider(&fake, |settings| {
            keyed(settings);
            settings.base_url = (!base.is_empty()).then(|| base.to_owned());
            let location = [("location", location)];
            options(if location[0].1.is_empty() { &[] } else { &location })(settings);
        });
        call(&provider.unwrap(), "m").await.unwrap();
        assert_eq!(fake.last().uri().to_string(), format!("{start}publishers/google/models/m:generateContent"));
    }
    for location in ["", "us-east5.evil.test/", "US", "a b"] {
        let built = provider(&Fake::new(), |settings| {
            keyed(settings);
            options(&[("location", location)])(settings);
        });
        let error = built.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("`location`"), "{error}");
    }
}

#[tokio::test]
async fn a_key_travels_as_it_looks_or_as_it_is_told() {
    let api_key = "x-goog-api-key";
    let cases = [
        ("ya29.token", None, "authorization", "Bearer ya29.token"),
        ("anything", None, "authorization", "Bearer anything"),
        ("AIzaKey", None, api_key, "AIzaKey"),
        ("AQ.Key", None, api_key, "AQ.Key"),
        ("AIzaKey", Some("bearer"), "authorization", "Bearer AIzaKey"),
        ("anything", Some("api-key"), api_key, "anything"),
    ];
    for (key, auth, name, value) in cases {
        let fake = Fake::new();
        let provider = provider(&fake, |settings| {
            keyed(settings);
            settings.api_key = Some(Secret::new(key));
            settings.options.extend(auth.map(|auth| ("auth".to_owned(), auth.to_owned())));
        });
        let provider = provider.unwrap();
        for model in ["gemini", "claude"] {
            call(&provider, model).await.unwrap();
            let sent = fake.last();
            assert_eq!(header(&sent, name), Some(value));
            assert!(sent.headers()[name].is_sensitive());
            let other = if name == api_key { "authorization" } else { api_key };
            assert_eq!(header(&sent, other), None);
        }
        assert!(fake.fetches().is_empty());
    }
    let built = provider(&Fake::new(), |settings| {
        keyed(settings);
        options(&[("auth", "basic")])(settings);
    });
    assert_eq!(built.err().unwrap().to_string(), "`auth` is `basic`; set it to `bearer` or `api-key`");
}

#[tokio::test]
async fn an_api_key_needs_no_project_for_googles_models() {
    let fake = Fake::new();
    let made = provider(&fake, |settings| settings.api_key = Some(Secret::new("AIzaKey"))).unwrap();
    call(&made, "gemini").await.unwrap();
    let url = "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini:generateContent";
    assert_eq!(fake.last().uri(), url);
    let error = call(&made, "claude").await.unwrap_err();
    let token = provider(&fake, |settings| settings.api_key = Some(Secret::new("token"))).err().unwrap();
    let told = "`project` is missing; set it, or GOOGLE_CLOUD_PROJECT, to the id of your Google Cloud project";
    assert_eq!((error.to_string(), token.to_string()), (format!("vertex: {told}"), told.to_owned()));
}

#[tokio::test]
async fn operations_are_told_as_they_are() {
    let operations = |models: &[&str]| {
        let provider = provider(&Fake::new(), |settings| {
            keyed(settings);
            settings.models = models.iter().map(|name| ModelSettings::new(*name)).collect();
        });
        provider.unwrap()
    };
    let told = operations(&[]).info().operations.clone();
    let wanted = [
        (Operation::Chat, Protocol::GEMINI_GENERATE),
        (Operation::CountTokens, Protocol::GEMINI_COUNT_TOKENS),
        (Operation::Embed, Protocol::VERTEX_PREDICT),
        (Operation::Chat, Protocol::ANTHROPIC_MESSAGES),
        (Operation::CountTokens, Protocol::ANTHROPIC_COUNT_TOKENS),
    ];
    assert_eq!(told, wanted);
    let listing = operations(&["claude", "gemini"]);
    assert_eq!(listing.info().protocol(Operation::Models), Some(Protocol::OPENAI_MODELS));
    let reply = listing.call(Request::models("claude-of-ours"), &CallContext::new("1")).await.unwrap();
    let list = tollbridge_protocol::models_reply(&reply).unwrap();
    assert_eq!(list.iter().map(|model| model.id.as_str()).collect::<Vec<_>>(), ["claude", "gemini"]);
}
