#![doc = include_str!("../README.md")]

mod call;
mod failure;
mod input;
mod metrics;
mod output;
mod probes;
mod routes;
mod server;

pub use server::{Gateway, Options};
