#![doc = include_str!("../README.md")]

mod endpoints;
mod one_by_one;
mod provider;
mod sigv4;

pub use provider::REGISTRATION;
pub use sigv4::SigV4;

tollbridge_core::register_provider!(REGISTRATION);
