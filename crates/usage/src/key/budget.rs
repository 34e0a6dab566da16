use serde::{Deserialize, Serialize};
use tollbridge_core::{Error, Money};

use crate::budget::{Budget, BudgetSpec, Scope, Unpriced};

/// What the calls of a key may use within a time: money or tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyBudget {
    /// US dollars, as a decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
    /// Tokens of prompts and answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The time: `day`, `week`, `month` or `year` of the calendar, `forever`, or a duration such as `24h`.
    pub window: String,
    /// The time zone whose midnights begin the windows, such as `Europe/Berlin`; UTC if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl KeyBudget {
    /// Limits money, in US dollars.
    pub fn usd(usd: impl Into<String>, window: impl Into<String>) -> Self {
        Self { usd: Some(usd.into()), window: window.into(), ..Self::default() }
    }

    /// Limits tokens.
    pub fn tokens(tokens: u64, window: impl Into<String>) -> Self {
        Self { tokens: Some(tokens), window: window.into(), ..Self::default() }
    }

    /// Returns the budget of the calls of the key with an id.
    ///
    /// # Errors
    /// What is wrong with a field, with its name as the path.
    pub(super) fn resolve(&self, key: &str, id: &str) -> Result<Budget, Error> {
        let usd = self.usd.as_ref().map(|usd| usd.parse::<Money>()).transpose();
        let usd =
            usd.map_err(|error| Error::invalid("usd", error.to_string()).with_hint("write US dollars, such as 12.50"))?;
        Budget::try_from(BudgetSpec {
            name: format!("key {key}"),
            scope: Scope::Key,
            of: Some(id.to_owned()),
            usd,
            tokens: self.tokens,
            window: Some(self.window.clone()),
            zone: self.zone.clone(),
            warn: vec![80],
            hard: true,
            unpriced: Unpriced::default(),
        })
    }
}
