use tollbridge_core::{CallContext, Request};
use tollbridge_protocol::models_reply;

use crate::wire::{Canned, Fake, provider};

async fn listed(kind: &str, fake: &std::sync::Arc<Fake>, models: &[&str]) -> Vec<String> {
    let provider = provider(kind, fake, |settings| {
        settings.models = models.iter().copied().map(tollbridge_core::ModelSettings::new).collect();
    });
    let reply = provider.unwrap().call(Request::models(kind), &CallContext::new("1")).await.unwrap();
    models_reply(&reply).unwrap().into_iter().map(|model| model.id).collect()
}

#[tokio::test]
async fn models_of_the_settings_take_the_place_of_the_vendors_list() {
    for kind in ["openai", "anthropic", "gemini", "azure", "qianfan"] {
        let fake = Fake::refusing();
        assert_eq!(listed(kind, &fake, &["b", "team/a"]).await, ["b", "team/a"], "{kind}");
        assert!(fake.sent().is_empty(), "{kind} asked the vendor");
    }
}

#[tokio::test]
async fn the_vendor_is_asked_for_all_its_models_at_once() {
    for (kind, url, body) in [
        ("openai", "https://api.openai.com/v1/models", r#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#),
        ("anthropic", "https://api.anthropic.com/v1/models?limit=1000", r#"{"data":[{"id":"a"},{"id":"b"}]}"#),
        (
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000",
            r#"{"models":[{"name":"models/a"},{"name":"models/b"}]}"#,
        ),
    ] {
        let fake = Fake::new([Canned::new(200, body)]);
        assert_eq!(listed(kind, &fake, &[]).await, ["a", "b"], "{kind}");
        let sent = fake.last();
        assert_eq!((sent.method.as_str(), sent.url.as_str(), sent.body.as_str()), ("GET", url, ""), "{kind}");
    }
}
