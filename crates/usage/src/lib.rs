//! What calls used and what they cost.

pub mod budget;
mod clock;
pub mod event;
#[cfg(feature = "sqlite")]
pub mod key;
#[cfg(feature = "sqlite")]
pub mod ledger;
#[cfg(feature = "meter")]
pub mod meter;
pub mod price;
mod record;

pub use clock::now_ms;
pub use record::{Attempt, Charge, Status, fingerprint};
