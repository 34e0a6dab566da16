//! Where models are, after "Vertex AI API: publishers.models" in Google Cloud's reference.

use tollbridge_core::{Error, ErrorKind, Operation};
use tollbridge_provider::{Endpoint, Route, api_path};
use url::Url;

/// Who made a model, and so which protocol it is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publisher {
    Google,
    Anthropic,
}

/// Tells who published a model, and its name at its publisher.
///
/// `PUBLISHER/MODEL` and the resource name `publishers/PUBLISHER/models/MODEL` say it; else names that
/// begin with `claude` are Anthropic's, and all others Google's.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for other publishers.
pub(crate) fn publisher(model: &str) -> Result<(Publisher, &str), Error> {
    let resource = model.strip_prefix("publishers/").and_then(|rest| rest.split_once("/models/"));
    match resource.or_else(|| model.split_once('/')) {
        Some(("google", name)) => Ok((Publisher::Google, name)),
        Some(("anthropic", name)) => Ok((Publisher::Anthropic, name)),
        Some(("models", name)) => Ok((Publisher::Google, name)),
        // A tuned model of Google's answers at an endpoint of the project's own.
        Some(("endpoints", _)) => Ok((Publisher::Google, model)),
        Some((other, _)) => {
            let message = format!("models of the publisher `{other}` are not supported");
            Err(Error::new(ErrorKind::Unsupported, message)
                .with_path("model")
                .with_hint("use a model of `google/…` or `anthropic/…`, or `endpoints/ID` for a tuned one"))
        }
        None if model.starts_with("claude") => Ok((Publisher::Anthropic, model)),
        None => Ok((Publisher::Google, model)),
    }
}

/// Returns the base URL of a location: a region, `global`, or one of the multi-regions `us` and `eu`.
///
/// # Errors
/// [`ErrorKind::Config`] for a text that is no location.
pub(crate) fn base_of(location: &str) -> Result<String, Error> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match location {
        "global" => Ok("https://aiplatform.googleapis.com".to_owned()),
        "us" | "eu" => Ok(format!("https://aiplatform.{location}.rep.googleapis.com")),
        region if !region.is_empty() && region.bytes().all(plain) => {
            Ok(format!("https://{region}-aiplatform.googleapis.com"))
        }
        other => Err(Error::new(ErrorKind::Config, format!("`location` is `{other}`, which is no location"))
            .with_hint("set it to `global`, or to a region such as `europe-west4`")),
    }
}

/// Where the models of a project are.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) endpoint: Endpoint,
    /// None for keys that stand for a project themselves, as in Vertex AI's express mode.
    pub(crate) project: Option<String>,
    pub(crate) location: String,
}

impl Place {
    /// Returns the URL of an operation on a model of Google's.
    pub(crate) fn google(&self, route: &Route<'_>) -> Result<Url, Error> {
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

    /// Returns the URL of an operation on a model of Anthropic's.
    pub(crate) fn anthropic(&self, route: &Route<'_>) -> Result<Url, Error> {
        if self.project.is_none() {
            return Err(missing_project());
        }
        match (route.operation, route.stream) {
            (Operation::CountTokens, _) => self.model("anthropic", "count-tokens", "rawPredict"),
            (_, true) => self.model("anthropic", route.model, "streamRawPredict"),
            (_, false) => self.model("anthropic", route.model, "rawPredict"),
        }
    }

    fn model(&self, publisher: &str, model: &str, method: &str) -> Result<Url, Error> {
        let mut segments = Vec::new();
        if let Some(project) = &self.project {
            segments.extend(["projects", project, "locations", &self.location]);
        }
        if !model.starts_with("endpoints/") {
            segments.extend(["publishers", publisher, "models"]);
        }
        segments.extend(api_path(model)?);
        let last = format!("{}:{method}", segments.pop().unwrap_or_default());
        segments.push(&last);
        Ok(self.endpoint.join(&segments))
    }
}

pub(crate) fn missing_project() -> Error {
    Error::new(ErrorKind::Config, "`project` is missing")
        .with_hint("set it, or GOOGLE_CLOUD_PROJECT, to the id of your Google Cloud project")
}
