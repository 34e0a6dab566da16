//! What every HTTP provider shares: endpoints, keys, and the path of one call.
//!
//! A provider crate names its codecs, its routes and how its key travels; [`HttpProvider`] does the
//! rest. See the guide on writing a provider in the project's `docs/`.

mod body;
mod endpoint;
mod field_map;
mod http_provider;
mod learned;
mod limits;
mod openai_paths;
mod signer;
mod stream;

pub use endpoint::{Endpoint, api_path};
pub use field_map::FieldMap;
pub use http_provider::{HttpProvider, Route};
pub use openai_paths::openai_path;
pub use signer::Signer;
