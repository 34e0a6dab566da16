use std::sync::Arc;

use super::PriceBook;

/// Knows the prices that hold now. Any `Fn() -> Arc<PriceBook>` is one.
pub trait Prices: Send + Sync {
    /// Returns the prices that hold now. Every call asks, so it answers at once.
    fn book(&self) -> Arc<PriceBook>;

    /// Returns why newer prices cannot be had, if so; those that hold are the last good ones.
    fn warning(&self) -> Option<String> {
        None
    }
}

impl<F: Fn() -> Arc<PriceBook> + Send + Sync> Prices for F {
    fn book(&self) -> Arc<PriceBook> {
        self()
    }
}
