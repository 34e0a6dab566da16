//! JSON schemas as far as the definitions of tools are written out; what cannot be read is of any type.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A value of JSON whose fields stay in the order in which they stand, as it is the order in which a model reads them.
#[derive(Debug)]
pub(crate) enum Schema {
    Text(String),
    /// A number or a truth, as it is written.
    Word(String),
    List(Vec<Schema>),
    Object(Vec<(String, Schema)>),
    Null,
}

impl Schema {
    /// Returns the name of the type, if it is one alone.
    pub(crate) fn kind(&self) -> Option<&str> {
        self.field("type")?.text()
    }

    pub(crate) fn description(&self) -> Option<&str> {
        self.field("description")?.text()
    }

    /// Returns the text of each choice.
    pub(crate) fn choices(&self) -> Option<Vec<&str>> {
        let Some(Self::List(items)) = self.field("enum") else { return None };
        Some(items.iter().map(|item| item.text().unwrap_or_default()).collect())
    }

    /// Returns the properties of an object, if it says any.
    pub(crate) fn properties(&self) -> Option<&[(String, Self)]> {
        match self.field("properties")? {
            Self::Object(properties) => Some(properties),
            _ => None,
        }
    }

    /// Writes the properties of an object, one a line.
    pub(crate) fn written(&self, indent: usize) -> String {
        let required = self.required();
        let mut lines = Vec::new();
        for (name, property) in self.properties().unwrap_or_default() {
            if let Some(description) = property.description().filter(|text| !text.is_empty()) {
                lines.push(format!("{:indent$}// {description}", ""));
            }
            let optional = if required.contains(name.as_str()) { "" } else { "?" };
            lines.push(format!("{:indent$}{name}{optional}: {},", "", property.written_type(indent)));
        }
        lines.join("\n")
    }

    fn written_type(&self, indent: usize) -> String {
        let quoted = |items: Vec<&str>| items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(" | ");
        let choices = || self.choices().map(quoted);
        match self.kind() {
            Some("string") => choices().unwrap_or_else(|| "string".to_owned()),
            Some("integer" | "number") => choices().unwrap_or_else(|| "number".to_owned()),
            Some("array") => {
                let items = self.field("items").map(|items| items.written_type(indent));
                format!("{}[]", items.as_deref().unwrap_or("any"))
            }
            Some("object") => format!("{{\n{}\n}}", self.written(indent + 2)),
            Some(kind @ ("boolean" | "null")) => kind.to_owned(),
            _ => "any".to_owned(),
        }
    }

    fn required(&self) -> BTreeSet<&str> {
        let Some(Self::List(names)) = self.field("required") else { return BTreeSet::new() };
        names.iter().filter_map(Self::text).collect()
    }

    fn field(&self, name: &str) -> Option<&Self> {
        let Self::Object(fields) = self else { return None };
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Word(text) => Some(text),
            Self::List(_) | Self::Object(_) | Self::Null => None,
        }
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyJson)
    }
}

struct AnyJson;

impl<'de> Visitor<'de> for AnyJson {
    type Value = Schema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Schema, E> {
        Ok(Schema::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Schema, E> {
        Ok(Schema::Word(truth.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Schema, E> {
        Ok(Schema::Word(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Schema, E> {
        Ok(Schema::Word(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Schema, E> {
        Ok(Schema::Word(number.to_string()))
    }

    fn visit_unit<E>(self) -> Result<Schema, E> {
        Ok(Schema::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Schema, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Schema::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Schema, A::Error> {
        let mut object = Vec::new();
        while let Some(field) = fields.next_entry()? {
            object.push(field);
        }
        Ok(Schema::Object(object))
    }
}
