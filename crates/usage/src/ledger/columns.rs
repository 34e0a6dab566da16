//! How a record stands in a row of the table `attempts`.

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Row, Statement, ToSql};
use tollbridge_core::{Currency, Money, Usage, UsageBasis};
use tollbridge_types::Json;

use crate::record::{Attempt, Charge};

/// The columns in the order in which they are written and read, with their types.
pub(crate) const COLUMNS: &[(&str, &str)] = &[
    ("call", "TEXT NOT NULL"),
    ("attempt", "INTEGER NOT NULL"),
    ("attempts", "INTEGER NOT NULL"),
    ("started", "INTEGER NOT NULL"),
    ("ended", "INTEGER NOT NULL"),
    ("operation", "TEXT NOT NULL"),
    ("protocol", "TEXT NOT NULL"),
    ("stream", "INTEGER NOT NULL"),
    ("asked", "TEXT NOT NULL"),
    ("alias", "TEXT"),
    ("deployment_group", "TEXT"),
    ("deployment", "TEXT"),
    ("provider", "TEXT NOT NULL"),
    ("model", "TEXT NOT NULL"),
    ("model_served", "TEXT"),
    ("provider_key", "TEXT"),
    ("virtual_key", "TEXT"),
    ("tags", "TEXT"),
    ("status", "TEXT NOT NULL"),
    ("error", "TEXT"),
    ("http_status", "INTEGER"),
    ("vendor_id", "TEXT"),
    ("fallback", "TEXT"),
    ("basis", "TEXT"),
    ("input", "INTEGER"),
    ("cache_read", "INTEGER"),
    ("cache_read_audio", "INTEGER"),
    ("cache_write", "INTEGER"),
    ("cache_write_30m", "INTEGER"),
    ("cache_write_1h", "INTEGER"),
    ("cache_write_12h", "INTEGER"),
    ("input_audio", "INTEGER"),
    ("input_image", "INTEGER"),
    ("input_video", "INTEGER"),
    ("output", "INTEGER"),
    ("reasoning", "INTEGER"),
    ("output_audio", "INTEGER"),
    ("output_image", "INTEGER"),
    ("tools", "TEXT"),
    ("service_tier", "TEXT"),
    ("speed", "TEXT"),
    ("inference_geo", "TEXT"),
    ("raw_usage", "TEXT"),
    ("cost", "INTEGER"),
    ("currency", "TEXT"),
    ("reported", "INTEGER"),
    ("reported_currency", "TEXT"),
    ("price_row", "TEXT"),
    ("price_book", "TEXT"),
    ("price_lines", "TEXT"),
    ("vendor", "TEXT NOT NULL"),
    ("region", "TEXT"),
    ("tier_asked", "TEXT"),
    ("queue", "INTEGER NOT NULL"),
    ("connect", "INTEGER"),
    ("head", "INTEGER"),
    ("first_token", "INTEGER"),
    ("total", "INTEGER NOT NULL"),
    ("content", "TEXT"),
];

/// Lists the names for a statement.
pub(crate) fn names() -> String {
    COLUMNS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// Writes a record with a statement that has a parameter for each column.
pub(crate) fn insert(statement: &mut Statement<'_>, attempt: &Attempt) -> rusqlite::Result<usize> {
    let none = Usage::default();
    let usage = attempt.usage.as_ref();
    let buckets = usage.unwrap_or(&none);
    let charge = &attempt.charge;
    let tags = (!attempt.tags.is_empty()).then(|| json(&attempt.tags));
    let tools = (!buckets.tools.is_empty()).then(|| json(&buckets.tools));
    let basis = usage.map(|usage| usage.basis.as_str());
    let currency = charge.cost.map(|cost| cost.currency().to_string());
    let reported_currency = charge.reported.map(|cost| cost.currency().to_string());
    let values: [&dyn ToSql; 59] = [
        &attempt.call,
        &attempt.attempt,
        &attempt.attempts,
        &Count(Some(attempt.started)),
        &Count(Some(attempt.ended)),
        &attempt.operation,
        &attempt.protocol,
        &attempt.stream,
        &attempt.asked,
        &attempt.alias,
        &attempt.group,
        &attempt.deployment,
        &attempt.provider,
        &attempt.model,
        &attempt.model_served,
        &attempt.provider_key,
        &attempt.key,
        &tags,
        &attempt.status.as_str(),
        &attempt.error,
        &attempt.http_status,
        &attempt.vendor_id,
        &attempt.fallback,
        &basis,
        &Count(buckets.input),
        &Count(buckets.cache_read),
        &Count(buckets.cache_read_audio),
        &Count(buckets.cache_write),
        &Count(buckets.cache_write_30m),
        &Count(buckets.cache_write_1h),
        &Count(buckets.cache_write_12h),
        &Count(buckets.input_audio),
        &Count(buckets.input_image),
        &Count(buckets.input_video),
        &Count(buckets.output),
        &Count(buckets.reasoning),
        &Count(buckets.output_audio),
        &Count(buckets.output_image),
        &tools,
        &buckets.service_tier,
        &buckets.speed,
        &buckets.inference_geo,
        &buckets.raw.as_ref().map(Json::as_str),
        &Pico(charge.cost),
        &currency,
        &Pico(charge.reported),
        &reported_currency,
        &charge.row,
        &charge.book,
        &charge.lines.as_ref().map(Json::as_str),
        &charge.vendor,
        &charge.region,
        &charge.service_tier,
        &Count(Some(attempt.queue)),
        &Count(attempt.connect),
        &Count(attempt.head),
        &Count(attempt.first_token),
        &Count(Some(attempt.total)),
        &attempt.content.as_ref().map(Json::as_str),
    ];
    statement.clear_bindings();
    for (place, value) in (1_usize..).zip(values) {
        let value = value.to_sql()?;
        // What is not bound is NULL, which most columns of most records are.
        if !matches!(value, ToSqlOutput::Borrowed(ValueRef::Null) | ToSqlOutput::Owned(Value::Null)) {
            statement.raw_bind_parameter(place, value)?;
        }
    }
    statement.raw_execute()
}

/// Replaces what a record costs.
pub(crate) fn set_charge(connection: &Connection, attempt: &Attempt) -> rusqlite::Result<()> {
    let charge = &attempt.charge;
    let values: [&dyn ToSql; 7] = [
        &Pico(charge.cost),
        &charge.cost.map(|cost| cost.currency().to_string()),
        &charge.row,
        &charge.book,
        &charge.lines.as_ref().map(Json::as_str),
        &attempt.call,
        &attempt.attempt,
    ];
    let sql = "UPDATE attempts SET cost = ?, currency = ?, price_row = ?, price_book = ?, price_lines = ?
               WHERE call = ? AND attempt = ?";
    connection.prepare_cached(sql)?.execute(values.as_slice()).map(drop)
}

/// Reads a record from a row that begins with all columns.
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let mut next = Next { row, place: 0 };
    let mut attempt = Attempt {
        call: next.take()?,
        attempt: next.take()?,
        attempts: next.take()?,
        started: next.count()?.unwrap_or_default(),
        ended: next.count()?.unwrap_or_default(),
        operation: next.take()?,
        protocol: next.take()?,
        stream: next.take()?,
        asked: next.take()?,
        alias: next.take()?,
        group: next.take()?,
        deployment: next.take()?,
        provider: next.take()?,
        model: next.take()?,
        model_served: next.take()?,
        provider_key: next.take()?,
        key: next.take()?,
        ..Attempt::default()
    };
    let tags: Option<String> = next.take()?;
    attempt.tags = tags.and_then(|tags| serde_json::from_str(&tags).ok()).unwrap_or_default();
    attempt.status = next.take::<String>()?.parse().unwrap_or_default();
    attempt.error = next.take()?;
    attempt.http_status = next.take()?;
    attempt.vendor_id = next.take()?;
    attempt.fallback = next.take()?;
    attempt.usage = read_usage(&mut next)?;
    attempt.charge = read_charge(&mut next)?;
    attempt.queue = next.count()?.unwrap_or_default();
    attempt.connect = next.count()?;
    attempt.head = next.count()?;
    attempt.first_token = next.count()?;
    attempt.total = next.count()?.unwrap_or_default();
    attempt.content = next.json()?;
    Ok(attempt)
}

fn read_usage(next: &mut Next<'_>) -> rusqlite::Result<Option<Usage>> {
    let basis: Option<String> = next.take()?;
    let mut usage = Usage::default();
    let buckets = [
        &mut usage.input,
        &mut usage.cache_read,
        &mut usage.cache_read_audio,
        &mut usage.cache_write,
        &mut usage.cache_write_30m,
        &mut usage.cache_write_1h,
        &mut usage.cache_write_12h,
        &mut usage.input_audio,
        &mut usage.input_image,
        &mut usage.input_video,
        &mut usage.output,
        &mut usage.reasoning,
        &mut usage.output_audio,
        &mut usage.output_image,
    ];
    for bucket in buckets {
        *bucket = next.count()?;
    }
    let tools: Option<String> = next.take()?;
    usage.tools = tools.and_then(|tools| serde_json::from_str(&tools).ok()).unwrap_or_default();
    usage.service_tier = next.take()?;
    usage.speed = next.take()?;
    usage.inference_geo = next.take()?;
    usage.raw = next.json()?;
    Ok(basis.map(|basis| {
        usage.basis = basis_from(&basis);
        usage
    }))
}

fn read_charge(next: &mut Next<'_>) -> rusqlite::Result<Charge> {
    Ok(Charge {
        cost: next.money()?,
        reported: next.money()?,
        row: next.take()?,
        book: next.take()?,
        lines: next.json()?,
        vendor: next.take()?,
        region: next.take()?,
        service_tier: next.take()?,
    })
}

struct Next<'a> {
    row: &'a Row<'a>,
    place: usize,
}

impl Next<'_> {
    fn take<T: rusqlite::types::FromSql>(&mut self) -> rusqlite::Result<T> {
        let place = self.place;
        self.place += 1;
        self.row.get(place)
    }

    fn count(&mut self) -> rusqlite::Result<Option<u64>> {
        Ok(self.take::<Option<i64>>()?.and_then(|count| u64::try_from(count).ok()))
    }

    fn json(&mut self) -> rusqlite::Result<Option<Json>> {
        Ok(self.take::<Option<String>>()?.and_then(|text| Json::from_text(text).ok()))
    }

    fn money(&mut self) -> rusqlite::Result<Option<Money>> {
        let (pico, currency) = (self.take::<Option<i64>>()?, self.take::<Option<String>>()?);
        let currency = currency.and_then(|code| Currency::from_code(&code));
        Ok(pico.zip(currency).map(|(pico, currency)| Money::from_pico(i128::from(pico), currency)))
    }
}

/// A count, as far as SQLite's integers go.
struct Count(Option<u64>);

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Some(count) => ToSqlOutput::Owned(Value::Integer(i64::try_from(count).unwrap_or(i64::MAX))),
            None => ToSqlOutput::Borrowed(ValueRef::Null),
        })
    }
}

/// An amount in pico-units; one record stays far below nine million dollars.
struct Pico(Option<Money>);

impl ToSql for Pico {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0.and_then(|money| i64::try_from(money.pico()).ok()) {
            Some(pico) => ToSqlOutput::Owned(Value::Integer(pico)),
            None => ToSqlOutput::Borrowed(ValueRef::Null),
        })
    }
}

/// Writes a map with texts as keys, which cannot fail.
fn json(map: &impl serde::Serialize) -> String {
    serde_json::to_string(map).unwrap_or_default()
}

fn basis_from(name: &str) -> UsageBasis {
    match name {
        "vendor_partial" => UsageBasis::VendorPartial,
        "counted" => UsageBasis::Counted,
        "estimated" => UsageBasis::Estimated,
        "vendor_final" => UsageBasis::VendorFinal,
        // A later release may know other ones; none of them is the vendor's last word.
        _ => UsageBasis::Estimated,
    }
}
