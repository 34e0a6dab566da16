use tollbridge_core::{Error, ErrorKind};
use url::Url;

/// A vendor's base URL in its one normal form, from which every URL of a provider is made.
///
/// People write base URLs with and without the version, with a trailing slash, or paste a whole
/// endpoint. All of them mean one base:
///
/// ```
/// use tollbridge_provider::Endpoint;
///
/// for spelling in ["http://h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/", "http://h:1/v1/chat/completions"] {
///     let endpoint = Endpoint::parse(spelling, Some("v1")).unwrap();
///     assert_eq!(endpoint.join(&["chat", "completions"]).as_str(), "http://h:1/v1/chat/completions");
/// }
/// let kept = Endpoint::parse("https://open.bigmodel.cn/api/paas/v4/", Some("v1")).unwrap();
/// assert_eq!(kept.join(&["embeddings"]).path(), "/api/paas/v4/embeddings");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Normalises a base URL; `version` is the path segment that its vendor's API lives under.
    ///
    /// The version is added unless the path already ends in one, whichever it is. A path of a known
    /// endpoint at the end is cut off.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is not an HTTP URL, or holds a user name, query or fragment.
    pub fn parse(base: &str, version: Option<&str>) -> Result<Self, Error> {
        let mut url = Url::parse(base.trim()).map_err(|error| {
            Error::new(ErrorKind::Config, format!("`base_url` is not a URL: {error}"))
                .with_hint("write it as https://HOST or https://HOST/PATH")
        })?;
        let problem = if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            Some(("does not begin with http:// or https://", "write it as https://HOST or https://HOST/PATH"))
        } else if !url.username().is_empty() || url.password().is_some() {
            Some(("holds a user name or password", "put the key into `api_key`"))
        } else if url.query().is_some() || url.fragment().is_some() {
            Some(("holds a query or fragment", "put keys into `api_key` and versions into `api_version`"))
        } else {
            None
        };
        if let Some((what, hint)) = problem {
            return Err(Error::new(ErrorKind::Config, format!("`base_url` {what}")).with_hint(hint));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        let mut path = ENDPOINTS.iter().find_map(|known| path.strip_suffix(known)).unwrap_or(&path).to_owned();
        if let Some(model) = path.rfind("/models/").filter(|_| path.contains(':')) {
            path.truncate(model);
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        if let Some(version) = version.filter(|_| !is_version(last)) {
            path = format!("{path}/{version}");
        }
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Returns the URL of an endpoint below the base. Each segment is one, whatever is in it.
    pub fn join(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Returns the base as a text without a trailing slash.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

/// Checks that a model's name can stand in a path, and returns its segments.
///
/// # Errors
/// [`ErrorKind::InvalidRequest`] for a name that is empty or would leave its place in the path.
pub fn api_path(model: &str) -> Result<Vec<&str>, Error> {
    let segments: Vec<&str> = model.split('/').collect();
    let stays = |segment: &&str| !matches!(*segment, "" | "." | "..") && !segment.chars().any(char::is_control);
    if segments.iter().all(stays) {
        return Ok(segments);
    }
    Err(Error::invalid("model", "the model's name cannot stand in a URL")
        .with_hint("use the name that the vendor lists"))
}

/// Says whether a path segment is a version, such as `v1`, `v4` or `v1beta`.
fn is_version(segment: &str) -> bool {
    let mut letters = segment.chars();
    letters.next() == Some('v') && letters.next().is_some_and(|letter| letter.is_ascii_digit())
}

/// Paths that people paste behind a base URL; longer ones first.
const ENDPOINTS: &[&str] = &["/chat/completions", "/completions", "/responses", "/embeddings", "/messages", "/models"];
