//! What budgets learn from a real ledger.

use std::path::Path;

use tollbridge_core::{Currency, ExchangeRates, Money, Usage};
use tollbridge_usage::budget::{Amount, Scope, Spending};
use tollbridge_usage::ledger::{Ledger, LedgerOptions};
use tollbridge_usage::meter::LedgerSpending;
use tollbridge_usage::{Attempt, Status};

use crate::setup::{MINUTE, NOON};

const HOUR_MS: u64 = 3_600_000;

/// Writes a record every seven minutes of two days: of two keys and teams, in dollars, in yuan and of unknown price.
fn seeded(folder: &Path) -> Ledger {
    let ledger = Ledger::open(&LedgerOptions::new(folder));
    let yuan = Currency::from_code("CNY").unwrap();
    for number in 0..400_u64 {
        let mut attempt = Attempt::default();
        (attempt.call, attempt.attempt, attempt.attempts) = (format!("call-{number}"), 1, 1);
        attempt.started = NOON + number * 7 * 60_000;
        (attempt.status, attempt.provider) = (Status::Ok, format!("vendor-{}", number % 3));
        (attempt.key, attempt.alias) = (Some(format!("key-{}", number % 2)), Some("fast".to_owned()));
        attempt.tags.insert("team".to_owned(), format!("team-{}", number % 5));
        let mut usage = Usage::default();
        (usage.input, usage.cache_read_audio, usage.cache_write_1h) = (Some(number), Some(1), Some(10));
        (usage.input_image, usage.reasoning, usage.output_audio) = (Some(100), Some(1_000), Some(10_000));
        attempt.usage = Some(usage);
        let pico = 333_333_333_335 + i128::from(number);
        attempt.charge.cost = match number % 4 {
            0 => None,
            1 => Some(Money::from_pico(pico, yuan)),
            _ => Some(Money::from_pico(pico, Currency::USD)),
        };
        ledger.settle(&attempt);
    }
    assert!(ledger.flush(MINUTE));
    ledger
}

#[test]
fn the_pieces_of_a_time_are_what_each_was_asked_for_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut rates = ExchangeRates::default();
    rates.set(Currency::from_code("CNY").unwrap(), "0.137").unwrap();
    let spending = LedgerSpending::new(&seeded(folder.path())).with_rates(rates);
    let scopes = [
        (Scope::Global, ""),
        (Scope::Key, "key-1"),
        (Scope::Key, "nobody"),
        (Scope::Team, "team-3"),
        (Scope::Provider, "vendor-2"),
        (Scope::Alias, "fast"),
        (Scope::Tag("team".to_owned()), "team-0"),
    ];
    // Those of whole hours are kept as sums; the others are added up from records.
    for piece_ms in [360_000, 2_520_000, HOUR_MS, 3 * HOUR_MS] {
        let numbers = NOON / piece_ms + 1..NOON / piece_ms + 60;
        for (scope, value) in &scopes {
            let pieces = spending.spent_in_pieces(scope, value, piece_ms, numbers.clone());
            for number in numbers.clone() {
                let alone = spending.spent(scope, value, number * piece_ms, (number + 1) * piece_ms);
                let piece = pieces.get(&number).copied().unwrap_or(Amount::new(Some(0), 0));
                assert_eq!(piece, alone, "{scope} {value}: piece {number} of {piece_ms} ms");
            }
            assert!(pieces.keys().all(|number| numbers.contains(number)));
            assert_eq!(pieces.is_empty(), *value == "nobody", "{scope} {value}");
        }
    }
}

#[test]
fn sums_that_are_too_large_for_a_database_are_still_sums() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&LedgerOptions::new(folder.path()));
    for call in ["one", "other"] {
        let mut attempt = Attempt::default();
        (attempt.call, attempt.attempt, attempt.status) = (call.to_owned(), 1, Status::Ok);
        attempt.started = NOON;
        attempt.charge.cost = Some(Money::from_pico(i128::from(i64::MAX), Currency::USD));
        ledger.settle(&attempt);
    }
    let pieces =
        LedgerSpending::new(&ledger).spent_in_pieces(&Scope::Global, "", 1_000, NOON / 1_000..NOON / 1_000 + 1);
    assert_eq!(pieces[&(NOON / 1_000)].pico_usd, Some(2 * i128::from(i64::MAX)));
}
