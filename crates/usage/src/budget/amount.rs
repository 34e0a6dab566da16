use std::fmt;

use serde::{Serialize, Serializer};
use tollbridge_core::{Currency, Money};

/// What a call costs: money if its price is known, and tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Amount {
    /// The price in pico-USD: 10¹² are one dollar. `None` if no price is known, which is not zero.
    pub pico_usd: Option<i128>,
    /// Tokens of prompt and answer.
    pub tokens: u64,
}

impl Amount {
    /// Names an amount of money and of tokens.
    pub const fn new(pico_usd: Option<i128>, tokens: u64) -> Self {
        Self { pico_usd, tokens }
    }

    /// Counts the amount in one unit; `None` if that is money and no price is known.
    ///
    /// A negative price is none at all: nothing gives a budget back what was spent.
    pub(crate) fn in_unit(self, unit: Unit) -> Option<i128> {
        match unit {
            Unit::Usd => self.pico_usd.map(|pico| pico.max(0)),
            Unit::Tokens => Some(i128::from(self.tokens)),
        }
    }
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Money, in pico-USD.
    Usd,
    /// Tokens of prompts and answers.
    Tokens,
}

/// A number of pico-USD or tokens.
///
/// Money is serialised as a decimal text, so that no reader makes a float of it; tokens as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity {
    unit: Unit,
    count: i128,
}

impl Quantity {
    pub(crate) const fn new(unit: Unit, count: i128) -> Self {
        Self { unit, count }
    }

    /// Returns what is counted.
    pub const fn unit(self) -> Unit {
        self.unit
    }

    /// Returns how many pico-USD or tokens it is.
    pub const fn count(self) -> i128 {
        self.count
    }

    fn money(self) -> Money {
        Money::from_pico(self.count, Currency::USD)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Usd => self.money().fmt(f),
            Unit::Tokens => write!(f, "{} tokens", self.count),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.unit {
            Unit::Usd => serializer.collect_str(&self.money().to_decimal()),
            Unit::Tokens => serializer.serialize_u64(u64::try_from(self.count).unwrap_or(u64::MAX)),
        }
    }
}
