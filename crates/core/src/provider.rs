use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tollbridge_types::Protocol;

use crate::{CallContext, Error, Operation, Reply, Request};

/// Takes requests to a vendor.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Describes the provider.
    fn info(&self) -> &ProviderInfo;

    /// Makes one call. Dropping the future, or the reply's body, cancels it.
    ///
    /// # Errors
    /// Every failure of the call, with the vendor's own words where it spoke.
    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error>;
}

impl fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.info().name).finish()
    }
}

/// Wraps a provider in behaviour of its own.
pub trait Layer: Send + Sync {
    /// Returns a provider that does what the layer does and calls `inner`.
    fn wrap(&self, inner: Arc<dyn Provider>) -> Arc<dyn Provider>;
}

/// Describes a provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderInfo {
    /// The name it is configured under, the first part of `provider/model`.
    pub name: String,
    /// What it can do, each with the protocol that it is done in.
    pub operations: Vec<(Operation, Protocol)>,
}

impl ProviderInfo {
    /// Describes a provider.
    pub fn new(name: impl Into<String>, operations: &[(Operation, Protocol)]) -> Self {
        Self { name: name.into(), operations: operations.to_vec() }
    }

    /// Returns the protocol in which the provider likes best to do something, if it can.
    pub fn protocol(&self, operation: Operation) -> Option<Protocol> {
        self.protocols(operation).next()
    }

    /// Iterates over the protocols in which the provider does something, the one it likes best first.
    pub fn protocols(&self, operation: Operation) -> impl Iterator<Item = Protocol> {
        self.operations.iter().filter(move |(offered, _)| *offered == operation).map(|(_, protocol)| *protocol)
    }

    /// Returns the protocol for a request: its own if the provider speaks it, else the one it likes best.
    pub fn protocol_for(&self, request: &Request) -> Option<Protocol> {
        let own = request.wire().map(|wire| wire.protocol);
        let mut spoken = self.protocols(request.operation);
        spoken.find(|protocol| Some(*protocol) == own).or_else(|| self.protocol(request.operation))
    }
}
