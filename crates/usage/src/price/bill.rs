use serde::{Serialize, Serializer};
use tollbridge_core::Money;

use super::Rate;

/// What a call is charged by, beside its usage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// When the call was made, in milliseconds since 1970 UTC; `None` is now.
    pub at: Option<u64>,
    /// The service tier that was asked for; the one in the usage, which served, goes before it.
    pub service_tier: Option<String>,
    /// Whether the call is part of a batch.
    pub batch: bool,
    /// The region that the vendor's endpoint stands in, such as `us-east-1`.
    pub region: Option<String>,
    /// Where the data must stay, such as `eu`.
    pub data_residency: Option<String>,
}

/// What a call costs, line by line.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Bill {
    /// The sum, rounded once; `None` if no price is known.
    pub cost: Option<Money>,
    /// What the sum is made of.
    pub lines: Vec<BillLine>,
    /// The row of the price book, by its key.
    pub row: Option<String>,
    /// The version of the price book, or of the price file that the row is from.
    pub book: String,
}

/// One product of a [`Bill`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BillLine {
    /// What is charged, such as `cache_read`.
    pub item: String,
    /// How many of it.
    pub quantity: u64,
    /// What one costs, factors included; `None` if that is not known, and then it is not in the sum.
    pub rate: Option<Rate>,
    /// The product, exact.
    pub amount: Option<Rate>,
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
