use std::sync::Arc;

use tollbridge_core::{
    AuthStyle, Error, ErrorKind, OptionSpec, Protocol, Provider, ProviderSettings, Registration, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider, openai_path};
use url::Url;

/// Azure OpenAI.
pub const REGISTRATION: Registration = Registration::new("azure", "Azure OpenAI", build)
    .aliases(&["azure_openai"])
    .base_env(&["AZURE_OPENAI_ENDPOINT", "AZURE_ENDPOINT", "AZURE_API_BASE"])
    .key_env(&["AZURE_OPENAI_API_KEY", "AZURE_API_KEY"])
    .options(&[
        OptionSpec::new(
            "api_version",
            "The value of `api-version` on deployment URLs",
            &["AZURE_OPENAI_API_VERSION", "AZURE_API_VERSION", "OPENAI_API_VERSION"],
        ),
        OptionSpec::new("api", "`deployments` (default), or `v1` for the surface without `api-version`", &[]),
        OptionSpec::new("auth", "How the key travels: `api-key` (default) or `bearer`", &[]),
    ]);

/// The version that deployments are called with unless another is configured.
const API_VERSION: &str = "2024-10-21";

fn build(
    _: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().ok_or_else(|| {
        Error::new(ErrorKind::Config, "`base_url` is missing")
            .with_hint("set it to https://NAME.openai.azure.com, or set AZURE_OPENAI_ENDPOINT")
    })?;
    let (resource, version) = split_base(base)?;
    let auth = match settings.option("auth") {
        None | Some("api-key") => AuthStyle::Header("api-key"),
        Some("bearer") => AuthStyle::Bearer,
        Some(other) => return Err(unknown("auth", other, "`api-key` or `bearer`")),
    };
    let v1 = match settings.option("api") {
        None | Some("deployments") => false,
        Some("v1") => true,
        Some(other) => return Err(unknown("api", other, "`deployments` or `v1`")),
    };
    let version = settings.option("api_version").map(str::to_owned).or(version);
    let version = version.unwrap_or_else(|| API_VERSION.to_owned());
    let endpoint = Endpoint::parse(&resource, None)?;
    let provider = HttpProvider::new(settings, transport, move |route| {
        let operation = openai_path(route);
        if v1 {
            return Ok(endpoint.join(&[&["openai", "v1"], operation].concat()));
        }
        let mut url = match route.protocol {
            Protocol::OPENAI_MODELS => endpoint.join(&["openai", "models"]),
            // Responses name the deployment in the body.
            Protocol::OPENAI_RESPONSES => endpoint.join(&["openai", "responses"]),
            _ => endpoint.join(&[&["openai", "deployments", deployment(route.model)?], operation].concat()),
        };
        url.query_pairs_mut().append_pair("api-version", &version);
        Ok(url)
    });
    let provider = provider.chat(codec::OPENAI_CHAT).chat(codec::OPENAI_RESPONSES).chat(codec::OPENAI_COMPLETIONS);
    let provider = provider.embed(codec::OPENAI_EMBEDDINGS).models(codec::OPENAI_MODELS).openai_media();
    Ok(provider.auth(auth)?.build())
}

/// Cuts a pasted deployment URL down to its resource, and keeps the `api-version` that it names.
fn split_base(base: &str) -> Result<(String, Option<String>), Error> {
    let Ok(mut url) = Url::parse(base.trim()) else {
        return Ok((base.to_owned(), None));
    };
    let mut pairs = url.query_pairs();
    let version = pairs.find(|(name, _)| name == "api-version").map(|(_, version)| version.into_owned());
    if url.query_pairs().any(|(name, _)| name != "api-version") {
        return Err(Error::new(ErrorKind::Config, "`base_url` holds a query")
            .with_hint("keep only https://NAME.openai.azure.com"));
    }
    url.set_query(None);
    let path = url.path().to_owned();
    let kept = path.find("/openai/deployments/").or_else(|| path.find("/openai/v1")).unwrap_or(path.len());
    let kept = path.get(..kept).unwrap_or(&path);
    let kept = kept.trim_end_matches('/');
    url.set_path(kept.strip_suffix("/openai").unwrap_or(kept));
    Ok((url.into(), version))
}

/// Returns the deployment of a model's name: `azure:NAME` and `NAME` mean the same.
fn deployment(model: &str) -> Result<&str, Error> {
    let name = model.strip_prefix("azure:").unwrap_or(model);
    if name.is_empty() || name == "." || name == ".." {
        return Err(Error::invalid("model", "the model is not the name of a deployment"));
    }
    Ok(name)
}

fn unknown(option: &str, value: &str, wanted: &str) -> Error {
    Error::new(ErrorKind::Config, format!("`{option}` is `{value}`")).with_hint(format!("set it to {wanted}"))
}
