//! A TOML or JSON document with the digits of its numbers and the lines of its values.

use std::collections::BTreeMap;

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

/// Reads a document, JSON or else TOML; the error has the line.
pub(crate) fn read(text: &str, is_json: bool) -> Result<Node, (usize, String)> {
    let lines = Lines::of(text);
    if is_json {
        let root: &RawValue = serde_json::from_str(text).map_err(|error| (error.line(), error.to_string()))?;
        return Ok(json(&lines, root, 0));
    }
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map_or(1, |span| lines.at(span.start));
        (line, error.message().to_owned())
    })?;
    Ok(Node { line: 1, value: Value::Table(table(&lines, root.into_inner())) })
}

fn table(lines: &Lines, table: DeTable<'_>) -> BTreeMap<String, Node> {
    table.into_iter().map(|(key, value)| (key.into_inner().into_owned(), toml(lines, value))).collect()
}

fn toml(lines: &Lines, value: Spanned<DeValue<'_>>) -> Node {
    let line = lines.at(value.span().start);
    let value = match value.into_inner() {
        DeValue::String(string) => Value::Text(string.into_owned()),
        DeValue::Integer(integer) if integer.radix() == 10 => Value::Text(integer.as_str().to_owned()),
        DeValue::Float(float) => Value::Text(float.as_str().to_owned()),
        DeValue::Datetime(datetime) => Value::Text(datetime.to_string()),
        DeValue::Table(inner) => Value::Table(table(lines, inner)),
        DeValue::Array(items) => Value::List(items.into_iter().map(|item| toml(lines, item)).collect()),
        DeValue::Integer(_) | DeValue::Boolean(_) => Value::Other,
    };
    Node { line, value }
}

fn json(lines: &Lines, raw: &RawValue, depth: usize) -> Node {
    let part = raw.get();
    let line = lines.at((part.as_ptr() as usize).saturating_sub(lines.start));
    let value = match part.as_bytes().first() {
        _ if depth > DEEPEST => Value::Other,
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(part).unwrap_or_default();
            Value::Table(fields.into_iter().map(|(key, value)| (key, json(lines, value, depth + 1))).collect())
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(part).unwrap_or_default();
            Value::List(items.into_iter().map(|item| json(lines, item, depth + 1)).collect())
        }
        Some(b'"') => serde_json::from_str(part).map_or(Value::Other, Value::Text),
        Some(b'-' | b'0'..=b'9') => Value::Text(part.to_owned()),
        _ => Value::Other,
    };
    Node { line, value }
}

/// Where the lines of a text end, so that a document of many values is not counted through for each.
struct Lines {
    /// The address of the text.
    start: usize,
    ends: Vec<usize>,
}

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
        Self { start: text.as_ptr() as usize, ends }
    }

    fn at(&self, offset: usize) -> usize {
        self.ends.partition_point(|end| *end < offset) + 1
    }
}

/// No price file nests deeper.
const DEEPEST: usize = 8;
