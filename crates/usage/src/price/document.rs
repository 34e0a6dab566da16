//! A TOML or JSON document with the digits of its numbers and the lines of its values.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::value::RawValue;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// What a price file may hold.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A text, a number as it is written, or a date.
    Text(String),
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    /// What no field takes.
    Other,
}

/// Reads a document, JSON by the name of its file or TOML; the error has the line.
pub(crate) fn read(path: &Path, text: &str) -> Result<Node, (usize, String)> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        let root: &RawValue = serde_json::from_str(text).map_err(|error| (error.line(), error.to_string()))?;
        return Ok(json(text, root, 0));
    }
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_at(text, span.start));
        (line, error.message().to_owned())
    })?;
    Ok(Node { line: 1, value: Value::Table(table(text, root.into_inner())) })
}

fn table(text: &str, table: DeTable<'_>) -> BTreeMap<String, Node> {
    table.into_iter().map(|(key, value)| (key.into_inner().into_owned(), toml(text, value))).collect()
}

fn toml(text: &str, value: Spanned<DeValue<'_>>) -> Node {
    let line = line_at(text, value.span().start);
    let value = match value.into_inner() {
        DeValue::String(string) => Value::Text(string.into_owned()),
        DeValue::Integer(integer) if integer.radix() == 10 => Value::Text(integer.as_str().to_owned()),
        DeValue::Float(float) => Value::Text(float.as_str().to_owned()),
        DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
        DeValue::Table(inner) => Value::Table(table(text, inner)),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| toml(text, item)).collect()),
        DeValue::Integer(_) | DeValue::Boolean(_) => Value::Other,
    };
    Node { line, value }
}

fn json(text: &str, raw: &RawValue, depth: usize) -> Node {
    let part = raw.get();
    let line = line_at(text, (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize));
    let value = match part.as_bytes().first() {
        _ if depth > DEEPEST => Value::Other,
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(part).unwrap_or_default();
            Value::Table(fields.into_iter().map(|(key, value)| (key, json(text, value, depth + 1))).collect())
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(part).unwrap_or_default();
            Value::List(items.into_iter().map(|item| json(text, item, depth + 1)).collect())
        }
        Some(b'"') => serde_json::from_str(part).map_or(Value::Other, Value::Text),
        Some(b'-' | b'0'..=b'9') => Value::Text(part.to_owned()),
        _ => Value::Other,
    };
    Node { line, value }
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// No price file nests deeper.
const DEEPEST: usize = 8;
