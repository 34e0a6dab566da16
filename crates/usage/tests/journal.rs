//! The journal of a ledger: what becomes of its files, and how its records come into the database.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tollbridge_types::Json;
use tollbridge_usage::ledger::{Filter, Ledger, LedgerOptions, Reader};
use tollbridge_usage::{Attempt, Status};

const SOON: Duration = Duration::from_secs(60);

fn attempt(call: &str, status: Status) -> Attempt {
    let mut attempt = Attempt::default();
    (attempt.call, attempt.attempt, attempt.attempts, attempt.status) = (call.to_owned(), 1, 1, status);
    attempt
}

/// A record of more than a kilobyte.
fn long(call: &str, status: Status) -> Attempt {
    let mut attempt = attempt(call, status);
    attempt.content = Json::from_value(&"x".repeat(1_000)).ok();
    attempt
}

fn open(directory: &Path) -> Ledger {
    Ledger::open(&LedgerOptions::new(directory))
}

fn rows(directory: &Path) -> i64 {
    let reader = Reader::open(directory).unwrap();
    reader.summary(&Filter::default(), &[], &jiff::tz::TimeZone::UTC).unwrap().total.attempts
}

fn files(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory.join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn five_hundred_records_take_few_transactions() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    for number in 0..500 {
        ledger.begin(&long(&format!("c{number}"), Status::Open));
        ledger.settle(&long(&format!("c{number}"), Status::Ok));
    }
    assert!(ledger.flush(SOON));
    assert_eq!(rows(directory.path()), 500);
    let log = directory.path().join("ledger.db-wal");
    let commits = commits(&std::fs::read(log).unwrap());
    assert!((1..=10).contains(&commits), "{commits} transactions");
}

/// Counts the transactions in a write-ahead log: the frames that tell the database's size.
fn commits(log: &[u8]) -> usize {
    let number = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    let page = usize::try_from(number(log.get(8..).unwrap())).unwrap();
    log.get(32..).unwrap().chunks(24 + page).filter(|frame| frame.get(4..).is_some_and(|size| number(size) > 0)).count()
}

#[test]
fn segments_change_while_calls_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    ledger.begin(&attempt("open", Status::Open));
    for number in 0..24_000 {
        ledger.settle(&long(&format!("c{number}"), Status::Ok));
        // The writer has always something to read, and never much.
        while ledger.health().waiting > 500 {
            std::thread::yield_now();
        }
    }
    ledger.settle(&attempt("open", Status::Ok));
    assert!(ledger.flush(SOON));
    let size: u64 = files(directory.path()).iter().map(|file| file.metadata().unwrap().len()).sum();
    assert!(size < 25 << 20, "{size} of 35 MB stay in the journal");
    drop(ledger);
    assert_eq!((rows(directory.path()), files(directory.path()).len()), (24_001, 0));
    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.call("open").unwrap().pop().unwrap().status, Status::Ok);
}

#[test]
fn a_process_that_lives_keeps_all_its_segments() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    std::fs::create_dir_all(&journal).unwrap();
    std::fs::write(journal.join("0123-000000.journal"), line_of(&attempt("c", Status::Open))).unwrap();
    let living = File::create(journal.join("0123-000001.journal")).unwrap();
    living.lock().unwrap();
    drop(open(directory.path()));
    assert_eq!((rows(directory.path()), files(directory.path()).len()), (0, 2));
    drop(living);
    drop(open(directory.path()));
    assert_eq!((rows(directory.path()), files(directory.path()).len()), (1, 0));
}

#[test]
fn a_segment_that_was_never_begun_is_swept_away() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    std::fs::create_dir_all(&journal).unwrap();
    File::create(journal.join("0123-000000.new")).unwrap();
    drop(open(directory.path()));
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
}

/// The journal's line of a record, taken from a ledger whose database is out of reach.
fn line_of(attempt: &Attempt) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("ledger.db")).unwrap();
    let ledger = open(directory.path());
    ledger.begin(attempt);
    std::fs::read(files(directory.path()).pop().unwrap()).unwrap()
}
