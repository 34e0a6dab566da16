use std::sync::Arc;

use tollbridge_core::{
    AuthStyle, Error, ErrorKind, Operation, OptionSpec, Provider, ProviderSettings, Registration, Secret, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_provider::HttpProvider;

use crate::SigV4;
use crate::endpoints::Endpoints;
use crate::one_by_one::OneByOne;

/// Amazon Bedrock.
pub const REGISTRATION: Registration = Registration::new("bedrock", "Amazon Bedrock", build)
    .aliases(&["aws", "amazon_bedrock"])
    .base_url("https://bedrock-runtime.us-east-1.amazonaws.com")
    .base_env(&["AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "BEDROCK_BASE_URL"])
    .key_env(&["AWS_BEARER_TOKEN_BEDROCK"])
    // An access key, whose two halves are options, does as well.
    .keyless()
    .options(&[
        OptionSpec::new("region", "The region; us-east-1 by default", &["AWS_REGION", "AWS_DEFAULT_REGION"]),
        OptionSpec::new("access_key_id", "The access key that requests are signed with", &["AWS_ACCESS_KEY_ID"]),
        OptionSpec::new("secret_access_key", "The secret half of the access key", &["AWS_SECRET_ACCESS_KEY"]).secret(),
        OptionSpec::new("session_token", "The token of a temporary access key", &["AWS_SESSION_TOKEN"]).secret(),
    ]);

fn build(
    _: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let endpoints = Endpoints::new(settings.option("region"), settings.base_url.as_deref())?;
    let region = endpoints.region.clone();
    let secret = |name: &str| settings.option(name).map(Secret::new);
    let (id, key) = (settings.option("access_key_id").map(str::to_owned), secret("secret_access_key"));
    let (token, bearer, elsewhere) = (secret("session_token"), settings.api_key.is_some(), settings.base_url.is_some());
    let provider = HttpProvider::new(settings, transport, move |route| match (route.operation, route.stream) {
        (Operation::Models, _) => Ok(endpoints.models()),
        (Operation::Embed, _) => endpoints.model(route.model, "invoke"),
        (Operation::CountTokens, _) => endpoints.model(route.model, "count-tokens"),
        (_, true) => endpoints.model(route.model, "converse-stream"),
        (_, false) => endpoints.model(route.model, "converse"),
    });
    let provider = provider
        .chat(codec::BEDROCK_CONVERSE)
        .embed(codec::BEDROCK_EMBED)
        .count_tokens(codec::BEDROCK_COUNT_TOKENS)
        .models(codec::BEDROCK_MODELS);
    let provider = match (id, key) {
        _ if bearer => Ok(provider.auth(AuthStyle::Bearer)?.build()),
        (Some(id), Some(key)) => {
            let provider = [Some(&key), token.as_ref()]
                .into_iter()
                .flatten()
                .fold(provider, |provider, secret| provider.hide(secret.clone()));
            Ok(provider.signer(Arc::new(SigV4::new(id, key, token, region, "bedrock"))).build())
        }
        (Some(_), None) => Err(half("secret_access_key", "AWS_SECRET_ACCESS_KEY")),
        (None, Some(_)) => Err(half("access_key_id", "AWS_ACCESS_KEY_ID")),
        // A server of one's own may want no key.
        (None, None) if elsewhere => Ok(provider.build()),
        (None, None) => Err(Error::new(ErrorKind::Config, "Bedrock has no key").with_hint(
            "set `api_key` or AWS_BEARER_TOKEN_BEDROCK, or `access_key_id` and `secret_access_key`, or AWS's variables",
        )),
    }?;
    Ok(Arc::new(OneByOne::new(provider)))
}

fn half(option: &str, variable: &str) -> Error {
    Error::new(ErrorKind::Config, format!("`{option}` is missing, the other half of the access key"))
        .with_hint(format!("set it, or the environment variable {variable}"))
}
