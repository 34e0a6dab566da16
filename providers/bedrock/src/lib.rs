#![doc = include_str!("../README.md")]

mod provider;
mod sigv4;

pub use provider::REGISTRATION;
pub use sigv4::Credentials;

tollbridge_core::register_provider!(REGISTRATION);
