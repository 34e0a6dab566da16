//! Where access tokens come from, after "Application Default Credentials" in Google's documentation.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use tollbridge_core::{Error, ErrorKind, Secret};

/// What tokens may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A way to get access tokens.
pub(crate) enum Credentials {
    /// A service account, which signs its own request for a token.
    ServiceAccount { email: String, key_id: Option<String>, key: Box<RsaKeyPair>, token_uri: String },
    /// A person's login, which is renewed.
    User { client_id: String, client_secret: Secret, refresh_token: Secret, token_uri: String },
    /// The account of the machine.
    Metadata { host: String },
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    r#type: String,
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    token_uri: Option<String>,
    project_id: Option<String>,
    quota_project_id: Option<String>,
}

impl Credentials {
    /// Reads a key file, and the project that it names.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] that names the file and the field, and never what stands there.
    pub(crate) fn from_file(path: &Path) -> Result<(Self, Option<String>), Error> {
        let shown = path.display();
        let wrong = |what: String| {
            Error::new(ErrorKind::Config, format!("`credentials`: the file {shown} {what}")).with_hint(
                "name the JSON key file of a service account, or what `gcloud auth application-default login` wrote",
            )
        };
        let text = std::fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let file: File =
            serde_json::from_slice(&text).map_err(|_| wrong("is not a JSON object of credentials".to_owned()))?;
        let missing = |field: &str| wrong(format!("has no `{field}`"));
        let token_uri = file.token_uri.unwrap_or_else(|| "https://oauth2.googleapis.com/token".to_owned());
        let credentials = match file.r#type.as_str() {
            "service_account" => {
                let email = file.client_email.ok_or_else(|| missing("client_email"))?;
                let key = file.private_key.ok_or_else(|| missing("private_key"))?;
                let key = read_key(&key)
                    .ok_or_else(|| wrong("has a `private_key` that is no RSA key in PKCS #8".to_owned()))?;
                Self::ServiceAccount { email, key_id: file.private_key_id, key: Box::new(key), token_uri }
            }
            "authorized_user" => Self::User {
                client_id: file.client_id.ok_or_else(|| missing("client_id"))?,
                client_secret: Secret::new(file.client_secret.ok_or_else(|| missing("client_secret"))?),
                refresh_token: Secret::new(file.refresh_token.ok_or_else(|| missing("refresh_token"))?),
                token_uri,
            },
            other => return Err(wrong(format!("holds credentials of the type `{other}`, which is not known here"))),
        };
        Ok((credentials, file.project_id.or(file.quota_project_id)))
    }

    /// Returns where `gcloud` keeps a person's login.
    pub(crate) fn well_known() -> Option<PathBuf> {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?;
        let path = Path::new(&home).join(".config/gcloud/application_default_credentials.json");
        path.is_file().then_some(path)
    }

    /// Writes the request for a token as of a moment, in seconds since 1970 UTC.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the key cannot sign or an address is none.
    pub(crate) fn request(&self, now: u64) -> Result<http::Request<Bytes>, Error> {
        let broken = |what: &str| Error::new(ErrorKind::Config, format!("no token can be asked for: {what}"));
        let form = |uri: &str, pairs: &[(&str, &str)]| {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.extend_pairs(pairs);
            http::Request::post(uri)
                .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Bytes::from(form.finish()))
                .map_err(|_| broken("`token_uri` is no address"))
        };
        match self {
            Self::ServiceAccount { email, key_id, key, token_uri } => {
                let head = serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": key_id});
                let claims = serde_json::json!({
                    "iss": email, "scope": SCOPE, "aud": token_uri, "iat": now, "exp": now + 3600,
                });
                let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let signed = format!("{}.{}", part(&head), part(&claims));
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
                    .map_err(|_| broken("the private key cannot sign"))?;
                let assertion = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
                let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
                form(token_uri, &[("grant_type", grant), ("assertion", &assertion)])
            }
            Self::User { client_id, client_secret, refresh_token, token_uri } => form(
                token_uri,
                &[
                    ("grant_type", "refresh_token"),
                    ("client_id", client_id),
                    ("client_secret", client_secret.expose()),
                    ("refresh_token", refresh_token.expose()),
                ],
            ),
            Self::Metadata { host } => {
                let uri =
                    format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={SCOPE}");
                http::Request::get(uri)
                    .header("metadata-flavor", "Google")
                    .body(Bytes::new())
                    .map_err(|_| broken("`GCE_METADATA_HOST` is no address"))
            }
        }
    }
}

/// Reads an RSA key in PEM.
fn read_key(pem: &str) -> Option<RsaKeyPair> {
    let body = pem.split_once("-----BEGIN PRIVATE KEY-----")?.1.split_once("-----END PRIVATE KEY-----")?.0;
    let coded: String = body.chars().filter(|letter| !letter.is_whitespace()).collect();
    RsaKeyPair::from_pkcs8(&STANDARD.decode(coded).ok()?).ok()
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
