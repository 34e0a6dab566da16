//! Fetches what addresses in requests lead to. The addresses are callers', so each is checked.

mod address;
mod fetcher;
mod resolve;

pub use address::Networks;
pub use fetcher::{FetchOptions, Fetcher};
pub use resolve::{Lookup, SystemLookup};
