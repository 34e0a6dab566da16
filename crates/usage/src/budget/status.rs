use serde::Serialize;

use super::{Quantity, Scope, Unit};

/// Where one counter of a budget stands. Its JSON is stable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BudgetStatus {
    /// The name of the budget.
    pub name: String,
    /// What is counted apart.
    pub scope: Scope,
    /// Whose count this is; `None` for the scope `global`.
    pub value: Option<String>,
    /// What is counted.
    pub unit: Unit,
    /// The most that may be spent in a window.
    pub limit: Quantity,
    /// What was spent in this window.
    pub spent: Quantity,
    /// What calls that are not over may spend.
    pub reserved: Quantity,
    /// How much of the limit was spent, in whole per cent, rounded down.
    pub percent: u64,
    /// When the window began, in milliseconds since 1970 UTC.
    pub window_start_ms: u64,
    /// When it ends: for a rolling window now, for one that never ends `None`.
    pub window_end_ms: Option<u64>,
    /// Whether calls that do not fit are refused.
    pub hard: bool,
}

/// Something about a budget that people should know. Each cause is told once in a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// What happened.
    #[serde(flatten)]
    pub cause: AlertCause,
    /// Where the counter stands.
    #[serde(flatten)]
    pub status: BudgetStatus,
}

/// What an [`Alert`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlertCause {
    /// So much of the limit was spent.
    #[non_exhaustive]
    Threshold {
        /// The threshold, in per cent of the limit.
        threshold: u32,
    },
    /// A call whose price is unknown was counted as nothing against a limit in money.
    Unpriced,
}
