//! Changes some fields of a body and leaves every other byte as it was.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::peek::{edited, whole_field};

/// An object within a body, read no deeper than its own fields.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    raw: &'a str,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Node<'a> {
    /// Reads an object; `None` if it is none.
    pub(crate) fn read(raw: &'a str) -> Option<Self> {
        let fields: Entries<'a> = serde_json::from_str(raw).ok()?;
        Some(Self { raw: raw.trim(), fields: fields.0 })
    }

    /// Returns a field that says something; of a name that stands twice the last counts.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.fields.iter().rev().find(|(field, _)| field == name)?;
        Some(found.1).filter(|raw| raw.get() != "null")
    }

    /// Returns a field that is an object.
    pub(crate) fn object(&self, name: &str) -> Option<Node<'a>> {
        Self::read(self.get(name)?.get())
    }

    /// Returns the elements of a field that is a list.
    pub(crate) fn list(&self, name: &str) -> Vec<&'a RawValue> {
        self.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }

    /// Reads a field as a `T`; anything else is absent.
    pub(crate) fn value<T: Deserialize<'a>>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Returns the first of several spellings of a field that is there.
    pub(crate) fn spelled(&self, names: &[&'static str]) -> Option<&'static str> {
        names.iter().copied().find(|name| self.get(name).is_some())
    }

    /// Iterates over the names of the fields that say something.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, raw)| raw.get() != "null").map(|(name, _)| name.as_ref())
    }
}

/// The changes of one body.
#[derive(Debug)]
pub(crate) struct Splices<'a> {
    text: &'a str,
    edits: Vec<(Range<usize>, String)>,
}

/// What becomes of a field: another value, or none.
pub(crate) type FieldChange<'c> = (&'c str, Option<String>);

impl<'a> Splices<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        Self { text, edits: Vec::new() }
    }

    /// Puts another value in the place of one.
    pub(crate) fn replace(&mut self, raw: &RawValue, value: impl Into<String>) {
        let span = self.span(raw.get());
        self.edits.push((span, value.into()));
    }

    /// Puts a text behind a value.
    pub(crate) fn insert_after(&mut self, raw: &RawValue, text: &str) {
        let end = self.span(raw.get()).end;
        self.edits.push((end..end, text.to_owned()));
    }

    /// Changes, removes and adds fields of an object.
    pub(crate) fn rewrite(&mut self, node: &Node<'a>, changes: &[FieldChange<'_>]) {
        let change = |name: &str| changes.iter().find(|(field, _)| *field == name);
        let is_removed = |name: &str| change(name).is_some_and(|(_, value)| value.is_none());
        // Where the last field that stays ends, if one stands before.
        let mut kept: Option<usize> = None;
        let mut open: Option<usize> = None;
        for (name, raw) in &node.fields {
            let span = self.span(raw.get());
            if is_removed(name) {
                if kept.is_none() && open.is_none() {
                    open = Some(whole_field(self.text, span.clone()).start);
                }
                if let Some(before) = kept {
                    // With the comma in front of it.
                    self.edits.push((before..span.end, String::new()));
                    kept = Some(span.end);
                }
                continue;
            }
            if let Some(start) = open.take() {
                // All before it are gone, with the comma behind them.
                self.edits.push((start..whole_field(self.text, span.clone()).start, String::new()));
            }
            if let Some((_, Some(value))) = change(name) {
                self.edits.push((span.clone(), value.clone()));
            }
            kept = Some(span.end);
        }
        let whole = self.span(node.raw);
        let end = whole.end.saturating_sub(1);
        if let Some(start) = open {
            self.edits.push((start..end, String::new()));
        }
        let is_new =
            |(name, value): &&FieldChange<'_>| value.is_some() && !node.fields.iter().any(|(field, _)| field == name);
        let mut first = kept.is_none();
        let mut added = String::new();
        for (name, value) in changes.iter().filter(is_new) {
            let comma = if std::mem::take(&mut first) { "" } else { "," };
            let name = serde_json::Value::from(*name);
            added.push_str(&format!("{comma}{name}:{}", value.as_deref().unwrap_or("null")));
        }
        if !added.is_empty() {
            self.edits.push((end..end, added));
        }
    }

    /// Returns the body with the changes; `None` if there are none.
    pub(crate) fn apply(self) -> Option<Bytes> {
        (!self.edits.is_empty()).then(|| edited(self.text.as_bytes(), self.edits))
    }

    /// Returns where a part of the body stands in it.
    fn span(&self, part: &str) -> Range<usize> {
        let start = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        start..start + part.len()
    }
}

struct Entries<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Entries<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                    fields.push((name, map.next_value::<&'de RawValue>()?));
                }
                Ok(Entries(fields))
            }
        }

        deserializer.deserialize_map(Read)
    }
}

/// A name that is borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(body: &str, changes: &[FieldChange<'_>]) -> String {
        let node = Node::read(body).unwrap();
        let mut splices = Splices::of(body);
        splices.rewrite(&node, changes);
        splices.apply().map_or_else(|| body.to_owned(), |bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn any_fields_of_an_object_can_go_and_come() {
        let body = r#" { "a" : 1 ,"b":[2, 3], "c" : {"d":4} } "#;
        let gone = |names: &[&'static str]| names.iter().map(|name| (*name, None)).collect::<Vec<_>>();
        assert_eq!(rewritten(body, &gone(&["a"])), r#" { "b":[2, 3], "c" : {"d":4} } "#);
        assert_eq!(rewritten(body, &gone(&["b"])), r#" { "a" : 1, "c" : {"d":4} } "#);
        assert_eq!(rewritten(body, &gone(&["c"])), r#" { "a" : 1 ,"b":[2, 3] } "#);
        for names in [&["a", "b"][..], &["b", "c"], &["a", "c"], &["a", "b", "c"]] {
            let left: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&rewritten(body, &gone(names))).unwrap();
            assert_eq!(left.len(), 3 - names.len(), "{names:?}");
        }
        let mut all = gone(&["a", "b", "c"]);
        all.push(("e", Some("5".to_owned())));
        all.push(("f", Some("6".to_owned())));
        assert_eq!(rewritten(body, &all), r#" { "e":5,"f":6} "#);
        assert_eq!(rewritten(r#"{"a\u0062":1,"x":2}"#, &gone(&["ab"])), r#"{"x":2}"#);
        assert_eq!(rewritten(r#"{"a":1,"a":2,"x":3}"#, &gone(&["a"])), r#"{"x":3}"#);
        assert_eq!(rewritten("{}", &[("a", Some("1".to_owned()))]), r#"{"a":1}"#);
    }
}
