#![doc = include_str!("../README.md")]

mod answer;
mod provider;

pub use provider::{Echo, REGISTRATION};

tollbridge_core::register_provider!(REGISTRATION);
