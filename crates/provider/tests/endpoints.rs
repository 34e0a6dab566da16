//! Base URLs as people write them.

use proptest::prelude::*;
use tollbridge_provider::{Endpoint, api_path};

#[test]
fn five_spellings_mean_one_endpoint() {
    let vendors = [
        (
            "https://api.openai.com",
            Some("v1"),
            &["chat", "completions"][..],
            "https://api.openai.com/v1/chat/completions",
        ),
        ("https://api.anthropic.com", Some("v1"), &["messages"][..], "https://api.anthropic.com/v1/messages"),
        (
            "https://generativelanguage.googleapis.com",
            Some("v1beta"),
            &["models"][..],
            "https://generativelanguage.googleapis.com/v1beta/models",
        ),
        (
            "https://api.groq.com/openai",
            Some("v1"),
            &["chat", "completions"][..],
            "https://api.groq.com/openai/v1/chat/completions",
        ),
        ("https://openrouter.ai/api", Some("v1"), &["embeddings"][..], "https://openrouter.ai/api/v1/embeddings"),
        ("http://127.0.0.1:18081", Some("v1"), &["messages"][..], "http://127.0.0.1:18081/v1/messages"),
    ];
    for (base, version, path, wanted) in vendors {
        let version_name = version.unwrap_or_default();
        let full = format!("{base}/{version_name}/{}", path.join("/"));
        for spelling in [
            base.to_owned(),
            format!("{base}/"),
            format!("{base}/{version_name}"),
            format!(" {base}/{version_name}/ "),
            full,
        ] {
            let endpoint = Endpoint::parse(&spelling, version).map(|endpoint| endpoint.join(path).to_string());
            assert_eq!(endpoint.ok().as_deref(), Some(wanted), "{spelling}");
        }
    }
}

#[test]
fn a_version_that_is_there_is_kept() {
    let cases = [
        ("https://open.bigmodel.cn/api/paas/v4/", Some("v1"), "https://open.bigmodel.cn/api/paas/v4/x"),
        ("https://ark.cn-beijing.volces.com/api/v3", Some("v1"), "https://ark.cn-beijing.volces.com/api/v3/x"),
        ("http://mock/v1", Some("v1beta"), "http://mock/v1/x"),
        ("https://api.perplexity.ai", None, "https://api.perplexity.ai/x"),
        ("https://models.github.ai/inference/", None, "https://models.github.ai/inference/x"),
        ("https://h/v1beta/models/gemini-3:generateContent", Some("v1beta"), "https://h/v1beta/x"),
    ];
    for (base, version, wanted) in cases {
        let joined = Endpoint::parse(base, version).map(|endpoint| endpoint.join(&["x"]).to_string());
        assert_eq!(joined.ok().as_deref(), Some(wanted), "{base}");
    }
}

#[test]
fn what_is_no_base_url_is_told() {
    let bases = ["api.openai.com", "ftp://x", "https://user:key@x", "https://x/v1?key=1", "https://x#y", ""];
    let told: Vec<_> =
        bases.iter().filter_map(|base| Endpoint::parse(base, None).err()).map(|error| error.to_string()).collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(!told.join("\n").contains("user:key"));
}

proptest! {
    #[test]
    fn a_models_name_never_leaves_its_place(model in ".{0,24}") {
        let Ok(segments) = api_path(&model) else { return Ok(()) };
        let Ok(endpoint) = Endpoint::parse("https://h/v1", None) else { return Ok(()) };
        let url = endpoint.join(&[&["models"], segments.as_slice()].concat());
        prop_assert!(url.path().starts_with("/v1/models/"), "{}", url);
        prop_assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("h"), None, None));
        prop_assert_eq!(url.path_segments().map(Iterator::count), Some(segments.len() + 2));
    }
}
