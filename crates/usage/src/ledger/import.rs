use std::io::BufRead;

use serde::Deserialize;
use tollbridge_core::{Error, ErrorKind, Usage, UsageBasis};

use super::query::failed;
use super::upkeep::Upkeep;
use crate::price::parse_reported_cost;
use crate::record::{Attempt, Status};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Records that were not there before.
    pub new: u64,
    /// Records that the ledger had already; they stay as they are.
    pub known: u64,
}

impl Upkeep {
    /// Adds records from JSON lines: as an export has them, or rows of a simple usage log with
    /// `model_name`, `provider_name`, `timestamp` (milliseconds), `request_id`, `prompt_tokens`,
    /// `completion_tokens`, `cost` (US dollars), `success`, `error_type` and `response_time`
    /// (milliseconds). Nothing is added if a line is wrong.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`] with the line and the field.
    pub fn import(&mut self, lines: impl BufRead) -> Result<Imported, Error> {
        let mut attempts = Vec::new();
        for (place, line) in (1..).zip(lines.lines()) {
            let line = line.map_err(|error| wrong(place, &error.to_string()))?;
            if !line.trim().is_empty() {
                attempts.push(read(&line).map_err(|fault| wrong(place, &fault))?);
            }
        }
        let mut imported = Imported::default();
        for batch in attempts.chunks(BATCH) {
            let new = self.store.apply(batch, None).map_err(failed)? as u64;
            imported.new += new;
            imported.known += batch.len() as u64 - new;
        }
        Ok(imported)
    }
}

fn wrong(place: usize, fault: &str) -> Error {
    Error::new(ErrorKind::InvalidRequest, format!("line {place}: {fault}"))
}

fn read(line: &str) -> Result<Attempt, String> {
    #[derive(Deserialize)]
    struct Form {
        model_name: Option<serde::de::IgnoredAny>,
    }
    let form: Form = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if form.model_name.is_some() {
        return field::<Row>(line)?.attempt();
    }
    let attempt: Attempt = field(line)?;
    let missing = |name: &str| Err(format!("`{name}` is missing"));
    match &attempt {
        attempt if attempt.call.is_empty() => missing("call"),
        attempt if attempt.attempt == 0 => missing("attempt"),
        attempt if attempt.provider.is_empty() => missing("provider"),
        attempt if attempt.model.is_empty() => missing("model"),
        attempt if attempt.status == Status::Open => missing("status"),
        _ => Ok(attempt),
    }
}

/// Reads a line, and names the field that is wrong.
fn field<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(line);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| format!("`{}`: {}", error.path(), error.inner()))
}

/// A row of a simple usage log.
#[derive(Deserialize)]
struct Row<'a> {
    model_name: String,
    provider_name: String,
    timestamp: u64,
    request_id: String,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    #[serde(borrow)]
    cost: Option<&'a serde_json::value::RawValue>,
    #[serde(default = "yes")]
    success: bool,
    error_type: Option<String>,
    response_time: Option<u64>,
}

impl Row<'_> {
    fn attempt(self) -> Result<Attempt, String> {
        let mut attempt = Attempt { call: self.request_id, attempt: 1, attempts: 1, ..Attempt::default() };
        if attempt.call.is_empty() {
            return Err("`request_id` is empty".to_owned());
        }
        attempt.started = self.timestamp;
        let millis = self.response_time.unwrap_or(0);
        attempt.ended = self.timestamp.saturating_add(millis);
        attempt.total = millis.saturating_mul(1000);
        attempt.operation = "chat".to_owned();
        attempt.asked = format!("{}/{}", self.provider_name, self.model_name);
        (attempt.provider, attempt.model) = (self.provider_name, self.model_name);
        attempt.charge.vendor.clone_from(&attempt.provider);
        attempt.status = if self.success { Status::Ok } else { Status::Failed };
        attempt.error = (!self.success).then(|| self.error_type.unwrap_or_else(|| "unknown".to_owned()));
        if self.prompt_tokens.is_some() || self.completion_tokens.is_some() {
            let mut usage = Usage::default();
            (usage.input, usage.output) = (self.prompt_tokens, self.completion_tokens);
            usage.basis = UsageBasis::VendorFinal;
            attempt.usage = Some(usage);
        }
        if let Some(cost) = self.cost.filter(|cost| cost.get() != "null") {
            let stated = parse_reported_cost(cost.get().trim_matches('"'));
            attempt.charge.cost =
                Some(stated.ok_or_else(|| format!("`cost`: `{}` is no amount from zero on", cost.get()))?);
        }
        Ok(attempt)
    }
}

fn yes() -> bool {
    true
}

/// How many records are written in one transaction.
const BATCH: usize = 10_000;
