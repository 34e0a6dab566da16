//! The transport before servers of bare sockets.

#![cfg(test)]

mod exchange;
mod limits;
mod server;
mod upload;
