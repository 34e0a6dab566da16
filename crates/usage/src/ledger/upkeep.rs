use std::path::Path;

use rusqlite::{TransactionBehavior, params, params_from_iter};
use serde::Serialize;
use serde_json::json;
use tollbridge_core::{Error, ErrorKind, Money};

use super::columns;
use super::filter::Filter;
use super::query::failed;
use super::rollup::Rollup;
use super::store::Store;
use crate::price::Bill;
use crate::record::{Attempt, Charge};

/// Changes a ledger that others may be writing: deletes old records, and prices anew.
#[derive(Debug)]
pub struct Upkeep {
    pub(super) store: Store,
}

/// What a repricing did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Repriced {
    /// Records that were looked at.
    pub examined: u64,
    /// Records whose charge is another now.
    pub changed: u64,
    /// Records that had no price and have one now.
    pub priced: u64,
    /// What the changed records cost before, in US dollars.
    pub before: String,
    /// What they cost now.
    pub after: String,
}

impl Upkeep {
    /// Opens the ledger in a directory.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is none, or it cannot be opened.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("ledger.db");
        if !path.exists() {
            return Err(Error::new(ErrorKind::Config, format!("there is no ledger in `{}`", directory.display())));
        }
        let opened = Store::open(&path, true).map_err(|error| {
            Error::new(ErrorKind::Config, format!("the ledger `{}` cannot be opened: {error}", path.display()))
        })?;
        Ok(Self { store: opened.0 })
    }

    /// Deletes the records that began before a time, in milliseconds since 1970 UTC, and returns how many.
    /// Sums by hour and day stay. A dry run deletes nothing.
    ///
    /// # Errors
    /// When the database does not take it.
    pub fn cleanup(&mut self, before: u64, dry_run: bool) -> Result<u64, Error> {
        let before = i64::try_from(before).unwrap_or(i64::MAX);
        let connection = &self.store.connection;
        if dry_run {
            let count: i64 = connection
                .query_row("SELECT count(*) FROM attempts WHERE started < ?", [before], |row| row.get(0))
                .map_err(failed)?;
            return Ok(u64::try_from(count).unwrap_or_default());
        }
        let mut deleted = 0;
        loop {
            // In small transactions, so that no writer waits long.
            let count = connection
                .execute(
                    "DELETE FROM attempts WHERE rowid IN (SELECT rowid FROM attempts WHERE started < ? LIMIT 10000)",
                    [before],
                )
                .map_err(failed)?;
            if count == 0 {
                break;
            }
            deleted += count as u64;
        }
        if deleted > 0 {
            self.audit("cleanup", &json!({"before": before, "deleted": deleted}))?;
            self.store.connection.execute_batch("PRAGMA incremental_vacuum;").map_err(failed)?;
        }
        Ok(deleted)
    }

    /// Prices records again, and keeps account of it. A second run with the same prices changes nothing.
    ///
    /// # Errors
    /// When the database does not take it.
    pub fn reprice(
        &mut self,
        filter: &Filter,
        book: &str,
        price: impl Fn(&Attempt) -> Option<Bill>,
    ) -> Result<Repriced, Error> {
        let mut outcome = Repriced::default();
        let (mut before, mut after) = (Money::ZERO, Money::ZERO);
        let mut from = 0;
        loop {
            let Changes { next, pairs, examined } = self.changes(filter, from, &price)?;
            outcome.examined += examined;
            for (old, new) in &pairs {
                outcome.changed += 1;
                outcome.priced += u64::from(old.charge.cost.is_none() && new.charge.cost.is_some());
                before = old.charge.cost.and_then(|cost| before.checked_add(cost)).unwrap_or(before);
                after = new.charge.cost.and_then(|cost| after.checked_add(cost)).unwrap_or(after);
            }
            self.write(&pairs)?;
            match next {
                Some(next) => from = next,
                None => break,
            }
        }
        (outcome.before, outcome.after) = (before.to_string(), after.to_string());
        if outcome.changed > 0 {
            let detail = json!({"book": book, "outcome": outcome, "since": filter.since, "until": filter.until});
            self.audit("reprice", &detail)?;
        }
        Ok(outcome)
    }

    /// Finds the records after a row whose charge changes, in one batch.
    fn changes(&self, filter: &Filter, from: i64, price: &impl Fn(&Attempt) -> Option<Bill>) -> Result<Changes, Error> {
        let (condition, values) = filter.condition();
        let sql = format!(
            "SELECT {}, rowid FROM attempts WHERE {condition} AND rowid > {from} ORDER BY rowid LIMIT {BATCH}",
            columns::names()
        );
        let mut statement = self.store.connection.prepare_cached(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        let (mut last, mut pairs, mut examined) = (None, Vec::new(), 0);
        while let Some(row) = rows.next().map_err(failed)? {
            last = Some(row.get::<_, i64>(columns::COLUMNS.len()).map_err(failed)?);
            let old = columns::read(row).map_err(failed)?;
            examined += 1;
            let Some(bill) = price(&old) else { continue };
            let new = Attempt { charge: old.charge.clone().priced(&bill), ..old.clone() };
            // Another version of the book that says the same is no change.
            let same = Charge { book: old.charge.book.clone(), ..new.charge.clone() } == old.charge;
            if !same {
                pairs.push((old, new));
            }
        }
        Ok(Changes { next: last.filter(|_| examined == BATCH), pairs, examined })
    }

    fn write(&mut self, pairs: &[(Attempt, Attempt)]) -> Result<(), Error> {
        let transaction =
            self.store.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let mut rollup = Rollup::default();
        for (old, new) in pairs {
            columns::set_charge(&transaction, new).map_err(failed)?;
            rollup.reprice(old, new);
        }
        rollup.write(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn audit(&self, action: &str, detail: &serde_json::Value) -> Result<(), Error> {
        let now = i64::try_from(crate::now_ms()).unwrap_or(i64::MAX);
        self.store
            .connection
            .execute("INSERT INTO audit VALUES (?, ?, ?)", params![now, action, detail.to_string()])
            .map(drop)
            .map_err(failed)
    }
}

/// The records of one batch whose charge changes, as they were and as they will be.
struct Changes {
    /// Where to go on, if there may be more.
    next: Option<i64>,
    pairs: Vec<(Attempt, Attempt)>,
    examined: u64,
}

/// How many records are looked at in one transaction.
const BATCH: u64 = 5_000;
