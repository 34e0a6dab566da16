use std::io::{self, Write};

use jiff::Timestamp;
use tollbridge_core::{Error, ErrorKind, Money, Usage};
use tollbridge_types::Json;

use super::filter::Filter;
use super::query::Reader;
use crate::record::Attempt;

/// How records are written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExportFormat {
    /// Comma-separated values after RFC 4180, with a line of names; safe to open in a spreadsheet.
    Csv,
    /// One JSON object a line, with every field.
    JsonLines,
}

impl Reader {
    /// Writes records one by one, the oldest first, and returns how many.
    ///
    /// # Errors
    /// When the database cannot be read or the file cannot be written.
    pub fn export(&self, filter: &Filter, format: ExportFormat, to: &mut dyn Write) -> Result<u64, Error> {
        let mut count = 0;
        match format {
            ExportFormat::Csv => {
                let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to);
                writer.write_record(CELLS.iter().map(|(name, _)| *name)).map_err(|error| not_written(&error.into()))?;
                self.records(filter, false, None, |attempt| {
                    count += 1;
                    let cells = CELLS.iter().map(|(_, cell)| guarded(cell(&attempt)));
                    writer.write_record(cells).map_err(|error| not_written(&error.into()))
                })?;
                writer.flush().map_err(|error| not_written(&error))?;
            }
            ExportFormat::JsonLines => {
                self.records(filter, false, None, |attempt| {
                    count += 1;
                    serde_json::to_writer(&mut *to, &attempt).map_err(|error| not_written(&error.into()))?;
                    to.write_all(b"\n").map_err(|error| not_written(&error))
                })?;
                to.flush().map_err(|error| not_written(&error))?;
            }
        }
        Ok(count)
    }
}

/// Keeps a spreadsheet from taking a text for a formula.
fn guarded(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

fn not_written(error: &io::Error) -> Error {
    Error::new(ErrorKind::Unknown, format!("the export cannot be written: {error}"))
}

type Cell = fn(&Attempt) -> String;

/// The columns, which keep their order; new ones come last.
const CELLS: &[(&str, Cell)] = &[
    ("started", |attempt| time(attempt.started)),
    ("ended", |attempt| time(attempt.ended)),
    ("call", |attempt| attempt.call.clone()),
    ("attempt", |attempt| attempt.attempt.to_string()),
    ("operation", |attempt| attempt.operation.clone()),
    ("protocol", |attempt| attempt.protocol.clone()),
    ("stream", |attempt| attempt.stream.to_string()),
    ("asked", |attempt| attempt.asked.clone()),
    ("alias", |attempt| text(&attempt.alias)),
    ("group", |attempt| text(&attempt.group)),
    ("deployment", |attempt| text(&attempt.deployment)),
    ("provider", |attempt| attempt.provider.clone()),
    ("model", |attempt| attempt.model.clone()),
    ("model_served", |attempt| text(&attempt.model_served)),
    ("provider_key", |attempt| text(&attempt.provider_key)),
    ("key", |attempt| text(&attempt.key)),
    ("task", |attempt| attempt.tag("task").to_owned()),
    ("user", |attempt| attempt.tag("user").to_owned()),
    ("team", |attempt| attempt.tag("team").to_owned()),
    ("category", |attempt| attempt.tag("category").to_owned()),
    ("tags", |attempt| serde_json::to_string(&attempt.tags).unwrap_or_default()),
    ("status", |attempt| attempt.status.to_string()),
    ("error", |attempt| text(&attempt.error)),
    ("http_status", |attempt| attempt.http_status.map_or(String::new(), |status| status.to_string())),
    ("vendor_id", |attempt| text(&attempt.vendor_id)),
    ("fallback", |attempt| text(&attempt.fallback)),
    ("input_tokens", |attempt| count(attempt, |usage| usage.input)),
    ("cache_read_tokens", |attempt| count(attempt, |usage| usage.cache_read)),
    ("cache_read_audio_tokens", |attempt| count(attempt, |usage| usage.cache_read_audio)),
    ("cache_write_tokens", |attempt| count(attempt, |usage| usage.cache_write)),
    ("cache_write_30m_tokens", |attempt| count(attempt, |usage| usage.cache_write_30m)),
    ("cache_write_1h_tokens", |attempt| count(attempt, |usage| usage.cache_write_1h)),
    ("cache_write_12h_tokens", |attempt| count(attempt, |usage| usage.cache_write_12h)),
    ("input_audio_tokens", |attempt| count(attempt, |usage| usage.input_audio)),
    ("input_image_tokens", |attempt| count(attempt, |usage| usage.input_image)),
    ("input_video_tokens", |attempt| count(attempt, |usage| usage.input_video)),
    ("output_tokens", |attempt| count(attempt, |usage| usage.output)),
    ("reasoning_tokens", |attempt| count(attempt, |usage| usage.reasoning)),
    ("output_audio_tokens", |attempt| count(attempt, |usage| usage.output_audio)),
    ("output_image_tokens", |attempt| count(attempt, |usage| usage.output_image)),
    ("tools", |attempt| match &attempt.usage {
        Some(usage) if !usage.tools.is_empty() => serde_json::to_string(&usage.tools).unwrap_or_default(),
        _ => String::new(),
    }),
    ("usage_basis", |attempt| attempt.usage.as_ref().map_or(String::new(), |usage| usage.basis.as_str().to_owned())),
    ("cost", |attempt| attempt.charge.cost.map_or(String::new(), Money::to_decimal)),
    ("currency", |attempt| attempt.charge.cost.map_or(String::new(), |cost| cost.currency().to_string())),
    ("reported_cost", |attempt| attempt.charge.reported.map_or(String::new(), |cost| cost.to_string())),
    ("price_row", |attempt| text(&attempt.charge.row)),
    ("price_book", |attempt| text(&attempt.charge.book)),
    ("queue_us", |attempt| attempt.queue.to_string()),
    ("connect_us", |attempt| optional(attempt.connect)),
    ("head_us", |attempt| optional(attempt.head)),
    ("first_token_us", |attempt| optional(attempt.first_token)),
    ("total_us", |attempt| attempt.total.to_string()),
    ("raw_usage", |attempt| {
        let raw = attempt.usage.as_ref().and_then(|usage| usage.raw.as_ref());
        raw.map_or(String::new(), Json::compact)
    }),
];

fn time(millis: u64) -> String {
    let time = i64::try_from(millis).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    time.map_or(String::new(), |time| format!("{time:.3}"))
}

fn text(text: &Option<String>) -> String {
    text.clone().unwrap_or_default()
}

fn optional(count: Option<u64>) -> String {
    count.map_or(String::new(), |count| count.to_string())
}

fn count(attempt: &Attempt, bucket: impl Fn(&Usage) -> Option<u64>) -> String {
    optional(attempt.usage.as_ref().and_then(bucket))
}
