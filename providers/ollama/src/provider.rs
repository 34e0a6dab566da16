use std::sync::Arc;

use tollbridge_core::{AuthStyle, Error, Operation, Provider, ProviderSettings, Registration, Transport};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider};

/// Ollama in its own protocol.
pub const REGISTRATION: Registration = Registration::new("ollama", "Ollama", build)
    .base_url("http://localhost:11434")
    .base_env(&["OLLAMA_BASE_URL", "OLLAMA_HOST", "OLLAMA_API_BASE"])
    .key_env(&["OLLAMA_API_KEY"])
    .keyless();

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    // The variable of Ollama's own tools holds a bare address.
    let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
    // People who come from the OpenAI form paste its version.
    let base = base.trim_end_matches('/').trim_end_matches("/v1").trim_end_matches("/api");
    let endpoint = Endpoint::parse(base, None)?;
    let provider = HttpProvider::new(settings, transport, move |route| {
        Ok(match route.operation {
            Operation::Embed => endpoint.join(&["api", "embed"]),
            Operation::Models => endpoint.join(&["api", "tags"]),
            _ => endpoint.join(&["api", "chat"]),
        })
    });
    let provider = provider.chat(codec::OLLAMA_CHAT).embed(codec::OLLAMA_EMBED).models(codec::OLLAMA_MODELS);
    Ok(provider.auth(AuthStyle::Bearer)?.build())
}
