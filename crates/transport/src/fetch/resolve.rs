//! Names become addresses here, and only those that may be reached.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address::Networks;

/// Finds the addresses of a host.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// Returns all addresses of a name; their ports do not matter.
    ///
    /// # Errors
    /// When there are none, or nobody can be asked.
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<SocketAddr>>;
}

impl std::fmt::Debug for dyn Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lookup")
    }
}

/// Asks the system.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.collect())
    }
}

/// Hands the client only addresses that were checked, so that it connects to those and to no others.
pub(super) struct Checked {
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) networks: Networks,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, networks) = (Arc::clone(&self.lookup), self.networks.clone());
        Box::pin(async move {
            let found = lookup.lookup(name.as_str()).await?;
            // A name with one address inside and one outside is a trap: it is refused as a whole.
            if found.is_empty() || !found.iter().all(|address| networks.allow(address.ip())) {
                return Err(NotPublic.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The address leads somewhere that is not public.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotPublic;

impl std::fmt::Display for NotPublic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the address is not public")
    }
}

impl std::error::Error for NotPublic {}
