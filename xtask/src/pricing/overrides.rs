//! What was decided by review, beside the sources.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tollbridge_usage::price::{Component, Row, Tier, parse_day};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Overrides {
    as_of: toml::value::Datetime,
    pub(super) rule: Vec<Rule>,
    row: Vec<OwnRow>,
    #[serde(default)]
    prefer: Vec<Preference>,
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

/// Whom to believe of some models where sources differ, or what is right where neither is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Preference {
    vendor: String,
    /// Keys; one `*` in each stands for any text.
    models: Vec<String>,
    source: Option<String>,
    #[serde(default)]
    rates: BTreeMap<String, String>,
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

    /// Returns the day on which the sources are compared.
    pub(super) fn as_of(&self) -> u32 {
        parse_day(&self.as_of.to_string()).unwrap_or_default()
    }

    /// Returns the rows that no source has.
    pub(super) fn rows(&self) -> Result<Vec<Row>, String> {
        self.row.iter().map(OwnRow::row).collect()
    }

    /// Returns what was decided of a model.
    pub(super) fn preference(&self, row: &Row) -> Option<&Preference> {
        self.prefer.iter().find(|preference| {
            preference.vendor == row.vendor && preference.models.iter().any(|pattern| is_match(pattern, &row.key))
        })
    }
}

fn is_match(pattern: &str, key: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, end)) => key.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => pattern == key,
    }
}

impl Preference {
    /// Puts what was decided into the row, and tells what that was.
    pub(super) fn settle(
        &self,
        row: &mut Row,
        component: Component,
        above: u32,
        theirs: &Row,
    ) -> Result<String, String> {
        if let Some(rate) = self.rates.get(component.name()).filter(|_| above == 0) {
            let rate = rate.parse().map_err(|error| format!("`{}`: {error}", row.key))?;
            row.put(component, Tier::Base, above, rate, "overrides");
            return Ok(format!("neither, but {rate}: {}", self.review.reason));
        }
        let source =
            self.source.as_deref().ok_or_else(|| format!("`{}`: no rate and no source is preferred", row.key))?;
        match source {
            "litellm" => {}
            "genai-prices" => {
                let figure =
                    theirs.figures.iter().find(|figure| (figure.component, figure.above) == (component, above));
                if let Some(figure) = figure {
                    row.put(component, Tier::Base, above, figure.rate, &figure.source);
                }
            }
            other => return Err(format!("`{}`: there is no source `{other}`", row.key)),
        }
        Ok(format!("{source}: {}", self.review.reason))
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
        !self.address.is_empty() && !self.reason.is_empty() && parse_day(&day).is_some()
    }
}
