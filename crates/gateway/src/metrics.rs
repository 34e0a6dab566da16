use axum::extract::State as Shared;
use http::{HeaderName, header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tollbridge::{Loss, Protocol};

use crate::server::State;

/// What the gateway counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    losses: Family<LossLabels, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    protocol: &'static str,
    provider: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    client: &'static str,
    vendor: &'static str,
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let (calls, losses) = (Family::default(), Family::default());
        let mut registry = Registry::with_prefix("tollbridge");
        registry.register("calls", "Calls by client protocol, provider and outcome", calls.clone());
        registry.register("losses", "Fields that a vendor's protocol could not carry as they were", losses.clone());
        Self { registry, calls, losses }
    }
}

impl Metrics {
    /// Counts a call; an outcome is `ok` or the kind of the error.
    pub(crate) fn call(&self, protocol: Protocol, provider: &str, outcome: &'static str) {
        let labels = CallLabels { protocol: protocol.as_str(), provider: provider.to_owned(), outcome };
        self.calls.get_or_create(&labels).inc();
    }

    /// Counts what was lost between two protocols.
    pub(crate) fn losses(&self, client: Protocol, vendor: Protocol, losses: &[Loss]) {
        for loss in losses {
            let labels = LossLabels { client: client.as_str(), vendor: vendor.as_str(), kind: loss.kind.as_str() };
            self.losses.get_or_create(&labels).inc();
        }
    }
}

/// Serves the counters in the text format of OpenMetrics.
pub(crate) async fn serve(Shared(state): Shared<Arc<State>>) -> ([(HeaderName, &'static str); 1], String) {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = encode(&mut text, &state.metrics.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
