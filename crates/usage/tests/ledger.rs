//! The ledger through its public interface: what is written, what is lost by whom, what queries say.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test needs and cannot have fails it")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use tollbridge_core::{Currency, Money, Usage, UsageBasis};
use tollbridge_usage::ledger::{
    Durability, ExportFormat, Filter, GroupBy, Ledger, LedgerOptions, Reader, SummaryRow, Upkeep,
};
use tollbridge_usage::price::Bill;
use tollbridge_usage::{Attempt, Status};

const SOON: Duration = Duration::from_secs(30);
const HOUR: u64 = 3_600_000;

fn attempt(call: &str, number: u32) -> Attempt {
    let mut attempt = Attempt::default();
    (attempt.call, attempt.attempt, attempt.attempts) = (call.to_owned(), number, number);
    attempt.started = 1_790_000_000_000;
    attempt.ended = attempt.started + 2_000;
    attempt.total = 2_000_000;
    attempt.status = Status::Ok;
    (attempt.provider, attempt.model) = ("openai".to_owned(), "gpt-4o".to_owned());
    let mut usage = Usage::default();
    (usage.input, usage.cache_read, usage.output) = (Some(100), Some(20), Some(7));
    attempt.usage = Some(usage);
    attempt.charge.cost = Some(Money::from_pico(27_000_000, Currency::USD));
    attempt
}

fn failed(mut attempt: Attempt, kind: &str) -> Attempt {
    (attempt.status, attempt.error) = (Status::Failed, Some(kind.to_owned()));
    (attempt.usage, attempt.charge.cost) = (None, Some(Money::ZERO));
    attempt
}

fn open(directory: &Path) -> Ledger {
    Ledger::open(&LedgerOptions::new(directory))
}

fn write(directory: &Path, attempts: &[Attempt]) {
    let ledger = open(directory);
    for attempt in attempts {
        ledger.begin(&opened(attempt));
        ledger.settle(attempt);
    }
    assert!(ledger.flush(SOON));
    assert_eq!(ledger.health(), Default::default());
}

fn opened(attempt: &Attempt) -> Attempt {
    let mut open = attempt.clone();
    (open.status, open.error) = (Status::Open, None);
    open
}

fn all(directory: &Path) -> Vec<Attempt> {
    let mut found = Vec::new();
    let each = |attempt| {
        found.push(attempt);
        Ok(())
    };
    Reader::open(directory).unwrap().records(&Filter::default(), false, None, each).unwrap();
    found
}

fn total(directory: &Path) -> SummaryRow {
    Reader::open(directory).unwrap().summary(&Filter::default(), &[], &TimeZone::UTC).unwrap().total
}

#[test]
fn a_record_comes_back_whole() {
    let directory = tempfile::tempdir().unwrap();
    let mut record = attempt("c", 1);
    record.tags = BTreeMap::from([("task".to_owned(), "t\"1".to_owned()), ("user".to_owned(), "ann".to_owned())]);
    record.alias = Some("planner".to_owned());
    record.vendor_id = Some("chatcmpl-1".to_owned());
    record.first_token = Some(12);
    let usage = record.usage.as_mut().unwrap();
    usage.basis = UsageBasis::VendorPartial;
    usage.tools.insert("web_search".to_owned(), 2);
    usage.raw = Some(tollbridge_types::Json::from_text("{\"prompt_tokens\":120}").unwrap());
    record.charge.reported = Some(Money::from_pico(-1, Currency::from_code("CNY").unwrap()));
    write(directory.path(), std::slice::from_ref(&record));
    assert_eq!(all(directory.path()), [record]);
}

#[test]
fn a_ledger_without_records_can_be_read_once_it_is_flushed() {
    for _ in 0..50 {
        let directory = tempfile::tempdir().unwrap();
        let ledger = open(directory.path());
        assert!(ledger.flush(SOON));
        assert!(all(directory.path()).is_empty());
    }
}

#[test]
fn a_record_is_written_once_however_often_it_comes() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    for _ in 0..3 {
        ledger.settle(&attempt("c", 1));
    }
    assert!(ledger.flush(SOON));
    assert_eq!((all(directory.path()).len(), total(directory.path()).attempts), (1, 1));
}

#[test]
fn what_a_dead_process_left_is_recorded_once() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    std::fs::create_dir_all(&journal).unwrap();
    // What `begin` and `settle` append, taken from the journal of a ledger whose database is out of reach.
    let lines = journal_of(&[opened(&attempt("done", 1)), attempt("done", 1), opened(&attempt("lost", 1))]);
    let torn = lines.len() - 20;
    let path = journal.join("0123-000000.journal");
    std::fs::write(&path, &lines).unwrap();
    for _ in 0..2 {
        write(directory.path(), &[]);
        drop(open(directory.path()));
    }
    let found: Vec<_> = all(directory.path()).into_iter().map(|attempt| (attempt.call, attempt.status)).collect();
    assert_eq!(found, [("done".to_owned(), Status::Ok), ("lost".to_owned(), Status::Interrupted)]);
    assert!(!path.exists());

    // A line that was cut short is passed over; those around it are not.
    let mut damaged = lines.get(..torn).unwrap().to_vec();
    damaged.push(b'\n');
    damaged.extend(journal_of(&[attempt("after", 1)]));
    std::fs::write(&path, damaged).unwrap();
    drop(open(directory.path()));
    assert_eq!(all(directory.path()).len(), 3);
}

/// The journal's bytes of some records.
fn journal_of(attempts: &[Attempt]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    // A directory in the database's place keeps the records in the journal.
    std::fs::create_dir_all(directory.path().join("ledger.db")).unwrap();
    let ledger = open(directory.path());
    for attempt in attempts {
        if attempt.status == Status::Open {
            ledger.begin(attempt);
        } else {
            ledger.settle(attempt);
        }
    }
    let entry = std::fs::read_dir(directory.path().join("journal")).unwrap().next().unwrap().unwrap();
    std::fs::read(entry.path()).unwrap()
}

#[test]
fn a_locked_database_fails_nothing_and_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[]);
    let blocker = rusqlite::Connection::open(directory.path().join("ledger.db")).unwrap();
    blocker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let ledger = open(directory.path());
    ledger.settle(&attempt("c", 1));
    assert!(!ledger.flush(Duration::from_millis(100)));
    assert_eq!(ledger.health().waiting, 1);
    blocker.execute_batch("COMMIT").unwrap();
    assert!(ledger.flush(SOON));
    assert_eq!(all(directory.path()).len(), 1);
}

#[test]
fn a_damaged_database_is_moved_aside() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::File::create(directory.path().join("ledger.db")).unwrap().write_all(&[b'x'; 9000]).unwrap();
    let ledger = open(directory.path());
    ledger.settle(&attempt("c", 1));
    assert!(ledger.flush(SOON));
    let aside = ledger.health().moved_aside.unwrap();
    assert_eq!(std::fs::read(aside).unwrap(), [b'x'; 9000]);
    assert!(!ledger.health().is_good());
    assert_eq!(all(directory.path()).len(), 1);
}

#[test]
fn a_directory_that_cannot_be_written_is_told_and_holds_records() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("taken");
    std::fs::write(&path, "a file").unwrap();
    let ledger = open(&path);
    ledger.settle(&attempt("c", 1));
    assert!(!ledger.flush(Duration::from_millis(200)));
    assert!(ledger.health().trouble.unwrap().contains("taken"));
    std::fs::remove_file(&path).unwrap();
    assert!(ledger.flush(SOON), "{:?}", ledger.health());
    assert_eq!(all(&path).len(), 1);
}

#[tokio::test]
async fn strict_waits_for_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut options = LedgerOptions::new(directory.path());
    options.durability = Durability::Strict;
    let ledger = Ledger::open(&options);
    let tickets: Vec<_> = (0..100).map(|number| ledger.settle(&attempt(&format!("c{number}"), 1))).collect();
    for ticket in tickets {
        ledger.durable(ticket).await;
    }
    assert!(ledger.flush(SOON));
    assert_eq!(total(directory.path()).calls, 100);
}

#[test]
fn segments_follow_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    let mut big = attempt("big", 1);
    big.content = Some(tollbridge_types::Json::from_value(&"x".repeat(1 << 20)).unwrap());
    ledger.begin(&opened(&attempt("open", 1)));
    for number in 0..40 {
        big.call = format!("big{number}");
        ledger.settle(&big);
        assert!(ledger.flush(SOON));
    }
    ledger.settle(&attempt("open", 1));
    assert!(ledger.flush(SOON));
    let size: u64 = std::fs::read_dir(directory.path().join("journal"))
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(size < 20 << 20, "{size}");
    assert_eq!(total(directory.path()).attempts, 41);
    assert_eq!(all(directory.path()).iter().filter(|attempt| attempt.status == Status::Ok).count(), 41);
}

#[test]
fn attempts_of_one_call_are_one_call() {
    let directory = tempfile::tempdir().unwrap();
    let mut last = attempt("c", 3);
    last.provider = "anthropic".to_owned();
    let attempts =
        [failed(attempt("c", 1), "rate_limit"), failed(attempt("c", 2), "server_error"), last, attempt("d", 1)];
    write(directory.path(), &attempts);
    let sum = total(directory.path());
    assert_eq!((sum.calls, sum.attempts, sum.failed_calls), (2, 4, 0));
    let reader = Reader::open(directory.path()).unwrap();
    let rows = reader.summary(&Filter::default(), &[GroupBy::Provider], &TimeZone::UTC).unwrap().rows;
    let rows: Vec<_> = rows.iter().map(|row| (row.group["provider"].as_str(), row.calls, row.attempts)).collect();
    assert_eq!(rows, [("anthropic", 1, 1), ("openai", 1, 3)]);
    assert_eq!(reader.call("c").unwrap().len(), 3);
}

#[test]
fn spend_adds_up_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = open(directory.path());
    std::thread::scope(|scope| {
        for thread in 0..64 {
            let ledger = ledger.clone();
            scope.spawn(move || {
                for number in 0..1000 {
                    ledger.settle(&attempt(&format!("{thread}-{number}"), 1));
                }
            });
        }
    });
    assert!(ledger.flush(SOON));
    assert_eq!(total(directory.path()).cost, ["1.728".parse::<Money>().unwrap()]);
}

#[test]
fn currencies_are_not_added_and_unknown_prices_are_not_zero() {
    let directory = tempfile::tempdir().unwrap();
    let (mut yuan, mut unknown) = (attempt("y", 1), attempt("u", 1));
    yuan.charge.cost = Some(Money::from_pico(5, Currency::from_code("CNY").unwrap()));
    unknown.charge.cost = None;
    write(directory.path(), &[attempt("c", 1), yuan, unknown]);
    let sum = total(directory.path());
    let cost: Vec<_> = sum.cost.iter().map(Money::to_string).collect();
    assert_eq!((cost, sum.unpriced), (vec!["0.000000000005 CNY".to_owned(), "0.000027 USD".to_owned()], 1));
}

#[test]
fn cleanup_deletes_records_and_keeps_sums() {
    let directory = tempfile::tempdir().unwrap();
    let mut attempts: Vec<_> = (0..15).map(|number| attempt(&format!("c{number}"), 1)).collect();
    attempts.iter_mut().take(10).for_each(|attempt| attempt.started -= 100 * HOUR);
    write(directory.path(), &attempts);
    let before = attempts.last().unwrap().started;
    let sums = total(directory.path());
    let mut upkeep = Upkeep::open(directory.path()).unwrap();
    assert_eq!(upkeep.cleanup(before, true).unwrap(), 10);
    assert_eq!(upkeep.cleanup(before, false).unwrap(), 10);
    assert_eq!(upkeep.cleanup(before, false).unwrap(), 0);
    assert_eq!(all(directory.path()).len(), 5);
    assert_eq!(total(directory.path()), sums);
}

#[test]
fn repricing_moves_the_sums_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut unknown = attempt("u", 1);
    unknown.charge.cost = None;
    unknown.tags.insert("task".to_owned(), "t".to_owned());
    write(directory.path(), &[attempt("c", 1), unknown]);
    let price = |_: &Attempt| {
        let mut bill = Bill::default();
        bill.cost = Some(Money::from_pico(1_000_000, Currency::USD));
        Some(bill)
    };
    let mut upkeep = Upkeep::open(directory.path()).unwrap();
    let done = upkeep.reprice(&Filter::default(), "new", price).unwrap();
    assert_eq!((done.examined, done.changed, done.priced), (2, 2, 1));
    assert_eq!(upkeep.reprice(&Filter::default(), "new", price).unwrap().changed, 0);
    let sum = total(directory.path());
    assert_eq!((sum.cost[0].to_string(), sum.unpriced), ("0.000002 USD".to_owned(), 0));
    let task = Reader::open(directory.path()).unwrap().task_total("t").unwrap();
    assert_eq!((task.cost[0].to_string(), task.calls, task.unpriced), ("0.000001 USD".to_owned(), 1, 0));
}

#[test]
fn several_tags_and_other_fields_group_together() {
    let directory = tempfile::tempdir().unwrap();
    let tagged = |call: &str, team: &str, user: Option<&str>, alias: &str| {
        let mut record = attempt(call, 1);
        record.alias = Some(alias.to_owned());
        record.tags.insert("team".to_owned(), team.to_owned());
        record.tags.extend(user.map(|user| ("user".to_owned(), user.to_owned())));
        record
    };
    let records = [
        tagged("a", "red", Some("ann"), "main"),
        tagged("b", "red", Some("bob"), "cheap"),
        tagged("c", "blue", Some("ann"), "main"),
        tagged("d", "blue", None, "main"),
    ];
    write(directory.path(), &records);
    let reader = Reader::open(directory.path()).unwrap();
    let told = |by: &[&str]| {
        let by: Vec<GroupBy> = by.iter().map(|by| by.parse().unwrap()).collect();
        let rows = reader.summary(&Filter::default(), &by, &TimeZone::UTC).unwrap().rows;
        let name = |row: &SummaryRow| by.iter().map(|by| row.group[by.name().as_ref()].clone()).collect::<Vec<_>>();
        rows.iter().map(|row| format!("{} {}", name(row).join(" "), row.calls)).collect::<Vec<_>>()
    };
    assert_eq!(told(&["team"]), ["blue 2", "red 2"]);
    assert_eq!(told(&["team", "user"]), ["blue ann 1", "red ann 1", "red bob 1"]);
    assert_eq!(told(&["user", "alias"]), ["ann main 2", "bob cheap 1"]);
}

#[test]
fn a_time_range_begins_in_and_ends_out() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &[attempt("c", 1)]);
    let reader = Reader::open(directory.path()).unwrap();
    let time = attempt("c", 1).started;
    let calls = |since, until| {
        let mut filter = Filter::default();
        (filter.since, filter.until) = (Some(since), Some(until));
        reader.summary(&filter, &[], &TimeZone::UTC).unwrap().total.calls
    };
    assert_eq!((calls(time, time + 1), calls(time - 1, time), calls(time - 1, time + 1)), (1, 0, 1));
}

#[test]
fn cells_are_no_formulas() {
    let directory = tempfile::tempdir().unwrap();
    let mut record = attempt("c", 1);
    record.model = "=cmd,\"x\"".to_owned();
    write(directory.path(), &[record]);
    let mut csv = Vec::new();
    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.export(&Filter::default(), ExportFormat::Csv, &mut csv).unwrap(), 1);
    insta::assert_snapshot!(String::from_utf8(csv).unwrap());
    let mut lines = Vec::new();
    reader.export(&Filter::default(), ExportFormat::JsonLines, &mut lines).unwrap();
    assert_eq!(serde_json::from_slice::<Attempt>(&lines).unwrap(), all(directory.path())[0]);
}

fn some_attempt() -> impl Strategy<Value = Attempt> {
    let names = (0..3_usize, 0..2_usize, 0..3_usize, 0..3_usize);
    (names, 0..60_u64, 0..5_000_u64, any::<Option<u32>>(), 1..4_u32).prop_map(
        |((provider, model, key, tag), hours, tokens, cost, number)| {
            let mut record = attempt(&format!("{hours}-{tokens}"), number);
            record.provider = ["openai", "anthropic", "gemini"][provider].to_owned();
            record.model = ["small", "large"][model].to_owned();
            record.key = [None, Some("k1".to_owned()), Some("k2".to_owned())][key].clone();
            record.started += hours * HOUR / 2;
            if tag > 0 {
                record.tags.insert("user".to_owned(), ["", "ann", "bob"][tag].to_owned());
            }
            record.usage.as_mut().unwrap().input = Some(tokens);
            record.charge.cost = cost.map(|cost| Money::from_pico(i128::from(cost), Currency::USD));
            if tokens % 3 == 0 {
                (record.status, record.error) = (Status::Failed, Some("server_error".to_owned()));
            }
            record
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Sums say what adding up the records says, for every grouping and range.
    #[test]
    fn summaries_agree_with_the_records(
        attempts in proptest::collection::vec(some_attempt(), 1..60),
        since in proptest::option::of(0..60_u64),
        length in 0..60_u64,
        provider in proptest::option::of(Just("openai".to_owned())),
    ) {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &attempts);
        let written = all(directory.path());
        let reader = Reader::open(directory.path()).unwrap();
        let mut filter = Filter::default();
        filter.provider = provider;
        if let Some(since) = since {
            let since = attempt("", 1).started + since * HOUR / 2 + 1;
            (filter.since, filter.until) = (Some(since), Some(since + length * HOUR));
        }
        let wanted: Vec<_> = written.iter().filter(|attempt| filter.matches(attempt)).collect();
        let cost: i128 = wanted.iter().filter_map(|attempt| attempt.charge.cost).map(Money::pico).sum();
        let groupings = [
            vec![],
            vec![GroupBy::Provider, GroupBy::Model],
            vec![GroupBy::Key],
            vec![GroupBy::Day],
            vec![GroupBy::Hour, GroupBy::Outcome],
        ];
        for by in groupings {
            let summary = reader.summary(&filter, &by, &TimeZone::UTC).unwrap();
            let attempts: i64 = summary.rows.iter().map(|row| row.attempts).sum();
            prop_assert_eq!(attempts, wanted.len() as i64);
            prop_assert_eq!(summary.total.attempts, wanted.len() as i64);
            let sum: i128 = summary.total.cost.iter().map(|money| money.pico()).sum();
            prop_assert_eq!(sum, cost);
            prop_assert_eq!(summary.total.input, wanted.iter().map(|a| a.usage.as_ref().unwrap().input.unwrap() as i64).sum::<i64>());
        }
        let by_user = reader.summary(&filter, &[GroupBy::Tag("user".to_owned())], &TimeZone::UTC).unwrap();
        let tagged = wanted.iter().filter(|attempt| attempt.tags.contains_key("user")).count();
        prop_assert_eq!(by_user.total.attempts, tagged as i64);
    }
}
