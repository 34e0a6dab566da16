#![doc = include_str!("../README.md")]

mod call;
mod caller;
mod content_encoding;
mod cors;
mod cost;
mod failure;
mod guard;
mod input;
mod kept;
mod keys;
mod metrics;
mod output;
mod peer;
mod probes;
mod routes;
mod server;
mod tags;
mod told;
mod usage;

pub use server::{Gateway, Options};
pub use told::Losses;
