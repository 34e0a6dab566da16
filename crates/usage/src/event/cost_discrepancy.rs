use serde::{Deserialize, Serialize};
use tollbridge_core::Money;

use super::fields::Open;
use super::{Fields, usd};

/// The vendor, or a gateway before it, reports another cost of an attempt than the prices say: `COST_DISCREPANCY`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CostDiscrepancy {
    /// Which attempt of the call it is, from 1.
    pub attempt: u32,
    /// The model, as the vendor knows it.
    pub model_name: String,
    /// The provider.
    pub provider: String,
    /// The row of the price book.
    pub price_row: String,
    /// What the usage costs by that row, which is what the attempt is charged.
    #[serde(with = "usd")]
    pub computed_cost: Money,
    /// The currency of that row, such as `USD`.
    pub computed_currency: String,
    /// What was reported, in US dollars.
    #[serde(with = "usd")]
    pub reported_cost_usd: Money,
    /// Fields of later versions.
    #[serde(flatten, skip_deserializing)]
    pub rest: Fields,
}

impl CostDiscrepancy {
    /// Holds our figure against the one that was reported.
    pub fn new(computed: Money, reported: Money) -> Self {
        Self {
            attempt: 0,
            model_name: String::new(),
            provider: String::new(),
            price_row: String::new(),
            computed_cost: computed,
            computed_currency: computed.currency().to_string(),
            reported_cost_usd: reported,
            rest: Fields::default(),
        }
    }
}

impl Default for CostDiscrepancy {
    fn default() -> Self {
        Self::new(Money::ZERO, Money::ZERO)
    }
}

impl Open for CostDiscrepancy {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}
