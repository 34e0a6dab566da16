//! Sums by hour and by day, kept while records are written, so that a summary reads few rows.

use std::borrow::Cow;
use std::collections::HashMap;

use rusqlite::{Connection, params};
use tollbridge_core::UsageBasis;

use super::histogram::Histogram;
use crate::record::Attempt;

/// How wide a sum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Level {
    Hour,
    Day,
}

impl Level {
    pub(crate) const fn number(self) -> i64 {
        match self {
            Self::Hour => 0,
            Self::Day => 1,
        }
    }

    pub(crate) const fn millis(self) -> u64 {
        match self {
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }
}

/// What is summed apart. Rows of a tag have its name, and no alias, category or key; all others have none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key<'a> {
    pub(crate) hour: u64,
    pub(crate) tag: &'a str,
    pub(crate) value: &'a str,
    pub(crate) provider: &'a str,
    pub(crate) model: &'a str,
    pub(crate) alias: &'a str,
    pub(crate) category: &'a str,
    pub(crate) key: &'a str,
    pub(crate) outcome: &'a str,
    pub(crate) currency: Cow<'a, str>,
}

/// The sums of some attempts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) attempts: i64,
    /// Logical calls; one is counted where its last attempt went.
    pub(crate) calls: i64,
    pub(crate) input: i64,
    pub(crate) cache_read: i64,
    pub(crate) cache_write: i64,
    pub(crate) input_media: i64,
    pub(crate) output: i64,
    pub(crate) reasoning: i64,
    pub(crate) output_media: i64,
    pub(crate) cost: i64,
    pub(crate) unpriced: i64,
    /// Attempts whose usage the vendor did not state in full.
    pub(crate) estimated: i64,
    pub(crate) first: Option<u64>,
    pub(crate) last: Option<u64>,
    pub(crate) total: i64,
    pub(crate) latency: Histogram,
    pub(crate) first_token: Histogram,
}

impl Sums {
    fn add(&mut self, attempt: &Attempt) {
        self.attempts += 1;
        let add = |sum: &mut i64, counts: &[Option<u64>]| {
            for count in counts.iter().flatten() {
                *sum = sum.saturating_add(i64::try_from(*count).unwrap_or(i64::MAX));
            }
        };
        if let Some(usage) = &attempt.usage {
            add(&mut self.input, &[usage.input]);
            add(&mut self.cache_read, &[usage.cache_read, usage.cache_read_audio]);
            let written = [usage.cache_write, usage.cache_write_30m, usage.cache_write_1h, usage.cache_write_12h];
            add(&mut self.cache_write, &written);
            add(&mut self.input_media, &[usage.input_audio, usage.input_image, usage.input_video]);
            add(&mut self.output, &[usage.output]);
            add(&mut self.reasoning, &[usage.reasoning]);
            add(&mut self.output_media, &[usage.output_audio, usage.output_image]);
        }
        let final_word = attempt.usage.as_ref().is_some_and(|usage| usage.basis == UsageBasis::VendorFinal);
        self.estimated += i64::from(attempt.usage.is_some() && !final_word);
        match pico(attempt) {
            Some(cost) => self.cost = self.cost.saturating_add(cost),
            None => self.unpriced += 1,
        }
        self.first = Some(self.first.map_or(attempt.started, |first| first.min(attempt.started)));
        self.last = Some(self.last.map_or(attempt.started, |last| last.max(attempt.started)));
        add(&mut self.total, &[Some(attempt.total)]);
        self.latency.record(attempt.total);
        if let Some(first) = attempt.first_token {
            self.first_token.record(first);
        }
    }
}

/// Gathers the sums of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Rollup<'a>(HashMap<Key<'a>, Sums>);

impl<'a> Rollup<'a> {
    /// Adds an attempt. `calls` is what it adds to the number of logical calls.
    pub(crate) fn add(&mut self, attempt: &'a Attempt, calls: i64) {
        for key in keys(attempt) {
            let sums = self.0.entry(key).or_default();
            sums.add(attempt);
            sums.calls += calls;
        }
    }

    /// Takes a logical call away from an attempt that turned out not to be its last.
    pub(crate) fn not_last(&mut self, attempt: &'a Attempt) {
        for key in keys(attempt) {
            self.0.entry(key).or_default().calls -= 1;
        }
    }

    /// Moves an attempt from one price to another.
    pub(crate) fn reprice(&mut self, old: &'a Attempt, new: &'a Attempt) {
        for (attempt, sign) in [(old, -1), (new, 1)] {
            for key in keys(attempt) {
                let sums = self.0.entry(key).or_default();
                match pico(attempt) {
                    Some(cost) => sums.cost = sums.cost.saturating_add(sign * cost),
                    None => sums.unpriced += sign,
                }
            }
        }
    }

    /// Iterates over the sums.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Key<'a>, &Sums)> {
        self.0.iter()
    }

    /// Adds everything to the table.
    pub(crate) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(UPSERT)?;
        let mut days: HashMap<Key<'a>, Sums> = HashMap::new();
        for (key, sums) in self.0 {
            upsert(&mut statement, Level::Hour, &key, &sums)?;
            let day = Key { hour: key.hour / 24, ..key };
            days.entry(day).or_default().merge(&sums);
        }
        days.iter().try_for_each(|(key, sums)| upsert(&mut statement, Level::Day, key, sums))
    }
}

impl Sums {
    /// Adds all but the histograms.
    pub(crate) fn merge_counts(&mut self, other: &Self) {
        let pairs = [
            (&mut self.attempts, other.attempts),
            (&mut self.calls, other.calls),
            (&mut self.input, other.input),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.input_media, other.input_media),
            (&mut self.output, other.output),
            (&mut self.reasoning, other.reasoning),
            (&mut self.output_media, other.output_media),
            (&mut self.cost, other.cost),
            (&mut self.unpriced, other.unpriced),
            (&mut self.estimated, other.estimated),
            (&mut self.total, other.total),
        ];
        for (sum, more) in pairs {
            *sum = sum.saturating_add(more);
        }
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = [self.last, other.last].into_iter().flatten().max();
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        self.latency.merge(&other.latency);
        self.first_token.merge(&other.first_token);
    }
}

fn keys(attempt: &Attempt) -> impl Iterator<Item = Key<'_>> {
    let plain = Key {
        hour: attempt.started / Level::Hour.millis(),
        tag: "",
        value: "",
        provider: &attempt.provider,
        model: &attempt.model,
        alias: attempt.alias.as_deref().unwrap_or_default(),
        category: attempt.tag("category"),
        key: attempt.key.as_deref().unwrap_or_default(),
        outcome: attempt.outcome(),
        currency: match attempt.charge.cost {
            Some(cost) if cost.currency() != tollbridge_core::Currency::USD => cost.currency().to_string().into(),
            _ => "USD".into(),
        },
    };
    let tagged = attempt.tags.iter().map({
        let plain = plain.clone();
        move |(tag, value)| Key { tag, value, alias: "", category: "", key: "", ..plain.clone() }
    });
    std::iter::once(plain).chain(tagged)
}

fn pico(attempt: &Attempt) -> Option<i64> {
    attempt.charge.cost.and_then(|cost| i64::try_from(cost.pico()).ok())
}

fn upsert(
    statement: &mut rusqlite::CachedStatement<'_>,
    level: Level,
    key: &Key<'_>,
    sums: &Sums,
) -> rusqlite::Result<()> {
    let time = |time: Option<u64>| time.and_then(|time| i64::try_from(time).ok());
    statement.execute(params![
        level.number(),
        i64::try_from(key.hour).unwrap_or(i64::MAX),
        key.tag,
        key.value,
        key.provider,
        key.model,
        key.alias,
        key.category,
        key.key,
        key.outcome,
        key.currency,
        sums.attempts,
        sums.calls,
        sums.input,
        sums.cache_read,
        sums.cache_write,
        sums.input_media,
        sums.output,
        sums.reasoning,
        sums.output_media,
        sums.cost,
        sums.unpriced,
        sums.estimated,
        time(sums.first),
        time(sums.last),
        sums.total,
        sums.latency.to_bytes(),
        sums.first_token.to_bytes(),
    ])?;
    Ok(())
}

/// Registers the function that adds two histograms inside of a statement.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    use rusqlite::functions::FunctionFlags;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("merge_histograms", 2, flags, |context| {
        let (one, other): (Vec<u8>, Vec<u8>) = (context.get(0)?, context.get(1)?);
        let mut sum = Histogram::from_bytes(&one);
        sum.merge_bytes(&other);
        Ok(sum.to_bytes())
    })
}

pub(crate) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS rollup (
    level INTEGER NOT NULL, period INTEGER NOT NULL, tag TEXT NOT NULL, value TEXT NOT NULL,
    provider TEXT NOT NULL, model TEXT NOT NULL, alias TEXT NOT NULL, category TEXT NOT NULL,
    virtual_key TEXT NOT NULL, outcome TEXT NOT NULL, currency TEXT NOT NULL,
    attempts INTEGER NOT NULL, calls INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write INTEGER NOT NULL, input_media INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    output_media INTEGER NOT NULL, cost INTEGER NOT NULL, unpriced INTEGER NOT NULL, estimated INTEGER NOT NULL,
    first INTEGER, last INTEGER, total INTEGER NOT NULL, latency BLOB NOT NULL, first_token BLOB NOT NULL,
    PRIMARY KEY (level, tag, value, period, provider, model, alias, category, virtual_key, outcome, currency)
) WITHOUT ROWID;";

const UPSERT: &str = "
INSERT INTO rollup VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
ON CONFLICT DO UPDATE SET
    attempts = attempts + excluded.attempts, calls = calls + excluded.calls, input = input + excluded.input,
    cache_read = cache_read + excluded.cache_read, cache_write = cache_write + excluded.cache_write,
    input_media = input_media + excluded.input_media, output = output + excluded.output,
    reasoning = reasoning + excluded.reasoning, output_media = output_media + excluded.output_media,
    cost = cost + excluded.cost, unpriced = unpriced + excluded.unpriced, estimated = estimated + excluded.estimated,
    first = min(ifnull(first, excluded.first), ifnull(excluded.first, first)),
    last = max(ifnull(last, excluded.last), ifnull(excluded.last, last)),
    total = total + excluded.total,
    latency = merge_histograms(latency, excluded.latency),
    first_token = merge_histograms(first_token, excluded.first_token)";
