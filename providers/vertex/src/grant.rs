//! The requests that fetch access tokens: RFC 7523 and RFC 6749 (section 6), and the metadata server's own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tollbridge_core::{Error, ErrorKind};
use url::Url;
use url::form_urlencoded::Serializer;

use crate::credentials::Credentials;

/// What tokens may be used for.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long an assertion is good for, in seconds; the longest that Google takes.
const LIFETIME: u64 = 3600;

/// Writes the request for a token as of a moment, in seconds since 1970 UTC.
///
/// # Errors
/// [`ErrorKind::Config`] if the key cannot sign, or the host is none.
pub(crate) fn request(credentials: &Credentials, now: u64) -> Result<http::Request<Bytes>, Error> {
    match credentials {
        Credentials::ServiceAccount { email, key_id, key, token_uri } => {
            let mut head = json!({"alg": "RS256", "typ": "JWT"});
            if let (Some(key_id), Some(head)) = (key_id, head.as_object_mut()) {
                head.insert("kid".to_owned(), key_id.as_str().into());
            }
            let claims = json!({
                "iss": email, "scope": SCOPE, "aud": token_uri.as_str(), "iat": now, "exp": now + LIFETIME,
            });
            let assertion = signed(key, &head, &claims)?;
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            form(token_uri, &[("grant_type", grant), ("assertion", &assertion)])
        }
        Credentials::User { client_id, client_secret, refresh_token, token_uri } => form(
            token_uri,
            &[
                ("grant_type", "refresh_token"),
                ("client_id", client_id),
                ("client_secret", client_secret.expose()),
                ("refresh_token", refresh_token.expose()),
            ],
        ),
        Credentials::Metadata { host } => http::Request::get(format!("http://{host}{METADATA}?scopes={SCOPE}"))
            .header("metadata-flavor", "Google")
            .body(Bytes::new())
            .map_err(|_| Error::new(ErrorKind::Config, format!("`metadata_host` is `{host}`, which is no host"))),
    }
}

const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// Writes a JSON Web Token, signed with RS256.
fn signed(key: &RsaKeyPair, head: &Value, claims: &Value) -> Result<String, Error> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(head), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .map_err(|_| Error::new(ErrorKind::Config, "the `private_key` of the credentials cannot sign"))?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn form(url: &Url, pairs: &[(&str, &str)]) -> Result<http::Request<Bytes>, Error> {
    http::Request::post(url.as_str())
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(Serializer::new(String::new()).extend_pairs(pairs).finish()))
        .map_err(|_| Error::new(ErrorKind::Config, "the `token_uri` of the credentials is no address"))
}
