//! Rows of `tollbridge cost --jsonl`: a usage in, the same row with its cost out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use tollbridge::Protocol;
use tollbridge::protocol::read_usage;
use tollbridge::types::{Json, Usage};
use tollbridge_usage::price::{PriceBook, Terms, Totals, reported_cost};

use crate::cost;

/// What is read of a row; all else goes back as it came.
#[derive(Deserialize)]
struct Row {
    model: String,
    route_provider: Option<String>,
    provider: Option<String>,
    usage: Option<Totals>,
    normalized_usage: Option<Totals>,
    raw_usage: Option<Json>,
    shape: Option<String>,
    service_tier: Option<String>,
    region: Option<String>,
    vertex_location: Option<String>,
    data_residency: Option<String>,
    call: Option<String>,
    billing_time_utc: Option<String>,
    extra: Option<Extra>,
}

#[derive(Deserialize)]
struct Extra {
    service_tier: Option<String>,
}

/// Prices one row; the error names the field that is wrong.
pub(crate) fn price(book: &PriceBook, line: &[u8]) -> Result<String, String> {
    // Values keep their digits.
    let mut out: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {}", words(&error)))?;
    let deserializer = &mut serde_json::Deserializer::from_slice(line);
    let row: Row =
        serde_path_to_error::deserialize(deserializer).map_err(|error| match error.path().to_string().as_str() {
            "." => words(error.inner()),
            path => format!("`{path}`: {}", words(error.inner())),
        })?;
    let (provider, model) = match (row.route_provider.as_deref().or(row.provider.as_deref()), row.model.split_once('/'))
    {
        (Some(provider), _) => (provider, row.model.as_str()),
        (None, Some((provider, model))) => (provider, model),
        (None, None) => return Err("`route_provider`: missing, and `model` names no provider".to_owned()),
    };
    let usage = usage(&row)?;
    let bill = book.bill(provider, model, &usage, &terms(&row)?);
    let mut put = |name: &str, value: &Value| {
        let value = to_raw_value(value).map_err(|error| error.to_string())?;
        out.insert(name.to_owned(), value);
        Ok::<_, String>(())
    };
    if let Value::Object(fields) = cost::value(&bill) {
        fields.iter().try_for_each(|(name, value)| put(name, value))?;
    }
    if let Some(reported) = usage.raw.as_ref().and_then(reported_cost) {
        put("reported_cost_usd", &reported.to_decimal().into())?;
    }
    serde_json::to_string(&out).map_err(|error| error.to_string())
}

/// Returns what is wrong without the place, which is told by line of the file and field.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn usage(row: &Row) -> Result<Usage, String> {
    if let Some(raw) = &row.raw_usage {
        let shape = row.shape.as_deref().ok_or("`shape`: missing; it says whose `raw_usage` is")?;
        let protocol = match shape {
            "anthropic_messages" => Protocol::ANTHROPIC_MESSAGES,
            "openai_responses" => Protocol::OPENAI_RESPONSES,
            _ => Protocol::OPENAI_CHAT,
        };
        return read_usage(protocol, raw.as_str()).map_err(|error| format!("`raw_usage`: {error}"));
    }
    let totals = row.usage.as_ref().or(row.normalized_usage.as_ref());
    totals.map(Totals::to_usage).ok_or_else(|| "`usage`: missing; `raw_usage` with `shape` does too".to_owned())
}

fn terms(row: &Row) -> Result<Terms, String> {
    let mut terms = Terms::default();
    let served = row.extra.as_ref().and_then(|extra| extra.service_tier.clone());
    terms.service_tier = served.or_else(|| row.service_tier.clone());
    terms.region = row.region.clone().or_else(|| row.vertex_location.clone());
    terms.data_residency.clone_from(&row.data_residency);
    terms.batch = row.call.as_deref() == Some("batch");
    if let Some(time) = &row.billing_time_utc {
        let at = tollbridge_usage::price::parse_time(time);
        terms.at =
            Some(at.ok_or_else(|| format!("`billing_time_utc`: `{time}` is no time such as 2026-11-18T08:00:00Z"))?);
    }
    Ok(terms)
}
