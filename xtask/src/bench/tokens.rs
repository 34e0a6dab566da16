use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tollbridge_tokens::Encoding;

use super::Options;

/// How many bytes each mix has.
const SIZE: usize = 1_000_000;

pub(super) fn run(options: &Options) -> Result<bool, String> {
    let mixes = if options.text.is_empty() {
        let folder = options.oracles.clone().unwrap_or_else(|| crate::root().join("../shared/oracles"));
        oracle_mixes(&folder.join("token_vectors.jsonl"))?
    } else {
        options
            .text
            .iter()
            .map(|path| read(path).map(|text| (path.display().to_string(), text)))
            .collect::<Result<_, _>>()?
    };
    for encoding in Encoding::ALL {
        let began = Instant::now();
        encoding.count("");
        println!("{}: read in {:.1?}", encoding.name(), began.elapsed());
    }
    println!(
        "\nMB/s, the quickest of {} rounds, all counters in turn in each; the ratio is ours to the best peer's",
        options.rounds
    );
    println!("| text | vocabulary | ours | bpe-openai | tiktoken 4 | tiktoken-rs | ratio |");
    println!("|---|---|---:|---:|---:|---:|---:|");
    let mut behind = false;
    for (name, text) in &mixes {
        for encoding in Encoding::ALL {
            let counters = counters(*encoding)?;
            let times = measure(text, &counters, options.rounds)?;
            let speed = |time: &Duration| text.len() as f64 / time.as_secs_f64() / 1e6;
            let speeds: Vec<f64> = times.iter().map(speed).collect();
            let best = speeds[1..].iter().copied().fold(0.0, f64::max);
            let columns: Vec<String> = speeds.iter().map(|speed| format!("{speed:.1}")).collect();
            println!("| {name} | {} | {} | {:.2} |", encoding.name(), columns.join(" | "), speeds[0] / best);
            behind |= speeds[0] < best;
        }
    }
    Ok(!behind)
}

type Counter = Box<dyn Fn(&str) -> usize>;

/// Ours first, then the peers in the order of the columns.
fn counters(encoding: Encoding) -> Result<Vec<Counter>, String> {
    let small = encoding.name() == "cl100k_base";
    let openai = if small { bpe_openai::cl100k_base() } else { bpe_openai::o200k_base() };
    let four = tiktoken::get_encoding(encoding.name()).ok_or("tiktoken has no such encoding")?;
    let rs = if small { tiktoken_rs::cl100k_base_singleton() } else { tiktoken_rs::o200k_base_singleton() };
    Ok(vec![
        Box::new(move |text| encoding.count(text) as usize),
        Box::new(move |text| openai.count(text)),
        Box::new(move |text| four.count(text)),
        Box::new(move |text| rs.encode_ordinary(text).len()),
    ])
}

/// Takes the quickest time of each counter, and holds their counts to be the same.
fn measure(text: &str, counters: &[Counter], rounds: usize) -> Result<Vec<Duration>, String> {
    let mut quickest = vec![Duration::MAX; counters.len()];
    let expected = counters[0](text);
    for _ in 0..rounds.max(1) {
        for (counter, quickest) in counters.iter().zip(&mut quickest) {
            let began = Instant::now();
            let count = counter(black_box(text));
            *quickest = began.elapsed().min(*quickest);
            if count != expected {
                return Err(format!("a peer counts {count} tokens where we count {expected}"));
            }
        }
    }
    Ok(quickest)
}

/// Joins the oracle's texts of each kind, each once, and repeats them to the size.
fn oracle_mixes(path: &Path) -> Result<Vec<(String, String)>, String> {
    let file = read(path).map_err(|problem| format!("{problem}; name texts with --text"))?;
    let mut known = BTreeSet::new();
    let mut kinds =
        [("English", "english", String::new()), ("code", "code", String::new()), ("CJK", "cjk", String::new())];
    let mut mixed = String::new();
    for line in file.lines() {
        let row: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()))?;
        let text = row["text"].as_str().unwrap_or_default();
        let kind = kinds.iter_mut().find(|(_, kind, _)| row["kind"] == *kind);
        if let Some((_, _, all)) = kind.filter(|_| known.insert(text.to_owned())) {
            all.push_str(text);
            mixed.push_str(text);
        }
    }
    let kinds = kinds.into_iter().map(|(name, _, text)| (name, text)).chain([("mixed", mixed)]);
    Ok(kinds.filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name.to_owned(), repeated(&text))).collect())
}

fn repeated(text: &str) -> String {
    let mut long = text.repeat(SIZE / text.len() + 1);
    long.truncate((0..=SIZE).rev().find(|end| long.is_char_boundary(*end)).unwrap_or_default());
    long
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
