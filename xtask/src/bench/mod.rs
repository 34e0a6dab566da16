//! Measures against peers in one run, as ratios: what else the machine does strikes all alike.

mod ledger;
mod prices;
#[cfg(feature = "peers")]
mod tokens;

use std::path::PathBuf;
use std::process::Command;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask bench --list
  cargo xtask bench tokens
  cargo xtask bench ledger --records 10000000
  cargo xtask bench tokens --rounds 50 --text book.txt --text main.rs

Benchmarks build optimised, with the peers that no other build has.")]
pub(crate) struct Options {
    /// The benchmark
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// List the benchmarks, and run none
    #[arg(long)]
    list: bool,
    /// How often each measurement is taken; the quickest counts
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Measure with these files instead of the oracle's texts
    #[arg(long, value_name = "FILE")]
    text: Vec<PathBuf>,
    /// How many records the ledger takes
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// The folder of the oracle's texts
    #[arg(long, env = "TOLLBRIDGE_ORACLES", value_name = "FOLDER")]
    oracles: Option<PathBuf>,
}

/// The benchmarks, and what each measures.
const BENCHMARKS: &[(&str, &str)] = &[
    ("ledger", "records appended and applied a second, and how long sums over them take"),
    ("prices", "the price book: opening it, finding a row, working out a bill"),
    ("tokens", "counting tokens, against tiktoken-rs, bpe-openai and tiktoken"),
];

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    if options.list {
        BENCHMARKS.iter().for_each(|(name, what)| println!("{name}: {what}"));
        return Ok(true);
    }
    let name = options.name.as_deref().unwrap_or_default();
    if !BENCHMARKS.iter().any(|(known, _)| *known == name) {
        return Err(format!("there is no benchmark `{name}`; list them with --list"));
    }
    if cfg!(feature = "peers") { measure(name, options) } else { again() }
}

fn measure(name: &str, options: &Options) -> Result<bool, String> {
    match name {
        "ledger" => ledger::run(options),
        "prices" => prices::run(options),
        #[cfg(feature = "peers")]
        "tokens" => tokens::run(options),
        _ => Ok(true),
    }
}

/// Runs the same task from an optimised build that has the peers.
fn again() -> Result<bool, String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--release", "--package", "xtask", "--features", "peers", "--"]);
    command.args(std::env::args_os().skip(1));
    let status = command.status().map_err(|error| format!("cargo cannot start: {error}"))?;
    Ok(status.success())
}
