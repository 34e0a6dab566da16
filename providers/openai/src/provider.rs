use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tollbridge_core::{
    AuthStyle, Error, ErrorKind, Operation, OptionSpec, Provider, ProviderSettings, Registration, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider};

/// OpenAI's own API.
pub const REGISTRATION: Registration = Registration::new("openai", "OpenAI", build)
    .base_url("https://api.openai.com/v1")
    .base_env(&["OPENAI_BASE_URL", "OPENAI_API_BASE"])
    .key_env(&["OPENAI_API_KEY"])
    .options(&[
        OptionSpec::new("organization", "The organization that calls are billed to", &["OPENAI_ORG_ID"]),
        OptionSpec::new("project", "The project that calls are billed to", &["OPENAI_PROJECT_ID"]),
    ]);

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    let endpoint = Endpoint::parse(base, Some("v1"))?;
    let embed = settings.embed_base_url.as_deref().map(|base| Endpoint::parse(base, Some("v1"))).transpose()?;
    let embed = embed.unwrap_or_else(|| endpoint.clone());
    let account = [("organization", "openai-organization"), ("project", "openai-project")].map(|(option, header)| {
        let value = settings.option(option).map(HeaderValue::try_from).transpose();
        let value = value.map_err(|_| Error::new(ErrorKind::Config, format!("`{option}` cannot stand in a header")));
        value.map(|value| (HeaderName::from_static(header), value))
    });
    let mut provider = HttpProvider::new(settings, transport, move |route| {
        Ok(match route.operation {
            Operation::Embed => embed.join(&["embeddings"]),
            Operation::Models => endpoint.join(&["models"]),
            _ => endpoint.join(&["chat", "completions"]),
        })
    })
    .chat(codec::OPENAI_CHAT)
    .embed(codec::OPENAI_EMBEDDINGS)
    .models(codec::OPENAI_MODELS)
    .auth(AuthStyle::Bearer)?;
    for header in account {
        if let (name, Some(value)) = header? {
            provider = provider.header(name, value);
        }
    }
    Ok(provider.build())
}
