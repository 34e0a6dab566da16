use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use tollbridge_core::{Error, ErrorKind, Retry};

use super::{BudgetStatus, Quantity};

/// A call that does not fit a budget any more.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Exceeded {
    /// Where the counter stands.
    #[serde(flatten)]
    pub status: Box<BudgetStatus>,
    /// What the call may cost; `None` if it was refused because no price is known.
    pub asked: Option<Quantity>,
    /// When there will be room, in milliseconds since 1970 UTC, if nothing else is spent; `None` if never.
    pub resets_ms: Option<u64>,
    /// The same, to be read, in the time zone of the budget.
    pub resets: Option<String>,
}

impl Exceeded {
    pub(crate) fn new(status: BudgetStatus, asked: Option<Quantity>, resets_ms: Option<u64>, zone: &TimeZone) -> Self {
        let moment = resets_ms.and_then(|resets| Timestamp::from_millisecond(i64::try_from(resets).ok()?).ok());
        let resets = moment.map(|moment| moment.to_zoned(zone.clone()).to_string());
        Self { status: Box::new(status), asked, resets_ms, resets }
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BudgetStatus { name, scope, value, limit, spent, reserved, .. } = &*self.status;
        write!(f, "budget `{name}`")?;
        if let Some(value) = value {
            write!(f, " of {scope} `{value}`")?;
        }
        match self.asked {
            Some(asked) => write!(
                f,
                " has no room for {asked}: {spent} of {limit} are spent and {reserved} are reserved by calls that run"
            ),
            None => write!(f, " takes no call whose price is unknown"),
        }
    }
}

impl std::error::Error for Exceeded {}

impl From<Exceeded> for Error {
    fn from(exceeded: Exceeded) -> Self {
        let hint = match (exceeded.asked, &exceeded.resets) {
            (None, _) => "set a price for the model, or `unpriced = \"allow\"` for the budget".to_owned(),
            (Some(asked), _) if asked.count() > exceeded.status.limit.count() => {
                "this call alone is more than the limit: ask for fewer tokens, or raise the limit".to_owned()
            }
            (Some(_), Some(resets)) => format!("there is room from {resets} on; or ask for fewer tokens"),
            (Some(_), None) => "ask for fewer tokens, or raise the limit".to_owned(),
        };
        Self::new(ErrorKind::Budget, exceeded.to_string())
            .with_hint(hint)
            .with_retry(Retry::Never)
            .with_source(exceeded)
    }
}
