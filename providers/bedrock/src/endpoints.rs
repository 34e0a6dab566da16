//! Where Bedrock is: models answer at one host of a region, and are listed at another.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tollbridge_core::{Error, ErrorKind};
use tollbridge_provider::Endpoint;
use url::Url;

/// The region of a provider that is told none.
const REGION: &str = "us-east-1";

/// The endpoints of one region.
#[derive(Clone, Debug)]
pub(crate) struct Endpoints {
    pub(crate) region: String,
    runtime: Endpoint,
    control: Endpoint,
}

impl Endpoints {
    /// Finds the endpoints of a region; a base URL replaces them, and may name the region.
    pub(crate) fn new(region: Option<&str>, base_url: Option<&str>) -> Result<Self, Error> {
        let region = region.or_else(|| base_url.and_then(region_of)).unwrap_or(REGION).trim().to_owned();
        if region.is_empty() || !region.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') {
            return Err(Error::new(ErrorKind::Config, format!("`region` is `{region}`, which is no region of AWS"))
                .with_hint("set it to one such as `us-east-1`"));
        }
        let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        let base = base_url.map_or_else(|| format!("https://{RUNTIME}.{region}.{domain}"), str::to_owned);
        let runtime = Endpoint::parse(&base, None)?;
        // One's own address serves both; AWS's own have a host each.
        let control = runtime.as_str().replacen(&format!("://{RUNTIME}"), "://bedrock", 1);
        let control = Endpoint::parse(&control, None)?;
        Ok(Self { region, runtime, control })
    }

    /// Returns the URL of an operation on a model, whose name or ARN is one segment of the path.
    pub(crate) fn model(&self, model: &str, operation: &str) -> Result<Url, Error> {
        if matches!(model, "" | "." | "..") || model.chars().any(char::is_control) {
            return Err(Error::invalid("model", "the model's name cannot stand in a URL")
                .with_hint("use the id or ARN that Bedrock lists"));
        }
        let mut url = self.runtime.join(&["model"]);
        let path = format!("{}/{}/{operation}", url.path(), utf8_percent_encode(model, ESCAPED));
        url.set_path(&path);
        Ok(url)
    }

    /// Returns the URL of ListFoundationModels.
    pub(crate) fn models(&self) -> Url {
        self.control.join(&["foundation-models"])
    }
}

/// Reads the region out of an address of AWS's own.
fn region_of(base_url: &str) -> Option<&str> {
    let host = base_url.split_once("://")?.1.split(['/', ':']).next()?;
    let region = host.strip_prefix(RUNTIME)?.trim_start_matches("-fips").strip_prefix('.')?;
    region.strip_suffix(".cn").unwrap_or(region).strip_suffix(".amazonaws.com")
}

/// The first word of the host where models answer.
const RUNTIME: &str = "bedrock-runtime";

/// What Signature Version 4 escapes: all but the unreserved characters of RFC 3986.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
