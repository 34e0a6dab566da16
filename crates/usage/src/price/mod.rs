//! The price book, and the one function that prices by it.

mod bill;
mod book;
mod charge;
mod component;
mod document;
mod file;
mod limits;
mod names;
mod off_peak;
mod rate;
mod reported;
mod row;
mod table;
mod time;
mod totals;
mod user_rows;
mod write;

pub use bill::{Bill, BillLine, Terms};
pub use book::PriceBook;
pub use component::{Component, Tier};
pub use file::{PriceFile, PriceFileError};
pub use limits::{Capabilities, Limits};
pub use off_peak::{ParseScheduleError, Schedule};
pub use rate::{ParseRateError, Rate};
pub use reported::{is_discrepancy, parse_reported_cost, reported_cost};
pub use row::{Figure, Row};
pub use time::{format_day, parse_day, parse_time};
pub use totals::Totals;
pub use write::{WriteError, write};
