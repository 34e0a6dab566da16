use serde::{Deserialize, Serialize};

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
    /// The time: `hour`, `day`, `week`, `month` or `year` of the calendar, or `total`.
    pub window: String,
    /// The time zone by whose calendar the window begins, such as `Europe/Berlin`; UTC if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
}

impl KeyBudget {
    /// The names of windows.
    pub const WINDOWS: [&str; 6] = ["hour", "day", "week", "month", "year", "total"];

    /// Starts a budget over a window, with nothing limited yet.
    pub fn new(window: impl Into<String>) -> Self {
        Self { window: window.into(), ..Self::default() }
    }
}
