use http::StatusCode;
use tollbridge_core::{Error, ErrorKind};

/// What a vendor said that tells one kind of failure from another.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// The HTTP status; 0 inside a stream.
    pub status: u16,
    /// The vendor's error type.
    pub error_type: &'a str,
    /// The vendor's error code.
    pub code: &'a str,
    /// The vendor's message.
    pub message: &'a str,
}

impl<'a> Facts<'a> {
    /// Gathers what the vendor said.
    pub fn new(status: u16, error_type: &'a str, code: &'a str, message: &'a str) -> Self {
        Self { status, error_type, code, message }
    }
}

/// Tells the kind of failure from what the vendor said: its words first, its status last.
pub fn classify(facts: &Facts<'_>) -> ErrorKind {
    by_words(facts).unwrap_or_else(|| by_status(facts.status))
}

fn by_words(facts: &Facts<'_>) -> Option<ErrorKind> {
    if let Some(kind) = by_exception(facts.error_type) {
        // A validation fails for many reasons, which the message tells apart.
        return words_of(facts).filter(|_| kind == ErrorKind::InvalidRequest).or(Some(kind));
    }
    words_of(facts)
}

/// Knows the exceptions of Amazon Bedrock's runtime, however they are spelled.
fn by_exception(name: &str) -> Option<ErrorKind> {
    let name = name.rsplit(['#', '.']).next().unwrap_or(name).to_ascii_lowercase();
    Some(match name.strip_suffix("exception")? {
        "throttling" | "toomanyrequests" => ErrorKind::RateLimit,
        "servicequotaexceeded" => ErrorKind::Quota,
        "serviceunavailable" | "modelnotready" => ErrorKind::Overloaded,
        "modeltimeout" => ErrorKind::Timeout(tollbridge_core::TimeoutPhase::Total),
        "accessdenied" => ErrorKind::Permission,
        "expiredtoken" | "unrecognizedclient" | "invalidsignature" | "incompletesignature" => ErrorKind::Auth,
        "resourcenotfound" => ErrorKind::ModelNotFound,
        "validation" => ErrorKind::InvalidRequest,
        "internalserver" | "modelerror" | "modelstreamerror" => ErrorKind::Server,
        _ => return None,
    })
}

fn words_of(facts: &Facts<'_>) -> Option<ErrorKind> {
    let message = facts.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let is = |names: &[&str]| {
        names.iter().any(|name| facts.error_type.eq_ignore_ascii_case(name) || facts.code.eq_ignore_ascii_case(name))
    };
    // What AWS throws for too many tokens a minute reads like a prompt that is too long.
    if is(&["ThrottlingException", "TooManyRequestsException"]) {
        return Some(ErrorKind::RateLimit);
    }
    let refused = matches!(facts.status, 0 | 400 | 403 | 413 | 422 | 429 | 500);
    if is(&[
        "context_length_exceeded",
        "string_above_max_length",
        "model_context_window_exceeded",
        "exceed_context_size_error",
    ]) || (refused && facts.status != 429 && says(CONTEXT_WORDS))
    {
        return Some(ErrorKind::ContextLength);
    }
    if is(&[
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_error",
        "insufficient_balance",
        "exceeded_current_quota_error",
        "ServiceQuotaExceededException",
    ]) || facts.status == 402
        || (refused
            && says(&[
                "insufficient balance",
                "credit balance is too low",
                "exceeded your current quota, please check your plan and billing",
            ]))
    {
        return Some(ErrorKind::Quota);
    }
    if is(&[
        "content_filter",
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "content_policy",
        "moderation_blocked",
    ]) || (refused
        && says(&[
            "content management policy",
            "content_policy",
            "safety system",
            "violates our usage policies",
            "violates usage guidelines",
            "blocked by our content filters",
            "content filtering policy",
        ]))
    {
        return Some(ErrorKind::ContentPolicy);
    }
    if is(&["model_not_found", "deploymentnotfound", "model_not_available", "ResourceNotFoundException"])
        || (matches!(facts.status, 400 | 403 | 404 | 422) && says(MODEL_WORDS))
    {
        return Some(ErrorKind::ModelNotFound);
    }
    if is(&[
        "overloaded_error",
        "overloaded",
        "unavailable",
        "service_unavailable",
        "engine_overloaded_error",
        "ServiceUnavailableException",
        "ModelNotReadyException",
        "insufficient_system_resource",
    ]) {
        return Some(ErrorKind::Overloaded);
    }
    if is(&[
        "rate_limit_error",
        "rate_limit_exceeded",
        "rate_limit_reached_error",
        "resource_exhausted",
        "rate_limited",
        "too_many_requests",
    ]) {
        return Some(ErrorKind::RateLimit);
    }
    if is(&[
        "authentication_error",
        "invalid_api_key",
        "invalid_authentication_error",
        "unauthenticated",
        "api_key_invalid",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "IncompleteSignatureException",
        "SignatureDoesNotMatch",
        "ExpiredTokenException",
        "MissingAuthenticationTokenException",
        "InvalidClientTokenId",
    ]) || (matches!(facts.status, 400 | 403)
        && says(&[
            "api key not valid",
            "invalid api key",
            "incorrect api key",
            "missing api key",
            "make sure your api key is valid",
        ]))
    {
        return Some(ErrorKind::Auth);
    }
    if is(&["permission_error", "permission_denied", "AccessDeniedException"]) {
        return Some(ErrorKind::Permission);
    }
    if is(&["timeout", "time_limit", "timeout_error", "deadline_exceeded", "request_timeout", "ModelTimeoutException"])
    {
        return Some(ErrorKind::Timeout(tollbridge_core::TimeoutPhase::Total));
    }
    // The model failed, though AWS answers with a status of the client's.
    if is(&["ModelErrorException", "ModelStreamErrorException", "InternalServerException"]) {
        return Some(ErrorKind::Server);
    }
    if facts.status == 0 {
        if is(&[
            "invalid_request_error",
            "invalid_argument",
            "invalid_request",
            "failed_precondition",
            "ValidationException",
        ]) {
            return Some(ErrorKind::InvalidRequest);
        }
        if is(&["api_error", "server_error", "internal", "internal_server_error", "internal_error"]) {
            return Some(ErrorKind::Server);
        }
    }
    None
}

fn by_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Auth,
        402 => ErrorKind::Quota,
        403 => ErrorKind::Permission,
        404 => ErrorKind::ModelNotFound,
        408 | 504 => ErrorKind::Timeout(tollbridge_core::TimeoutPhase::Total),
        429 => ErrorKind::RateLimit,
        503 | 529 => ErrorKind::Overloaded,
        400..=499 => ErrorKind::InvalidRequest,
        500..=599 => ErrorKind::Server,
        300..=399 => ErrorKind::Config,
        0 => ErrorKind::Server,
        _ => ErrorKind::Unknown,
    }
}

/// Returns the HTTP status with which a failure reaches a client.
///
/// A vendor's own status is kept where it tells the client about its request; what went wrong
/// between here and the vendor becomes 502 or 504.
pub fn status_of(error: &Error) -> StatusCode {
    let fallback = match error.kind() {
        // The gateway's own credential was refused upstream: the client's request is not at fault, but the
        // class must survive so that SDKs raise the exception their users expect.
        ErrorKind::Auth => StatusCode::UNAUTHORIZED,
        ErrorKind::Permission => StatusCode::FORBIDDEN,
        ErrorKind::RateLimit | ErrorKind::Quota | ErrorKind::Budget => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::ModelNotFound => StatusCode::NOT_FOUND,
        ErrorKind::InvalidRequest | ErrorKind::ContextLength | ErrorKind::ContentPolicy | ErrorKind::Unsupported => {
            StatusCode::BAD_REQUEST
        }
        ErrorKind::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        ErrorKind::Network | ErrorKind::Decode => StatusCode::BAD_GATEWAY,
        // The vendor's server answered, but from where it must not be followed.
        ErrorKind::Config if error.vendor().is_some() => StatusCode::BAD_GATEWAY,
        ErrorKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        // Nginx's word for a client that went away; nobody is left to read it.
        ErrorKind::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let vendor = error.vendor().and_then(|vendor| vendor.status).and_then(|status| StatusCode::from_u16(status).ok());
    match vendor {
        Some(status) if error.kind() != ErrorKind::Decode && (400..=599).contains(&status.as_u16()) => status,
        _ => fallback,
    }
}

const CONTEXT_WORDS: &[&str] = &[
    "maximum context length",
    "context length exceeded",
    "context_length_exceeded",
    "context window",
    "prompt is too long",
    "input is too long",
    "exceeds the maximum number of tokens",
    "exceeds the available context size",
    "exceeds the context length",
    "too many tokens",
    "reduce the length of the messages",
    "input token count",
    "maximum prompt length",
];

const MODEL_WORDS: &[&str] = &[
    "model not found",
    "model does not exist",
    "no such model",
    "unknown model",
    "invalid model",
    "is not a valid model",
    "model identifier is invalid",
    "is not found for api version",
    "provided model identifier is invalid",
    "the deployment for this resource does not exist",
];
