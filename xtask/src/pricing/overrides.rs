//! What was reviewed by a person, beside the sources.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tollbridge_usage::price::{Component, Row, Tier};

use super::calendar;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overrides {
    pub(super) rule: Vec<Rule>,
    row: Vec<OwnRow>,
    #[serde(default)]
    pub(super) prefer: Vec<Preference>,
}

/// A rule that no table states, by its name in `rules.rs`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    pub(super) apply: String,
    pub(super) vendor: String,
    #[serde(flatten)]
    review: Review,
}

/// Whom to believe of a vendor or of one model where sources differ, or what is right where neither is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preference {
    vendor: Option<String>,
    key: Option<String>,
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) rates: BTreeMap<String, String>,
    #[serde(flatten)]
    review: Review,
}

/// A price that no source has.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnRow {
    key: String,
    vendor: String,
    rates: BTreeMap<String, String>,
    #[serde(flatten)]
    review: Review,
}

#[derive(Debug, Deserialize)]
struct Review {
    address: String,
    date: toml::value::Datetime,
    reason: String,
}

impl Overrides {
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let overrides: Self = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let reviews = overrides.rule.iter().map(|rule| &rule.review);
        let reviews = reviews.chain(overrides.row.iter().map(|row| &row.review));
        let mut reviews = reviews.chain(overrides.prefer.iter().map(|preference| &preference.review));
        match reviews.find(|review| !review.is_complete()) {
            Some(review) => Err(format!("{}: a review needs address, date and reason: {review:?}", path.display())),
            None => Ok(overrides),
        }
    }

    /// Returns the rows that no source has.
    pub(super) fn rows(&self) -> Result<Vec<Row>, String> {
        self.row.iter().map(OwnRow::row).collect()
    }

    /// Returns what was decided of a model: of itself, or else of its vendor.
    pub(super) fn preference(&self, row: &Row) -> Option<&Preference> {
        let of_key = self.prefer.iter().find(|preference| preference.key.as_deref() == Some(&row.key));
        of_key.or_else(|| {
            let of_vendor =
                |preference: &&Preference| preference.vendor.as_deref().is_some_and(|vendor| vendor == row.vendor);
            self.prefer.iter().find(of_vendor)
        })
    }
}

impl OwnRow {
    fn row(&self) -> Result<Row, String> {
        let mut row = Row {
            key: self.key.clone(),
            vendor: self.vendor.clone(),
            mode: "chat".to_owned(),
            currency: "USD".to_owned(),
            ..Row::default()
        };
        for (name, rate) in &self.rates {
            let component = Component::from_name(name).ok_or_else(|| format!("`{name}` is no component of a price"))?;
            let rate = rate.parse().map_err(|error| format!("`{}`: {error}", self.key))?;
            row.put(component, Tier::Base, 0, rate, "overrides");
        }
        Ok(row)
    }
}

impl Review {
    fn is_complete(&self) -> bool {
        let day = self.date.to_string();
        !self.address.is_empty() && !self.reason.is_empty() && calendar::day(&day).is_some()
    }
}
