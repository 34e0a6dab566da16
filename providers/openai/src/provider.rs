use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use tollbridge_core::{
    AuthStyle, Error, ErrorKind, Operation, OptionSpec, Provider, ProviderSettings, Registration, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider, openai_path};

/// OpenAI's own API.
pub const REGISTRATION: Registration = Registration::new("openai", "OpenAI", build)
    .base_url("https://api.openai.com/v1")
    .base_env(&["OPENAI_BASE_URL", "OPENAI_API_BASE"])
    .key_env(&["OPENAI_API_KEY"])
    .options(&[
        OptionSpec::new("organization", "The organization that calls are billed to", &["OPENAI_ORG_ID"]),
        OptionSpec::new("project", "The project that calls are billed to", &["OPENAI_PROJECT_ID"]),
        OptionSpec::new("api", "What calls of other protocols become: `chat` (default) or `responses`", &[]),
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
    let [first, second] = match settings.option("api") {
        None | Some("chat") => [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES],
        Some("responses") => [codec::OPENAI_RESPONSES, codec::OPENAI_CHAT],
        Some(other) => {
            return Err(Error::new(ErrorKind::Config, format!("`api` is `{other}`"))
                .with_hint("set it to `chat` or `responses`"));
        }
    };
    let mut provider = HttpProvider::new(settings, transport, move |route| {
        let base = if route.operation == Operation::Embed { &embed } else { &endpoint };
        Ok(base.join(openai_path(route)))
    })
    .chat(first)
    .chat(second)
    .chat(codec::OPENAI_COMPLETIONS)
    .embed(codec::OPENAI_EMBEDDINGS)
    .count_tokens(codec::OPENAI_INPUT_TOKENS)
    .models(codec::OPENAI_MODELS)
    .openai_media()
    .auth(AuthStyle::Bearer)?;
    for header in account {
        if let (name, Some(value)) = header? {
            provider = provider.header(name, value);
        }
    }
    Ok(provider.build())
}
