//! The price book, and the one function that prices by it.

mod bill;
mod book;

pub use bill::{Bill, BillLine, Terms};
pub use book::PriceBook;
