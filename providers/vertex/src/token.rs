//! Access tokens: kept while they are good, and fetched once for all calls that wait for one.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, Shared, WeakShared};
use futures_util::{StreamExt, future};
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use tokio::time::Instant;
use tollbridge_core::{
    CallContext, Error, ErrorKind, RequestBody, Secret, TimeoutPhase, Timeouts, Transport, VendorError,
};
use tollbridge_provider::Signer;

use crate::credentials::Credentials;
use crate::grant;

/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(60);
/// The longest that a token is kept, whatever its server says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// How long fetching a token may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest reply of a token server that is read, in bytes.
const LIMIT: usize = 64 << 10;

/// Puts an access token on every request.
///
/// Whoever finds no good token joins the one fetch that is under way, or starts it. It lives as long
/// as somebody waits for it, whoever that is: a caller that leaves breaks nobody else's call.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Inner>);

struct Inner {
    credentials: Credentials,
    transport: Arc<dyn Transport>,
    quota_project: Option<HeaderValue>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Arc<Token>>,
    fetch: Option<WeakShared<Fetch>>,
}

type Fetch = BoxFuture<'static, Result<Arc<Token>, Arc<Error>>>;

#[derive(Debug)]
pub(crate) struct Token {
    secret: Secret,
    ends: Instant,
}

impl Tokens {
    /// Fetches tokens with credentials; a person's calls name the project that they count against.
    pub(crate) fn new(
        credentials: Credentials,
        quota_project: Option<HeaderValue>,
        transport: Arc<dyn Transport>,
    ) -> Self {
        Self(Arc::new(Inner { credentials, transport, quota_project, state: Mutex::default() }))
    }

    /// Returns the token that calls are signed with, if there is one that is good.
    pub(crate) fn kept(&self) -> Option<Arc<Token>> {
        self.state().token.clone().filter(|token| Instant::now() < token.ends)
    }

    /// Uses a token no longer, unless another has taken its place already.
    pub(crate) fn forget(&self, refused: &Arc<Token>) {
        let mut state = self.state();
        if state.token.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            state.token = None;
        }
    }

    async fn token(&self, cx: &CallContext) -> Result<Arc<Token>, Error> {
        if let Some(token) = self.kept() {
            return Ok(token);
        }
        let deadline = async {
            match cx.deadline {
                Some(deadline) => tokio::time::sleep_until(Instant::from_std(deadline)).await,
                None => future::pending().await,
            }
        };
        // The fetch is everybody's: this call's own limits only end its waiting.
        tokio::select! {
            biased;
            () = cx.cancellation.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the call was cancelled")),
            outcome = self.fetch() => outcome.map_err(|error| again(&error)),
            () = deadline => {
                let message = "the call was not over at its deadline";
                Err(Error::new(ErrorKind::Timeout(TimeoutPhase::Total), message))
            }
        }
    }

    fn fetch(&self) -> Shared<Fetch> {
        let mut state = self.state();
        if let Some(fetch) = state.fetch.as_ref().and_then(WeakShared::upgrade) {
            return fetch;
        }
        let tokens = self.clone();
        let fetch = async move {
            let outcome = tokens.0.ask().await.map(Arc::new).map_err(Arc::new);
            let mut state = tokens.state();
            state.fetch = None;
            if let Ok(token) = &outcome {
                state.token = Some(Arc::clone(token));
            }
            outcome
        };
        let fetch = fetch.boxed().shared();
        state.fetch = fetch.downgrade();
        fetch
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    async fn ask(&self) -> Result<Token, Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request = grant::request(&self.credentials, now)?;
        let mut timeouts = Timeouts::default();
        (timeouts.first_byte, timeouts.total) = (PATIENCE, Some(PATIENCE));
        let sent = self.transport.send(request.map(RequestBody::from), timeouts, &CallContext::new("token")).await;
        let (head, mut body) = sent.map_err(|error| self.unreachable(error))?.into_parts();
        let mut whole = Vec::new();
        while let Some(bytes) = body.next().await {
            whole.extend_from_slice(&bytes?);
            if whole.len() > LIMIT {
                break;
            }
        }
        if !head.status.is_success() {
            return Err(self.refusal(head.status, &whole));
        }
        let answer: Answer = serde_json::from_slice(&whole)
            .map_err(|_| Error::new(ErrorKind::Decode, "Google's token server sent no `access_token`"))?;
        let lasts = Duration::from_secs(answer.expires_in.unwrap_or(LIFETIME)).min(LONGEST);
        let (secret, ends) = (Secret::new(answer.access_token), Instant::now() + lasts.saturating_sub(MARGIN));
        Ok(Token { secret, ends })
    }

    fn unreachable(&self, error: Error) -> Error {
        let (server, hint) = match &self.credentials {
            Credentials::Metadata { host } => (
                format!("no credentials were found, and the metadata server {host}"),
                "set `credentials` or `api_key`, log in with `gcloud auth application-default login`, or run on a \
                 machine of Google's",
            ),
            _ => {
                ("Google's token server".to_owned(), "check that it can be reached, and `token_uri` of the credentials")
            }
        };
        let message = format!("{server} did not answer: {}", error.message());
        Error::new(error.kind(), message).with_hint(hint).with_source(error)
    }

    fn refusal(&self, status: StatusCode, body: &[u8]) -> Error {
        let said: Refusal = serde_json::from_slice(body).unwrap_or_default();
        let kind = match status {
            StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimit,
            status if status.is_client_error() => ErrorKind::Auth,
            _ => ErrorKind::Server,
        };
        let mut message = format!("Google's token server answered {}", status.as_u16());
        for words in [&said.error, &said.error_description].into_iter().flatten() {
            message = format!("{message}: {words}");
        }
        let mut vendor = VendorError::default();
        (vendor.status, vendor.code, vendor.message) = (Some(status.as_u16()), said.error, said.error_description);
        let error = Error::new(kind, message).with_vendor(vendor);
        let error = error.with_hint("check that the credentials are valid and not revoked, and the machine's clock");
        match &self.credentials {
            Credentials::User { client_secret, refresh_token, .. } => {
                error.redacted(client_secret).redacted(refresh_token)
            }
            _ => error,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

/// How long a token is taken to be good if its server does not say, in seconds.
const LIFETIME: u64 = 3600;

/// Tells one failure to each of those who waited for it.
fn again(error: &Error) -> Error {
    let told = Error::new(error.kind(), error.message()).with_retry(error.retry());
    let told = error.hint().into_iter().fold(told, |told, hint| told.with_hint(hint));
    error.vendor().into_iter().fold(told, |told, vendor| told.with_vendor(vendor.clone()))
}

#[async_trait]
impl Signer for Tokens {
    async fn sign(&self, request: &mut http::Request<Bytes>, cx: &CallContext) -> Result<(), Error> {
        let value = self.token(cx).await?.secret.header("Bearer")?;
        let headers = request.headers_mut();
        headers.insert(header::AUTHORIZATION, value);
        if let Some(project) = &self.0.quota_project {
            headers.entry("x-goog-user-project").or_insert_with(|| project.clone());
        }
        Ok(())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tokens").field(&self.0.credentials).finish()
    }
}
