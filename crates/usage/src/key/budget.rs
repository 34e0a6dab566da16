use serde::{Deserialize, Serialize};
use tollbridge_core::Error;

use crate::budget::{Budget, BudgetSpec, Scope};

/// What a key may use within a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyBudget {
    /// US dollars, as a decimal number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<String>,
    /// Tokens, whatever they are for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// The time: `day`, `week`, `month` or `year` of the calendar, a rolling one such as `24h`, or `forever`.
    pub window: String,
    /// The time zone by whose calendar the window begins, such as `Europe/Berlin`; UTC if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl KeyBudget {
    /// Starts a budget over a window, with nothing limited yet.
    pub fn new(window: impl Into<String>) -> Self {
        Self { window: window.into(), ..Self::default() }
    }

    /// Returns the budgets that limit the calls of a key.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](tollbridge_core::ErrorKind::Config) with the field at fault.
    pub fn limits(&self, id: &str, name: &str) -> Result<Vec<Budget>, Error> {
        let mut usd = BudgetSpec::new(format!("key {name}"), Scope::Key, &self.window);
        (usd.of, usd.zone) = (Some(id.to_owned()), self.zone.clone());
        let mut tokens = usd.clone();
        tokens.name.push_str(" (tokens)");
        usd.usd = self.usd.as_deref().map(str::parse).transpose().map_err(|_| {
            Error::invalid("usd", format!("`{}` is no amount", self.usd.as_deref().unwrap_or_default()))
                .with_hint("write US dollars as 12.50")
        })?;
        tokens.tokens = self.tokens;
        let specs = [(usd.usd.is_some(), usd), (tokens.tokens.is_some(), tokens)];
        specs.into_iter().filter(|(is_set, _)| *is_set).map(|(_, spec)| Budget::try_from(spec)).collect()
    }
}
