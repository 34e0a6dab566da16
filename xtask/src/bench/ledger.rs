//! The ledger: how fast records are appended, how fast they reach the database, how long sums take.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tollbridge_core::{Currency, Money, Usage};
use tollbridge_types::{Json, UsageBasis};
use tollbridge_usage::ledger::{Filter, GroupBy, Ledger, LedgerOptions, Reader, zone};
use tollbridge_usage::{Attempt, Status};

use super::Options;

pub(super) fn run(options: &Options) -> Result<bool, String> {
    let folder = crate::root().join("target/bench-ledger");
    let _ = std::fs::remove_dir_all(&folder);
    let outcome = measure(&folder, options.records);
    let _ = std::fs::remove_dir_all(&folder);
    outcome.map(|()| true)
}

fn measure(folder: &std::path::Path, records: u64) -> Result<(), String> {
    let made = Instant::now();
    (0..records / 10).for_each(|number| drop(std::hint::black_box(attempt(number))));
    let making = made.elapsed() * 10;
    let mut options = LedgerOptions::new(folder);
    // Records come faster here than any database takes them for long.
    options.spool_limit = u64::MAX;
    let ledger = Ledger::open(&options);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let ledger = ledger.clone();
            scope.spawn(move || {
                for number in (thread..records).step_by(THREADS as usize) {
                    ledger.settle(&attempt(number));
                }
            });
        }
    });
    let appended = began.elapsed();
    while !ledger.flush(Duration::from_secs(10)) {
        println!("{} records wait for the database", ledger.health().waiting);
    }
    let applied = began.elapsed();
    let health = ledger.health();
    let rate = |time: Duration| (records as f64 / time.as_secs_f64()) as u64;
    println!("{records} records from {THREADS} threads");
    println!("  made, for comparison   {making:>10.1?}  {:>9}/s", rate(making));
    println!("  in the journal         {appended:>10.1?}  {:>9}/s", rate(appended));
    println!("  in the database        {applied:>10.1?}  {:>9}/s", rate(applied));
    if health.lost > 0 || health.waiting > 0 {
        return Err(format!("records are missing: {health:?}"));
    }
    let reader = Reader::open(folder).map_err(|error| error.to_string())?;
    let zone = zone("UTC").map_err(|error| error.to_string())?;
    for by in ["", "provider,model", "day", "key", "team", "outcome", "hour"] {
        let by: Vec<GroupBy> = by.split(',').filter(|by| !by.is_empty()).map(str::parse).collect::<Result<_, _>>()?;
        let began = Instant::now();
        let summary = reader.summary(&Filter::default(), &by, &zone).map_err(|error| error.to_string())?;
        let names: Vec<_> = by.iter().map(GroupBy::name).collect();
        println!("  summary by {:<16} {:>6} rows {:>10.2?}", names.join(","), summary.rows.len(), began.elapsed());
        let counted =
            if by.iter().any(|by| matches!(by, GroupBy::Tag(_))) { records } else { summary.total.attempts as u64 };
        if counted != records {
            return Err(format!("the sum is of {counted} records"));
        }
    }
    Ok(())
}

/// A record as the gateway writes it, one every quarter of a second.
fn attempt(number: u64) -> Attempt {
    let pick = |names: &[&str]| names[number as usize % names.len()].to_owned();
    let mut attempt = Attempt::default();
    attempt.call = format!("{:032x}", (0x01a1_fd48_u128 << 96) + u128::from(number));
    (attempt.attempt, attempt.attempts) = (1, 1);
    attempt.started = 1_790_000_000_000 + number * 250;
    attempt.ended = attempt.started + 900;
    (attempt.queue, attempt.head, attempt.first_token) = (300, Some(150_000), Some(200_000));
    attempt.total = 600_000 + number % 1000 * 1000;
    attempt.status = Status::Ok;
    if number.is_multiple_of(50) {
        (attempt.status, attempt.error) = (Status::Failed, Some("rate_limit".to_owned()));
    }
    (attempt.operation, attempt.protocol) = ("chat".to_owned(), "openai.chat".to_owned());
    (attempt.provider, attempt.model) =
        (pick(&["openai", "anthropic", "gemini", "groq"]), pick(&["small", "large", "huge"]));
    attempt.asked = format!("{}/{}", attempt.provider, attempt.model);
    attempt.key = Some(pick(&["key_1", "key_2", "key_3", "key_4", "key_5"]));
    attempt.tags = BTreeMap::from([("team".to_owned(), pick(&["red", "blue", "green"]))]);
    (attempt.http_status, attempt.vendor_id) = (Some(200), Some(format!("chatcmpl-{number}")));
    let mut usage = Usage::default();
    (usage.input, usage.cache_read, usage.output) = (Some(1000 + number % 100), Some(50), Some(200));
    (usage.basis, usage.raw) = (UsageBasis::VendorFinal, Json::from_text(RAW).ok());
    attempt.usage = Some(usage);
    attempt.charge.cost = Some(Money::from_pico(27_000_000, Currency::USD));
    attempt.charge.vendor.clone_from(&attempt.provider);
    (attempt.charge.row, attempt.charge.book) = (Some("gpt-4o".to_owned()), Some("litellm 1.109.1".to_owned()));
    attempt.charge.lines = Json::from_text(LINES).ok();
    attempt
}

const THREADS: u64 = 2;
const RAW: &str = r#"{"prompt_tokens":1050,"completion_tokens":200,"total_tokens":1250,"prompt_tokens_details":{"cached_tokens":50}}"#;
const LINES: &str = r#"[{"item":"input","quantity":1000,"rate":"0.0000025","amount":"0.0025"},{"item":"output","quantity":200,"rate":"0.00001","amount":"0.002"}]"#;
