//! The threads of a ledger: one reads the journal into the database, one makes it durable.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use super::journal::{self, Journal, Orphan, SegmentReader};
use super::store::{self, Mark, Store};
use super::{Durability, Health, LedgerOptions};
use crate::record::{Attempt, Status};

/// What the handles of a ledger and its threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) database: PathBuf,
    directory: PathBuf,
    name: String,
    strict: bool,
    journal: Journal,
    appended: AtomicU64,
    /// How many records the database has; nothing before it has been opened.
    applied: Mutex<Option<u64>>,
    progress: Condvar,
    wanted: AtomicU64,
    synced: watch::Sender<u64>,
    stop: AtomicBool,
    trouble: Mutex<Trouble>,
    wake: Mutex<Vec<Thread>>,
}

#[derive(Debug, Default)]
struct Trouble {
    journal: Option<String>,
    sync: Option<String>,
    store: Option<String>,
    moved_aside: Option<PathBuf>,
}

impl Shared {
    pub(crate) fn append(&self, attempt: &Attempt) -> u64 {
        let ticket = self.journal.append(attempt);
        self.appended.fetch_add(1, Ordering::Release);
        ticket
    }

    pub(crate) async fn durable(&self, ticket: u64) {
        if !self.strict {
            return;
        }
        self.wanted.fetch_max(ticket, Ordering::AcqRel);
        self.wake();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.synced.subscribe().wait_for(|synced| *synced >= ticket).await;
    }

    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let wanted = self.appended.load(Ordering::Acquire);
        let until = Instant::now() + limit;
        self.wake();
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        while applied.is_none_or(|applied| applied.saturating_add(self.journal.lost()) < wanted) {
            let rest = until.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return false;
            }
            applied = self.progress.wait_timeout(applied, rest).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(crate) fn health(&self) -> Health {
        let applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(0);
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = self.journal.lost();
        Health {
            trouble: [&trouble.sync, &trouble.journal, &trouble.store].into_iter().find_map(Clone::clone),
            waiting: self.appended.load(Ordering::Acquire).saturating_sub(applied).saturating_sub(lost),
            lost,
            moved_aside: trouble.moved_aside.clone(),
        }
    }

    fn wake(&self) {
        self.wake.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(Thread::unpark);
    }

    fn note(&self, change: impl FnOnce(&mut Trouble)) {
        change(&mut self.trouble.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The threads; dropping them writes what is left and waits for them.
#[derive(Debug)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
    running: Vec<JoinHandle<()>>,
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.wake();
        for thread in self.running.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
    }
}

pub(crate) fn start(options: &LedgerOptions) -> (Arc<Shared>, Threads) {
    let directory = options.directory.join("journal");
    let name = uuid::Uuid::now_v7().simple().to_string();
    let shared = Arc::new(Shared {
        database: options.directory.join("ledger.db"),
        journal: Journal::create(&directory, &name, options.spool_limit, options.durability == Durability::Strict),
        directory,
        name,
        strict: options.durability == Durability::Strict,
        appended: AtomicU64::new(0),
        applied: Mutex::new(None),
        progress: Condvar::new(),
        wanted: AtomicU64::new(0),
        synced: watch::Sender::new(0),
        stop: AtomicBool::new(false),
        trouble: Mutex::default(),
        wake: Mutex::default(),
    });
    let mut running = Vec::new();
    let writing = Arc::clone(&shared);
    let mut jobs: Vec<(&str, Job)> = vec![("ledger-writer", Box::new(move || Writer::new(writing).run()))];
    if shared.strict {
        let syncing = Arc::clone(&shared);
        jobs.push(("ledger-sync", Box::new(move || sync(&syncing))));
    }
    for (name, job) in jobs {
        match thread::Builder::new().name(name.to_owned()).spawn(job) {
            Ok(thread) => {
                shared.wake.lock().unwrap_or_else(PoisonError::into_inner).push(thread.thread().clone());
                running.push(thread);
            }
            Err(error) => shared.note(|trouble| trouble.store = Some(format!("cannot start a thread: {error}"))),
        }
    }
    (Arc::clone(&shared), Threads { shared, running })
}

type Job = Box<dyn FnOnce() + Send>;

/// Makes all that waits durable at once, again and again.
fn sync(shared: &Shared) {
    loop {
        if shared.wanted.load(Ordering::Acquire) > *shared.synced.borrow() {
            let (covered, outcome) = shared.journal.sync();
            if let Err(error) = &outcome {
                tracing::error!(%error, "the ledger's journal cannot be made durable");
            }
            let told = outcome.err().map(|error| format!("the journal cannot be made durable: {error}"));
            shared.note(|trouble| trouble.sync = told);
            // A disk that fails must not hold up calls.
            shared.synced.send_replace(covered);
        } else if shared.stop.load(Ordering::Acquire) {
            return;
        } else {
            thread::park_timeout(Duration::from_millis(100));
        }
    }
}

/// Reads the journal into the database.
struct Writer {
    shared: Arc<Shared>,
    store: Option<Store>,
    reader: Option<(PathBuf, SegmentReader)>,
    /// Attempts that have begun and not ended, by call and number.
    open: HashMap<(String, u32), Attempt>,
    /// What was read and is not in the database.
    pending: Vec<Attempt>,
    read: u64,
    /// Whether the journal has more to read than one batch.
    behind: bool,
    /// Up to where records were taken from the segment, in bytes.
    taken: u64,
    /// The records after those, if they have been read already.
    ahead: Option<io::Result<Chunk>>,
    next_try: Option<Instant>,
    tries: u32,
    next_adoption: Instant,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Self {
        let next_adoption = Instant::now();
        Self {
            shared,
            store: None,
            reader: None,
            open: HashMap::new(),
            pending: Vec::new(),
            read: 0,
            behind: false,
            taken: 0,
            ahead: None,
            next_try: None,
            tries: 0,
            next_adoption,
        }
    }

    fn run(mut self) {
        loop {
            let stopping = self.shared.stop.load(Ordering::Acquire);
            if stopping {
                self.next_try = None;
            }
            let more = self.step();
            if stopping && !more {
                self.finish();
                return;
            }
            // What comes while it rests goes into one transaction.
            if !(stopping || more && self.behind) {
                thread::park_timeout(PAUSE);
            }
        }
    }

    /// Does one batch; says whether there may be more to do at once.
    fn step(&mut self) -> bool {
        let trouble = self.shared.journal.recover();
        self.shared.note(|known| known.journal = trouble);
        if self.next_try.is_some_and(|time| Instant::now() < time) {
            return false;
        }
        match self.work() {
            Ok(more) => {
                (self.tries, self.next_try) = (0, None);
                self.shared.note(|trouble| trouble.store = None);
                more
            }
            Err(problem) => {
                self.tries = self.tries.saturating_add(1);
                let pause = PAUSE.saturating_mul(1 << self.tries.min(6));
                self.next_try = Some(Instant::now() + pause);
                tracing::warn!("the ledger waits: {problem}");
                self.shared.note(|trouble| trouble.store = Some(problem));
                false
            }
        }
    }

    fn work(&mut self) -> Result<bool, String> {
        let looks_around = self.next_adoption <= Instant::now();
        if looks_around && self.store.as_ref().is_some_and(Store::is_replaced) {
            tracing::warn!("another process has begun a new ledger: this one goes on there");
            self.store = None;
        }
        if self.store.is_none() {
            self.open_store()?;
        }
        if looks_around {
            self.next_adoption = Instant::now() + ADOPTION;
            self.adopt()?;
        }
        self.opened();
        if self.pending.is_empty() {
            self.fill().map_err(|error| format!("the journal cannot be read: {error}"))?;
        }
        let closed = std::mem::take(&mut self.pending);
        if closed.is_empty() {
            self.rotate();
            return Ok(self.behind);
        }
        let segment = self.segment();
        let mark = Mark { journal: &self.shared.name, segment: &segment, read: self.taken };
        let reader = self.reader.as_mut().map(|(_, reader)| reader).filter(|_| self.behind && self.ahead.is_none());
        let store = &mut self.store;
        let applied = thread::scope(|scope| {
            // While the database takes these, the next ones are read.
            let reading = reader.map(|reader| scope.spawn(|| Chunk::read(reader)));
            let applied = store.as_mut().map_or(Ok(0), |store| store.apply(&closed, Some(&mark)));
            if let Some(read) = reading.map(|reading| reading.join()) {
                self.ahead = Some(read.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            applied
        });
        if let Err(error) = applied {
            self.pending = closed;
            return Err(self.store_failed(&error));
        }
        self.settled();
        self.rotate();
        Ok(true)
    }

    /// Reads the next records of this process's journal.
    fn fill(&mut self) -> io::Result<()> {
        let path = self.shared.journal.segment();
        if self.reader.as_ref().is_none_or(|(known, _)| *known != path) {
            self.reader = match SegmentReader::open(&path, 0) {
                Ok(reader) => {
                    (self.taken, self.ahead) = (0, None);
                    Some((path, reader))
                }
                // It could not be made yet; what was appended is held.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
        }
        let Some((_, reader)) = &mut self.reader else { return Ok(()) };
        // What was read ahead and found empty is looked at again.
        let ahead = self.ahead.take().transpose()?.filter(|chunk| chunk.end > self.taken);
        let Chunk { attempts, damaged, end } = ahead.map_or_else(|| Chunk::read(reader), Ok)?;
        self.behind = end - self.taken > CHUNK as u64 / 2;
        self.taken = end;
        // A damaged line is a part of one that stands whole after it.
        self.read += attempts.len() as u64;
        if damaged > 0 {
            tracing::error!(damaged, "the ledger's journal has damaged lines");
        }
        let quiet = attempts.iter().all(|attempt| attempt.status == Status::Open);
        track(attempts, &mut self.open, &mut self.pending);
        if quiet {
            self.settled();
        }
        Ok(())
    }

    /// Tells those who wait that there is a database.
    fn opened(&self) {
        self.shared.applied.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(0);
        self.shared.progress.notify_all();
    }

    /// Tells those who wait how far the database is.
    fn settled(&self) {
        *self.shared.applied.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.read);
        self.shared.progress.notify_all();
    }

    fn open_store(&mut self) -> Result<(), String> {
        let database = &self.shared.database;
        if let Some(directory) = database.parent() {
            std::fs::create_dir_all(directory)
                .map_err(|error| format!("cannot make `{}`: {error}", directory.display()))?;
        }
        let (store, aside) = Store::open(database, self.shared.strict)
            .map_err(|error| format!("`{}` cannot be opened: {error}", database.display()))?;
        if let Some(aside) = aside {
            self.moved(aside);
        }
        self.store = Some(store);
        Ok(())
    }

    /// Decides what to do about a database that does not take records.
    fn store_failed(&mut self, error: &rusqlite::Error) -> String {
        if store::is_damage(error) {
            // The connection must be closed before the file gets another name.
            self.store = None;
            let aside = store::move_aside(&self.shared.database);
            self.moved(aside);
        }
        format!("`{}` takes no records: {error}", self.shared.database.display())
    }

    fn moved(&self, aside: PathBuf) {
        tracing::error!(aside = %aside.display(), "the ledger was damaged: it was moved aside, and a new one is begun");
        self.shared.note(|trouble| trouble.moved_aside = Some(aside));
    }

    /// Records what dead processes left, and removes their journals.
    fn adopt(&mut self) -> Result<(), String> {
        let problem = |error: io::Error| format!("the journals of ended processes cannot be read: {error}");
        let orphans = match journal::orphans(&self.shared.directory, &self.shared.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            orphans => orphans.map_err(problem)?,
        };
        for orphan in orphans {
            let Some(store) = &mut self.store else { return Ok(()) };
            let adopted = adopt(store, &orphan).map_err(problem)?;
            if let Err(error) = adopted {
                return Err(self.store_failed(&error));
            }
            for (path, _) in &orphan.segments {
                std::fs::remove_file(path).map_err(problem)?;
            }
            if let Some(Err(error)) = self.store.as_ref().map(|store| store.forget(&orphan.name)) {
                return Err(self.store_failed(&error));
            }
        }
        Ok(())
    }

    /// Begins a new segment when this one has become long.
    fn rotate(&mut self) {
        let Some((_, reader)) = self.reader.as_mut().filter(|_| self.taken >= SEGMENT) else { return };
        // What was read ahead is carried over too.
        let read = std::mem::replace(&mut reader.offset, self.taken);
        let rotated = self.shared.journal.rotate(reader, self.open.values());
        reader.offset = read;
        match rotated {
            Ok(true) => {
                (self.reader, self.ahead) = (None, None);
                // Records that were carried over are read a second time.
                self.read = self.read.saturating_sub(self.open.len() as u64);
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the ledger's journal cannot begin a new segment"),
        }
    }

    fn finish(&mut self) {
        let held = self.shared.journal.held();
        if held > 0 {
            tracing::error!(held, "records are lost: the disk took none until the process ended");
        }
        let done = self.pending.is_empty() && self.open.is_empty() && held == 0;
        let size = std::fs::metadata(self.shared.journal.segment()).map_or(0, |file| file.len());
        if done && self.taken == size && self.next_try.is_none() {
            self.shared.journal.remove();
            if let Some(store) = &self.store {
                // What is left over says only how far a journal was read that is gone.
                let _ = store.forget(&self.shared.name);
            }
        }
    }

    fn segment(&self) -> String {
        self.reader.as_ref().map_or_else(String::new, |(path, _)| file_name(path))
    }
}

/// What was read from a segment at once.
struct Chunk {
    attempts: Vec<Attempt>,
    damaged: usize,
    /// Up to where, in bytes.
    end: u64,
}

impl Chunk {
    fn read(reader: &mut SegmentReader) -> io::Result<Self> {
        let (attempts, damaged) = reader.read(CHUNK)?;
        Ok(Self { attempts, damaged, end: reader.offset })
    }
}

/// Records all that a dead process left. The outer error is the journal's, the inner one the database's.
fn adopt(store: &mut Store, orphan: &Orphan) -> io::Result<rusqlite::Result<()>> {
    let mark = match store.mark(&orphan.name) {
        Ok(mark) => mark,
        Err(error) => return Ok(Err(error)),
    };
    let (mut open, mut closed) = (HashMap::new(), Vec::new());
    for (path, file) in &orphan.segments {
        let mut reader = SegmentReader::open(path, 0)?;
        let known = mark.as_ref().filter(|(segment, _)| *segment == file_name(path)).map_or(0, |(_, read)| *read);
        loop {
            // Up to the mark all is in the database; it is read for what is still open.
            let limit = known.checked_sub(reader.offset).filter(|rest| *rest > 0);
            let limit = limit.and_then(|rest| usize::try_from(rest).ok()).map_or(CHUNK, |rest| rest.min(CHUNK));
            let before = reader.offset;
            let (attempts, damaged) = reader.read(limit)?;
            if reader.offset == before {
                break;
            }
            if damaged > 0 {
                tracing::error!(damaged, path = %path.display(), "a journal of the ledger has damaged lines");
            }
            track(attempts, &mut open, &mut closed);
            if reader.offset <= known {
                closed.clear();
            }
            if closed.len() >= BATCH {
                match store.apply(&closed, None) {
                    Ok(_) => closed.clear(),
                    Err(error) => return Ok(Err(error)),
                }
            }
        }
        let died = file.metadata()?.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let died = died.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let died = u64::try_from(died).unwrap_or(u64::MAX);
        if orphan.segments.last().is_some_and(|(last, _)| last == path) {
            closed.extend(open.drain().map(|(_, attempt)| interrupted(attempt, died)));
        }
    }
    if !closed.is_empty() {
        tracing::info!(records = closed.len(), "recorded what a process had left when it died");
    }
    Ok(store.apply(&closed, None).map(drop))
}

fn interrupted(mut attempt: Attempt, died: u64) -> Attempt {
    attempt.status = Status::Interrupted;
    attempt.ended = died.max(attempt.started);
    attempt.total = (attempt.ended - attempt.started).saturating_mul(1000);
    attempt
}

/// Parts attempts that end from those that only begin.
fn track(attempts: Vec<Attempt>, open: &mut HashMap<(String, u32), Attempt>, closed: &mut Vec<Attempt>) {
    for attempt in attempts {
        let id = (attempt.call.clone(), attempt.attempt);
        if attempt.status == Status::Open {
            open.insert(id, attempt);
        } else {
            open.remove(&id);
            closed.push(attempt);
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// How long the writer rests when there is nothing to do.
const PAUSE: Duration = Duration::from_millis(50);
/// How often the journals of dead processes are looked for.
const ADOPTION: Duration = Duration::from_secs(30);
/// How much is read at once, in bytes.
const CHUNK: usize = 4 << 20;
/// How many records of a dead process are written at once.
const BATCH: usize = 10_000;
/// How large a segment gets before the next one begins, in bytes.
const SEGMENT: u64 = 16 << 20;

#[cfg(test)]
mod tests {
    use super::{Attempt, LedgerOptions, start};
    use crate::ledger::Durability;

    #[tokio::test]
    async fn strict_waits_until_the_disk_has_it() {
        let directory = tempfile::tempdir().unwrap();
        let mut options = LedgerOptions::new(directory.path());
        options.durability = Durability::Strict;
        let (shared, _threads) = start(&options);
        for _ in 0..100 {
            let ticket = shared.append(&Attempt::default());
            shared.durable(ticket).await;
            assert!(*shared.synced.borrow() >= ticket);
        }
    }
}
