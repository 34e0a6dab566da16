#![doc = include_str!("../README.md")]

mod call;
mod failure;
mod input;
mod output;
mod probes;
mod routes;
mod server;

pub use server::{Gateway, Options};
