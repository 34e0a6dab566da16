use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tollbridge_core::{
    AuthStyle, CallContext, Error, ErrorKind, Operation, OptionSpec, Protocol, Provider, ProviderInfo,
    ProviderSettings, Registration, Reply, Request, Transport,
};
use tollbridge_protocol::{anthropic, codec};
use tollbridge_provider::{Endpoint, HttpProvider, Route, Signer, api_path};
use url::Url;

use crate::credentials::Credentials;
use crate::token::Tokens;

/// Vertex AI.
pub const REGISTRATION: Registration = Registration::new("vertex", "Google Vertex AI", build)
    .aliases(&["vertex_ai", "google_vertex"])
    .base_env(&["VERTEX_BASE_URL"])
    .key_env(&["VERTEX_ACCESS_TOKEN"])
    .keyless()
    .options(&[
        OptionSpec::new(
            "project",
            "The project that calls are billed to",
            &["VERTEX_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"],
        ),
        OptionSpec::new(
            "location",
            "The location of the models: `global` (default), or a region such as `europe-west4`",
            &["VERTEX_LOCATION", "GOOGLE_CLOUD_LOCATION", "CLOUD_ML_REGION"],
        ),
        OptionSpec::new("credentials", "The key file of a service account", &["GOOGLE_APPLICATION_CREDENTIALS"]),
        OptionSpec::new("metadata_host", "The metadata server, for machines of Google's", &["GCE_METADATA_HOST"]),
    ]);

/// The version of Anthropic's protocol that Vertex speaks.
const ANTHROPIC_VERSION: &str = "vertex-2023-10-16";

fn build(
    _: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let location = settings.option("location").unwrap_or("global").to_owned();
    let (credentials, named) = match &settings.api_key {
        Some(_) => (None, None),
        None => {
            let (credentials, project) = find_credentials(&settings)?;
            (Some(credentials), project)
        }
    };
    let project = settings.option("project").map(str::to_owned).or(named).ok_or_else(|| {
        Error::new(ErrorKind::Config, "`project` is missing").with_hint("set it to the id of your Google Cloud project")
    })?;
    let host = match location.as_str() {
        "global" => "https://aiplatform.googleapis.com".to_owned(),
        region => format!("https://{region}-aiplatform.googleapis.com"),
    };
    let base = settings.base_url.clone().unwrap_or(host);
    let place = Place { endpoint: Endpoint::parse(&base, Some("v1"))?, project, location };
    let signer: Option<Arc<dyn Signer>> =
        credentials.map(|credentials| Arc::new(Tokens::new(credentials, Arc::clone(&transport))) as Arc<dyn Signer>);
    let finish = |provider: HttpProvider| -> Result<Arc<dyn Provider>, Error> {
        Ok(match &signer {
            Some(signer) => provider.auth(AuthStyle::None)?.signer(Arc::clone(signer)).build(),
            None => provider.auth(AuthStyle::Bearer)?.build(),
        })
    };
    let own = place.clone();
    let gemini = HttpProvider::new(settings.clone(), Arc::clone(&transport), move |route| own.gemini(route))
        .chat(codec::GEMINI_GENERATE)
        .count_tokens(codec::GEMINI_COUNT_TOKENS)
        .embed(codec::VERTEX_PREDICT);
    let claude = HttpProvider::new(settings.clone(), transport, move |route| place.claude(route))
        .chat(codec::ANTHROPIC_MESSAGES)
        .count_tokens(codec::ANTHROPIC_COUNT_TOKENS)
        .rewrite(|route, body| match route.operation {
            Operation::Chat => anthropic::without_model(&body, ANTHROPIC_VERSION),
            _ => Ok(body),
        });
    let operations = [
        (Operation::Chat, Protocol::GEMINI_GENERATE),
        (Operation::Chat, Protocol::ANTHROPIC_MESSAGES),
        (Operation::CountTokens, Protocol::GEMINI_COUNT_TOKENS),
        (Operation::CountTokens, Protocol::ANTHROPIC_COUNT_TOKENS),
        (Operation::Embed, Protocol::VERTEX_PREDICT),
    ];
    let info = ProviderInfo::new(settings.name, &operations);
    Ok(Arc::new(Vertex { info, gemini: finish(gemini)?, claude: finish(claude)? }))
}

fn find_credentials(settings: &ProviderSettings) -> Result<(Credentials, Option<String>), Error> {
    let file = settings.option("credentials").map(PathBuf::from).or_else(Credentials::well_known);
    match (settings.option("metadata_host"), file) {
        (Some(host), _) => Ok((Credentials::Metadata { host: host.to_owned() }, None)),
        (None, Some(path)) => Credentials::from_file(&path),
        (None, None) => Ok((Credentials::Metadata { host: "metadata.google.internal".to_owned() }, None)),
    }
}

/// Gemini's and Claude's models, each in its maker's protocol.
struct Vertex {
    info: ProviderInfo,
    gemini: Arc<dyn Provider>,
    claude: Arc<dyn Provider>,
}

#[async_trait]
impl Provider for Vertex {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, mut request: Request, cx: &CallContext) -> Result<Reply, Error> {
        let name = request.model.strip_prefix("anthropic/").or(request.model.strip_prefix("google/"));
        if let Some(name) = name {
            request.model = name.to_owned();
        }
        let provider = if request.model.starts_with("claude") { &self.claude } else { &self.gemini };
        provider.call(request, cx).await
    }
}

/// Where the models of a project are.
#[derive(Clone)]
struct Place {
    endpoint: Endpoint,
    project: String,
    location: String,
}

impl Place {
    fn model(&self, publisher: &str, model: &str, method: &str) -> Result<Url, Error> {
        let mut segments =
            vec!["projects", &self.project, "locations", &self.location, "publishers", publisher, "models"];
        segments.extend(api_path(model)?);
        let last = format!("{}:{method}", segments.pop().unwrap_or_default());
        segments.push(&last);
        Ok(self.endpoint.join(&segments))
    }

    fn gemini(&self, route: &Route<'_>) -> Result<Url, Error> {
        let method = match (route.operation, route.stream) {
            (Operation::Embed, _) => "predict",
            (Operation::CountTokens, _) => "countTokens",
            (_, true) => "streamGenerateContent",
            (_, false) => "generateContent",
        };
        let mut url = self.model("google", route.model, method)?;
        url.set_query(route.stream.then_some("alt=sse"));
        Ok(url)
    }

    fn claude(&self, route: &Route<'_>) -> Result<Url, Error> {
        match (route.operation, route.stream) {
            (Operation::CountTokens, _) => self.model("anthropic", "count-tokens", "rawPredict"),
            (_, true) => self.model("anthropic", route.model, "streamRawPredict"),
            (_, false) => self.model("anthropic", route.model, "rawPredict"),
        }
    }
}
