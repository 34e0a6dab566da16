//! Rows of `tollbridge cost --jsonl`: a usage in, the same row with its cost out.

use serde::Deserialize;
use serde_json::Value;
use tollbridge::Protocol;
use tollbridge::protocol::read_usage;
use tollbridge::types::{Json, Usage};
use tollbridge_usage::price::{PriceBook, Terms, Totals, reported_cost};

use crate::cost;
use crate::rows::{Row, put};

/// What is read of a row; all else goes back as it came.
#[derive(Deserialize)]
struct Fields {
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
pub(crate) fn price(book: &PriceBook, line: &[u8]) -> Result<Row, String> {
    let mut row: Row = serde_json::from_slice(line).map_err(|error| format!("not a JSON object: {}", words(&error)))?;
    let deserializer = &mut serde_json::Deserializer::from_slice(line);
    let fields: Fields =
        serde_path_to_error::deserialize(deserializer).map_err(|error| match error.path().to_string().as_str() {
            "." => words(error.inner()),
            path => format!("`{path}`: {}", words(error.inner())),
        })?;
    let (provider, model) =
        match (fields.route_provider.as_deref().or(fields.provider.as_deref()), fields.model.split_once('/')) {
            (Some(provider), _) => (provider, fields.model.as_str()),
            (None, Some((provider, model))) => (provider, model),
            (None, None) => return Err("`route_provider`: missing, and `model` names no provider".to_owned()),
        };
    let usage = usage(&fields)?;
    let bill = book.bill(provider, model, &usage, &terms(&fields)?);
    if let Value::Object(billed) = cost::value(&bill) {
        billed.iter().try_for_each(|(name, value)| put(&mut row, name, value))?;
    }
    if let Some(reported) = usage.raw.as_ref().and_then(reported_cost) {
        put(&mut row, "reported_cost_usd", &reported.to_decimal())?;
    }
    Ok(row)
}

/// Returns what is wrong without the place, which is told by line of the file and field.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

fn usage(fields: &Fields) -> Result<Usage, String> {
    if let Some(raw) = &fields.raw_usage {
        let shape = fields.shape.as_deref().ok_or("`shape`: missing; it says whose `raw_usage` is")?;
        let protocol = match shape {
            "anthropic_messages" => Protocol::ANTHROPIC_MESSAGES,
            "openai_responses" => Protocol::OPENAI_RESPONSES,
            _ => Protocol::OPENAI_CHAT,
        };
        return read_usage(protocol, raw.as_str()).map_err(|error| format!("`raw_usage`: {error}"));
    }
    let totals = fields.usage.as_ref().or(fields.normalized_usage.as_ref());
    totals.map(Totals::to_usage).ok_or_else(|| "`usage`: missing; `raw_usage` with `shape` does too".to_owned())
}

fn terms(fields: &Fields) -> Result<Terms, String> {
    let mut terms = Terms::default();
    let served = fields.extra.as_ref().and_then(|extra| extra.service_tier.clone());
    terms.service_tier = served.or_else(|| fields.service_tier.clone());
    terms.region = fields.region.clone().or_else(|| fields.vertex_location.clone());
    terms.data_residency.clone_from(&fields.data_residency);
    terms.batch = fields.call.as_deref() == Some("batch");
    if let Some(time) = &fields.billing_time_utc {
        let at = tollbridge_usage::price::parse_time(time);
        terms.at =
            Some(at.ok_or_else(|| format!("`billing_time_utc`: `{time}` is no time such as 2026-11-18T08:00:00Z"))?);
    }
    Ok(terms)
}
