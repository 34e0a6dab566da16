use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use tollbridge_core::{Currency, Error, ErrorKind, ExchangeRates, Secret, bare_url};

use crate::config::{Row, Source};
use crate::reader::{Reader, Table};
use crate::units;

/// What is kept of calls, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageConfig {
    /// The data directory, which need not exist yet.
    pub dir: PathBuf,
    /// Whether calls are recorded; off, no file is made.
    pub enabled: bool,
    /// Whether calls are priced.
    pub cost: bool,
    /// Whether a record must outlive the machine, not only the process, before the caller sees the end of a call.
    pub strict: bool,
    /// How long an answer is read on whose reader has left; `None` cancels it.
    pub drain: Option<Duration>,
    /// Whether the words of prompts and answers are kept.
    pub content: bool,
    /// The most bytes of records that wait for a database that does not take them.
    pub spool_limit: usize,
    /// Where prices are that go over those that are built in.
    pub prices: Option<PriceSource>,
    /// How often prices at an address are fetched.
    pub prices_refresh: Duration,
    /// How other currencies count in US dollars; none does without a rate.
    pub rates: ExchangeRates,
    /// A file that every event is appended to, as a line of JSON.
    pub events: Option<PathBuf>,
    /// Where events are posted.
    pub webhook: Option<WebhookConfig>,
}

/// Where a user's own prices are.
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "prices that are somewhere else must be seen to")]
pub enum PriceSource {
    /// A file, which is read again when it changes.
    File(PathBuf),
    /// An address of HTTP, which is asked again at intervals.
    Address(String),
}

impl fmt::Display for PriceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Address(url) => f.write_str(&bare_url(url)),
        }
    }
}

impl fmt::Debug for PriceSource {
    // A query may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PriceSource({self})")
    }
}

/// Where events are posted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookConfig {
    /// The address.
    pub url: String,
    /// What posts are signed with.
    pub secret: Secret,
}

/// One budget, as it was written: a table without its name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BudgetConfig {
    /// The name.
    pub name: String,
    /// Its fields.
    pub fields: Map<String, Value>,
    /// Where it stands.
    pub source: Source,
}

/// Gathers the budgets, which the ledger's crate reads.
pub(crate) fn budgets(reader: &mut Reader<'_>, table: &Table) -> Vec<BudgetConfig> {
    let mut budgets = Vec::new();
    for name in table.fields.keys() {
        reader.must_be_table(table, name);
        let child = table.child(name);
        reader.known(&child, &["scope", "of", "usd", "tokens", "window", "zone", "warn", "hard", "unpriced"]);
        for (field, value) in &child.fields {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            reader.show(&child, field, shown);
        }
        let source = reader.source(&child.path);
        budgets.push(BudgetConfig { name: name.clone(), fields: child.fields, source });
    }
    budgets
}

/// The variable that names the data directory, for programs and containers without a file.
const VARIABLE: &str = "TOLLBRIDGE_USAGE_DIR";

/// Reads what is kept of calls.
pub(crate) fn resolve(reader: &mut Reader<'_>, table: &Table, environment: &BTreeMap<String, String>) -> UsageConfig {
    reader.known(
        table,
        &[
            "dir",
            "enabled",
            "cost",
            "durability",
            "on_leave",
            "drain_limit",
            "content",
            "spool_limit",
            "prices",
            "prices_refresh",
            "rates",
            "events",
            "webhook",
            "webhook_secret",
        ],
    );
    let (dir, source) = directory(reader, table, environment);
    reader.rows.push(Row::new(table.key_of("dir"), dir.display().to_string(), source));
    let enabled = reader.flag(table, "enabled").unwrap_or(true);
    let cost = reader.flag(table, "cost").unwrap_or(true);
    let strict = choice(reader, table, "durability", ["fast", "strict"]) == "strict";
    let on_leave = choice(reader, table, "on_leave", ["cancel", "drain"]);
    let limit = reader.unit(table, "drain_limit", units::duration).unwrap_or(DRAIN);
    let content = reader.flag(table, "content").unwrap_or(false);
    let spool_limit = reader.unit(table, "spool_limit", units::bytes).unwrap_or(1 << 30);
    let prices = prices(reader, table);
    let prices_refresh = reader.unit(table, "prices_refresh", units::duration).unwrap_or(REFRESH);
    let events = reader.text(table, "events").filter(|path| !path.is_empty());
    for (name, value) in [
        ("enabled", enabled.to_string()),
        ("cost", cost.to_string()),
        ("durability", if strict { "strict" } else { "fast" }.to_owned()),
        ("on_leave", on_leave.to_owned()),
        ("drain_limit", format!("{limit:?}")),
        ("content", content.to_string()),
        ("spool_limit", spool_limit.to_string()),
        ("prices", prices.as_ref().map(PriceSource::to_string).unwrap_or_default()),
        ("prices_refresh", format!("{prices_refresh:?}")),
        ("events", events.clone().unwrap_or_default()),
    ] {
        reader.show(table, name, value);
    }
    UsageConfig {
        dir,
        enabled,
        cost,
        strict,
        drain: (on_leave == "drain").then_some(limit),
        content,
        spool_limit,
        prices,
        prices_refresh,
        rates: rates(reader, table),
        events: events.map(PathBuf::from),
        webhook: webhook(reader, table),
    }
}

/// Reads where prices are: an address if it begins like one, else a file.
fn prices(reader: &mut Reader<'_>, table: &Table) -> Option<PriceSource> {
    let place = reader.text(table, "prices").filter(|place| !place.is_empty())?;
    let Some((scheme, rest)) = place.split_once("://") else {
        return Some(PriceSource::File(place.into()));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (wrong, hint) = match scheme {
        "http" | "https" if authority.is_empty() => ("has no host", "write it as https://example.com/prices.json"),
        "http" | "https" if authority.contains('@') => {
            ("holds a user or a password, which are not sent", "leave them out, or fetch the prices into a file")
        }
        "http" | "https" => return Some(PriceSource::Address(place)),
        _ => ("is an address of neither https nor http", "write it as https://example.com/prices.json"),
    };
    reader.problem(table, "prices", format!("`usage.prices` {wrong}")).hint = Some(hint.to_owned());
    None
}

/// Reads the exchange rates: texts, or whole numbers.
fn rates(reader: &mut Reader<'_>, table: &Table) -> ExchangeRates {
    reader.must_be_table(table, "rates");
    let (table, mut rates) = (table.child("rates"), ExchangeRates::default());
    for (name, value) in &table.fields {
        let key = table.key_of(name);
        // Variables are read in small letters.
        let Some(currency) = Currency::from_code(&name.to_ascii_uppercase()) else {
            reader.problem(&table, name, format!("`{key}` names no currency")).hint =
                Some("write a code of three letters such as CNY".to_owned());
            continue;
        };
        let rate = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let set = match value {
            Value::Number(number) if number.is_f64() => Err(Error::new(ErrorKind::Config, "a rate is no float")
                .with_hint(format!("write it in quotes: \"{rate}\""))),
            _ => rates.set(currency, &rate),
        };
        match set {
            Ok(()) => reader.show(&table, name, rate),
            Err(error) => {
                let message = format!("`{key}`: {}", error.message());
                reader.problem(&table, name, message).hint = error.hint().map(str::to_owned);
            }
        }
    }
    rates
}

fn webhook(reader: &mut Reader<'_>, table: &Table) -> Option<WebhookConfig> {
    let url = reader.text(table, "webhook").filter(|url| !url.is_empty())?;
    reader.show(table, "webhook", url.clone());
    if !url.starts_with("https://") && !url.starts_with("http://") {
        reader.problem(table, "webhook", "`usage.webhook` is not an address").hint =
            Some("write it as https://example.com/events".to_owned());
    }
    match reader.text(table, "webhook_secret").filter(|secret| !secret.is_empty()) {
        Some(secret) => {
            reader.show(table, "webhook_secret", "***");
            Some(WebhookConfig { url, secret: Secret::new(secret) })
        }
        None => {
            reader.problem(table, "webhook_secret", "`usage.webhook_secret` is missing").hint =
                Some("posts are signed with it; take some 32 random bytes".to_owned());
            None
        }
    }
}

/// Reads one of two words; the first is the default.
pub(crate) fn choice(reader: &mut Reader<'_>, table: &Table, name: &str, words: [&'static str; 2]) -> &'static str {
    let [default, other] = words;
    match reader.text(table, name).as_deref() {
        None => default,
        Some(word) if word == default => default,
        Some(word) if word == other => other,
        Some(word) => {
            let key = table.key_of(name);
            reader.problem(table, name, format!("`{key}` is `{word}`; write {default} or {other}"));
            default
        }
    }
}

/// How often prices are fetched.
const REFRESH: Duration = Duration::from_secs(3600);

/// How long an answer is read on at most, where that is switched on.
const DRAIN: Duration = Duration::from_secs(30);

/// Finds the data directory: an argument, the variable, the key `usage.dir`, else where the system keeps data.
fn directory(reader: &mut Reader<'_>, table: &Table, environment: &BTreeMap<String, String>) -> (PathBuf, Source) {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let source = reader.source(&table.path_of("dir"));
    let configured = reader.text(table, "dir").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    match (set(VARIABLE), configured) {
        (variable, Some(dir)) if variable.is_none() || matches!(source, Source::Argument(_)) => (dir, source),
        (Some(dir), _) => (PathBuf::from(dir), Source::Environment(VARIABLE.to_owned())),
        _ => {
            // The XDG specification has relative paths ignored.
            let data = set("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
            let home = || set("HOME").map(|home| Path::new(home).join(".local/share"));
            let dir = data.or_else(home).map(|data| data.join("tollbridge"));
            (dir.unwrap_or_else(|| PathBuf::from(".tollbridge")), Source::Default)
        }
    }
}
