#![doc = include_str!("../README.md")]

mod provider;

pub use provider::REGISTRATION;

tollbridge_core::register_provider!(REGISTRATION);
