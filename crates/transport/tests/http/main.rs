//! The transport before servers of bare sockets.

mod exchange;
mod limits;
mod server;
