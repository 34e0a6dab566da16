//! What calls used and what they cost.

pub mod price;
