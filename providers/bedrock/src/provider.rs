use std::sync::Arc;

use tollbridge_core::{
    AuthStyle, Error, ErrorKind, Operation, OptionSpec, Provider, ProviderSettings, Registration, Secret, Transport,
};
use tollbridge_protocol::codec;
use tollbridge_provider::{Endpoint, HttpProvider, Route};
use url::Url;

use crate::Credentials;

/// Amazon Bedrock.
pub const REGISTRATION: Registration = Registration::new("bedrock", "Amazon Bedrock", build)
    .aliases(&["aws", "amazon_bedrock"])
    .base_env(&["BEDROCK_BASE_URL", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME"])
    .key_env(&["AWS_BEARER_TOKEN_BEDROCK"])
    .keyless()
    .options(&[
        OptionSpec::new(
            "region",
            "The region of the models, such as `us-east-1`",
            &["AWS_REGION", "AWS_DEFAULT_REGION"],
        ),
        OptionSpec::new("access_key_id", "The id of the access key that signs requests", &["AWS_ACCESS_KEY_ID"]),
        OptionSpec::new("secret_access_key", "The access key that signs requests", &["AWS_SECRET_ACCESS_KEY"]).secret(),
        OptionSpec::new("session_token", "The token of a session, for access keys that end", &["AWS_SESSION_TOKEN"])
            .secret(),
    ]);

fn build(
    _: &Registration,
    mut settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let (runtime, control) = match &settings.base_url {
        // One server plays both, as a proxy or a test does.
        Some(base) => (base.clone(), base.clone()),
        None => {
            let region = region(&settings)?;
            (
                format!("https://bedrock-runtime.{region}.amazonaws.com"),
                format!("https://bedrock.{region}.amazonaws.com"),
            )
        }
    };
    let (runtime, control) = (Endpoint::parse(&runtime, None)?, Endpoint::parse(&control, None)?);
    let credentials = credentials(&mut settings)?;
    let provider = HttpProvider::new(settings, transport, move |route| find(&runtime, &control, route));
    let provider = provider.chat(codec::BEDROCK_CONVERSE).count_tokens(codec::BEDROCK_COUNT_TOKENS);
    let provider = provider.models(codec::BEDROCK_MODELS);
    Ok(match credentials {
        Some(credentials) => provider.auth(AuthStyle::None)?.signer(Arc::new(credentials)).build(),
        None => provider.auth(AuthStyle::Bearer)?.build(),
    })
}

fn find(runtime: &Endpoint, control: &Endpoint, route: &Route<'_>) -> Result<Url, Error> {
    let call = match (route.operation, route.stream) {
        (Operation::Models, _) => return Ok(control.join(&["foundation-models"])),
        (Operation::CountTokens, _) => "count-tokens",
        (_, true) => "converse-stream",
        (_, false) => "converse",
    };
    if route.model.is_empty() || route.model == "." || route.model == ".." {
        return Err(Error::invalid("model", "the model's name cannot stand in a URL")
            .with_hint("use a model's id, or the resource name of an inference profile"));
    }
    let mut url = runtime.join(&["model"]);
    let path = format!("{}/{}/{call}", url.path(), encoded(route.model));
    url.set_path(&path);
    Ok(url)
}

/// Encodes a model's name as one segment of a path. Amazon's signature covers every colon and slash of it.
fn encoded(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn region(settings: &ProviderSettings) -> Result<String, Error> {
    let region = settings.option("region").map(str::to_owned);
    region.ok_or_else(|| missing("region", "set it to the region of the models, such as `us-east-1`"))
}

/// Takes the access key out of the settings, if one signs requests.
fn credentials(settings: &mut ProviderSettings) -> Result<Option<Credentials>, Error> {
    let id = settings.option("access_key_id").map(str::to_owned);
    let secret = settings.options.remove("secret_access_key").map(Secret::new);
    let token = settings.options.remove("session_token").map(Secret::new);
    if settings.api_key.is_some() {
        return Ok(None);
    }
    let (id, secret) = match (id, secret) {
        (Some(id), Some(secret)) => (id, secret),
        (None, _) => return Err(missing("access_key_id", "set `api_key`, or an access key with its id")),
        (_, None) => return Err(missing("secret_access_key", "set it beside `access_key_id`, or set `api_key`")),
    };
    let mut credentials = Credentials::new(id, secret, region(settings)?);
    credentials.session_token = token;
    Ok(Some(credentials))
}

fn missing(option: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Config, format!("`{option}` is missing")).with_hint(hint)
}
