use std::fmt;
use std::path::Path;
use std::time::Duration;

use rusqlite::types::Type;
use rusqlite::{Connection, Error, ErrorCode, Row, TransactionBehavior, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::VirtualKey;
use super::text::Hash;

/// The version of the tables below, as the file names it.
const VERSION: i64 = 1;

/// How long to wait for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE keys (
    id TEXT PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    display TEXT NOT NULL,
    owner TEXT,
    team TEXT,
    tags TEXT NOT NULL,
    models TEXT NOT NULL,
    scopes TEXT NOT NULL,
    budgets TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX good_names ON keys (name) WHERE revoked_at IS NULL;
";

const COLUMNS: &str =
    "id, hash, name, display, owner, team, tags, models, scopes, budgets, created_at, expires_at, revoked_at";

/// The file of keys, opened by one process of perhaps several.
#[derive(Debug)]
pub(super) struct File(Connection);

impl File {
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match transaction.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? {
            0 => {
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", VERSION)?;
            }
            VERSION => {}
            other => return Err(Fault::Version(other)),
        }
        transaction.commit()?;
        // While another process reads, the file cannot be switched; whoever opens it next will.
        match connection.pragma_update(None, "journal_mode", "wal") {
            Err(error) if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) => Err(error.into()),
            _ => Ok(Self(connection)),
        }
    }

    /// Returns a number that is another one after another process wrote.
    pub(super) fn version(&self) -> Result<i64, Error> {
        self.0.pragma_query_value(None, "data_version", |row| row.get(0))
    }

    /// Reads all keys in the order in which they were made.
    pub(super) fn read(&self) -> Result<Vec<(Hash, VirtualKey)>, Error> {
        let mut statement = self.0.prepare(&format!("SELECT {COLUMNS} FROM keys ORDER BY created_at, rowid"))?;
        statement.query_map([], key)?.collect()
    }

    pub(super) fn insert(&self, hash: &Hash, key: &VirtualKey) -> Result<(), Error> {
        let sql =
            format!("INSERT INTO keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, NULL)");
        let values = params![
            key.id,
            hash,
            key.name,
            key.display,
            key.owner,
            key.team,
            json(&key.tags)?,
            json(&key.models)?,
            json(&key.scopes)?,
            json(&key.budgets)?,
            time(key.created_at),
            key.expires_at.map(time),
        ];
        self.0.execute(&sql, values).map(drop)
    }

    /// Revokes a key, unless it is revoked already.
    pub(super) fn revoke(&self, id: &str, now: u64) -> Result<(), Error> {
        let sql = "UPDATE keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL";
        self.0.execute(sql, params![id, time(now)]).map(drop)
    }
}

/// Says why a file cannot be opened.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(Error),
    Version(i64),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(error) => error.fmt(f),
            Self::Version(version) => write!(f, "its version is {version}, and this program knows {VERSION}"),
        }
    }
}

impl std::error::Error for Fault {}

fn key(row: &Row<'_>) -> Result<(Hash, VirtualKey), Error> {
    let time = |column: &str| row.get::<_, Option<i64>>(column).map(|time| time.map(i64::unsigned_abs));
    let key = VirtualKey {
        id: row.get("id")?,
        name: row.get("name")?,
        display: row.get("display")?,
        owner: row.get("owner")?,
        team: row.get("team")?,
        tags: parsed(row, "tags")?,
        models: parsed(row, "models")?,
        scopes: parsed(row, "scopes")?,
        budgets: parsed(row, "budgets")?,
        created_at: time("created_at")?.unwrap_or_default(),
        expires_at: time("expires_at")?,
        revoked_at: time("revoked_at")?,
    };
    Ok((row.get("hash")?, key))
}

fn parsed<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, Error> {
    let place = row.as_ref().column_index(column)?;
    serde_json::from_str(&row.get::<_, String>(place)?)
        .map_err(|error| Error::FromSqlConversionFailure(place, Type::Text, Box::new(error)))
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::ToSqlConversionFailure(Box::new(error)))
}

fn time(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}
