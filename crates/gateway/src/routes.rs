use std::sync::Arc;

use axum::extract::{OriginalUri, Path, Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::{HeaderMap, StatusCode, header};
use tollbridge::{Error, ErrorKind, Operation, Protocol};

use crate::call::{self, Asked};
use crate::caller::Caller;
use crate::failure;
use crate::guard::{Guard, Mounts};
use crate::metrics;
use crate::probes;
use crate::server::State;
use crate::usage;

/// The routes of OpenAI's form, which stand at the root and under `/v1`.
const OPENAI: &[(&str, Operation, Protocol)] = &[
    ("/chat/completions", Operation::Chat, Protocol::OPENAI_CHAT),
    ("/responses", Operation::Chat, Protocol::OPENAI_RESPONSES),
    ("/responses/input_tokens", Operation::CountTokens, Protocol::OPENAI_INPUT_TOKENS),
    ("/completions", Operation::Chat, Protocol::OPENAI_COMPLETIONS),
    ("/embeddings", Operation::Embed, Protocol::OPENAI_EMBEDDINGS),
    ("/rerank", Operation::Rerank, Protocol::COHERE_RERANK),
    ("/moderations", Operation::Moderate, Protocol::OPENAI_MODERATIONS),
    ("/images/generations", Operation::Image, Protocol::OPENAI_IMAGES),
    ("/images/edits", Operation::Image, Protocol::OPENAI_IMAGE_EDITS),
    ("/images/variations", Operation::Image, Protocol::OPENAI_IMAGE_VARIATIONS),
    ("/audio/speech", Operation::Speech, Protocol::OPENAI_SPEECH),
    ("/audio/transcriptions", Operation::Transcribe, Protocol::OPENAI_TRANSCRIPTIONS),
    ("/audio/translations", Operation::Transcribe, Protocol::OPENAI_TRANSLATIONS),
];

pub(crate) fn routes(state: Arc<State>) -> Router {
    let rerank = post(|shared: Shared<Arc<State>>, request: Request| async move {
        call::answer(shared.0, Asked::new(Operation::Rerank, Protocol::COHERE_RERANK), request).await
    });
    let count = post(|shared: Shared<Arc<State>>, request: Request| async move {
        call::answer(shared.0, Asked::new(Operation::CountTokens, Protocol::ANTHROPIC_COUNT_TOKENS), request).await
    });
    let messages = post(|shared: Shared<Arc<State>>, request: Request| async move {
        call::answer(shared.0, Asked::new(Operation::Chat, Protocol::ANTHROPIC_MESSAGES), request).await
    });
    let mut mounts = Mounts::new(state);
    for (path, operation, protocol) in OPENAI {
        let call = post(move |shared: Shared<Arc<State>>, request: Request| async move {
            call::answer(shared.0, Asked::new(*operation, *protocol), request).await
        });
        let guard = Guard::calls(*protocol);
        mounts = mounts.guarded(&format!("/v1{path}"), guard, call.clone()).guarded(path, guard, call);
    }
    let (google, counters) = (Guard::calls(Protocol::GEMINI_GENERATE), Guard::reads_usage().or_local());
    mounts
        .guarded("/v2/rerank", Guard::calls(Protocol::COHERE_RERANK), rerank)
        .guarded("/v1/messages", Guard::calls(Protocol::ANTHROPIC_MESSAGES), messages)
        .guarded("/v1/messages/count_tokens", Guard::calls(Protocol::ANTHROPIC_COUNT_TOKENS), count)
        .guarded("/v1/models", Guard::lists(), get(models))
        .guarded("/models", Guard::lists(), get(models))
        .guarded("/v1beta/models", Guard::lists(), get(models))
        .guarded("/v1/models/{*call}", google, post(gemini))
        .guarded("/v1/models/{*call}", Guard::lists(), get(model))
        .guarded("/v1beta/models/{*call}", google, post(gemini))
        .guarded("/v1beta/models/{*call}", Guard::lists(), get(model))
        // Some SDKs leave `models/` out where the model's name has a slash.
        .guarded("/v1beta/{*call}", google, post(gemini))
        .open("/health", get(probes::health))
        .open("/ready", get(probes::ready))
        .guarded("/v1/usage/summary", Guard::reads_usage(), get(usage::summary))
        .guarded("/v1/usage/records", Guard::reads_usage(), get(usage::records))
        .guarded("/v1/usage/export", Guard::reads_usage(), get(usage::export))
        .guarded("/v1/usage/budgets", Guard::reads_usage(), get(usage::budgets))
        .guarded("/v1/usage/calls/{id}", Guard::reads_usage(), get(usage::call))
        .guarded("/v1/usage/reprice", Guard::administers(), post(usage::reprice))
        .guarded("/v1/usage/cleanup", Guard::administers(), post(usage::cleanup))
        .guarded("/metrics", counters, get(metrics::serve))
        .finish(|router| router.fallback(unknown))
}

/// Serves `{model}:{method}`, where the model may hold slashes.
async fn gemini(Shared(state): Shared<Arc<State>>, Path(target): Path<String>, request: Request) -> Response {
    let (model, method) = target.rsplit_once(':').unwrap_or((&target, ""));
    let sse = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "alt=sse"));
    let asked = match method {
        "generateContent" => Asked::new(Operation::Chat, Protocol::GEMINI_GENERATE),
        "streamGenerateContent" => Asked::new(Operation::Chat, Protocol::GEMINI_GENERATE).stream(sse),
        "countTokens" => Asked::new(Operation::CountTokens, Protocol::GEMINI_COUNT_TOKENS),
        "batchEmbedContents" => Asked::new(Operation::Embed, Protocol::GEMINI_EMBED),
        _ => {
            let error = Error::new(ErrorKind::ModelNotFound, format!("there is no method `{method}`"))
                .with_hint("use generateContent, streamGenerateContent, countTokens or batchEmbedContents");
            return failure::response(&error, Protocol::GEMINI_GENERATE, "");
        }
    };
    call::answer(state, asked.model(model), request).await
}

async fn models(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    call::models(&state, &caller, form(uri.path(), &headers)).await
}

async fn model(
    Shared(state): Shared<Arc<State>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    uri: OriginalUri,
    headers: HeaderMap,
) -> Response {
    call::model(&state, &caller, form(uri.path(), &headers), &name).await
}

/// Tells in which form a client wants models.
pub(crate) fn form(path: &str, headers: &HeaderMap) -> Protocol {
    if path.starts_with("/v1beta/") || headers.contains_key("x-goog-api-key") {
        Protocol::GEMINI_MODELS
    } else if headers.contains_key("anthropic-version") {
        Protocol::ANTHROPIC_MODELS
    } else {
        Protocol::OPENAI_MODELS
    }
}

async fn unknown(uri: OriginalUri) -> Response {
    let error = Error::new(ErrorKind::ModelNotFound, format!("there is no route `{}`", uri.path()))
        .with_hint("see the table of routes in the gateway's documentation");
    failure::response(&error, protocol_of(uri.path()), "")
}

/// Tells a method that a route does not take in the client's own form, beside the header that names the others.
pub(crate) async fn wrong_method(request: Request, next: Next) -> Response {
    let (path, method) = (request.uri().path().to_owned(), request.method().clone());
    let refused = next.run(request).await;
    let allowed = refused.headers().get(header::ALLOW).filter(|_| refused.status() == StatusCode::METHOD_NOT_ALLOWED);
    let Some(allowed) = allowed.cloned() else { return refused };
    let error = Error::new(ErrorKind::InvalidRequest, format!("`{path}` does not take {method}"))
        .with_hint("calls are POST, lists are GET");
    let mut response = failure::response(&error, protocol_of(&path), "");
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

fn protocol_of(path: &str) -> Protocol {
    match path {
        path if path.starts_with("/v1/messages") => Protocol::ANTHROPIC_MESSAGES,
        path if path.starts_with("/v1beta/") => Protocol::GEMINI_GENERATE,
        _ => Protocol::OPENAI_CHAT,
    }
}
