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
    let endpoint = Endpoint::parse(&server(base), None)?;
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

/// Returns the address of the server that a base URL means.
fn server(base: &str) -> String {
    let base = base.trim().trim_end_matches('/');
    // People paste a whole endpoint, or the base of the OpenAI form.
    let base = ENDPOINTS.iter().find_map(|endpoint| base.strip_suffix(endpoint)).unwrap_or(base);
    if base.contains("://") {
        return base.to_owned();
    }
    // The variable of Ollama's own tools holds a bare address, whose port may be the usual one.
    let (host, path) = base.split_at(base.find('/').unwrap_or(base.len()));
    let port = host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
    let host = if host.starts_with(':') { format!("localhost{host}") } else { host.to_owned() };
    if port { format!("http://{host}{path}") } else { format!("http://{host}:11434{path}") }
}

/// Paths that people paste behind a base URL; longer ones first.
const ENDPOINTS: &[&str] = &[
    "/api/chat",
    "/api/generate",
    "/api/embeddings",
    "/api/embed",
    "/api/tags",
    "/api",
    "/v1/chat/completions",
    "/v1/embeddings",
    "/v1/models",
    "/v1",
];
