//! The transport before servers of bare sockets.

#![cfg(test)]

mod exchange;
mod fetch;
mod limits;
mod server;
mod upload;
