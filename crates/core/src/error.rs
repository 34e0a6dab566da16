use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;
use tollbridge_types::ChatReply;

use crate::Secret;

/// What went wrong with a call, and what to do next.
///
/// Small and opaque: [`kind`](Self::kind) says what the caller does next, [`retry`](Self::retry)
/// whether trying again helps, [`vendor`](Self::vendor) what the vendor said. Printing it shows no
/// secret and no prompt.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    path: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    retry: Option<Retry>,
    attempts: u32,
    vendor: Option<VendorError>,
    partial: Option<ChatReply>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Makes an error. The message is lower case, without a full stop, and names the field.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            path: None,
            provider: None,
            model: None,
            retry: None,
            attempts: 0,
            vendor: None,
            partial: None,
            source: None,
        }))
    }

    /// Makes an error about what the caller sent, at a JSON path of it.
    pub fn invalid(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidRequest, message).with_path(path)
    }

    /// Adds what the caller can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the JSON path of the field at fault, such as `messages[0].content`.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<String>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// Replaces the path, also where the message and the hint name it.
    #[must_use]
    pub fn moved(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        if let Some(old) = self.0.path.replace(path.clone()).filter(|old| *old != path) {
            let (old, new) = (format!("`{old}`"), format!("`{path}`"));
            self.0.message = self.0.message.replace(&old, &new);
            self.0.hint = self.0.hint.take().map(|hint| hint.replace(&old, &new));
        }
        self
    }

    /// Adds the name of the provider that was called, unless one is known.
    #[must_use]
    pub fn with_provider(mut self, provider: impl Into<String>) -> Self {
        self.0.provider.get_or_insert_with(|| provider.into());
        self
    }

    /// Adds the model that was called, unless one is known.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.0.model.get_or_insert_with(|| model.into());
        self
    }

    /// Replaces the advice that follows from the kind.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.0.retry = Some(retry);
        self
    }

    /// Sets how many attempts reached a vendor.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Adds what the vendor said.
    #[must_use]
    pub fn with_vendor(mut self, vendor: VendorError) -> Self {
        self.0.vendor = Some(vendor);
        self
    }

    /// Blanks a secret out of every text, in case a vendor's words repeat it.
    #[must_use]
    pub fn redacted(mut self, secret: &Secret) -> Self {
        self.0.message = secret.redact(&self.0.message);
        if let Some(vendor) = &mut self.0.vendor {
            vendor.message = vendor.message.take().map(|message| secret.redact(&message));
        }
        self
    }

    /// Adds what had arrived of a reply that was cut short.
    #[must_use]
    pub fn with_partial(mut self, partial: ChatReply) -> Self {
        self.0.partial = Some(partial);
        self
    }

    /// Adds the error underneath. It must print no secret and no prompt.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the message alone, without path or hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns what the caller can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the JSON path of the field at fault.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Returns the provider that was called.
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// Returns the model that was called.
    pub fn model(&self) -> Option<&str> {
        self.0.model.as_deref()
    }

    /// Returns how many attempts reached a vendor.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Returns what the vendor said.
    pub fn vendor(&self) -> Option<&VendorError> {
        self.0.vendor.as_ref()
    }

    /// Returns what had arrived of a reply that was cut short.
    pub fn partial(&self) -> Option<&ChatReply> {
        self.0.partial.as_ref()
    }

    /// Says whether and where trying again may help.
    pub fn retry(&self) -> Retry {
        self.0.retry.unwrap_or_else(|| self.0.kind.retry())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.0.provider {
            write!(f, "{provider}: ")?;
        }
        f.write_str(&self.0.message)?;
        if let Some(path) = self.0.path.as_ref().filter(|path| !self.0.message.contains(path.as_str())) {
            write!(f, " (at `{path}`)")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        for (name, value) in [("path", &self.0.path), ("provider", &self.0.provider), ("model", &self.0.model)] {
            if let Some(value) = value {
                debug.field(name, value);
            }
        }
        if let Some(vendor) = &self.0.vendor {
            debug.field("vendor", vendor);
        }
        debug.finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// Says what the caller does next about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The vendor could not be reached, or the connection broke.
    Network,
    /// A time limit passed.
    Timeout(TimeoutPhase),
    /// The key is missing or wrong.
    Auth,
    /// The key is good but may not do this.
    Permission,
    /// Too many requests or tokens for now.
    RateLimit,
    /// The account has no money or allowance left.
    Quota,
    /// The prompt does not fit the model.
    ContextLength,
    /// The vendor's policy forbids prompt or answer.
    ContentPolicy,
    /// No such model or provider.
    ModelNotFound,
    /// The request is not well formed or asks for what the model does not have.
    InvalidRequest,
    /// The vendor failed.
    Server,
    /// The vendor has no capacity for now.
    Overloaded,
    /// The caller gave up.
    Cancelled,
    /// A budget of ours is used up.
    Budget,
    /// The provider or protocol cannot do this at all.
    Unsupported,
    /// The vendor's reply could not be read.
    Decode,
    /// The configuration is wrong.
    Config,
    /// None of the others.
    Unknown,
}

impl ErrorKind {
    /// Returns the stable name, as used in JSON and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Timeout(_) => "timeout",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::ContextLength => "token_limit",
            Self::ContentPolicy => "content_policy",
            Self::ModelNotFound => "model_not_found",
            Self::InvalidRequest => "invalid_request",
            Self::Server => "server_error",
            Self::Overloaded => "overloaded",
            Self::Cancelled => "cancelled",
            Self::Budget => "budget",
            Self::Unsupported => "unsupported",
            Self::Decode => "decode",
            Self::Config => "config",
            Self::Unknown => "unknown",
        }
    }

    const fn retry(self) -> Retry {
        match self {
            Self::Network | Self::Timeout(_) | Self::RateLimit | Self::Server | Self::Overloaded | Self::Decode => {
                Retry::SameTarget { after: None }
            }
            Self::Auth | Self::Permission | Self::Quota | Self::ModelNotFound | Self::Unsupported => Retry::OtherTarget,
            Self::ContextLength | Self::ContentPolicy => Retry::OtherTarget,
            Self::InvalidRequest | Self::Cancelled | Self::Budget | Self::Config | Self::Unknown => Retry::Never,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says in which phase of a call a time limit passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimeoutPhase {
    /// Before the connection stood.
    Connect,
    /// Before the first byte of the reply's body.
    FirstByte,
    /// Between two pieces of the reply.
    Idle,
    /// Over the whole call.
    Total,
}

/// Says whether and where trying again may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Nowhere.
    Never,
    /// At the same vendor, at the earliest after this time if it named one.
    SameTarget {
        /// How long to wait at least.
        after: Option<Duration>,
    },
    /// Only with another key, model or vendor.
    OtherTarget,
}

/// What a vendor said about a failure.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct VendorError {
    /// The HTTP status; `None` for an error inside a stream.
    pub status: Option<u16>,
    /// The vendor's error type, such as `invalid_request_error`.
    pub error_type: Option<String>,
    /// The vendor's error code, such as `context_length_exceeded`.
    pub code: Option<String>,
    /// The vendor's message, with the key that was sent blanked out.
    pub message: Option<String>,
    /// The request parameter that the vendor complains about.
    pub param: Option<String>,
    /// The vendor's id of the request.
    pub request_id: Option<String>,
    /// How long the vendor asks to wait.
    pub retry_after: Option<Duration>,
    /// The reply's headers.
    pub headers: HeaderMap,
    /// The reply's body, as sent, at most its first 64 KiB.
    pub body: Bytes,
}

impl fmt::Debug for VendorError {
    // Headers and body may hold account names and echoes of the prompt.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorError")
            .field("status", &self.status)
            .field("error_type", &self.error_type)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("param", &self.param)
            .field("request_id", &self.request_id)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
