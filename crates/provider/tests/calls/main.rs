//! Providers as registered, before a transport that records what they send.

#![cfg(test)]

mod answers;
mod endpoints;
mod keys;
mod models;
mod streams;
mod wire;
