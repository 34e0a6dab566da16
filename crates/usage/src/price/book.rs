use tollbridge_types::Usage;

use super::{Bill, Terms};

/// Every price that is known, with where it comes from and since when it holds.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PriceBook {}

impl PriceBook {
    /// Returns the book that is built in.
    pub fn embedded() -> &'static Self {
        static BOOK: PriceBook = PriceBook {};
        &BOOK
    }

    /// Returns the version.
    pub fn version(&self) -> &str {
        ""
    }

    /// Prices the usage of one call of a model.
    pub fn bill(&self, _provider: &str, _model: &str, _usage: &Usage, _terms: &Terms) -> Bill {
        Bill::default()
    }
}
