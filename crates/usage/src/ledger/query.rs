use std::path::Path;

use rusqlite::{Connection, Row, params_from_iter};
use tollbridge_core::{Error, ErrorKind};

use super::filter::Filter;
use super::{columns, store};
use crate::record::Attempt;

/// Reads a ledger, while others write it.
#[derive(Debug)]
pub struct Reader {
    pub(crate) connection: Connection,
}

impl Reader {
    /// Opens the ledger in a directory.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if there is none, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let path = directory.join("ledger.db");
        // A file without tables is one that another process is about to fill.
        let connection = path.exists().then(|| store::reader(&path)).transpose().map_err(|error| {
            Error::new(ErrorKind::Config, format!("the ledger `{}` cannot be read: {error}", path.display()))
        })?;
        connection.flatten().map(|connection| Self { connection }).ok_or_else(|| {
            Error::new(ErrorKind::Config, format!("there is no ledger in `{}`", directory.display()))
                .with_hint("name another directory with --dir or TOLLBRIDGE_USAGE_DIR, or make a first call")
        })
    }

    /// Hands out the records one by one, the latest first if `latest_first`, at most `limit` of them.
    ///
    /// # Errors
    /// When the database cannot be read, or what `each` returns.
    pub fn records(
        &self,
        filter: &Filter,
        latest_first: bool,
        limit: Option<u64>,
        mut each: impl FnMut(Attempt) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (condition, values) = filter.condition();
        let order = if latest_first { "DESC" } else { "ASC" };
        let limit = limit.map_or(String::new(), |limit| format!("LIMIT {limit}"));
        let sql = format!(
            "SELECT {} FROM attempts WHERE {condition} ORDER BY started {order}, call {order}, attempt {order} {limit}",
            columns::names()
        );
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(columns::read(row).map_err(failed)?)?;
        }
        Ok(())
    }

    /// Returns all attempts of one call, in their order.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] if the ledger has no such call.
    pub fn call(&self, id: &str) -> Result<Vec<Attempt>, Error> {
        let filter = Filter { call: Some(id.to_owned()), ..Filter::default() };
        let mut attempts = Vec::new();
        self.records(&filter, false, None, |attempt| {
            attempts.push(attempt);
            Ok(())
        })?;
        attempts.sort_by_key(|attempt| attempt.attempt);
        if attempts.is_empty() {
            return Err(Error::new(ErrorKind::InvalidRequest, format!("the ledger has no call `{id}`"))
                .with_hint("ids of calls stand in the header x-request-id and in `tollbridge usage records`"));
        }
        Ok(attempts)
    }

    /// Reads records with further columns.
    pub(crate) fn each(
        &self,
        filter: &Filter,
        further: &str,
        mut each: impl FnMut(Attempt, &Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), Error> {
        let (condition, values) = filter.condition();
        let sql = format!("SELECT {}, {further} FROM attempts WHERE {condition}", columns::names());
        let mut statement = self.connection.prepare(&sql).map_err(failed)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            each(columns::read(row).map_err(failed)?, row).map_err(failed)?;
        }
        Ok(())
    }
}

pub(crate) fn failed(error: rusqlite::Error) -> Error {
    Error::new(ErrorKind::Unknown, format!("the ledger cannot be read: {error}")).with_source(error)
}
