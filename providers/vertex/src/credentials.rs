//! Where access tokens come from, after "How Application Default Credentials works" in Google Cloud's documentation.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::RsaKeyPair;
use serde_json::{Map, Value};
use tollbridge_core::{Error, ErrorKind, ProviderSettings, Secret};
use url::Url;

/// A way to get access tokens.
pub(crate) enum Credentials {
    /// A service account, which signs its own requests for tokens.
    ServiceAccount { email: String, key_id: Option<String>, key: Box<RsaKeyPair>, token_uri: Url },
    /// A person's login, which is renewed.
    User { client_id: String, client_secret: Secret, refresh_token: Secret, token_uri: Url },
    /// The account of the machine, by the host of its metadata server.
    Metadata { host: String },
}

/// Credentials, and what else stood beside them.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) credentials: Credentials,
    /// The project that the credentials belong to.
    pub(crate) project: Option<String>,
    /// The project that a person's calls count against.
    pub(crate) quota_project: Option<String>,
}

impl Found {
    /// Finds credentials: those that are configured, else a login of `gcloud`, else the machine's account.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the file and the field, and never what stands there.
    pub(crate) fn by(settings: &ProviderSettings) -> Result<Self, Error> {
        if let Some(given) = settings.option("credentials") {
            return match given.trim_start().starts_with('{') {
                true => read(given.as_bytes(), "`credentials`"),
                false => read_file(Path::new(given)),
            };
        }
        let host = settings.option("metadata_host").map(bare_host);
        if let (None, Some(login)) = (&host, login_of_gcloud()) {
            return read_file(&login);
        }
        let host = host.unwrap_or("metadata.google.internal").to_owned();
        Ok(Self { credentials: Credentials::Metadata { host }, project: None, quota_project: None })
    }
}

/// Takes what belongs to a URL off the host, which `GCE_METADATA_HOST` names alone.
fn bare_host(host: &str) -> &str {
    host.trim().trim_start_matches("http://").trim_end_matches('/')
}

/// Returns where `gcloud auth application-default login` has kept a person's login.
fn login_of_gcloud() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("CLOUDSDK_CONFIG")
        .or_else(|| variable("HOME").map(|home| home.join(".config/gcloud")))
        .or_else(|| variable("APPDATA").map(|data| data.join("gcloud")))?;
    Some(folder.join("application_default_credentials.json")).filter(|path| path.is_file())
}

fn read_file(path: &Path) -> Result<Found, Error> {
    let place = format!("the credentials file {}", path.display());
    let text = std::fs::read(path).map_err(|error| wrong(format!("{place} cannot be read: {error}")))?;
    read(&text, &place)
}

/// Reads credentials as Google's console and `gcloud` write them; `place` is for messages.
fn read(text: &[u8], place: &str) -> Result<Found, Error> {
    let fields: Map<String, Value> =
        serde_json::from_slice(text).map_err(|error| wrong(format!("{place} holds no JSON object: {error}")))?;
    let fields = Fields { fields: &fields, place };
    let credentials = match fields.text("type")?.as_str() {
        "service_account" => Credentials::ServiceAccount {
            email: fields.text("client_email")?,
            key_id: fields.perhaps("private_key_id")?,
            key: Box::new(fields.key("private_key")?),
            token_uri: fields.token_uri()?,
        },
        "authorized_user" => Credentials::User {
            client_id: fields.text("client_id")?,
            client_secret: Secret::new(fields.text("client_secret")?),
            refresh_token: Secret::new(fields.text("refresh_token")?),
            token_uri: fields.token_uri()?,
        },
        other => {
            let message = format!("the `type` of {place} is `{other}`, which is not supported");
            return Err(wrong(message));
        }
    };
    let quota_project = fields.perhaps("quota_project_id")?;
    let project = fields.perhaps("project_id")?.or_else(|| quota_project.clone());
    Ok(Found { credentials, project, quota_project })
}

struct Fields<'a> {
    fields: &'a Map<String, Value>,
    place: &'a str,
}

impl Fields<'_> {
    fn perhaps(&self, name: &str) -> Result<Option<String>, Error> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.wrong(name, "is no text")),
        }
    }

    fn text(&self, name: &str) -> Result<String, Error> {
        self.perhaps(name)?.ok_or_else(|| self.wrong(name, "is missing"))
    }

    fn key(&self, name: &str) -> Result<RsaKeyPair, Error> {
        read_key(&self.text(name)?).ok_or_else(|| self.wrong(name, "is no RSA key of at least 2048 bits in PEM"))
    }

    fn token_uri(&self) -> Result<Url, Error> {
        let text = self.perhaps("token_uri")?.unwrap_or_else(|| "https://oauth2.googleapis.com/token".to_owned());
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        url.ok_or_else(|| self.wrong("token_uri", "is no URL"))
    }

    fn wrong(&self, name: &str, what: &str) -> Error {
        wrong(format!("`{name}` of {} {what}", self.place))
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::Config, message).with_hint(
        "set `credentials` to the JSON key file of a service account, or to what `gcloud auth application-default \
         login` wrote",
    )
}

/// Reads an RSA key in PEM, in PKCS #8 as Google writes it or in PKCS #1.
fn read_key(pem: &str) -> Option<RsaKeyPair> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once("-----END ")?;
    let coded: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    let der = STANDARD.decode(coded).ok()?;
    match label {
        "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der).ok(),
        "RSA PRIVATE KEY" => RsaKeyPair::from_der(&der).ok(),
        _ => None,
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServiceAccount { .. } => "ServiceAccount",
            Self::User { .. } => "User",
            Self::Metadata { .. } => "Metadata",
        })
    }
}
