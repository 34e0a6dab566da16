//! Times and sizes as people write them.

use std::time::Duration;

use serde_json::Value;

/// Reads `30s`, `500ms`, `2m`, `1h`, or a number of seconds.
pub(crate) fn duration(value: &Value) -> Result<Duration, &'static str> {
    const WANTED: &str = "is not a time; write it as 30s, 500ms or 2m";
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return Err(WANTED),
    };
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim() {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(WANTED),
    };
    let seconds = number.parse::<f64>().map_err(|_| WANTED)? * scale;
    if seconds <= 0.0 {
        return Err("is not above zero");
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| WANTED)
}

/// Reads `20MB`, `512KiB`, or a number of bytes.
pub(crate) fn bytes(value: &Value) -> Result<usize, &'static str> {
    const WANTED: &str = "is not a size; write it as 20MB, 512KiB or a number of bytes";
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return Err(WANTED),
    };
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: usize = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" | "k" => 1 << 10,
        "mb" => 1_000_000,
        "mib" | "m" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" | "g" => 1 << 30,
        _ => return Err(WANTED),
    };
    let size = number.parse::<usize>().ok().and_then(|number| number.checked_mul(scale)).ok_or(WANTED)?;
    if size == 0 { Err("is not above zero") } else { Ok(size) }
}

/// Reads a size of which nothing at all is one too.
pub(crate) fn bytes_or_none(value: &Value) -> Result<usize, &'static str> {
    let none = value.as_u64() == Some(0) || value.as_str().is_some_and(|text| text.trim() == "0");
    if none { Ok(0) } else { bytes(value) }
}

/// Reads a number of tokens.
pub(crate) fn tokens(value: &Value) -> Result<u64, &'static str> {
    let tokens = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
    tokens.filter(|tokens| *tokens > 0).ok_or("is not a number of tokens above zero")
}
