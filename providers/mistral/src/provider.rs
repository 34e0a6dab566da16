use std::sync::Arc;

use tollbridge_core::{AuthStyle, Error, Operation, Protocol, Provider, ProviderSettings, Registration, Transport};
use tollbridge_protocol::codec;
use tollbridge_protocol::openai::{Chat, Embeddings, Quirks};
use tollbridge_provider::{Endpoint, HttpProvider, openai_path};

/// Mistral's own API.
pub const REGISTRATION: Registration = Registration::new("mistral", "Mistral", build)
    .base_url("https://api.mistral.ai/v1")
    .base_env(&["MISTRAL_BASE_URL"])
    .key_env(&["MISTRAL_API_KEY"]);

static CHAT: Chat = Chat::new(Quirks::MISTRAL);
static EMBEDDINGS: Embeddings = Embeddings::new(Quirks::MISTRAL);

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    let endpoint = Endpoint::parse(base, Some("v1"))?;
    let provider = HttpProvider::new(settings, transport, move |route| Ok(endpoint.join(openai_path(route))));
    let provider = provider.chat(&CHAT).embed(&EMBEDDINGS).models(codec::OPENAI_MODELS);
    let provider = provider
        .pass(Operation::Moderate, Protocol::OPENAI_MODERATIONS)
        .pass(Operation::Transcribe, Protocol::OPENAI_TRANSCRIPTIONS)
        .without_stream_options();
    Ok(provider.auth(AuthStyle::Bearer)?.build())
}
