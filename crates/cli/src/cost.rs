use std::process::ExitCode;

use serde_json::json;
use tollbridge::core::{Currency, Money};
use tollbridge::types::Usage;
use tollbridge_usage::price::{Bill, PriceBook, Terms};

use crate::arguments::{CostOptions, Sources};
use crate::failure::Failure;
use crate::{cost_rows, load, rows};

pub(crate) fn run(sources: &Sources, options: &CostOptions) -> Result<ExitCode, Failure> {
    let book = load::prices(sources, options.prices.as_deref())?;
    match (&options.jsonl, &options.model) {
        (Some(path), None) => rows::each(path, |line| cost_rows::price(&book, line)),
        (None, Some(model)) => one(&book, model, options),
        _ => Err(Failure::usage("name a model, or a file of rows with --jsonl")),
    }
}

/// Prices one call, and prints the arithmetic.
fn one(book: &PriceBook, name: &str, options: &CostOptions) -> Result<ExitCode, Failure> {
    let Some((provider, model)) = name.split_once('/') else {
        return Err(Failure::usage(format!("`{name}` names no provider; write provider/model, such as openai/{name}")));
    };
    let bill = book.bill(provider, model, &usage(options), &terms(options));
    if options.json {
        println!("{}", serde_json::to_string_pretty(&value(&bill)).unwrap_or_default());
    } else {
        print(&bill, name);
    }
    Ok(if bill.cost.is_some() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Returns what a bill says as fields of a JSON object.
pub(crate) fn value(bill: &Bill) -> serde_json::Value {
    json!({
        "cost_usd": bill.cost.filter(|cost| cost.currency() == Currency::USD).map(Money::to_decimal),
        "cost": bill.cost.map(Money::to_decimal),
        "currency": bill.cost.map(|cost| cost.currency().to_string()),
        "unpriced": bill.cost.is_none(),
        "price_row": bill.row,
        "price_book": bill.book,
        "lines": bill.lines,
    })
}

fn print(bill: &Bill, name: &str) {
    for line in &bill.lines {
        let rate = line.rate.map_or_else(|| "unpriced".to_owned(), |rate| rate.to_string());
        let amount = line.amount.map(|amount| format!(" = {amount}")).unwrap_or_default();
        println!("{:>12} {:<16} × {rate}{amount}", line.quantity, line.item);
    }
    match (bill.cost, &bill.row) {
        (Some(cost), Some(row)) => println!("{cost}, by `{row}` of {}", bill.book),
        (_, Some(row)) => println!("unpriced: `{row}` has no price for all of this"),
        _ => println!("unpriced: the book has no row for `{name}`"),
    }
}

fn usage(options: &CostOptions) -> Usage {
    let mut usage = Usage::default();
    usage.input = options.input;
    usage.output = options.output;
    usage.reasoning = options.reasoning;
    usage.cache_read = options.cache_read;
    usage.cache_write = options.cache_write;
    usage.cache_write_1h = options.cache_write_1h;
    usage.input_audio = options.input_audio;
    usage.output_audio = options.output_audio;
    usage.tools = options.tool.iter().cloned().collect();
    usage
}

fn terms(options: &CostOptions) -> Terms {
    let mut terms = Terms::default();
    terms.service_tier.clone_from(&options.service_tier);
    terms.region.clone_from(&options.region);
    terms.data_residency.clone_from(&options.data_residency);
    terms.batch = options.batch;
    terms
}
