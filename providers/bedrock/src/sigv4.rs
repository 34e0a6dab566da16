use std::time::SystemTime;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use tollbridge_core::{CallContext, Error, ErrorKind, Secret};
use tollbridge_provider::Signer;

/// Signs requests with AWS Signature Version 4.
///
/// The signature covers method, address, body, content type and AWS's own headers: what proxies on
/// the way add or change does not break it.
#[derive(Debug)]
pub struct SigV4 {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    region: String,
    service: &'static str,
}

impl SigV4 {
    /// Signs for a service in a region, with keys that may be temporary ones.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: Secret,
        session_token: Option<Secret>,
        region: impl Into<String>,
        service: &'static str,
    ) -> Self {
        let (access_key_id, region) = (access_key_id.into(), region.into());
        Self { access_key_id, secret_access_key, session_token, region, service }
    }

    /// Signs a request as of a time; the signature is good for some five minutes.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a request that cannot be signed.
    pub fn sign_at(&self, request: &mut http::Request<Bytes>, time: SystemTime) -> Result<(), Error> {
        let token = self.session_token.as_ref().map(|token| token.expose().to_owned());
        let secret = self.secret_access_key.expose();
        let identity = Credentials::new(&self.access_key_id, secret, token, None, "tollbridge").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(self.service)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(unsigned)?;
        let headers = request.headers().iter().filter(|(name, _)| is_signed(name));
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let uri = request.uri().to_string();
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body).map_err(unsigned)?;
        let (instructions, _) = sign(signable, &params.into()).map_err(unsigned)?.into_parts();
        let (signed, _) = instructions.into_parts();
        for header in signed {
            let mut value = HeaderValue::try_from(header.value()).map_err(unsigned)?;
            value.set_sensitive(header.name() != "x-amz-date");
            request.headers_mut().insert(HeaderName::from_static(header.name()), value);
        }
        Ok(())
    }
}

#[async_trait]
impl Signer for SigV4 {
    async fn sign(&self, request: &mut http::Request<Bytes>, _: &CallContext) -> Result<(), Error> {
        self.sign_at(request, SystemTime::now())
    }
}

fn is_signed(name: &HeaderName) -> bool {
    matches!(name.as_str(), "host" | "content-type") || name.as_str().starts_with("x-amz-")
}

fn unsigned(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Config, "the request cannot be signed for AWS")
        .with_hint("check the access key, the session token and the region for characters that do not belong there")
        .with_source(error)
}
