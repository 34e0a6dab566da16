use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use serde::Serialize;
use tollbridge_core::{Converted, Currency, Error, ExchangeRates, Money};

use super::filter::{Filter, outcome_is};
use super::histogram::Histogram;
use super::query::{Reader, failed};
use super::rollup::{Key, Level, Rollup, Sums};

/// By what a summary is split.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupBy {
    /// The provider.
    Provider,
    /// The model, as the vendor was asked for it.
    Model,
    /// The alias that the caller named.
    Alias,
    /// The value of the tag `category`.
    Category,
    /// The virtual key, by its id.
    Key,
    /// How attempts ended: `ok` or the kind of the failure.
    Outcome,
    /// The day of the time zone.
    Day,
    /// The hour, in UTC.
    Hour,
    /// The value of a tag.
    Tag(String),
}

impl GroupBy {
    const NAMES: &str = "provider, model, alias, category, key, outcome, day, hour, tag:NAME";

    /// Returns the name, as [`FromStr`] reads it.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Provider => "provider".into(),
            Self::Model => "model".into(),
            Self::Alias => "alias".into(),
            Self::Category => "category".into(),
            Self::Key => "key".into(),
            Self::Outcome => "outcome".into(),
            Self::Day => "day".into(),
            Self::Hour => "hour".into(),
            Self::Tag(tag) => format!("tag:{tag}").into(),
        }
    }
}

impl FromStr for GroupBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "provider" => Self::Provider,
            "model" => Self::Model,
            "alias" => Self::Alias,
            "category" => Self::Category,
            "key" => Self::Key,
            "outcome" => Self::Outcome,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "task" | "user" | "team" => Self::Tag(text.to_owned()),
            _ => match text.strip_prefix("tag:").filter(|tag| !tag.is_empty()) {
                Some(tag) => Self::Tag(tag.to_owned()),
                None => return Err(format!("`{text}` is nothing to group by; use some of {}", Self::NAMES)),
            },
        })
    }
}

/// Sums over records.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// One row a group, in the order of the groups.
    pub rows: Vec<SummaryRow>,
    /// The sums over all rows.
    pub total: SummaryRow,
    /// What all cost in US dollars, if there are rates for other currencies that were spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Converted>,
}

impl Summary {
    /// Adds the total in US dollars; the totals by currency stay beside it.
    #[must_use]
    pub fn with_rates(mut self, rates: &ExchangeRates) -> Self {
        self.converted = rates.total(&self.total.cost);
        self
    }
}

/// The sums of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SummaryRow {
    /// What the records of the group have in common, by the names of the grouping.
    pub group: BTreeMap<String, String>,
    /// Logical calls. One is counted where its last attempt went, with the outcome of that attempt.
    pub calls: i64,
    /// Logical calls whose last attempt failed.
    pub failed_calls: i64,
    /// Logical calls that failed, by the kind of the failure.
    pub failures: BTreeMap<String, i64>,
    /// Attempts that reached for a vendor.
    pub attempts: i64,
    /// Text input tokens that no cache served or stored.
    pub input: i64,
    /// Input tokens read from a cache.
    pub cache_read: i64,
    /// Input tokens written to a cache.
    pub cache_write: i64,
    /// Audio, image and video input tokens.
    pub input_media: i64,
    /// Visible output tokens.
    pub output: i64,
    /// Output tokens spent on reasoning.
    pub reasoning: i64,
    /// Audio and image output tokens.
    pub output_media: i64,
    /// What the attempts cost, by currency; currencies are never added.
    #[serde(serialize_with = "amounts")]
    pub cost: Vec<Money>,
    /// Attempts without a known price; they are in no sum of costs.
    pub unpriced: i64,
    /// Attempts whose usage is not the vendor's last word.
    pub estimated: i64,
    /// How long answered attempts took.
    pub latency: Latency,
    /// How long answered attempts took to their first piece.
    pub first_token: Latency,
    /// When the first attempt began, in milliseconds since 1970 UTC.
    pub first: Option<u64>,
    /// When the last attempt began.
    pub last: Option<u64>,
}

/// Durations in microseconds; percentiles are within 7 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Latency {
    /// Half took no longer.
    pub p50: Option<u64>,
    /// 95 % took no longer.
    pub p95: Option<u64>,
    /// 99 % took no longer.
    pub p99: Option<u64>,
}

impl From<&Histogram> for Latency {
    fn from(histogram: &Histogram) -> Self {
        let at = |percent| histogram.percentile(percent);
        Self { p50: at(50), p95: at(95), p99: at(99) }
    }
}

impl Reader {
    /// Sums records up. Days are those of `zone`.
    ///
    /// Whole hours and days are read from sums that were kept while records were written; only the
    /// edges of the time range, and combinations of tags with other fields, read records.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn summary(&self, filter: &Filter, by: &[GroupBy], zone: &TimeZone) -> Result<Summary, Error> {
        let mut groups = Groups { by, zone, groups: BTreeMap::new(), label: None };
        match Source::of(filter, by) {
            Source::Rollup { tag, value } => {
                let local_days = by.contains(&GroupBy::Day) && *zone != TimeZone::UTC;
                for piece in pieces(filter, by.contains(&GroupBy::Hour) || local_days) {
                    match piece {
                        Piece::Raw(since, until) => {
                            let edge = Filter { since: Some(since), until: Some(until), ..filter.clone() };
                            self.sum_records(&edge, &mut groups)?;
                        }
                        Piece::Periods(level, from, to) => {
                            self.sum_periods(filter, level, (from, to), tag, value, &mut groups)?;
                        }
                    }
                }
            }
            Source::Records => self.sum_records(filter, &mut groups)?,
        }
        Ok(groups.finish())
    }

    /// Returns what a task cost: the sum of what is known, with how much is not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn task_total(&self, task: &str) -> Result<SummaryRow, Error> {
        let filter = Filter { tags: vec![("task".to_owned(), task.to_owned())], ..Filter::default() };
        self.summary(&filter, &[], &TimeZone::UTC).map(|summary| summary.total)
    }

    fn sum_periods(
        &self,
        filter: &Filter,
        level: Level,
        (from, to): (u64, u64),
        tag: &str,
        value: Option<&str>,
        groups: &mut Groups<'_>,
    ) -> Result<(), Error> {
        let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let mut sql = format!(
            "SELECT period, value, provider, model, alias, category, virtual_key, outcome, currency, attempts, calls,
                    input, cache_read, cache_write, input_media, output, reasoning, output_media, cost, unpriced,
                    estimated, first, last, total, latency, first_token
             FROM rollup WHERE level = {} AND tag = ? AND period >= ? AND period < ?",
            level.number()
        );
        let mut values = vec![Value::Text(tag.to_owned()), number(from), number(to)];
        let columns = [
            ("value", value),
            ("provider", filter.provider.as_deref()),
            ("model", filter.model.as_deref()),
            ("alias", filter.alias.as_deref()),
            ("category", filter.category.as_deref()),
            ("virtual_key", filter.key.as_deref()),
        ];
        for (column, wanted) in columns {
            if let Some(wanted) = wanted {
                sql.push_str(&format!(" AND {column} = ?"));
                values.push(Value::Text(wanted.to_owned()));
            }
        }
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let read = RollupRow::read(row).map_err(failed)?;
            let key = read.key(tag, level);
            if filter.outcome.as_deref().is_none_or(|wanted| outcome_is(wanted, key.outcome)) {
                groups.add(&key, &read.sums, &BTreeMap::new());
            }
        }
        Ok(())
    }

    fn sum_records(&self, filter: &Filter, groups: &mut Groups<'_>) -> Result<(), Error> {
        // Only the last attempt of a call stands for it.
        let last = "NOT EXISTS (SELECT 1 FROM attempts AS later WHERE later.call = attempts.call AND later.attempt > attempts.attempt)";
        self.each(filter, &format!("started, {last}"), |attempt, row| {
            let calls = i64::from(row.get::<_, bool>(super::columns::COLUMNS.len() + 1)?);
            let mut rollup = Rollup::default();
            rollup.add(&attempt, calls);
            // As in the sums by tag, a record without the tag is in no group.
            if groups.tags().all(|tag| attempt.tags.contains_key(tag)) {
                let plain = rollup.rows().filter(|(key, _)| key.tag.is_empty());
                plain.for_each(|(key, sums)| groups.add(key, sums, &attempt.tags));
            }
            Ok(())
        })
    }
}

/// Where the numbers of a summary can be read.
enum Source<'a> {
    Rollup { tag: &'a str, value: Option<&'a str> },
    Records,
}

impl<'a> Source<'a> {
    fn of(filter: &'a Filter, by: &'a [GroupBy]) -> Self {
        let grouped: Vec<&str> =
            by.iter().filter_map(|by| if let GroupBy::Tag(tag) = by { Some(tag.as_str()) } else { None }).collect();
        let about_key = filter.alias.is_some() || filter.category.is_some() || filter.key.is_some();
        let by_key = by.iter().any(|by| matches!(by, GroupBy::Alias | GroupBy::Category | GroupBy::Key));
        match (filter.tags.as_slice(), grouped.as_slice()) {
            _ if filter.call.is_some() => Self::Records,
            // Sums without a tag have no value, which leads to their periods at once.
            ([], []) => Self::Rollup { tag: "", value: Some("") },
            _ if about_key || by_key => Self::Records,
            ([], [tag]) => Self::Rollup { tag, value: None },
            ([(tag, value)], grouped) if grouped.iter().all(|by| by == tag) => Self::Rollup { tag, value: Some(value) },
            _ => Self::Records,
        }
    }
}

/// A part of a time range.
enum Piece {
    /// Records from the first time until before the second.
    Raw(u64, u64),
    /// Hours or days, by number.
    Periods(Level, u64, u64),
}

/// Cuts a time range into edges, hours and days.
fn pieces(filter: &Filter, hours_only: bool) -> Vec<Piece> {
    let (hour, day) = (Level::Hour.millis(), Level::Day.millis());
    let since = filter.since.unwrap_or(0);
    // A range without an end reaches over every period that there is.
    let until = filter.until.unwrap_or(u64::MAX / day * day);
    let (first_hour, last_hour) = (since.div_ceil(hour), until / hour);
    if since >= until {
        return Vec::new();
    }
    if first_hour >= last_hour {
        return vec![Piece::Raw(since, until)];
    }
    let mut pieces = vec![Piece::Raw(since, first_hour * hour), Piece::Raw(last_hour * hour, until)];
    let (first_day, last_day) = (first_hour.div_ceil(24), last_hour / 24);
    if hours_only || first_day >= last_day {
        pieces.push(Piece::Periods(Level::Hour, first_hour, last_hour));
    } else {
        pieces.push(Piece::Periods(Level::Hour, first_hour, first_day * 24));
        pieces.push(Piece::Periods(Level::Day, first_day, last_day));
        pieces.push(Piece::Periods(Level::Hour, last_day * 24, last_hour));
    }
    pieces.retain(|piece| match piece {
        Piece::Raw(from, to) | Piece::Periods(_, from, to) => from < to,
    });
    pieces
}

struct RollupRow {
    period: u64,
    texts: [String; 8],
    sums: Sums,
}

impl RollupRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let text = |place: usize| row.get::<_, String>(place);
        let time = |place: usize| -> rusqlite::Result<Option<u64>> {
            let time = row.get::<_, Option<i64>>(place)?;
            Ok(time.and_then(|time| u64::try_from(time).ok()))
        };
        Ok(Self {
            period: u64::try_from(row.get::<_, i64>(0)?).unwrap_or_default(),
            texts: [text(1)?, text(2)?, text(3)?, text(4)?, text(5)?, text(6)?, text(7)?, text(8)?],
            sums: Sums {
                attempts: row.get(9)?,
                calls: row.get(10)?,
                input: row.get(11)?,
                cache_read: row.get(12)?,
                cache_write: row.get(13)?,
                input_media: row.get(14)?,
                output: row.get(15)?,
                reasoning: row.get(16)?,
                output_media: row.get(17)?,
                cost: row.get(18)?,
                unpriced: row.get(19)?,
                estimated: row.get(20)?,
                first: time(21)?,
                last: time(22)?,
                total: row.get(23)?,
                latency: Histogram::from_bytes(row.get_ref(24)?.as_blob().unwrap_or_default()),
                first_token: Histogram::from_bytes(row.get_ref(25)?.as_blob().unwrap_or_default()),
            },
        })
    }

    fn key<'a>(&'a self, tag: &'a str, level: Level) -> Key<'a> {
        let [value, provider, model, alias, category, key, outcome, currency] = &self.texts;
        let hour = self.period * (level.millis() / Level::Hour.millis());
        Key { hour, tag, value, provider, model, alias, category, key, outcome, currency: currency.as_str().into() }
    }
}

struct Groups<'a> {
    by: &'a [GroupBy],
    zone: &'a TimeZone,
    groups: BTreeMap<Vec<String>, Group>,
    /// The last label of a time, with its hour and format: neighbours often share it.
    label: Option<(u64, &'static str, String)>,
}

#[derive(Default)]
struct Group {
    sums: Sums,
    costs: BTreeMap<String, i128>,
    calls_by_outcome: BTreeMap<String, i64>,
}

impl Groups<'_> {
    /// Iterates over the tags that are grouped by.
    fn tags(&self) -> impl Iterator<Item = &str> {
        self.by.iter().filter_map(|by| if let GroupBy::Tag(tag) = by { Some(tag.as_str()) } else { None })
    }

    /// Adds sums of a key; `tags` are those of a single record, whose key holds none.
    fn add(&mut self, key: &Key<'_>, sums: &Sums, tags: &BTreeMap<String, String>) {
        let names = self.by.iter().map(|by| match by {
            GroupBy::Provider => key.provider.to_owned(),
            GroupBy::Model => key.model.to_owned(),
            GroupBy::Alias => key.alias.to_owned(),
            GroupBy::Category => key.category.to_owned(),
            GroupBy::Key => key.key.to_owned(),
            GroupBy::Outcome => key.outcome.to_owned(),
            GroupBy::Tag(tag) => tags.get(tag).map_or(key.value, String::as_str).to_owned(),
            GroupBy::Day => label(&mut self.label, key.hour, self.zone, "%Y-%m-%d"),
            GroupBy::Hour => label(&mut self.label, key.hour, &TimeZone::UTC, "%Y-%m-%dT%HZ"),
        });
        let names: Vec<String> = names.collect();
        self.groups.entry(names).or_default().add(key, sums);
    }

    fn finish(self) -> Summary {
        let by = self.by;
        let mut total = Group::default();
        self.groups.values().for_each(|group| total.merge(group));
        let rows = self.groups.into_iter().map(|(names, group)| {
            let names = by.iter().map(|by| by.name().into_owned()).zip(names).collect();
            group.row(names)
        });
        // What only lost its calls to later attempts and has nothing else is no row.
        let rows = rows.filter(|row| row.attempts != 0 || row.calls != 0).collect();
        Summary { rows, total: total.row(BTreeMap::new()), converted: None }
    }
}

impl Group {
    fn add(&mut self, key: &Key<'_>, sums: &Sums) {
        self.sums.merge_counts(sums);
        if key.outcome == "ok" {
            self.sums.latency.merge(&sums.latency);
            self.sums.first_token.merge(&sums.first_token);
        }
        if sums.cost != 0 || sums.unpriced < sums.attempts {
            add_to(&mut self.costs, &key.currency, i128::from(sums.cost));
        }
        add_to(&mut self.calls_by_outcome, key.outcome, sums.calls);
    }

    fn merge(&mut self, other: &Self) {
        self.sums.merge(&other.sums);
        for (currency, pico) in &other.costs {
            add_to(&mut self.costs, currency, *pico);
        }
        for (outcome, calls) in &other.calls_by_outcome {
            add_to(&mut self.calls_by_outcome, outcome, *calls);
        }
    }

    fn row(self, group: BTreeMap<String, String>) -> SummaryRow {
        let mut failures = self.calls_by_outcome;
        failures.retain(|outcome, calls| outcome != "ok" && *calls != 0);
        let sums = self.sums;
        let money = |(code, pico): (String, i128)| Some(Money::from_pico(pico, Currency::from_code(&code)?));
        SummaryRow {
            group,
            calls: sums.calls,
            failed_calls: failures.values().sum(),
            failures,
            attempts: sums.attempts,
            input: sums.input,
            cache_read: sums.cache_read,
            cache_write: sums.cache_write,
            input_media: sums.input_media,
            output: sums.output,
            reasoning: sums.reasoning,
            output_media: sums.output_media,
            cost: self.costs.into_iter().filter_map(money).collect(),
            unpriced: sums.unpriced,
            estimated: sums.estimated,
            latency: Latency::from(&sums.latency),
            first_token: Latency::from(&sums.first_token),
            first: sums.first,
            last: sums.last,
        }
    }
}

fn add_to<T: Default + std::ops::AddAssign>(sums: &mut BTreeMap<String, T>, name: &str, more: T) {
    match sums.get_mut(name) {
        Some(sum) => *sum += more,
        None => *sums.entry(name.to_owned()).or_default() += more,
    }
}

fn label(last: &mut Option<(u64, &'static str, String)>, hour: u64, zone: &TimeZone, format: &'static str) -> String {
    if let Some((_, _, label)) = last.as_ref().filter(|(known, of, _)| *known == hour && *of == format) {
        return label.clone();
    }
    let seconds = i64::try_from(hour.saturating_mul(3600)).unwrap_or(i64::MAX);
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    let label = time.to_zoned(zone.clone()).strftime(format).to_string();
    *last = Some((hour, format, label.clone()));
    label
}

fn amounts<S: serde::Serializer>(amounts: &[Money], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(amounts.iter().map(|amount| (amount.currency().to_string(), amount.to_decimal())))
}

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
