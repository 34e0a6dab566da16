//! Measures how long the price book takes to open and to look up: `cargo run --release --example price_bench`.
#![expect(clippy::print_stdout, reason = "an example talks to a terminal")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use tollbridge_types::Usage;
use tollbridge_usage::price::{PriceBook, Terms};

fn main() {
    let began = Instant::now();
    let book = PriceBook::embedded();
    println!("open: {:?}, {} rows", began.elapsed(), book.len());
    let models =
        [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5"), ("azure", "gpt-5-mini"), ("groq", "nothing")];
    let mut usage = Usage::default();
    (usage.input, usage.cache_read, usage.output) = (Some(1_000), Some(9_000), Some(500));
    let terms = Terms::default();
    for (provider, model) in models {
        let look_up = each(|| {
            black_box(book.key(black_box(provider), black_box(model)));
        });
        let bill = each(|| {
            black_box(book.bill(black_box(provider), black_box(model), &usage, &terms));
        });
        println!("{provider}/{model}: look-up {look_up:?}, bill {bill:?}");
    }
}

fn each(mut work: impl FnMut()) -> Duration {
    const ROUNDS: u32 = 200_000;
    let began = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    began.elapsed() / ROUNDS
}
