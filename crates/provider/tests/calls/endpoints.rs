use crate::wire::{Fake, chat, embed, kinds, provider, settings};
use std::fmt::Write;
use std::sync::Arc;
use tollbridge_core::{ErrorKind, Operation};
use tollbridge_provider::Endpoint;

/// The URL of a chat call, whole or streamed, under a base URL.
async fn chat_url(name: &str, base: Option<&str>, model: &str, stream: bool) -> String {
    let fake = Fake::refusing();
    let provider = provider(name, &fake, |settings| {
        if let Some(base) = base {
            settings.base_url = Some(base.to_owned());
        }
    });
    chat(&provider.unwrap(), model, stream).await.unwrap_err();
    fake.last().url
}

#[tokio::test]
async fn every_spelling_of_a_base_url_means_the_same() {
    let table: &[(&str, &[&str], &str)] = &[
        (
            "openai",
            &["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/models"],
            "http://127.0.0.1:18080/v1/chat/completions",
        ),
        ("anthropic", &["", "/", "/v1", "/v1/", "/v1/messages", "/v1/messages/"], "http://127.0.0.1:18080/v1/messages"),
        (
            "gemini",
            &["", "/", "/v1beta", "/v1beta/", "/v1beta/models", "/v1beta/models/m:generateContent"],
            "http://127.0.0.1:18080/v1beta/models/m:generateContent",
        ),
        ("gemini", &["/v1", "/v1/", "/v1/models"], "http://127.0.0.1:18080/v1/models/m:generateContent"),
        (
            "azure",
            &[
                "",
                "/",
                "/openai",
                "/openai/",
                "/openai/deployments/other/chat/completions",
                "/openai/deployments/other/chat/completions?api-version=2024-10-21",
                "/openai/v1/",
            ],
            "http://127.0.0.1:18080/openai/deployments/m/chat/completions?api-version=2024-10-21",
        ),
        (
            "volcengine",
            &["/api/v3", "/api/v3/", "/api/v3/chat/completions", "/api/v3/embeddings", "/api/v3/models"],
            "http://127.0.0.1:18080/api/v3/chat/completions",
        ),
        (
            "zhipu",
            &["/api/paas/v4", "/api/paas/v4/", "/api/paas/v4/chat/completions", "/api/paas/v4/chat/completions/"],
            "http://127.0.0.1:18080/api/paas/v4/chat/completions",
        ),
        (
            "ollama",
            &["", "/", "/api", "/api/chat", "/api/tags/", "/v1", "/v1/", "/v1/chat/completions"],
            "http://127.0.0.1:18080/api/chat",
        ),
        ("mistral", &["", "/", "/v1", "/v1/chat/completions"], "http://127.0.0.1:18080/v1/chat/completions"),
        ("qianfan", &["/v2", "/v2/", "/v2/chat/completions"], "http://127.0.0.1:18080/v2/chat/completions"),
        ("perplexity", &["", "/", "/chat/completions"], "http://127.0.0.1:18080/chat/completions"),
        (
            "github",
            &["/inference", "/inference/", "/inference/chat/completions"],
            "http://127.0.0.1:18080/inference/chat/completions",
        ),
    ];
    for (name, spellings, url) in table {
        for spelling in *spellings {
            let base = format!("http://127.0.0.1:18080{spelling}");
            assert_eq!(chat_url(name, Some(&base), "m", false).await, *url, "{name} at {base}");
        }
    }
}

#[tokio::test]
async fn ollamas_own_variable_holds_a_bare_address() {
    for (host, url) in [
        ("127.0.0.1:8000", "http://127.0.0.1:8000/api/chat"),
        ("gpu.lan", "http://gpu.lan:11434/api/chat"),
        (":8000", "http://localhost:8000/api/chat"),
        ("[::1]", "http://[::1]:11434/api/chat"),
        ("[::1]:8000", "http://[::1]:8000/api/chat"),
        ("gpu.lan/ollama/", "http://gpu.lan:11434/ollama/api/chat"),
        ("https://ollama.com", "https://ollama.com/api/chat"),
    ] {
        assert_eq!(chat_url("ollama", Some(host), "m", false).await, url, "{host}");
    }
}

#[tokio::test]
async fn every_vendor_of_the_table_takes_the_spellings_of_its_own_base_url() {
    for kind in kinds().into_iter().filter(|kind| kind.base_url.is_some()) {
        let base = kind.base_url.unwrap();
        let usual = chat_url(kind.kind, None, "m", false).await;
        let endpoint = usual.strip_suffix(":generateContent").unwrap_or(&usual);
        let bare = base.strip_suffix("/v1").or(base.strip_suffix("/v1beta")).unwrap_or(base);
        for spelling in [base, &format!("{base}/"), bare, &format!("{bare}/"), &format!(" {base} "), &usual, endpoint] {
            if kind.kind == "gemini" && spelling == endpoint {
                continue;
            }
            assert_eq!(chat_url(kind.kind, Some(spelling), "m", false).await, usual, "{} at {spelling}", kind.kind);
        }
    }
}

#[tokio::test]
async fn each_kind_has_its_endpoints() {
    let mut lines = String::new();
    for kind in kinds() {
        let fake = Fake::refusing();
        let provider = (kind.build)(&kind, settings(&kind), Arc::clone(&fake) as _).unwrap();
        chat(&provider, "m", true).await.unwrap_err();
        writeln!(lines, "{:12} {}", kind.kind, fake.last().url).unwrap();
    }
    insta::assert_snapshot!(lines);
}

#[tokio::test]
async fn embeddings_may_live_elsewhere() {
    for (name, url) in [
        ("openai", "https://vectors.test/v1/embeddings"),
        ("vllm", "https://vectors.test/v1/embeddings"),
        ("gemini", "https://vectors.test/v1beta/models/m:batchEmbedContents"),
    ] {
        let fake = Fake::refusing();
        let provider =
            provider(name, &fake, |settings| settings.embed_base_url = Some("https://vectors.test/".into())).unwrap();
        embed(&provider, "m").await.unwrap_err();
        assert_eq!(fake.last().url, url);
        chat(&provider, "m", false).await.unwrap_err();
        assert!(!fake.last().url.contains("vectors.test"), "{}", fake.last().url);
    }
}

#[tokio::test]
async fn azure_is_reached_by_deployment_or_by_its_v1_surface() {
    let fake = Fake::refusing();
    let azure = provider("azure", &fake, |settings| {
        settings.options.insert("api_version".into(), "2024-02-15-preview".into());
    })
    .unwrap();
    chat(&azure, "azure:gpt-4o-mini", false).await.unwrap_err();
    assert_eq!(
        fake.last().url,
        "https://host.test/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-02-15-preview"
    );
    embed(&azure, "vectors").await.unwrap_err();
    assert_eq!(
        fake.last().url,
        "https://host.test/openai/deployments/vectors/embeddings?api-version=2024-02-15-preview"
    );

    let v1 = provider("azure", &fake, |settings| {
        settings.options.insert("api".into(), "v1".into());
    })
    .unwrap();
    chat(&v1, "gpt-4o-mini", false).await.unwrap_err();
    assert_eq!(fake.last().url, "https://host.test/openai/v1/chat/completions");
    assert!(fake.last().body.contains(r#""model":"gpt-4o-mini""#), "{}", fake.last().body);

    let missing = provider("azure", &fake, |settings| settings.base_url = None).unwrap_err();
    insta::assert_snapshot!(missing, @"`base_url` is missing; set it to https://NAME.openai.azure.com, or set AZURE_OPENAI_ENDPOINT");
}

#[tokio::test]
async fn a_custom_server_has_paths_of_its_own() {
    let fake = Fake::refusing();
    let custom = provider("custom", &fake, |settings| {
        settings.base_url = Some("https://host.test/llm".into());
        settings.options.insert("path".into(), "/say/it".into());
        settings.options.insert("embed_path".into(), "vectors".into());
    })
    .unwrap();
    chat(&custom, "m", false).await.unwrap_err();
    assert_eq!(fake.last().url, "https://host.test/llm/say/it");
    embed(&custom, "m").await.unwrap_err();
    assert_eq!(fake.last().url, "https://host.test/llm/vectors");
}

#[tokio::test]
async fn a_models_name_cannot_leave_its_place() {
    let names = ["../../admin", "a/../../b", "..", ".", "a//b", "", "a?key=1", "a#b", "a%2e%2e", "a b", "é", "a\r\nb"];
    for name in names {
        for (kind, prefix, suffix) in [
            ("gemini", "https://host.test/v1beta/models/", ":generateContent"),
            ("azure", "https://host.test/openai/deployments/", "/chat/completions?api-version=2024-10-21"),
        ] {
            let fake = Fake::refusing();
            let provider = provider(kind, &fake, |settings| settings.base_url = Some("https://host.test".into()));
            let error = chat(&provider.unwrap(), name, false).await.unwrap_err();
            let Some(sent) = fake.sent().pop() else {
                assert_eq!((error.kind(), error.path()), (ErrorKind::InvalidRequest, Some("model")), "{kind} {name}");
                continue;
            };
            let place = sent.url.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
            let place = place.unwrap_or_else(|| panic!("{kind} {name}: {}", sent.url));
            assert!(!place.contains(['?', '#', ' ', '\n']), "{kind} {name}: {place}");
            let normal = url::Url::parse(&sent.url).unwrap();
            assert_eq!(normal.as_str(), sent.url, "{kind} {name}: the URL is not in its normal form");
        }
    }
}

#[tokio::test]
async fn a_models_name_is_one_place_even_with_a_slash() {
    assert_eq!(
        chat_url("azure", None, "team/model", false).await,
        "https://host.test/openai/deployments/team%2Fmodel/chat/completions?api-version=2024-10-21"
    );
    let tuned = chat_url("gemini", None, "tunedModels/mine", false).await;
    assert_eq!(tuned, "https://generativelanguage.googleapis.com/v1beta/models/tunedModels/mine:generateContent");
    let streamed = chat_url("gemini", None, "models/flash", true).await;
    assert!(streamed.ends_with("/v1beta/models/flash:streamGenerateContent?alt=sse"), "{streamed}");
}

#[test]
fn a_base_url_that_is_none_is_refused_with_its_remedy() {
    let bases = ["", "host", "ftp://h", "https://user:pw@h", "https://h/?key=1", "https://h/#x", "mailto:a@b"];
    let mut lines = String::new();
    for base in bases {
        let error = Endpoint::parse(base, Some("v1")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        writeln!(lines, "{base:18} {error}").unwrap();
    }
    insta::assert_snapshot!(lines);
}

#[test]
fn every_kind_lists_what_it_can_do() {
    for kind in kinds() {
        let provider = (kind.build)(&kind, settings(&kind), Fake::refusing()).unwrap();
        assert_eq!(provider.info().name, kind.kind);
        for operation in [Operation::Chat, Operation::Models] {
            assert!(provider.info().protocol(operation).is_some(), "{} {operation}", kind.kind);
        }
    }
}
