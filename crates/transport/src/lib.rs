//! The HTTP client behind every provider.
//!
//! The only crate that names an HTTP client library and a TLS back end. One [`HttpTransport`]
//! serves all providers: connections are pooled by origin, HTTP/2 is used where a vendor has it,
//! proxies come from the environment. It follows no redirects, so that no key crosses an origin.

mod client;
mod connect;
mod fetch;
mod guard;
mod upload;

pub use client::HttpTransport;
pub use fetch::{FetchOptions, Fetcher, Lookup, Networks, SystemLookup};
