//! What calls used and what they cost.

pub mod budget;
pub mod event;
#[cfg(feature = "sqlite")]
pub mod ledger;
pub mod price;
mod record;

pub use record::{Attempt, Charge, Status};
