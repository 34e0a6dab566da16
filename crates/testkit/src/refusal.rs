//! Errors in the vendors' own bodies.

use serde_json::{Value, json};

use crate::kind::Kind;
use crate::mistral;

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Status(u16),
    ContextLength,
    Quota,
    ContentPolicy,
    Overloaded,
}

/// Returns status and body of a refusal; `google` is for Google's own protocol.
pub(crate) fn refusal(kind: Kind, google: bool, refusal: Refusal) -> (u16, Value) {
    match (kind, google) {
        (Kind::Anthropic, _) => anthropic(refusal),
        (Kind::Google | Kind::Vertex, true) => googles(refusal),
        (Kind::Vertex, false) => anthropic(refusal),
        (Kind::Ollama, _) => {
            let (status, body) = openai(refusal);
            (if refusal == Refusal::Quota { 402 } else { status }, json!({"error": body["error"]["message"]}))
        }
        (Kind::Mistral, _) => {
            let (status, body) = openai(refusal);
            let status = if refusal == Refusal::Quota { 402 } else { status };
            let (message, kind) = (&body["error"]["message"], "invalid_request_error");
            (status, mistral::error(message, if status == 429 { "rate_limited" } else { kind }, "1000"))
        }
        (Kind::Cohere, _) => {
            let (status, body) = openai(refusal);
            let status = if refusal == Refusal::Quota { 402 } else { status };
            (status, json!({"id": "mock", "message": body["error"]["message"]}))
        }
        (Kind::Bedrock, _) => {
            let (status, body) = openai(refusal);
            let name = match refusal {
                Refusal::Quota => "ServiceQuotaExceededException",
                Refusal::Overloaded | Refusal::Status(503) => "ServiceUnavailableException",
                Refusal::Status(401) => "UnrecognizedClientException",
                Refusal::Status(403) => "AccessDeniedException",
                Refusal::Status(404) => "ResourceNotFoundException",
                Refusal::Status(429) => "ThrottlingException",
                Refusal::Status(500..) => "InternalServerException",
                _ => "ValidationException",
            };
            (status, json!({"__type": name, "message": body["error"]["message"]}))
        }
        _ => openai(refusal),
    }
}

fn openai(refusal: Refusal) -> (u16, Value) {
    let (status, kind, code, message) = match refusal {
        Refusal::ContextLength => (
            400,
            "invalid_request_error",
            "context_length_exceeded",
            "This model's maximum context length is 8192 tokens.",
        ),
        Refusal::Quota => (429, "insufficient_quota", "insufficient_quota", "You exceeded your current quota."),
        Refusal::ContentPolicy => {
            (400, "invalid_request_error", "content_policy_violation", "The request was refused by the safety system.")
        }
        Refusal::Overloaded => (503, "server_error", "overloaded", "The engine is currently overloaded."),
        Refusal::Status(status) => {
            let (kind, code, message) = match status {
                401 => ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
                403 => ("permission_error", "permission_denied", "You have no access to this."),
                404 => ("invalid_request_error", "model_not_found", "The model does not exist."),
                429 => ("requests", "rate_limit_exceeded", "Rate limit reached."),
                500..=599 => ("server_error", "server_error", "The server had an error."),
                _ => ("invalid_request_error", "invalid_value", "The request is not valid."),
            };
            (status, kind, code, message)
        }
    };
    (status, json!({"error": {"message": message, "type": kind, "param": null, "code": code}}))
}

fn anthropic(refusal: Refusal) -> (u16, Value) {
    let (status, kind, message) = match refusal {
        Refusal::ContextLength => (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
        Refusal::Quota => (400, "invalid_request_error", "Your credit balance is too low to access the API."),
        Refusal::ContentPolicy => (400, "invalid_request_error", "Output blocked by content policy: content_policy"),
        Refusal::Overloaded => (529, "overloaded_error", "Overloaded"),
        Refusal::Status(status) => {
            let (kind, message) = match status {
                401 => ("authentication_error", "invalid x-api-key"),
                403 => ("permission_error", "You have no access to this."),
                404 => ("not_found_error", "model: not found"),
                413 => ("request_too_large", "Request exceeds the maximum size"),
                429 => ("rate_limit_error", "This request would exceed your rate limit."),
                529 => ("overloaded_error", "Overloaded"),
                500..=599 => ("api_error", "Internal server error"),
                _ => ("invalid_request_error", "The request is not valid."),
            };
            (status, kind, message)
        }
    };
    (status, json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_mock"}))
}

fn googles(refusal: Refusal) -> (u16, Value) {
    let (status, word, message) = match refusal {
        Refusal::ContextLength => (
            400,
            "INVALID_ARGUMENT",
            "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).",
        ),
        Refusal::Quota => {
            (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.")
        }
        Refusal::ContentPolicy => (400, "INVALID_ARGUMENT", "The prompt violates usage guidelines."),
        Refusal::Overloaded => (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        Refusal::Status(status) => {
            let (word, message) = match status {
                401 => ("UNAUTHENTICATED", "API key not valid."),
                403 => ("PERMISSION_DENIED", "You have no access to this."),
                404 => ("NOT_FOUND", "models/mock is not found for API version v1beta."),
                429 => ("RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later."),
                503 => ("UNAVAILABLE", "The model is overloaded."),
                504 => ("DEADLINE_EXCEEDED", "The deadline has passed."),
                500..=599 => ("INTERNAL", "An internal error has occurred."),
                _ => ("INVALID_ARGUMENT", "The request is not valid."),
            };
            (status, word, message)
        }
    };
    (status, json!({"error": {"code": status, "message": message, "status": word}}))
}
