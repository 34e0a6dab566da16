//! What calls used and what they cost.

#[cfg(feature = "sqlite")]
pub mod ledger;
pub mod price;
mod record;

pub use record::{Attempt, Charge, Status};
