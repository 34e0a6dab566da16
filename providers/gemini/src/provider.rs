use std::sync::Arc;

use tollbridge_core::{AuthStyle, Error, Operation, Provider, ProviderSettings, Registration, Transport};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider, api_path};

/// The Gemini API.
pub const REGISTRATION: Registration = Registration::new("gemini", "Google Gemini", build)
    .aliases(&["google", "google_genai"])
    .base_url("https://generativelanguage.googleapis.com/v1beta")
    .base_env(&["GEMINI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"])
    .key_env(&["GEMINI_API_KEY", "GOOGLE_API_KEY"]);

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    let endpoint = Endpoint::parse(base, Some("v1beta"))?;
    let embed = settings.embed_base_url.as_deref().map(|base| Endpoint::parse(base, Some("v1beta"))).transpose()?;
    let embed = embed.unwrap_or_else(|| endpoint.clone());
    let provider = HttpProvider::new(settings, transport, move |route| {
        let (endpoint, method) = match (route.operation, route.stream) {
            // The list comes in pages; one of the largest size holds every model there is.
            (Operation::Models, _) => {
                let mut url = endpoint.join(&["models"]);
                url.set_query(Some("pageSize=1000"));
                return Ok(url);
            }
            (Operation::Embed, _) => (&embed, "batchEmbedContents"),
            (Operation::CountTokens, _) => (&endpoint, "countTokens"),
            (_, true) => (&endpoint, "streamGenerateContent"),
            (_, false) => (&endpoint, "generateContent"),
        };
        let mut segments = vec!["models"];
        segments.extend(api_path(route.model.strip_prefix("models/").unwrap_or(route.model))?);
        let last = format!("{}:{method}", segments.pop().unwrap_or_default());
        segments.push(&last);
        let mut url = endpoint.join(&segments);
        url.set_query(route.stream.then_some("alt=sse"));
        Ok(url)
    });
    let provider = provider.chat(codec::GEMINI_GENERATE).count_tokens(codec::GEMINI_COUNT_TOKENS);
    let provider = provider.embed(codec::GEMINI_EMBED).models(codec::GEMINI_MODELS);
    Ok(provider.auth(AuthStyle::Header("x-goog-api-key"))?.build())
}
