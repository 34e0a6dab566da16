use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de};
use tollbridge_core::{Error, ErrorKind, Money};

use super::{Quantity, Scope, Unit, Window};

/// A budget as people write it.
///
/// ```
/// # use tollbridge_usage::budget::{Budget, BudgetSpec};
/// let spec: BudgetSpec = serde_json::from_str(
///     r#"{"name": "research", "scope": "team", "usd": "12.50", "window": "month", "zone": "Europe/Berlin"}"#,
/// ).unwrap();
/// assert_eq!(Budget::try_from(spec).unwrap().limit().to_string(), "12.5 USD");
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct BudgetSpec {
    /// The name that errors and events call it by.
    pub name: String,
    /// What is counted apart: `global`, `key`, `user`, `team`, `task`, `alias`, `provider` or `tag:NAME`.
    pub scope: Scope,
    /// The one value of the scope that it holds for; without it, or with `*`, every value has a counter of its own.
    #[serde(default)]
    pub of: Option<String>,
    /// The most money, in US dollars, as a text such as `"12.50"`.
    #[serde(default, deserialize_with = "exact_usd")]
    pub usd: Option<Money>,
    /// The most tokens of prompts and answers; instead of `usd`.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// How long spending counts: `day`, `week` (from Monday), `month`, `year`, `forever`, or a rolling duration such
    /// as `24h`. Only a budget of tasks may leave it out: it is `forever` then.
    #[serde(default)]
    pub window: Option<String>,
    /// The time zone whose midnights begin the windows, such as `Europe/Berlin`; UTC if left out.
    #[serde(default)]
    pub zone: Option<String>,
    /// The percentages of the limit at which an event is raised; 80 if left out. One is always raised at 100.
    #[serde(default = "warn_at_80")]
    pub warn: Vec<u32>,
    /// Whether calls that do not fit are refused; on if left out. Off, only events are raised.
    #[serde(default = "yes")]
    pub hard: bool,
    /// What a limit in money does with a call whose price is unknown; `allow` if left out.
    #[serde(default)]
    pub unpriced: Unpriced,
}

/// What a limit in money does with a call whose price is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unpriced {
    /// Counts it as nothing, and raises an event.
    #[default]
    Allow,
    /// Refuses it.
    Refuse,
}

/// A budget that has been checked: nothing is left out of it that must be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) of: Option<String>,
    pub(crate) limit: Quantity,
    pub(crate) window: Window,
    pub(crate) zone: TimeZone,
    /// In percent, ascending, each once, 100 among them.
    pub(crate) thresholds: Vec<u32>,
    pub(crate) hard: bool,
    pub(crate) unpriced: Unpriced,
}

impl BudgetSpec {
    /// Starts a budget without a limit, in a window of `day`, `24h`, `forever` and so on.
    pub fn new(name: impl Into<String>, scope: Scope, window: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            scope,
            of: None,
            usd: None,
            tokens: None,
            window: Some(window.into()),
            zone: None,
            warn: warn_at_80(),
            hard: true,
            unpriced: Unpriced::default(),
        }
    }
}

impl Budget {
    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what is counted apart.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Returns the most that may be spent in a window.
    pub fn limit(&self) -> Quantity {
        self.limit
    }

    /// Returns the one value that it counts; `None` if every value has a counter of its own.
    pub(crate) fn single_value(&self) -> Option<&str> {
        if self.scope == Scope::Global { Some("") } else { self.of.as_deref() }
    }

    /// Says whether every value of the scope has a counter of its own.
    pub fn covers_many(&self) -> bool {
        self.single_value().is_none()
    }

    /// Returns how long spending counts.
    pub fn window(&self) -> Window {
        self.window
    }
}

impl TryFrom<BudgetSpec> for Budget {
    type Error = Error;

    fn try_from(spec: BudgetSpec) -> Result<Self, Error> {
        if spec.name.trim().is_empty() {
            return Err(wrong("?", "name", "is empty", "give the budget a name that its errors can call it by"));
        }
        let wrong = |field: &str, problem: &str, hint: &str| wrong(&spec.name, field, problem, hint);
        let limit = match (spec.usd, spec.tokens) {
            (Some(usd), None) => Quantity::new(Unit::Usd, usd.pico()),
            (None, Some(tokens)) => Quantity::new(Unit::Tokens, i128::from(tokens)),
            (None, None) => return Err(wrong("usd", "is missing", "set `usd` or `tokens`")),
            (Some(_), Some(_)) => {
                return Err(wrong("tokens", "stands beside `usd`", "make two budgets of it, one for each"));
            }
        };
        if !(0..=HIGHEST).contains(&limit.count()) {
            return Err(wrong("usd", "is out of range", "write an amount from 0 to a billion dollars"));
        }
        let window = match spec.window.as_deref() {
            Some(text) => {
                Window::parse(text).ok_or_else(|| wrong("window", &format!("is `{text}`, which is none"), WINDOWS))?
            }
            None if spec.scope == Scope::Task => Window::Forever,
            None => return Err(wrong("window", "is missing", WINDOWS)),
        };
        let zone = match spec.zone.as_deref() {
            Some(name) => TimeZone::get(name).map_err(|_| {
                wrong("zone", &format!("is `{name}`, which is not known"), "write a name such as Europe/Berlin")
            })?,
            None => TimeZone::UTC,
        };
        if spec.warn.iter().any(|percent| !(1..=1000).contains(percent)) {
            return Err(wrong("warn", "is out of range", "write percentages of the limit from 1 to 1000"));
        }
        let of = spec.of.filter(|value| value != "*");
        if spec.scope == Scope::Global && of.is_some() {
            return Err(wrong(
                "of",
                "stands beside the scope `global`",
                "leave it out, or name a scope that has values",
            ));
        }
        let mut thresholds = spec.warn;
        thresholds.push(100);
        thresholds.sort_unstable();
        thresholds.dedup();
        let BudgetSpec { name, scope, hard, unpriced, .. } = spec;
        Ok(Self { name, scope, of, limit, window, zone, thresholds, hard, unpriced })
    }
}

fn wrong(name: &str, field: &str, problem: &str, hint: &str) -> Error {
    Error::new(ErrorKind::Config, format!("`{field}` of the budget `{name}` {problem}"))
        .with_path(field)
        .with_hint(hint)
}

fn warn_at_80() -> Vec<u32> {
    vec![80]
}

fn yes() -> bool {
    true
}

/// Reads dollars from a text or a whole number, and tells the way out of a float.
fn exact_usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    struct Exact;

    impl de::Visitor<'_> for Exact {
        type Value = Money;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("US dollars as a text, such as \"12.50\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Money, E> {
            text.trim().trim_start_matches('$').parse().map_err(de::Error::custom)
        }

        fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Money, E> {
            self.visit_str(&dollars.to_string())
        }

        fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Money, E> {
            self.visit_str(&dollars.to_string())
        }

        fn visit_f64<E: de::Error>(self, dollars: f64) -> Result<Money, E> {
            Err(de::Error::custom(format!("money is no float; write it in quotes: \"{dollars}\"")))
        }
    }

    deserializer.deserialize_any(Exact).map(Some)
}

const WINDOWS: &str = "write day, week, month, year, forever, or a duration such as 90m, 24h or 30d";

/// A billion dollars, or 10²¹ tokens: sums of such stay far from where an `i128` ends.
const HIGHEST: i128 = 1_000_000_000_000_000_000_000;
