use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header;
use serde::Deserialize;
use tokio::sync::RwLock;
use tokio::time::Instant;
use tollbridge_core::{CallContext, Error, ErrorKind, Secret, Timeouts, Transport};
use tollbridge_provider::Signer;

use crate::credentials::Credentials;

/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(60);
/// The longest reply of a token server that is read, in bytes.
const LIMIT: usize = 64 << 10;

/// Puts an access token on every request, and fetches a new one when the last is about to end.
#[derive(Debug)]
pub(crate) struct Tokens {
    credentials: Credentials,
    source: Source,
    current: RwLock<Option<Token>>,
}

struct Source(Arc<dyn Transport>);

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

#[derive(Clone, Debug)]
struct Token {
    secret: Secret,
    ends: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens {
    pub(crate) fn new(credentials: Credentials, transport: Arc<dyn Transport>) -> Self {
        Self { credentials, source: Source(transport), current: RwLock::new(None) }
    }

    async fn token(&self, cx: &CallContext) -> Result<Secret, Error> {
        let usable = |token: &Option<Token>| {
            token.as_ref().filter(|token| token.ends > Instant::now()).map(|token| token.secret.clone())
        };
        if let Some(secret) = usable(&*self.current.read().await) {
            return Ok(secret);
        }
        // One call fetches; those that wait behind it find what it fetched. The lock is this
        // provider's own, and a caller that leaves lets the next one in.
        let mut current = self.current.write().await;
        if let Some(secret) = usable(&current) {
            return Ok(secret);
        }
        let token = self.fetch(cx).await?;
        let secret = token.secret.clone();
        *current = Some(token);
        Ok(secret)
    }

    async fn fetch(&self, cx: &CallContext) -> Result<Token, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = self.credentials.request(now)?;
        let timeouts = Timeouts::default();
        let (head, mut body) = self.source.0.send(request, timeouts, cx).await?.into_parts();
        let mut whole = Vec::new();
        while let Some(bytes) = body.next().await {
            whole.extend_from_slice(&bytes?);
            if whole.len() > LIMIT {
                break;
            }
        }
        if !head.status.is_success() {
            let kind = if head.status.is_client_error() { ErrorKind::Auth } else { ErrorKind::Server };
            let message = format!("Google's token server answered {}", head.status.as_u16());
            return Err(Error::new(kind, message).with_hint("check that `credentials` is valid and not revoked"));
        }
        let answer: Answer = serde_json::from_slice(&whole)
            .map_err(|_| Error::new(ErrorKind::Decode, "Google's token server sent no `access_token`"))?;
        let lasts = Duration::from_secs(answer.expires_in.unwrap_or(3600)).saturating_sub(MARGIN);
        Ok(Token { secret: Secret::new(answer.access_token), ends: Instant::now() + lasts })
    }
}

#[async_trait]
impl Signer for Tokens {
    async fn sign(&self, request: &mut http::Request<Bytes>, cx: &CallContext) -> Result<(), Error> {
        let value = self.token(cx).await?.header("Bearer")?;
        request.headers_mut().insert(header::AUTHORIZATION, value);
        Ok(())
    }
}
