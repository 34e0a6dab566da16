use std::sync::Arc;

use tollbridge_core::{AuthStyle, Error, Operation, Provider, ProviderSettings, Registration, Transport};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider};

/// Cohere's own API.
pub const REGISTRATION: Registration = Registration::new("cohere", "Cohere", build)
    .base_url("https://api.cohere.com")
    .base_env(&["COHERE_BASE_URL", "CO_API_URL"])
    .key_env(&["COHERE_API_KEY", "CO_API_KEY"]);

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    // Each call stands under a version of its own.
    let base = base.trim_end_matches('/').trim_end_matches("/v1").trim_end_matches("/v2");
    let endpoint = Endpoint::parse(base, None)?;
    let provider = HttpProvider::new(settings, transport, move |route| {
        Ok(match route.operation {
            Operation::Embed => endpoint.join(&["v2", "embed"]),
            Operation::Rerank => endpoint.join(&["v2", "rerank"]),
            Operation::CountTokens => endpoint.join(&["v1", "tokenize"]),
            Operation::Models => {
                let mut url = endpoint.join(&["v1", "models"]);
                url.set_query(Some("page_size=1000"));
                url
            }
            _ => endpoint.join(&["v2", "chat"]),
        })
    });
    let provider = provider.chat(codec::COHERE_CHAT).embed(codec::COHERE_EMBED).rerank(codec::COHERE_RERANK);
    let provider = provider.count_tokens(codec::COHERE_TOKENIZE).models(codec::COHERE_MODELS);
    Ok(provider.auth(AuthStyle::Bearer)?.build())
}
