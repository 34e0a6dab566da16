use serde::{Deserialize, Serialize};
use tollbridge_types::Json;

use super::Fields;
use super::fields::Open;
use crate::budget::{Alert, AlertCause, Quantity};

/// A budget reached a threshold, or cannot price a call: `BUDGET_ALERT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BudgetAlert {
    /// `warning`, or `error` from 100 per cent on.
    pub level: String,
    /// `threshold` or `unpriced`.
    pub cause: String,
    /// The threshold that was reached, in per cent of the limit.
    #[serde(default)]
    pub threshold: Option<u32>,
    /// The name of the budget.
    pub budget: String,
    /// What is counted apart, such as `team`.
    pub scope: String,
    /// Whose count it is.
    #[serde(default)]
    pub value: Option<String>,
    /// The most that may be spent: dollars as a text, or tokens as a number.
    pub limit: Json,
    /// What was spent.
    pub spent: Json,
    /// What calls that are not over may spend.
    pub reserved: Json,
    /// How much of the limit was spent, in whole per cent.
    pub percent: u64,
    /// When the window began, in milliseconds since 1970 UTC.
    pub window_start_ms: u64,
    /// When it ends.
    #[serde(default)]
    pub window_end_ms: Option<u64>,
    /// Fields of later versions.
    #[serde(flatten, skip_deserializing)]
    pub rest: Fields,
}

impl From<&Alert> for BudgetAlert {
    fn from(alert: &Alert) -> Self {
        let status = &alert.status;
        let (cause, threshold) = match alert.cause {
            AlertCause::Threshold { threshold } => ("threshold", Some(threshold)),
            AlertCause::Unpriced => ("unpriced", None),
        };
        Self {
            level: if threshold.is_some_and(|threshold| threshold >= 100) { "error" } else { "warning" }.to_owned(),
            cause: cause.to_owned(),
            threshold,
            budget: status.name.clone(),
            scope: status.scope.to_string(),
            value: status.value.clone(),
            limit: json(status.limit),
            spent: json(status.spent),
            reserved: json(status.reserved),
            percent: status.percent,
            window_start_ms: status.window_start_ms,
            window_end_ms: status.window_end_ms,
            rest: Fields::default(),
        }
    }
}

impl Open for BudgetAlert {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}

fn json(quantity: Quantity) -> Json {
    // A quantity is a text or a number, so it always has a form in JSON.
    Json::from_value(&quantity).unwrap_or_else(|_| Json::from(serde_json::Value::Null))
}
