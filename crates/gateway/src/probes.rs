use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::State as Shared;
use http::{HeaderName, StatusCode, header};
use serde_json::{Map, Value, json};
use tollbridge::usage::ledger::Ledger;
use tollbridge::usage::meter::Metering;

use crate::server::State;

type Probe = (StatusCode, [(HeaderName, &'static str); 1], &'static str);

/// Says that the process lives, and how ledger and prices are. Trouble there fails no call, so that it is no error here.
pub(crate) async fn health(Shared(state): Shared<Arc<State>>) -> (StatusCode, [(HeaderName, &'static str); 1], String) {
    let metering = state.client.metering();
    let mut faults = Map::new();
    if let Some(health) = metering.and_then(Metering::ledger).map(Ledger::health).filter(|health| !health.is_good()) {
        faults.insert("ledger".to_owned(), json!(health));
    }
    if let Some(warning) = metering.and_then(Metering::price_warning) {
        faults.insert("prices".to_owned(), json!({"warning": warning}));
    }
    let mut body = Map::from_iter([("status".to_owned(), json!(if faults.is_empty() { "ok" } else { "degraded" }))]);
    body.append(&mut faults);
    (StatusCode::OK, JSON, Value::Object(body).to_string())
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
