//! What changed from one book to the next, for people to read.

use std::collections::BTreeMap;

use tollbridge_usage::price::{Component, Rate, Row, Tier, format_day};

/// Returns a line for each row that came, went or changed, the first few hundred of them.
pub(super) fn changes(before: &[Row], after: &[Row]) -> String {
    let (before, after) = (by_name(before), by_name(after));
    let mut lines = Vec::new();
    for (name, row) in &after {
        match before.get(name) {
            None => lines.push(format!("+ {name}: {}", rates(row))),
            Some(old) => lines.extend(figures(name, old, row)),
        }
    }
    lines.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("- {name}")));
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn by_name(rows: &[Row]) -> BTreeMap<String, &Row> {
    let name = |row: &Row| {
        if row.since == 0 { row.key.clone() } else { format!("{} since {}", row.key, format_day(row.since)) }
    };
    rows.iter().map(|row| (name(row), row)).collect()
}

fn figures(name: &str, old: &Row, new: &Row) -> Vec<String> {
    let table = |row: &Row| -> BTreeMap<(Component, Tier, u32), Rate> {
        row.figures.iter().map(|figure| ((figure.component, figure.tier, figure.above), figure.rate)).collect()
    };
    let (old, new) = (table(old), table(new));
    let mut lines = Vec::new();
    for key in old.keys().chain(new.keys().filter(|key| !old.contains_key(key))) {
        let (component, tier, above) = key;
        let (was, is) = (old.get(key), new.get(key));
        if was != is {
            let show = |rate: Option<&Rate>| rate.map_or_else(|| "none".to_owned(), Rate::to_string);
            lines.push(format!(
                "~ {name}: {} {} above {above}: {} → {}",
                component.name(),
                tier.name(),
                show(was),
                show(is)
            ));
        }
    }
    lines
}

fn rates(row: &Row) -> String {
    let base = row.figures.iter().filter(|figure| figure.tier == Tier::Base && figure.above == 0);
    base.map(|figure| format!("{} {}", figure.component.name(), figure.rate)).collect::<Vec<_>>().join(", ")
}

const SHOWN: usize = 400;
