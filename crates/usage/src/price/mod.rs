//! The price book, and the one function that prices by it.

mod bill;
mod book;
mod charge;
mod component;
mod limits;
mod names;
mod off_peak;
mod rate;
mod row;
mod table;
mod totals;
mod write;

pub use bill::{Bill, BillLine, Terms};
pub use book::PriceBook;
pub use component::{Component, Tier};
pub use limits::{Capabilities, Limits};
pub use off_peak::{ParseScheduleError, Schedule};
pub use rate::{ParseRateError, Rate};
pub use row::{Figure, Row};
pub use totals::Totals;
pub use write::{WriteError, write};
