#![doc = include_str!("../README.md")]

mod provider;
mod vendors;

pub use vendors::VENDORS;

tollbridge_core::register_provider!(all VENDORS);
