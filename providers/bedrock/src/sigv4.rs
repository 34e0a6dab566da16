use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use tollbridge_core::{CallContext, Error, ErrorKind, Secret};
use tollbridge_provider::Signer;

/// An access key of AWS, and the region that it is used in.
#[derive(Clone)]
#[non_exhaustive]
pub struct Credentials {
    /// The id of the key, which is no secret.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// The token of a session, for keys that end.
    pub session_token: Option<Secret>,
    /// The region, such as `us-east-1`.
    pub region: String,
}

impl Credentials {
    /// Makes credentials of a key that does not end.
    pub fn new(access_key_id: impl Into<String>, secret_access_key: Secret, region: impl Into<String>) -> Self {
        let (access_key_id, region) = (access_key_id.into(), region.into());
        Self { access_key_id, secret_access_key, session_token: None, region }
    }

    /// Signs a request as of a moment, with Signature Version 4 of the service `bedrock`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the request or the credentials cannot be signed.
    pub fn sign(&self, request: &mut http::Request<Bytes>, at: SystemTime) -> Result<(), Error> {
        let broken = |what: &str| Error::new(ErrorKind::Config, format!("the request cannot be signed: {what}"));
        let token = self.session_token.as_ref().map(|token| token.expose().to_owned());
        let identity = aws_credential_types::Credentials::new(
            &self.access_key_id,
            self.secret_access_key.expose(),
            token,
            None,
            "tollbridge",
        )
        .into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("bedrock")
            .time(at)
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| broken("a part of the credentials is missing"))?;
        let headers = request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers,
            SignableBody::Bytes(request.body()),
        )
        .map_err(|_| broken("its address or headers cannot be read"))?;
        let signed = sign(signable, &parameters.into()).map_err(|_| broken("the signer refused it"))?;
        signed.into_parts().0.apply_to_request_http1x(request);
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("region", &self.region).finish_non_exhaustive()
    }
}

#[async_trait]
impl Signer for Credentials {
    async fn sign(&self, request: &mut http::Request<Bytes>, _: &CallContext) -> Result<(), Error> {
        Self::sign(self, request, SystemTime::now())
    }
}
