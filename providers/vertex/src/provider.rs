use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderValue;
use tollbridge_core::{
    AuthStyle, CallContext, Error, ErrorKind, Operation, OptionSpec, Provider, ProviderInfo, ProviderSettings,
    Registration, Reply, Request, Secret, Transport,
};
use tollbridge_protocol::{anthropic, codec, gemini};
use tollbridge_provider::{Endpoint, HttpProvider};

use crate::credentials::Found;
use crate::place::{Place, Publisher, base_of, missing_project, publisher};
use crate::token::Tokens;

/// Vertex AI.
pub const REGISTRATION: Registration = Registration::new("vertex", "Google Vertex AI", build)
    .aliases(&["vertex_ai", "google_vertex"])
    .base_url("https://aiplatform.googleapis.com")
    .base_env(&["VERTEX_BASE_URL", "GOOGLE_VERTEX_BASE_URL"])
    .key_env(&["VERTEX_ACCESS_TOKEN", "VERTEX_API_KEY", "GOOGLE_VERTEX_API_KEY"])
    .keyless()
    .options(&[
        OptionSpec::new(
            "project",
            "The project that calls are billed to; that of the credentials by default",
            &["VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"],
        ),
        OptionSpec::new(
            "location",
            "Where the models are: `global` (default), `us`, `eu`, or a region such as `europe-west4`",
            &["VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION"],
        ),
        OptionSpec::new(
            "credentials",
            "A file with credentials, such as a service account's key, or its JSON itself",
            &["GOOGLE_APPLICATION_CREDENTIALS"],
        )
        .secret(),
        OptionSpec::new("metadata_host", "The metadata server of the machine", &["GCE_METADATA_HOST"]),
        OptionSpec::new("auth", "How `api_key` travels: `bearer` or `api-key`; by default as it looks", &[]),
    ]);

/// The version of Anthropic's protocol that Vertex speaks.
const ANTHROPIC_VERSION: &str = "vertex-2023-10-16";

fn build(
    _: &Registration,
    mut settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let auth = settings.api_key.as_ref().map(|key| style(key, settings.option("auth"))).transpose()?;
    let found = if auth.is_none() { Some(Found::by(&settings)?) } else { None };
    settings.options.remove("credentials");
    let project = settings.option("project").or(found.as_ref().and_then(|found| found.project.as_deref()));
    let project = project.map(str::to_owned);
    if project.is_none() && !matches!(auth, Some(AuthStyle::Header(_))) {
        return Err(missing_project());
    }
    let location = settings.option("location").unwrap_or("global").to_owned();
    let base = settings.base_url.clone().map_or_else(|| base_of(&location), Ok)?;
    let place = Place { endpoint: Endpoint::parse(&base, Some("v1"))?, project, location };
    let tokens = found.map(|found| {
        let quota = found.quota_project.and_then(|project| HeaderValue::try_from(project).ok());
        Tokens::new(found.credentials, quota, Arc::clone(&transport))
    });
    let finish = |provider: HttpProvider| -> Result<Arc<dyn Provider>, Error> {
        Ok(match &tokens {
            Some(tokens) => provider.signer(Arc::new(tokens.clone())).build(),
            None => provider.auth(auth.unwrap_or(AuthStyle::Bearer))?.build(),
        })
    };
    let here = place.clone();
    let google = HttpProvider::new(settings.clone(), Arc::clone(&transport), move |route| here.google(route))
        .chat(codec::GEMINI_GENERATE)
        .count_tokens(codec::GEMINI_COUNT_TOKENS)
        .embed(codec::VERTEX_PREDICT)
        .rewrite(|route, body| match route.operation {
            Operation::CountTokens => gemini::count_for_vertex(&body),
            _ => Ok(body),
        });
    let listed = !settings.models.is_empty();
    let google = finish(if listed { google.models(codec::OPENAI_MODELS) } else { google })?;
    let anthropic = HttpProvider::new(settings.clone(), transport, move |route| place.anthropic(route))
        .chat(codec::ANTHROPIC_MESSAGES)
        .count_tokens(codec::ANTHROPIC_COUNT_TOKENS)
        .rewrite(|route, body| match route.operation {
            Operation::Chat => anthropic::without_model(&body, ANTHROPIC_VERSION),
            _ => Ok(body),
        });
    let anthropic = finish(anthropic)?;
    let mut operations = google.info().operations.clone();
    operations.extend_from_slice(&anthropic.info().operations);
    Ok(Arc::new(Vertex { info: ProviderInfo::new(settings.name, &operations), google, anthropic, tokens }))
}

/// Says how a key travels: Google's API keys in a header of their own, access tokens as bearer tokens.
fn style(key: &Secret, option: Option<&str>) -> Result<AuthStyle, Error> {
    const API_KEY: AuthStyle = AuthStyle::Header("x-goog-api-key");
    match option {
        Some("api-key") => Ok(API_KEY),
        Some("bearer") => Ok(AuthStyle::Bearer),
        Some(other) => {
            Err(Error::new(ErrorKind::Config, format!("`auth` is `{other}`"))
                .with_hint("set it to `bearer` or `api-key`"))
        }
        // What Google's consoles hand out as API keys begins with one of these.
        None if ["AIza", "AQ."].iter().any(|start| key.expose().starts_with(start)) => Ok(API_KEY),
        None => Ok(AuthStyle::Bearer),
    }
}

/// Google's models and Anthropic's, each in its maker's protocol.
struct Vertex {
    info: ProviderInfo,
    google: Arc<dyn Provider>,
    anthropic: Arc<dyn Provider>,
    tokens: Option<Tokens>,
}

#[async_trait]
impl Provider for Vertex {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, mut request: Request, cx: &CallContext) -> Result<Reply, Error> {
        if request.operation == Operation::Models {
            return self.google.call(request, cx).await;
        }
        let (publisher, name) = publisher(&request.model)
            .map_err(|error| error.with_provider(&self.info.name).with_model(&request.model))?;
        request.model = name.to_owned();
        let provider = match publisher {
            Publisher::Google => &self.google,
            Publisher::Anthropic => &self.anthropic,
        };
        let Some((tokens, kept)) = self.tokens.as_ref().and_then(|tokens| Some((tokens, tokens.kept()?))) else {
            return provider.call(request, cx).await;
        };
        match provider.call(request.clone(), cx).await {
            // A token may end before its time; one that was fetched for this very call would be refused again.
            Err(error) if error.vendor().is_some_and(|vendor| vendor.status == Some(401)) => {
                tokens.forget(&kept);
                provider.call(request, cx).await
            }
            outcome => outcome,
        }
    }
}
