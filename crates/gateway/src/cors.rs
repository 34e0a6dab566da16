use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tollbridge::{Error, ErrorKind, Protocol};

use crate::failure;
use crate::server::State;

/// Lets pages of the configured origins read what the gateway answers, and answers what browsers ask before they send.
pub(crate) async fn layer(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let origins = &state.options.cors_origins;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = origin.clone().filter(|origin| allows(origins, origin));
    let asks = (request.method() == Method::OPTIONS).then(|| request.headers().clone());
    let mut response = next.run(request).await;
    if let Some(asks) = asks.filter(|_| response.status() == StatusCode::METHOD_NOT_ALLOWED) {
        response = options(&response, &asks, origin.is_some(), allowed.is_some());
    }
    let headers = response.headers_mut();
    if !origins.is_empty() {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    }
    response
}

/// Answers OPTIONS on a route, without a key: a browser sends none with it.
fn options(refused: &Response, asks: &HeaderMap, from_page: bool, allowed: bool) -> Response {
    let preflight = asks.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if from_page && preflight && !allowed {
        let error = Error::new(ErrorKind::Permission, "pages of this origin may not call the gateway")
            .with_hint("its owner allows them with `server.cors_origins`");
        return failure::response(&error, Protocol::OPENAI_CHAT, "");
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = refused.headers().get(header::ALLOW).and_then(|methods| methods.to_str().ok()).unwrap_or_default();
    let methods = HeaderValue::try_from(format!("{methods},OPTIONS")).unwrap_or(HeaderValue::from_static("OPTIONS"));
    headers.insert(header::ALLOW, methods.clone());
    if preflight && allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        // SDKs send headers of their own; `*` would not stand for `authorization`.
        if let Some(names) = asks.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        if asks.get(PRIVATE_REQUEST).is_some_and(|asked| asked == "true") {
            headers.insert(PRIVATE_ALLOW, HeaderValue::from_static("true"));
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    response
}

fn allows(origins: &[String], origin: &HeaderValue) -> bool {
    origins.iter().any(|allowed| allowed == "*" || origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
}

/// A page of the public network asks to call a server on this machine.
const PRIVATE_REQUEST: HeaderName = HeaderName::from_static("access-control-request-private-network");
const PRIVATE_ALLOW: HeaderName = HeaderName::from_static("access-control-allow-private-network");
