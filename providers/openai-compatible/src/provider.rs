use std::sync::Arc;

use tollbridge_core::{
    AuthStyle, Error, ErrorKind, Operation, Protocol, Provider, ProviderSettings, Registration, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_protocol::openai::{Chat, Quirks};
use tollbridge_provider::{Endpoint, FieldMap, HttpProvider, openai_path};

/// Makes a provider of any row of the table.
pub(crate) fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).ok_or_else(|| {
        Error::new(ErrorKind::Config, "`base_url` is missing").with_hint("set it to the server's base URL")
    })?;
    // A path of one's own stands below the base as it is written; the version is for the usual paths.
    let version = if UNVERSIONED.contains(&kind.kind) { None } else { Some("v1") };
    let endpoint = Endpoint::parse(base, version)?;
    let bare = Endpoint::parse(base, None)?;
    let embed = settings.embed_base_url.as_deref().map(|base| Endpoint::parse(base, version)).transpose()?;
    let embed = embed.unwrap_or_else(|| endpoint.clone());
    let chat_path = own_path(&settings, "path");
    let embed_path = own_path(&settings, "embed_path");
    let auth = settings.option("auth").unwrap_or("bearer").to_ascii_lowercase();
    let chat = chat_codec(kind, &settings)?;
    let asks_usage = !NO_STREAM_OPTIONS.contains(&kind.kind) && flag(&settings, "stream_options")?.unwrap_or(true);
    let responses = RESPONSES.contains(&kind.kind) || flag(&settings, "responses")? == Some(true);
    let own_header = own_auth(&settings, &auth)?;
    let fields = |name: &str| {
        let map = FieldMap::parse(settings.option(name).unwrap_or_default());
        map.map_err(|error| error.with_path(name))
    };
    let (sent, whole, streamed) = (fields("request_fields")?, fields("reply_fields")?, fields("stream_fields")?);
    let provider = HttpProvider::new(settings, transport, move |route| {
        Ok(match (route.operation, &chat_path, &embed_path) {
            (Operation::Embed, _, Some(path)) => bare.join(&segments(path)),
            (Operation::Embed, ..) => embed.join(&["embeddings"]),
            (Operation::Chat, Some(path), _) if route.protocol == Protocol::OPENAI_CHAT => {
                let (path, query) =
                    path.split_once('?').map_or((path.as_str(), None), |(path, query)| (path, Some(query)));
                let with_model = |step: &str| step.replace("{model}", route.model);
                let steps: Vec<String> = segments(path).into_iter().map(with_model).collect();
                let mut url = bare.join(&steps.iter().map(String::as_str).collect::<Vec<_>>());
                url.set_query(query);
                url
            }
            _ => endpoint.join(openai_path(route)),
        })
    });
    let provider = provider.chat(chat).chat(codec::OPENAI_COMPLETIONS);
    let provider = if responses { provider.chat(codec::OPENAI_RESPONSES) } else { provider };
    let provider = provider.embed(codec::OPENAI_EMBEDDINGS).rerank(codec::COHERE_RERANK);
    let provider = provider.models(codec::OPENAI_MODELS).openai_media();
    let provider = provider.reply_fields(whole, streamed);
    let provider = if sent.is_empty() {
        provider
    } else {
        provider.rewrite(move |route, body| match route.protocol {
            Protocol::OPENAI_CHAT => sent.to_server(&body),
            _ => Ok(body),
        })
    };
    let provider = if asks_usage { provider } else { provider.without_stream_options() };
    Ok(match own_header {
        Some((name, value)) => provider.header(name, value).build(),
        None => provider.auth(if auth == "none" { AuthStyle::None } else { AuthStyle::Bearer })?.build(),
    })
}

fn own_auth(settings: &ProviderSettings, auth: &str) -> Result<Option<(http::HeaderName, http::HeaderValue)>, Error> {
    let Some(key) = settings.api_key.as_ref().filter(|_| !matches!(auth, "bearer" | "none")) else {
        return Ok(None);
    };
    let name = http::HeaderName::try_from(auth).map_err(|_| {
        Error::new(ErrorKind::Config, "`auth` is not the name of a header")
            .with_hint("set it to `bearer`, `none` or a name")
    })?;
    Ok(Some((name, key.header("")?)))
}

fn chat_codec(kind: &Registration, settings: &ProviderSettings) -> Result<&'static Chat, Error> {
    let texts_only = TEXT_CONTENT.contains(&kind.kind) || flag(settings, "content_parts")? == Some(false);
    let newer_limit = match settings.option("max_tokens_field") {
        None | Some("max_tokens") => false,
        Some("max_completion_tokens") => true,
        Some(other) => {
            let hint = "set it to `max_tokens` or `max_completion_tokens`";
            return Err(Error::new(ErrorKind::Config, format!("`max_tokens_field` is `{other}`")).with_hint(hint));
        }
    };
    Ok(match (texts_only, newer_limit) {
        (false, false) => &COMPATIBLE,
        (true, false) => &TEXTS,
        (false, true) => &NEWER_LIMIT,
        (true, true) => &TEXTS_NEWER_LIMIT,
    })
}

fn flag(settings: &ProviderSettings, name: &str) -> Result<Option<bool>, Error> {
    settings.option(name).map(str::parse).transpose().map_err(|_| {
        Error::new(ErrorKind::Config, format!("`{name}` is not true or false")).with_hint("set it to true or false")
    })
}

fn own_path(settings: &ProviderSettings, option: &str) -> Option<String> {
    settings.option(option).map(str::to_owned)
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_matches('/').split('/').collect()
}

/// Vendors whose paths stand at the root or below a path without a version.
const UNVERSIONED: &[&str] = &["perplexity", "github"];

/// Vendors that refuse a request with `stream_options`, or send usage unasked.
const NO_STREAM_OPTIONS: &[&str] = &["perplexity"];

/// Vendors that speak OpenAI's responses too; any other server can be said to.
const RESPONSES: &[&str] = &["xai", "openrouter", "groq", "huggingface", "lmstudio", "vllm"];

/// Vendors that take content only as a text.
const TEXT_CONTENT: &[&str] = &["deepseek"];

static COMPATIBLE: Chat = Chat::new(quirks(false, false));
static TEXTS: Chat = Chat::new(quirks(true, false));
static NEWER_LIMIT: Chat = Chat::new(quirks(false, true));
static TEXTS_NEWER_LIMIT: Chat = Chat::new(quirks(true, true));

const fn quirks(texts_only: bool, newer_limit: bool) -> Quirks {
    let mut quirks = Quirks::COMPATIBLE;
    quirks.content_parts = !texts_only;
    if newer_limit {
        quirks.max_tokens_field = Quirks::NONE.max_tokens_field;
    }
    quirks
}
