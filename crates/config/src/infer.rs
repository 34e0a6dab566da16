use tollbridge_core::Registry;

/// Which kind of provider a loose description means, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inference {
    /// The kind of provider; `None` if nothing tells.
    pub provider: Option<String>,
    /// The model without what named the provider.
    pub model: String,
    /// What told, in words.
    pub reason: String,
}

/// Tells the kind of provider from a name, a model and a base URL, as importers of other formats need.
///
/// It only suggests: calls are never routed by it. What is named wins over what is guessed.
pub fn infer(provider: Option<&str>, model: &str, base_url: Option<&str>, registry: &Registry) -> Inference {
    let kind = |name: &str| registry.get(&name.to_ascii_lowercase()).ok().map(|kind| kind.kind);
    let answer = |provider: &str, model: &str, reason: String| Inference {
        provider: Some(provider.to_owned()),
        model: model.to_owned(),
        reason,
    };
    if let Some(name) = provider.map(str::trim).filter(|name| !name.is_empty()) {
        let named = kind(name).map_or_else(|| name.to_ascii_lowercase(), str::to_owned);
        let model = model
            .split_once(['/', ':'])
            .filter(|(prefix, _)| kind(prefix) == Some(&named))
            .map_or(model, |(_, rest)| rest);
        return answer(&named, model, format!("the provider is named `{name}`"));
    }
    let prefixed = model.split_once(['/', ':']).and_then(|(prefix, rest)| Some((kind(prefix)?, prefix, rest)));
    if let Some((kind, prefix, rest)) = prefixed {
        return answer(kind, rest, format!("the model begins with `{prefix}`"));
    }
    let lower = model.to_ascii_lowercase();
    for (start, name) in [("grok", "xai"), ("moonshot", "moonshot"), ("kimi", "moonshot"), ("deepseek", "deepseek")] {
        if let Some(kind) = kind(name).filter(|_| lower.starts_with(start)) {
            return answer(kind, model, format!("the model's name begins with `{start}`"));
        }
    }
    if let Some(host) = base_url.and_then(host) {
        for (suffix, name) in HOSTS {
            if let Some(kind) = kind(name).filter(|_| host == *suffix || host.ends_with(&format!(".{suffix}"))) {
                return answer(kind, model, format!("the base URL's host ends in `{suffix}`"));
            }
        }
    }
    Inference { provider: None, model: model.to_owned(), reason: "neither name, model nor host tell".to_owned() }
}

fn host(base_url: &str) -> Option<String> {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    Some(host.to_ascii_lowercase())
}

const HOSTS: &[(&str, &str)] = &[
    ("deepseek.com", "deepseek"),
    ("moonshot.cn", "moonshot"),
    ("moonshot.ai", "moonshot"),
    ("x.ai", "xai"),
    ("openai.azure.com", "azure"),
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gemini"),
];
