mod arguments;
mod explain;
mod plot;
mod summary;

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use tollbridge::Registry;
use tollbridge::core::ExchangeRates;
use tollbridge::usage::Attempt;
use tollbridge::usage::ledger::{ExportFormat, Filter, Ledger, LedgerOptions, Reader, Upkeep};
use tollbridge::usage::now_ms;
use tollbridge::usage::price::PriceBook;

use crate::arguments::Sources;
use crate::failure::Failure;
use crate::load;
use crate::table::table;

pub(crate) use arguments::UsageOptions;
use arguments::{Format, UsageCommand};

pub(crate) fn run(sources: &Sources, options: &UsageOptions) -> Result<ExitCode, Failure> {
    let (directory, rates) = place(sources, options)?;
    match &options.command {
        UsageCommand::Summary { filter, by, json } => {
            let summary =
                Reader::open(&directory)?.summary(&filter.resolve()?, by, &filter.zone()?)?.with_rates(&rates);
            say(&if *json { json_of(&summary) } else { summary::text(&summary, by) })?;
        }
        UsageCommand::Records { filter, limit, json } => records(&directory, &filter.resolve()?, *limit, *json)?,
        UsageCommand::Export { filter, format, out } => {
            export(&Reader::open(&directory)?, &filter.resolve()?, *format, out.as_deref())?;
        }
        UsageCommand::Import { file } => import(&directory, file)?,
        UsageCommand::Plot { filter, value, svg, png } => {
            let chart =
                plot::Chart::read(&Reader::open(&directory)?, &filter.resolve()?, &filter.zone()?, *value, &rates)?;
            for (path, picture) in [(svg, plot::svg as fn(&plot::Chart) -> Vec<u8>), (png, plot::png)] {
                if let Some(path) = path {
                    std::fs::write(path, picture(&chart))
                        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))?;
                }
            }
            if svg.is_none() && png.is_none() {
                say(&plot::text(&chart))?;
            }
        }
        UsageCommand::Explain { call, json } => {
            let attempts = Reader::open(&directory)?.call(call)?;
            say(&if *json { json_of(&attempts) } else { explain::text(&attempts) })?;
        }
        UsageCommand::Reprice { filter, book, json } => {
            let book = match (book, &options.dir) {
                // With a named directory there need be no configuration.
                (None, Some(_)) => Arc::new(PriceBook::embedded().clone()),
                (book, _) => load::prices(sources, book.as_deref())?,
            };
            let filter = filter.resolve()?;
            let done = Upkeep::open(&directory)?.reprice(&filter, book.version(), |attempt| book.again(attempt))?;
            if *json {
                say(&json_of(&done))?;
            } else {
                println!(
                    "{} of {} records have another price now: {} instead of {}; {} had none before",
                    done.changed, done.examined, done.after, done.before, done.priced
                );
            }
        }
        UsageCommand::Cleanup { keep, dry_run } => cleanup(&directory, keep, *dry_run)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Finds the data directory and the exchange rates; with a directory that is named there need be no configuration.
fn place(sources: &Sources, options: &UsageOptions) -> Result<(PathBuf, ExchangeRates), Failure> {
    match &options.dir {
        Some(directory) => Ok((directory.clone(), ExchangeRates::default())),
        None => {
            let usage = load::config(sources, &Registry::linked()?)?.usage;
            Ok((usage.dir, usage.rates))
        }
    }
}

fn records(directory: &Path, filter: &Filter, limit: u64, json: bool) -> Result<(), Failure> {
    let reader = Reader::open(directory)?;
    let (mut rows, mut lines) = (Vec::new(), String::new());
    reader.records(filter, true, Some(limit), |attempt| {
        if json {
            lines += &(serde_json::to_string(&attempt).unwrap_or_default() + "\n");
        } else {
            rows.push(row(&attempt));
        }
        Ok(())
    })?;
    let head = ["TIME", "CALL", "MODEL", "OUTCOME", "INPUT", "OUTPUT", "COST", "SECONDS"];
    say(&if json { lines } else { table(&head, &rows, 4) })
}

fn row(attempt: &Attempt) -> Vec<String> {
    let usage = attempt.usage.as_ref();
    let tokens = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
    let call = if attempt.attempt > 1 { format!("{}#{}", attempt.call, attempt.attempt) } else { attempt.call.clone() };
    vec![
        time(attempt.started),
        call,
        format!("{}/{}", attempt.provider, attempt.model),
        attempt.outcome().to_owned(),
        tokens(usage.map(tollbridge::types::Usage::total_input)),
        tokens(usage.map(tollbridge::types::Usage::total_output)),
        attempt.charge.cost.map_or("unpriced".to_owned(), |cost| cost.to_string()),
        format!("{:.2}", attempt.total as f64 / 1e6),
    ]
}

fn export(reader: &Reader, filter: &Filter, format: Format, out: Option<&Path>) -> Result<(), Failure> {
    let format = match format {
        Format::Csv => ExportFormat::Csv,
        Format::Jsonl => ExportFormat::JsonLines,
    };
    let Some(path) = out else {
        reader.export(filter, format, &mut BufWriter::new(std::io::stdout().lock()))?;
        return Ok(());
    };
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let file = file.map_err(|error| Failure::usage(format!("--out: cannot make {}: {error}", path.display())))?;
    let mut file = BufWriter::new(file);
    let count = reader.export(filter, format, &mut file)?;
    file.flush()?;
    eprintln!("{count} records in {}", path.display());
    Ok(())
}

fn import(directory: &Path, file: &Path) -> Result<(), Failure> {
    // A ledger that is not there yet is begun.
    drop(Ledger::open(&LedgerOptions::new(directory)));
    let mut upkeep = Upkeep::open(directory)?;
    let done = upkeep.import(load::input(file)?);
    let done = done.map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    println!("{} records added, {} were there already", done.new, done.known);
    Ok(())
}

fn cleanup(directory: &Path, keep: &str, dry_run: bool) -> Result<(), Failure> {
    let days = keep.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()).filter(|days| *days > 0);
    let Some(days) = days else {
        return Err(Failure::usage(format!("--keep: `{keep}` is no number of days above zero; write it as 90d")));
    };
    let before = now_ms().saturating_sub(days.saturating_mul(86_400_000));
    let count = Upkeep::open(directory)?.cleanup(before, dry_run)?;
    let what = if dry_run { "would be deleted" } else { "were deleted" };
    println!("{count} records from before {} {what}; sums by hour and day stay", time(before));
    Ok(())
}

/// Writes a time in UTC, to the second.
fn time(millis: u64) -> String {
    let time = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.map_or(String::new(), |time| format!("{time:.0}"))
}

fn json_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

/// Writes to standard output, which may have been closed by whoever has read enough.
fn say(text: &str) -> Result<(), Failure> {
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
