//! The price book: how long it takes to open, to find a row, and to work out a bill.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tollbridge_core::Usage;
use tollbridge_usage::price::{PriceBook, Terms};

use super::Options;

pub(super) fn run(options: &Options) -> Result<bool, String> {
    let bytes =
        std::fs::read(crate::root().join("crates/usage/src/price/book.bin")).map_err(|error| error.to_string())?;
    let size = bytes.len();
    let mut copies: Vec<_> = (0..options.rounds).map(|_| bytes.clone()).collect();
    let opened = (0..options.rounds).filter_map(|_| copies.pop()).map(|copy| {
        let began = Instant::now();
        black_box(PriceBook::from_bytes(copy));
        began.elapsed()
    });
    let book = PriceBook::embedded();
    println!("{} rows in {size} bytes", book.len());
    println!("  opened             {:>10.2?}", opened.min().unwrap_or_default());
    let mut usage = Usage::default();
    (usage.input, usage.cache_read, usage.output) = (Some(1000), Some(200), Some(100));
    for (vendor, model) in MODELS {
        let find = quickest(options.rounds, || {
            black_box(book.key(black_box(vendor), black_box(model)));
        });
        let bill = quickest(options.rounds, || {
            black_box(book.bill(vendor, model, &usage, &Terms::default()));
        });
        let found = book.key(vendor, model).unwrap_or("no row");
        println!("  {vendor}/{model}: found in {find:.0?}, billed in {bill:.0?} ({found})");
    }
    Ok(true)
}

/// Returns the time of one act, in the quickest of some rounds of many.
fn quickest(rounds: usize, act: impl Fn()) -> Duration {
    let round = || {
        let began = Instant::now();
        (0..MANY).for_each(|_| act());
        began.elapsed() / MANY
    };
    (0..rounds).map(|_| round()).min().unwrap_or_default()
}

const MANY: u32 = 20_000;

/// A name as it stands in the book, names that rules lead to one, and names that nobody knows.
const MODELS: [(&str, &str); 6] = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-mini-2024-07-18"),
    ("anthropic", "claude-sonnet-4-5-20250929"),
    ("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    ("openai", "no-such-model"),
    ("bedrock", "us.nobody.no-such-model-20250929-v1:0"),
];
