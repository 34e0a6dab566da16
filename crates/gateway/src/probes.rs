use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State as Shared;
use http::{HeaderName, StatusCode, header};
use serde_json::json;
use tollbridge::usage::ledger::{Health, Ledger};

use crate::server::State;

type Probe = (StatusCode, [(HeaderName, &'static str); 1], &'static str);

/// Says that the process lives, and how the ledger is. Trouble there fails no call, so that it is no error here.
pub(crate) async fn health(Shared(state): Shared<Arc<State>>) -> (StatusCode, [(HeaderName, &'static str); 1], String) {
    let ledger = state.client.metering().and_then(|metering| metering.ledger()).map(Ledger::health);
    let status = if ledger.as_ref().is_none_or(Health::is_good) { "ok" } else { "degraded" };
    let mut body = json!({"status": status});
    if let (Some(health), Some(fields)) = (ledger.filter(|health| !health.is_good()), body.as_object_mut()) {
        fields.insert("ledger".to_owned(), json!(health));
    }
    (StatusCode::OK, JSON, body.to_string())
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
