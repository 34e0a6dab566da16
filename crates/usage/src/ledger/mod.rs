//! The ledger: every attempt that reached for a vendor, written once, whatever dies.
//!
//! A record is appended to a journal before the caller sees the end of the call, and read from there
//! into SQLite in the background. No call waits for the database.

mod columns;
mod export;
mod filter;
mod histogram;
mod import;
mod journal;
mod moment;
#[cfg(feature = "meter")]
mod pieces;
mod query;
mod rollup;
mod store;
mod summary;
mod upkeep;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

pub use export::ExportFormat;
pub use filter::Filter;
pub use histogram::Histogram;
pub use import::Imported;
pub use moment::{moment, zone};
pub use query::Reader;
pub use summary::{GroupBy, Latency, Summary, SummaryRow};
pub use upkeep::{Repriced, Upkeep};

use crate::record::{Attempt, Status};
use writer::{Shared, Threads};

/// Where every attempt is written.
///
/// ```
/// use std::time::Duration;
/// use tollbridge_usage::ledger::{Filter, Ledger, LedgerOptions, Reader};
/// use tollbridge_usage::{Attempt, Status};
///
/// let directory = tempfile::tempdir().unwrap();
/// let ledger = Ledger::open(&LedgerOptions::new(directory.path()));
/// let mut attempt = Attempt::default();
/// (attempt.call, attempt.attempt, attempt.status) = ("c1".into(), 1, Status::Ok);
/// ledger.settle(&attempt);
/// assert!(ledger.flush(Duration::from_secs(10)));
///
/// let reader = Reader::open(directory.path()).unwrap();
/// assert_eq!(reader.call("c1").unwrap(), [attempt]);
/// ```
///
/// Clones share it; the last one to go writes what is left.
#[derive(Clone)]
pub struct Ledger {
    shared: Arc<Shared>,
    /// Ends the threads when the last handle goes.
    _threads: Arc<Threads>,
}

/// How a ledger is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LedgerOptions {
    /// The directory; made if it is not there.
    pub directory: PathBuf,
    /// What a record outlives once the caller sees the end of the call.
    pub durability: Durability,
    /// The most bytes of records that may wait on the disk for a database that does not take them.
    pub spool_limit: u64,
}

impl LedgerOptions {
    /// Keeps a ledger in a directory, `fast`, with at most 1 GiB waiting.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), durability: Durability::Fast, spool_limit: 1 << 30 }
    }
}

/// What a record outlives once the caller sees the end of the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Durability {
    /// The death of the process.
    #[default]
    Fast,
    /// The death of the machine.
    Strict,
}

impl Ledger {
    /// Opens the ledger, or makes it, and takes over what dead processes left in their journals.
    ///
    /// Nothing fails here: a directory that cannot be written, or a database that cannot be opened,
    /// stands in [`health`](Self::health), and is tried again.
    pub fn open(options: &LedgerOptions) -> Self {
        let (shared, threads) = writer::start(options);
        Self { shared, _threads: Arc::new(threads) }
    }

    /// Notes that an attempt is about to reach for a vendor. If the process dies before it is settled, the
    /// next one that opens the ledger records it as interrupted, with the usage and charge given here.
    pub fn begin(&self, attempt: &Attempt) {
        self.shared.append(attempt);
    }

    /// Records an attempt. When this returns, the record outlives the process; await
    /// [`durable`](Self::durable) with the ticket before the caller is told the end.
    pub fn settle(&self, attempt: &Attempt) -> Ticket {
        debug_assert_ne!(attempt.status, Status::Open, "a settled attempt has ended");
        Ticket(self.shared.append(attempt))
    }

    /// Waits until a record is as durable as the ledger promises: at once in `fast`.
    pub async fn durable(&self, ticket: Ticket) {
        self.shared.durable(ticket.0).await;
    }

    /// Waits, blocking, until all that was recorded can be queried, or the time is over; says which.
    pub fn flush(&self, limit: Duration) -> bool {
        self.shared.flush(limit)
    }

    /// Says how the ledger is.
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Returns the path of the database.
    pub fn database(&self) -> &Path {
        &self.shared.database
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("database", &self.shared.database).finish_non_exhaustive()
    }
}

/// Stands for a record whose durability can be waited for.
#[derive(Clone, Copy, Debug)]
pub struct Ticket(u64);

/// How a [`Ledger`] is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// What keeps records from the database or from the disk; they wait until it is over.
    pub trouble: Option<String>,
    /// How many records have not reached the database.
    pub waiting: u64,
    /// How many records found no place at all.
    pub lost: u64,
    /// Where a damaged database was moved to.
    pub moved_aside: Option<PathBuf>,
}

impl Health {
    /// Says whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.trouble.is_none() && self.lost == 0 && self.moved_aside.is_none()
    }
}
