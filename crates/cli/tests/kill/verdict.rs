use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use tollbridge_testkit::Answered;

use crate::rows::{self, Row};
use crate::world::{Seen, World};

/// Compares what clients saw, what the mocks answered, and what the ledger has.
pub(crate) fn check(world: &World) {
    let ledger = Connection::open(world.database()).unwrap();
    rows::assert_sound(&ledger);
    let journals: Vec<_> = world.directory().join("journal").read_dir().unwrap().map(Result::unwrap).collect();
    assert!(journals.is_empty(), "these stay: {journals:?}");
    let log = std::fs::read_to_string(world.log()).unwrap();
    assert!(!log.contains("panicked") && !log.contains("damaged"), "{log}");

    let rows = rows::read(&ledger);
    let mut by_marker: HashMap<&str, &Row> = HashMap::new();
    for row in &rows {
        assert!(by_marker.insert(&row.marker, row).is_none(), "two rows of one call: {row:?}");
    }
    let answers = answers(world);
    for marker in answers.keys() {
        assert!(by_marker.contains_key(marker.as_str()), "{marker} reached a vendor and has no row");
    }
    for row in &rows {
        check_row(row, answers.get(&row.marker));
    }
    let seen = world.seen.lock().unwrap();
    for seen in seen.iter() {
        check_seen(seen, by_marker.get(seen.marker.as_str()).copied());
    }
    tell(&rows, &answers, &seen);
}

/// What a row says, a vendor has answered. The outer `None` is a call that reached none.
fn check_row(row: &Row, answer: Option<&Option<Answered>>) {
    let begun = answer.and_then(Option::as_ref);
    match row.status.as_str() {
        "ok" => assert_exact(row, begun),
        // The gateway died, or the client left, before the request arrived.
        "interrupted" | "cancelled" => {}
        _ => assert!(answer.is_some(), "nobody was asked: {row:?}"),
    }
    if row.http_status.is_some() {
        assert_eq!(row.http_status, begun.map(|answer| answer.status), "{row:?}");
    }
}

/// What a client has seen the end of is in the ledger as an end.
fn check_seen(seen: &Seen, row: Option<&Row>) {
    let status = row.map(|row| row.status.as_str());
    match seen.status {
        Some(200) if seen.over => assert_eq!(status, Some("ok"), "{} was answered: {row:?}", seen.marker),
        Some(400..) => assert_eq!(status, Some("failed"), "{} was refused: {row:?}", seen.marker),
        _ => {}
    }
}

/// The row has the vendor's own numbers and id.
fn assert_exact(row: &Row, answer: Option<&Answered>) {
    let Some(answer) = answer else { panic!("nobody answered {row:?}") };
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(2_000).collect();
    let basis = row.usage.map(|_| "vendor_final");
    assert_eq!((row.usage, row.others), (answer.usage(), 0), "{row:?} {text}");
    assert_eq!((row.basis.as_deref(), &row.vendor_id), (basis, &answer.id()), "{row:?} {text}");
}

/// What the mocks answered to each call that reached them, by its marker; `None` is no answer.
fn answers(world: &World) -> BTreeMap<String, Option<Answered>> {
    let mut answers = BTreeMap::new();
    for recorded in world.upstreams.iter().flat_map(|upstream| upstream.requests()) {
        let text = String::from_utf8_lossy(&recorded.body);
        let marker = text.find("call-").and_then(|at| text.get(at..at + "call-000000".len())).unwrap().to_owned();
        assert!(answers.insert(marker, recorded.answer()).is_none(), "a vendor was asked twice: {text}");
    }
    answers
}

#[expect(clippy::print_stderr, reason = "whoever reads the log is to know how much was compared")]
fn tell(rows: &[Row], answers: &BTreeMap<String, Option<Answered>>, seen: &[Seen]) {
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *statuses.entry(&row.status).or_default() += 1);
    let count = |ended: bool| answers.values().flatten().filter(|answer| answer.ended || !ended).count();
    eprintln!(
        "{} calls; {} reached a vendor, {} were answered, {} to the end; {} saw the end; rows: {statuses:?}",
        seen.len(),
        answers.len(),
        count(false),
        count(true),
        seen.iter().filter(|seen| seen.over).count(),
    );
}
