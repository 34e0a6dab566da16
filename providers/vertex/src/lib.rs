#![doc = include_str!("../README.md")]

mod credentials;
mod grant;
mod place;
mod provider;
mod token;

pub use provider::REGISTRATION;

tollbridge_core::register_provider!(REGISTRATION);
