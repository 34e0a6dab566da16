use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use tollbridge_types::Usage;

use super::charge::charge;
use super::table::{RowView, Table};
use super::{Bill, Limits, Row, Terms, WriteError, names, write};
use crate::now_ms;

/// Every price that is known, with where it comes from and since when it holds.
///
/// ```
/// use tollbridge_types::Usage;
/// use tollbridge_usage::price::{PriceBook, Terms};
/// let mut usage = Usage::default();
/// usage.input = Some(1_000);
/// usage.output = Some(500);
/// let bill = PriceBook::embedded().bill("openai", "gpt-4", &usage, &Terms::default());
/// assert_eq!(bill.cost.unwrap().to_string(), "0.06 USD");
/// ```
#[derive(Clone, Debug)]
pub struct PriceBook {
    table: Arc<Table>,
    /// Other prices, each before those that follow, and all before the table.
    overlays: Vec<Arc<Table>>,
}

impl PriceBook {
    /// Returns the book that is built in.
    pub fn embedded() -> &'static Self {
        static BOOK: LazyLock<PriceBook> = LazyLock::new(|| {
            let bytes: &'static [u8] = include_bytes!("book.bin");
            let table = Table::open(bytes.into()).unwrap_or_default();
            PriceBook { table: Arc::new(table), overlays: Vec::new() }
        });
        &BOOK
    }

    /// Opens a book that [`write`](super::write()) made; `None` if the bytes are not one.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Option<Self> {
        Some(Self { table: Arc::new(Table::open(bytes.into())?), overlays: Vec::new() })
    }

    /// Returns the version: the sources with theirs.
    pub fn version(&self) -> &str {
        self.table.version()
    }

    /// Returns how many rows there are, the user's own not counted.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Tells whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns this book with other rows before it, such as a user's own, and before those put there already.
    ///
    /// A bill by one of these rows has `version` as its book.
    ///
    /// # Errors
    ///
    /// Two rows of one key and day, and numbers that the format has no room for.
    pub fn overlaid(&self, version: &str, rows: &[Row]) -> Result<Self, WriteError> {
        let new = Table::open(write(version, rows)?.into()).map(Arc::new);
        let overlays = new.into_iter().chain(self.overlays.iter().cloned()).collect();
        Ok(Self { table: Arc::clone(&self.table), overlays })
    }

    /// Prices the usage of one call of a model.
    ///
    /// This is the only function that prices: an estimate and a reservation are bills of an estimated usage. The cost
    /// is `None` if the model, or a kind of token that was used, has no price; a price of 0 is a price. A line without
    /// a rate, such as a tool that nobody prices, is not in the sum.
    pub fn bill(&self, provider: &str, model: &str, usage: &Usage, terms: &Terms) -> Bill {
        let mut bill = Bill { book: self.version().to_owned(), ..Bill::default() };
        if let Some(row) = self.find(provider, model, terms.region.as_deref()) {
            let at = terms.at.unwrap_or_else(now_ms);
            let row = row.on(u32::try_from(at / DAY).unwrap_or(u32::MAX));
            (bill.cost, bill.lines) = charge(row, usage, terms, at);
            bill.row = Some(row.key().to_owned());
            row.book().clone_into(&mut bill.book);
        }
        bill
    }

    /// Returns the key of the row that prices a model.
    pub fn key(&self, provider: &str, model: &str) -> Option<&str> {
        self.find(provider, model, None).map(RowView::key)
    }

    /// Returns the row that prices a model, with the source of each rate.
    pub fn row(&self, provider: &str, model: &str) -> Option<Row> {
        self.find(provider, model, None).map(RowView::to_row)
    }

    /// Returns the sizes and abilities of a model.
    pub fn limits(&self, provider: &str, model: &str) -> Option<Limits> {
        self.find(provider, model, None).map(RowView::limits)
    }

    /// Returns all rows in the order of their keys, the user's own first.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.tables().flat_map(|table| table.rows().map(RowView::to_row))
    }

    fn tables(&self) -> impl Iterator<Item = &Table> {
        self.overlays.iter().chain([&self.table]).map(|table| &**table)
    }

    /// Finds a model by its name, then by what the rules make of it.
    fn find(&self, provider: &str, model: &str, region: Option<&str>) -> Option<RowView<'_>> {
        let known = names::vendors(provider);
        let itself = [provider];
        let vendors = if known.is_empty() { &itself[..] } else { known };
        let by_name = |name: &str| vendors.iter().find_map(|vendor| self.named(vendor, name, region));
        let found = by_name(model).or_else(|| {
            let name = names::unwrapped(model).unwrap_or(model);
            let name = names::fine_tuned(name).unwrap_or(name);
            let undated = names::undated(name);
            let stripped = names::without_profile(name).filter(|_| vendors.contains(&"bedrock"));
            [Some(name), undated, stripped].into_iter().flatten().find_map(by_name)
        });
        found.or_else(|| vendors.iter().find_map(|vendor| self.tables().find_map(|table| table.find(&[vendor, "/*"]))))
    }

    /// Finds a vendor's model by exactly this name, with or without the vendor and the region before it.
    fn named(&self, vendor: &str, name: &str, region: Option<&str>) -> Option<RowView<'_>> {
        self.tables().find_map(|table| {
            let bare = |name: &str| table.find(&[name]).filter(|row| row.vendor() == vendor || row.vendor().is_empty());
            let exact = |name: &str| {
                let regional = region.and_then(|region| table.find(&[vendor, "/", region, "/", name]));
                regional.or_else(|| table.find(&[vendor, "/", name])).or_else(|| bare(name))
            };
            match name.strip_prefix(vendor).and_then(|rest| rest.strip_prefix('/')) {
                Some(rest) => bare(name).or_else(|| exact(rest)),
                None => exact(name),
            }
        })
    }
}

impl Default for PriceBook {
    fn default() -> Self {
        Self::embedded().clone()
    }
}

const DAY: u64 = 86_400_000;
