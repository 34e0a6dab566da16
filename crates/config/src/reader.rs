use serde_json::{Map, Value};

use crate::config::{Row, Source};
use crate::layer::Layer;
use crate::problem::{Problem, nearest};

/// Reads the merged tree, and gathers problems instead of stopping at the first.
pub(crate) struct Reader<'a> {
    pub(crate) layers: &'a [Layer],
    pub(crate) problems: Vec<Problem>,
    pub(crate) rows: Vec<Row>,
}

/// A table of the tree.
#[derive(Clone)]
pub(crate) struct Table {
    pub(crate) path: Vec<String>,
    pub(crate) fields: Map<String, Value>,
}

impl Table {
    pub(crate) fn new(path: &[&str], value: Option<&Value>) -> Self {
        let fields = value.and_then(Value::as_object).cloned().unwrap_or_default();
        Self { path: path.iter().map(|step| (*step).to_owned()).collect(), fields }
    }

    pub(crate) fn path_of(&self, name: &str) -> Vec<String> {
        [self.path.as_slice(), &[name.to_owned()]].concat()
    }

    pub(crate) fn key_of(&self, name: &str) -> String {
        self.path_of(name).join(".")
    }

    pub(crate) fn child(&self, name: &str) -> Self {
        let fields = self.fields.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        Self { path: self.path_of(name), fields }
    }
}

impl Reader<'_> {
    /// Names the topmost layer that sets a key.
    pub(crate) fn source(&self, path: &[String]) -> Source {
        let layer = self.layers.iter().rev().find(|layer| layer.has(path));
        layer.map_or(Source::Default, |layer| layer.source(path))
    }

    pub(crate) fn problem(&mut self, table: &Table, name: &str, message: impl Into<String>) -> &mut Problem {
        let path = table.path_of(name);
        // What is missing is missed where its table stands.
        let stands = (1..=path.len()).rev().filter_map(|length| path.get(..length));
        let source = stands.map(|path| self.source(path)).find(|source| *source != Source::Default);
        self.problems.push(Problem::new(source.unwrap_or(Source::Default), path.join("."), message));
        let last = self.problems.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed just above")]
        &mut self.problems[last]
    }

    pub(crate) fn show(&mut self, table: &Table, name: &str, value: impl Into<String>) {
        let path = table.path_of(name);
        let source = self.source(&path);
        self.rows.push(Row::new(path.join("."), value, source));
    }

    /// Reports fields that are not tables where they must be, and names that nobody knows.
    pub(crate) fn known(&mut self, table: &Table, names: &[&str]) {
        for name in table.fields.keys().filter(|name| !names.contains(&name.as_str())) {
            let key = table.key_of(name);
            let hint = match nearest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys: {}", names.join(", ")),
            };
            self.problem(table, name, format!("unknown key `{key}`")).hint = Some(hint);
        }
    }

    pub(crate) fn must_be_table(&mut self, table: &Table, name: &str) {
        if table.fields.get(name).is_some_and(|value| !value.is_object()) {
            let key = table.key_of(name);
            self.problem(table, name, format!("`{key}` is not a table of keys"));
        }
    }

    /// Reads a text; a number or boolean is taken as it is written.
    pub(crate) fn text(&mut self, table: &Table, name: &str) -> Option<String> {
        match table.fields.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(word) => Some(word.to_string()),
            _ => {
                let key = table.key_of(name);
                self.problem(table, name, format!("`{key}` is not a text"));
                None
            }
        }
    }

    pub(crate) fn flag(&mut self, table: &Table, name: &str) -> Option<bool> {
        let text = self.text(table, name)?;
        let flag = text.trim().parse().ok();
        if flag.is_none() {
            let key = table.key_of(name);
            self.problem(table, name, format!("`{key}` is not true or false"));
        }
        flag
    }

    /// Reads a list of texts, or one text with commas between them.
    pub(crate) fn list(&mut self, table: &Table, name: &str) -> Option<Vec<String>> {
        let list: Option<Vec<String>> = match table.fields.get(name)? {
            Value::Array(list) => list.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
            Value::String(text) => {
                Some(text.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect())
            }
            _ => None,
        };
        if list.is_none() {
            let key = table.key_of(name);
            self.problem(table, name, format!("`{key}` is not a list of texts"));
        }
        list
    }

    /// Reads a value with a unit of its own.
    pub(crate) fn unit<T>(
        &mut self,
        table: &Table,
        name: &str,
        read: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Option<T> {
        match read(table.fields.get(name)?) {
            Ok(value) => Some(value),
            Err(fault) => {
                let key = table.key_of(name);
                self.problem(table, name, format!("`{key}` {fault}"));
                None
            }
        }
    }
}
