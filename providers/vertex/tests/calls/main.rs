//! The provider as registered: before a transport that records what it sends, and before the test kit.

#![cfg(test)]

mod bodies;
mod credentials;
mod routes;
mod tokens;
mod upstream;
mod wire;
