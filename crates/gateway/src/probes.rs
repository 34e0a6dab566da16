use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State as Shared;
use http::{HeaderName, StatusCode, header};

use crate::server::State;

type Probe = (StatusCode, [(HeaderName, &'static str); 1], &'static str);

/// Says that the process lives, whatever else does not.
pub(crate) async fn health() -> Probe {
    (StatusCode::OK, JSON, r#"{"status":"ok"}"#)
}

/// Says whether new calls are welcome.
pub(crate) async fn ready(Shared(state): Shared<Arc<State>>) -> Probe {
    if state.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, JSON, r#"{"status":"draining"}"#)
    } else {
        (StatusCode::OK, JSON, r#"{"status":"ready"}"#)
    }
}

const JSON: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];
