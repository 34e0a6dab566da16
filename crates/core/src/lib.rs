//! The vocabulary of a call: request, reply, frame, error, and the traits that everything implements.
//!
//! A call is bytes first. A [`Request`] holds the wire bytes of a named protocol or a typed value,
//! and each form is derived from the other once; a [`Reply`] holds whole bytes or a stream of
//! [`Frame`]s. A [`Provider`] takes a request to a vendor, a [`Layer`] wraps a provider, a
//! [`Transport`] moves bytes. Nothing here does IO, knows a vendor or needs a runtime.

mod aliases;
mod bare_url;
mod cancel;
mod context;
mod error;
mod exchange;
mod fault;
mod fetch;
mod frame;
mod loss;
mod money;
mod operation;
mod provider;
mod registry;
mod reply;
mod reply_model;
mod request;
mod rest;
mod secret;
mod settings;
mod state_store;
mod transport;

pub use aliases::{AliasFault, Aliases};
pub use bare_url::bare_url;
pub use cancel::Cancellation;
pub use context::{CallContext, CallEvent, Observer, Timeouts};
pub use error::{Error, ErrorKind, Retry, TimeoutPhase, VendorError};
pub use exchange::{Converted, ExchangeRates, half_even};
pub use fault::Fault;
pub use fetch::{Fetch, FetchedBytes};
pub use frame::{Frame, FrameStream};
pub use loss::{Loss, LossKind};
pub use money::{Currency, Money, ParseMoneyError};
pub use operation::Operation;
pub use provider::{Layer, Provider, ProviderInfo};
pub use registry::{Build, Registration, Registry};
pub use reply::{Reply, ReplyBody};
pub use reply_model::ReplyModel;
pub use request::{Request, Route, Typed, Wire};
pub use rest::Rest;
pub use secret::Secret;
pub use settings::{AuthStyle, ModelSettings, OptionSpec, ProviderSettings, ThinkTags};
pub use state_store::StateStore;
pub use tollbridge_types::{Protocol, Usage, UsageBasis};
pub use transport::{ByteStream, RequestBody, Transport};

#[doc(hidden)]
pub mod private {
    pub use crate::registry::Linked;
    pub use inventory;
}
