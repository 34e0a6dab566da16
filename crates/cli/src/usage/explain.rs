use serde_json::Value;
use tollbridge::types::Usage;
use tollbridge::usage::{Attempt, Charge};

use crate::table::table;
use crate::usage::time;

/// Shows how the cost of a call comes about.
pub(super) fn text(attempts: &[Attempt]) -> String {
    attempts.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn one(attempt: &Attempt) -> String {
    let charge = &attempt.charge;
    let mut text = format!(
        "call {}, attempt {}: {}/{} at {}: {}\n",
        attempt.call,
        attempt.attempt,
        attempt.provider,
        attempt.model,
        time(attempt.started),
        attempt.outcome()
    );
    let Some(usage) = &attempt.usage else {
        text.push_str(match charge.cost {
            Some(_) => "  the vendor charges nothing for it\n",
            None => "  nobody knows what was used\n",
        });
        return text;
    };
    let basis = serde_json::to_value(usage.basis).ok();
    let basis = basis.as_ref().and_then(Value::as_str).unwrap_or("unknown").replace('_', " ");
    text.push_str(&format!("  usage ({basis}): {}\n", buckets(usage)));
    if let Some(raw) = &usage.raw {
        text.push_str(&format!("  the vendor said: {}\n", raw.compact()));
    }
    match (&charge.row, &charge.book) {
        (Some(row), _) if row == Charge::REPORTED => {
            text.push_str("  price: the price book has none for this model; the vendor's own figure counts\n");
        }
        (Some(row), Some(book)) => text.push_str(&format!("  price: `{row}` of the price book {book}\n")),
        _ => text.push_str("  price: the price book has none for this model\n"),
    }
    let lines: Vec<Value> = charge.lines.as_ref().and_then(|lines| lines.parse().ok()).unwrap_or_default();
    let rows: Vec<_> = lines.iter().map(cells).collect();
    for line in table(&["", "", "", "", ""], &rows, 1).lines().skip(1) {
        text.push_str(&format!("    {line}\n"));
    }
    match charge.cost {
        Some(cost) => text.push_str(&format!("  cost: {cost}\n")),
        None => text.push_str("  cost: unpriced\n"),
    }
    if let Some(reported) = charge.reported {
        text.push_str(&format!("  the vendor's own figure: {reported}\n"));
    }
    text
}

fn buckets(usage: &Usage) -> String {
    let known = serde_json::to_value(usage).unwrap_or_default();
    let counts = known.as_object().into_iter().flatten();
    let counts: Vec<_> = counts
        .filter(|(name, _)| *name != "raw")
        .filter_map(|(name, count)| Some(format!("{name} {}", count.as_u64()?)))
        .collect();
    counts.join(", ")
}

/// Lays out one line of a bill: what, how many, at which rate, times what, makes what.
fn cells(line: &Value) -> Vec<String> {
    let field = |name: &str| match line.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    vec![field("item"), field("quantity"), format!("× {}", field("rate")), "=".to_owned(), field("amount")]
}
