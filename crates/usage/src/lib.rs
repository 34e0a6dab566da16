//! What calls used and what they cost.

pub mod budget;
pub mod event;
pub mod price;
