use tollbridge::usage::ledger::{GroupBy, Summary, SummaryRow};

use crate::table::table;

/// Lays a summary out for a terminal.
pub(super) fn text(summary: &Summary, by: &[GroupBy]) -> String {
    let names: Vec<String> = by.iter().map(|by| by.name().to_uppercase()).collect();
    let numbers = ["CALLS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST", "UNPRICED", "P50", "P95", "P99"];
    let head: Vec<&str> = names.iter().map(String::as_str).chain(numbers).collect();
    let mut rows: Vec<_> = summary.rows.iter().map(|row| cells(row, by)).collect();
    if rows.len() != 1 {
        let mut total = cells(&summary.total, by);
        if let Some(first) = total.first_mut().filter(|_| !by.is_empty()) {
            *first = "all".to_owned();
        }
        rows.push(total);
    }
    let mut text = table(&head, &rows, by.len());
    if let Some(converted) = &summary.converted {
        text.push_str(&format!("in US dollars: {converted}\n"));
    }
    let failures: Vec<_> = summary.total.failures.iter().map(|(kind, calls)| format!("{calls} {kind}")).collect();
    if !failures.is_empty() {
        text.push_str(&format!("failed calls: {}\n", failures.join(", ")));
    }
    if summary.total.estimated > 0 {
        text.push_str(&format!("the usage of {} attempts is not the vendor's last word\n", summary.total.estimated));
    }
    text
}

fn cells(row: &SummaryRow, by: &[GroupBy]) -> Vec<String> {
    let group = by.iter().map(|by| {
        let value = row.group.get(by.name().as_ref()).map_or("", String::as_str);
        if value.is_empty() { "-".to_owned() } else { value.to_owned() }
    });
    let seconds = |micros: Option<u64>| micros.map_or("-".to_owned(), |micros| format!("{:.2}s", micros as f64 / 1e6));
    let cost: Vec<_> = row.cost.iter().map(ToString::to_string).collect();
    let cached = row.cache_read;
    let numbers = [
        row.calls.to_string(),
        row.failed_calls.to_string(),
        (row.input + row.cache_write + row.input_media).to_string(),
        cached.to_string(),
        (row.output + row.reasoning + row.output_media).to_string(),
        if cost.is_empty() { "-".to_owned() } else { cost.join(" + ") },
        row.unpriced.to_string(),
        seconds(row.latency.p50),
        seconds(row.latency.p95),
        seconds(row.latency.p99),
    ];
    group.chain(numbers).collect()
}
