//! What calls used and what they cost.

pub mod key;
pub mod price;
