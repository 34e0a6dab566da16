use std::collections::BTreeMap;
use std::ops::Range;

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};
use tollbridge_core::{Currency, Error, Money};

use super::filter::Filter;
use super::query::{Reader, failed};
use super::rollup::Level;

/// What the records of one piece of time cost and used.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    cost: BTreeMap<Currency, i128>,
    /// Tokens of prompts and answers.
    pub(crate) tokens: u64,
}

impl Piece {
    /// Iterates over what is known of the cost, by currency.
    pub(crate) fn cost(&self) -> impl Iterator<Item = Money> {
        self.cost.iter().map(|(currency, pico)| Money::from_pico(*pico, *currency))
    }

    /// Adds a row: after the number a currency, a cost in it, and counts of tokens.
    fn add(&mut self, row: &Row<'_>) -> rusqlite::Result<()> {
        let currency = row.get_ref(1)?.as_str_or_null()?.and_then(Currency::from_code);
        if let Some((currency, pico)) = currency.zip(row.get::<_, Option<i64>>(2)?) {
            let sum = self.cost.entry(currency).or_default();
            *sum = sum.saturating_add(i128::from(pico));
        }
        for column in 3..row.as_ref().column_count() {
            let count = row.get::<_, Option<i64>>(column)?.unwrap_or(0);
            self.tokens = self.tokens.saturating_add(u64::try_from(count).unwrap_or(0));
        }
        Ok(())
    }
}

impl Reader {
    /// Sums records by pieces of time of `piece_ms` milliseconds, each under its number since 1970 UTC; those with one
    /// of `numbers`, whatever times the filter names. A piece without records is left out.
    ///
    /// It reads everything once: sums by hour where they say it all, else records.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn pieces(
        &self,
        filter: &Filter,
        piece_ms: u64,
        numbers: &Range<u64>,
    ) -> Result<BTreeMap<u64, Piece>, Error> {
        let (sql, values) =
            of_hours(filter, piece_ms, numbers).unwrap_or_else(|| of_records(filter, piece_ms, numbers));
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        // Added up here, as SQLite fails where a sum of integers gets too large.
        let mut pieces: BTreeMap<u64, Piece> = BTreeMap::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let number = u64::try_from(row.get::<_, i64>(0).map_err(failed)?).unwrap_or_default();
            pieces.entry(number).or_default().add(row).map_err(failed)?;
        }
        Ok(pieces)
    }
}

/// Asks for the sums by hour; `None` if pieces are no whole hours, or the sums are not split by what is filtered by.
fn of_hours(filter: &Filter, piece_ms: u64, numbers: &Range<u64>) -> Option<(String, Vec<Value>)> {
    let Filter { provider, alias, key, tags, model: None, category: None, outcome: None, call: None, .. } = filter
    else {
        return None;
    };
    let (tag, value) = match tags.as_slice() {
        [] => ("", ""),
        [(tag, value)] if alias.is_none() && key.is_none() => (tag.as_str(), value.as_str()),
        _ => return None,
    };
    let hours = piece_ms / Level::Hour.millis();
    if hours == 0 || !piece_ms.is_multiple_of(Level::Hour.millis()) {
        return None;
    }
    let mut sql = format!(
        "SELECT period / ?, currency, cost,
                input, cache_read, cache_write, input_media, output, reasoning, output_media
         FROM rollup WHERE level = {} AND period >= ? AND period < ? AND tag = ? AND value = ?",
        Level::Hour.number()
    );
    let (from, to) = (numbers.start.saturating_mul(hours), numbers.end.saturating_mul(hours));
    let mut values = vec![integer(hours), integer(from), integer(to), text(tag), text(value)];
    for (column, wanted) in [("provider", provider), ("alias", alias), ("virtual_key", key)] {
        if let Some(wanted) = wanted {
            sql.push_str(&format!(" AND {column} = ?"));
            values.push(text(wanted));
        }
    }
    Some((sql, values))
}

/// Asks for the records themselves, which are found by when they began.
fn of_records(filter: &Filter, piece_ms: u64, numbers: &Range<u64>) -> (String, Vec<Value>) {
    let at = |number: u64| Some(number.saturating_mul(piece_ms));
    let filter = Filter { since: at(numbers.start), until: at(numbers.end), ..filter.clone() };
    let (condition, mut values) = filter.condition();
    values.insert(0, integer(piece_ms.max(1)));
    let sql = format!(
        "SELECT started / ?, currency, cost,
                input, cache_read, cache_read_audio, cache_write, cache_write_30m, cache_write_1h, cache_write_12h,
                input_audio, input_image, input_video, output, reasoning, output_audio, output_image
         FROM attempts WHERE {condition}"
    );
    (sql, values)
}

fn integer(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}
