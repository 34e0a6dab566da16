use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tollbridge_core::{
    AuthStyle, Error, ErrorKind, Operation, OptionSpec, Provider, ProviderSettings, Registration, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider};

/// Anthropic's own API.
pub const REGISTRATION: Registration = Registration::new("anthropic", "Anthropic", build)
    .aliases(&["claude"])
    .base_url("https://api.anthropic.com")
    .base_env(&["ANTHROPIC_BASE_URL"])
    .key_env(&["ANTHROPIC_API_KEY"])
    .options(&[
        OptionSpec::new("version", "The API version, sent as `anthropic-version`; 2023-06-01 by default", &[]),
        OptionSpec::new("beta", "Beta features, sent as `anthropic-beta`, separated by commas", &[]),
    ]);

const VERSION: &str = "2023-06-01";

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    let endpoint = Endpoint::parse(base, Some("v1"))?;
    let version = header_value("version", settings.option("version").unwrap_or(VERSION))?;
    let beta = settings.option("beta").map(|beta| header_value("beta", beta)).transpose()?;
    let mut provider = HttpProvider::new(settings, transport, move |route| {
        Ok(match route.operation {
            // The list comes in pages; one of the largest size holds every model there is.
            Operation::Models => {
                let mut url = endpoint.join(&["models"]);
                url.set_query(Some("limit=1000"));
                url
            }
            Operation::CountTokens => endpoint.join(&["messages", "count_tokens"]),
            _ => endpoint.join(&["messages"]),
        })
    })
    .chat(codec::ANTHROPIC_MESSAGES)
    .count_tokens(codec::ANTHROPIC_COUNT_TOKENS)
    .models(codec::ANTHROPIC_MODELS)
    .auth(AuthStyle::Header("x-api-key"))?
    .header(HeaderName::from_static("anthropic-version"), version);
    if let Some(beta) = beta {
        provider = provider.header(HeaderName::from_static("anthropic-beta"), beta);
    }
    Ok(provider.build())
}

fn header_value(option: &str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(value)
        .map_err(|_| Error::new(ErrorKind::Config, format!("`{option}` cannot stand in a header")))
}
