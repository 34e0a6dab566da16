//! Costs against the oracle: usage with the exact cost that the vendor's published rule gives.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "what a test needs and cannot have fails it; a skip says so"
)]

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tollbridge_core::Money;
use tollbridge_usage::price::{PriceBook, Rate, Terms, Totals};

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    route_provider: String,
    model: String,
    resolved_key: Option<String>,
    #[serde(default)]
    call: String,
    #[serde(default, alias = "normalized_usage")]
    usage: Option<Totals>,
    service_tier: Option<String>,
    vertex_location: Option<String>,
    data_residency: Option<String>,
    billing_time_utc: String,
    exact_cost_usd: Option<String>,
    corrected_cost_usd: Option<String>,
    extra: Option<Extra>,
    raw_usage: Option<RawUsage>,
}

#[derive(Deserialize)]
struct Extra {
    service_tier: Option<String>,
}

#[derive(Deserialize)]
struct RawUsage {
    #[serde(default)]
    citation_tokens: u64,
}

#[test]
fn undisputed_costs_agree() {
    let wrong = compare("cost_vectors.jsonl", |row| row.exact_cost_usd.clone());
    assert_eq!(wrong, Vec::<String>::new(), "{} differ", wrong.len());
}

#[test]
fn disputed_costs_follow_the_vendors_rule() {
    let wrong = compare("disputed.jsonl", |row| row.corrected_cost_usd.clone());
    assert_eq!(wrong, Vec::<String>::new(), "{} differ", wrong.len());
}

#[test]
fn normalized_wire_usage_costs_the_same() {
    let wrong = compare("wire_usage_vectors.jsonl", |row| row.exact_cost_usd.clone());
    assert_eq!(wrong, Vec::<String>::new(), "{} differ", wrong.len());
}

/// Prices every row that has usage and an expected cost, and returns those that differ by more than a pico-dollar.
fn compare(file: &str, expected: impl Fn(&Row) -> Option<String>) -> Vec<String> {
    let Some(folder) = oracles() else {
        eprintln!("skipped: there are no oracles; name their folder with TOLLBRIDGE_ORACLES");
        return Vec::new();
    };
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let rows = text.lines().map(|line| serde_json::from_str::<Row>(line).unwrap());
    rows.filter_map(|row| difference(&row, &expected(&row)?)).collect()
}

fn difference(row: &Row, expected: &str) -> Option<String> {
    let mut totals = row.usage.clone()?;
    totals.citation_tokens = row.raw_usage.as_ref().map_or(0, |raw| raw.citation_tokens);
    let mut terms = Terms::default();
    terms.at = Some(millis(&row.billing_time_utc));
    terms.batch = row.call == "batch";
    terms.region.clone_from(&row.vertex_location);
    terms.data_residency.clone_from(&row.data_residency);
    terms.service_tier =
        row.extra.as_ref().and_then(|extra| extra.service_tier.clone()).or_else(|| row.service_tier.clone());
    let bill = PriceBook::embedded().bill(&row.route_provider, &row.model, &totals.to_usage(), &terms);
    let pico = expected.parse::<Rate>().unwrap().yocto() / 1_000_000_000_000;
    let close = bill.cost.map(Money::pico).is_some_and(|cost| (cost - pico).abs() <= 1);
    let resolved = row.resolved_key.is_none() || row.resolved_key == bill.row;
    (!close || !resolved)
        .then(|| format!("{}: {:?} by {:?}, expected {expected}: {:?}", row.id, bill.cost, bill.row, bill.lines))
}

/// Reads a time such as `2026-11-18T08:00:00Z` of that November, the only month of the oracle.
fn millis(time: &str) -> u64 {
    let day: u64 = time.strip_prefix("2026-11-").unwrap()[..2].parse().unwrap();
    let hour: u64 = time[11..13].parse().unwrap();
    ((20_757 + day) * 24 + hour) * 3_600_000
}

fn oracles() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/oracles");
    let folder = std::env::var_os("TOLLBRIDGE_ORACLES").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}
