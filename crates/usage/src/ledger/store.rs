//! The database: one row an attempt, and the sums over them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::columns;
use super::rollup::{self, Rollup};
use crate::record::Attempt;

/// A connection that writes.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) connection: Connection,
    path: PathBuf,
    /// Which file it is, whatever it is called.
    file: Option<(u64, u64)>,
}

impl Store {
    /// Opens the database, or makes it. A damaged one is moved aside first: its new path is returned.
    pub(crate) fn open(path: &Path, strict: bool) -> rusqlite::Result<(Self, Option<PathBuf>)> {
        match Self::connect(path, strict) {
            Err(error) if is_damage(&error) => {
                let aside = move_aside(path);
                Ok((Self::connect(path, strict)?, Some(aside)))
            }
            opened => opened.map(|store| (store, None)),
        }
    }

    fn connect(path: &Path, strict: bool) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY)?;
        // Takes effect in a new database only, and before anything else is written.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", if strict { "FULL" } else { "NORMAL" })?;
        connection.pragma_update(None, "cache_size", -32_000)?;
        // In pages of 4 KiB: fewer checkpoints write the same pages fewer times.
        connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
        connection.set_prepared_statement_cache_capacity(32);
        rollup::register(&connection)?;
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version > VERSION {
            let message = format!("it was written by a newer release (schema {version}, this one knows {VERSION})");
            return Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1), Some(message)));
        }
        if version < VERSION {
            let definitions: Vec<_> = columns::COLUMNS.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE;
                 CREATE TABLE IF NOT EXISTS attempts ({}, UNIQUE (call, attempt));
                 CREATE INDEX IF NOT EXISTS attempts_started ON attempts (started);
                 {}
                 CREATE TABLE IF NOT EXISTS journals (name TEXT PRIMARY KEY, segment TEXT NOT NULL, read INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS audit (at INTEGER NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL);
                 {CALLS}
                 PRAGMA user_version = {VERSION};
                 COMMIT;",
                definitions.join(", "),
                rollup::TABLE,
            ))?;
        }
        Ok(Self { connection, path: path.to_owned(), file: identity(path) })
    }

    /// Says whether another file has taken the name: another process moved this one aside.
    pub(crate) fn is_replaced(&self) -> bool {
        self.file.is_some() && identity(&self.path) != self.file
    }

    /// Writes the attempts that are not there yet, in one transaction, with the place in the journal up to
    /// which they were read. Returns how many were new.
    pub(crate) fn apply(&mut self, attempts: &[Attempt], mark: Option<&Mark<'_>>) -> rusqlite::Result<usize> {
        let transaction = self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // What an earlier attempt was, whose call goes on; kept apart since the sums borrow from it.
        let mut counted = Vec::with_capacity(attempts.len());
        {
            let marks = vec!["?"; columns::COLUMNS.len()].join(",");
            let sql = format!("INSERT OR IGNORE INTO attempts ({}) VALUES ({marks})", columns::names());
            let mut insert = transaction.prepare_cached(&sql)?;
            for attempt in attempts {
                if columns::insert(&mut insert, attempt)? > 0 {
                    counted.push((attempt, place_in_call(&transaction, attempt)?));
                }
            }
            let mut rollup = Rollup::default();
            for (attempt, (calls, earlier)) in &counted {
                rollup.add(attempt, *calls);
                earlier.iter().for_each(|earlier| rollup.not_last(earlier));
            }
            rollup.write(&transaction)?;
            if let Some(mark) = mark {
                let read = i64::try_from(mark.read).unwrap_or(i64::MAX);
                transaction.prepare_cached("INSERT OR REPLACE INTO journals VALUES (?, ?, ?)")?.execute(params![
                    mark.journal,
                    mark.segment,
                    read
                ])?;
            }
        }
        let count = counted.len();
        transaction.commit()?;
        Ok(count)
    }

    /// Forgets a journal that is gone.
    pub(crate) fn forget(&self, journal: &str) -> rusqlite::Result<()> {
        self.connection.execute("DELETE FROM journals WHERE name = ?", [journal]).map(drop)
    }

    /// Returns the segment and the place up to which a journal was read.
    pub(crate) fn mark(&self, journal: &str) -> rusqlite::Result<Option<(String, u64)>> {
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, i64>(1)?));
        let found = self
            .connection
            .query_row("SELECT segment, read FROM journals WHERE name = ?", [journal], row)
            .optional()?;
        Ok(found.map(|(segment, read)| (segment, u64::try_from(read).unwrap_or_default())))
    }
}

/// How far a journal has been read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark<'a> {
    pub(crate) journal: &'a str,
    pub(crate) segment: &'a str,
    pub(crate) read: u64,
}

/// Opens a database for reading alone.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    rollup::register(&connection)?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok((version > 0).then_some(connection))
}

/// Says whether the file is no database, or a broken one.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    // An open file keeps its name there.
    None
}

/// Gives a damaged database another name.
pub(crate) fn move_aside(path: &Path) -> PathBuf {
    let aside = (1..).map(|number| suffixed(path, &format!(".damaged-{number}"))).find(|aside| !aside.exists());
    let aside = aside.unwrap_or_else(|| suffixed(path, ".damaged"));
    for suffix in ["", "-wal", "-shm"] {
        if let Err(error) = std::fs::rename(suffixed(path, suffix), suffixed(&aside, suffix)) {
            tracing::debug!(%error, suffix, "nothing to move aside");
        }
    }
    aside
}

/// Tells how many calls an attempt adds, and which earlier attempt is no longer the last of its call.
fn place_in_call(connection: &Connection, attempt: &Attempt) -> rusqlite::Result<(i64, Option<Attempt>)> {
    if attempt.attempts <= 1 && attempt.attempt <= 1 {
        return Ok((1, None));
    }
    let sql = format!(
        "SELECT {} FROM attempts WHERE call = ? AND attempt <> ? ORDER BY attempt DESC LIMIT 1",
        columns::names()
    );
    let other =
        connection.prepare_cached(&sql)?.query_row(params![attempt.call, attempt.attempt], columns::read).optional()?;
    Ok(match other {
        Some(other) if other.attempt > attempt.attempt => (0, None),
        other => (1, other),
    })
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(5);
const VERSION: i64 = 1;

/// Logical calls: the last attempt of each, with what all of them add up to.
const CALLS: &str = "
CREATE VIEW IF NOT EXISTS calls AS
SELECT last.*, (SELECT min(started) FROM attempts AS any WHERE any.call = last.call) AS call_started,
       (SELECT sum(cost) FROM attempts AS any WHERE any.call = last.call) AS call_cost
FROM attempts AS last
WHERE NOT EXISTS (SELECT 1 FROM attempts AS later WHERE later.call = last.call AND later.attempt > last.attempt);";
