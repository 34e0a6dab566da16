use axum::extract::State as Shared;
use http::{HeaderName, header};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::sync::Arc;
use tollbridge::core::Fault;
use tollbridge::{ErrorKind, Loss, Protocol, Reply};

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

    /// Begins to count a call whose answer is on its way.
    pub(crate) fn answering(self: &Arc<Self>, protocol: Protocol, reply: &Reply) -> Answering {
        let (metrics, provider, fault) = (Arc::clone(self), reply.provider.clone(), reply.fault.clone());
        Answering { metrics, protocol, provider, fault, outcome: ErrorKind::Cancelled.as_str() }
    }

    /// Counts what was lost between two protocols.
    pub(crate) fn losses(&self, client: Protocol, vendor: Protocol, losses: &[Loss]) {
        for loss in losses {
            let labels = LossLabels { client: client.as_str(), vendor: vendor.as_str(), kind: loss.kind.as_str() };
            self.losses.get_or_create(&labels).inc();
        }
    }
}

/// A call whose answer is on its way. It is counted when the answer ends, or nobody wants it any more.
#[derive(Debug)]
pub(crate) struct Answering {
    metrics: Arc<Metrics>,
    protocol: Protocol,
    provider: String,
    fault: Fault,
    outcome: &'static str,
}

impl Answering {
    /// Notes that the answer is complete, or goes on to where only its end is missing.
    pub(crate) fn complete(&mut self) {
        self.outcome = "ok";
    }

    /// Notes that the answer broke off.
    pub(crate) fn failed(&mut self, kind: ErrorKind) {
        self.outcome = kind.as_str();
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        let outcome = self.fault.kind().map_or(self.outcome, ErrorKind::as_str);
        self.metrics.call(self.protocol, &self.provider, outcome);
    }
}

/// Serves the counters in the text format of OpenMetrics.
pub(crate) async fn serve(Shared(state): Shared<Arc<State>>) -> ([(HeaderName, &'static str); 1], String) {
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = encode(&mut text, &state.metrics.registry);
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
}
