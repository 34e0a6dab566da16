//! JSON schemas as far as the definitions of tools are written out; what cannot be read is of any type.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Schema {
    #[serde(rename = "type", deserialize_with = "or_none")]
    pub(crate) kind: Option<String>,
    #[serde(deserialize_with = "or_none")]
    pub(crate) description: Option<String>,
    #[serde(rename = "enum", deserialize_with = "texts")]
    pub(crate) items_of_enum: Option<Vec<String>>,
    #[serde(deserialize_with = "or_default")]
    pub(crate) properties: Properties,
    #[serde(deserialize_with = "or_default")]
    required: Vec<String>,
    items: Option<Box<Property>>,
}

/// A property's schema, or what is none.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Property {
    Schema(Schema),
    Other(IgnoredAny),
}

impl Property {
    pub(crate) fn schema(&self) -> Option<&Schema> {
        match self {
            Self::Schema(schema) => Some(schema),
            Self::Other(_) => None,
        }
    }

    fn written(&self, indent: usize) -> String {
        self.schema().map_or_else(|| "any".to_owned(), |schema| schema.written_type(indent))
    }
}

impl Schema {
    /// Writes the properties of an object, one a line.
    pub(crate) fn written(&self, indent: usize) -> String {
        let mut lines = Vec::new();
        for (name, property) in &self.properties.0 {
            let schema = property.schema();
            if let Some(description) =
                schema.and_then(|schema| schema.description.as_deref()).filter(|text| !text.is_empty())
            {
                lines.push(format!("{:indent$}// {description}", ""));
            }
            let optional = if self.required.contains(name) { "" } else { "?" };
            lines.push(format!("{:indent$}{name}{optional}: {},", "", property.written(indent)));
        }
        lines.join("\n")
    }

    fn written_type(&self, indent: usize) -> String {
        let choice =
            |items: &Vec<String>| items.iter().map(|item| format!("\"{item}\"")).collect::<Vec<_>>().join(" | ");
        let listed = self.items_of_enum.as_ref().map(choice);
        match self.kind.as_deref() {
            Some("string") => listed.unwrap_or_else(|| "string".to_owned()),
            Some("integer" | "number") => listed.unwrap_or_else(|| "number".to_owned()),
            Some("array") => {
                format!("{}[]", self.items.as_ref().map_or_else(|| "any".to_owned(), |items| items.written(indent)))
            }
            Some("object") => format!("{{\n{}\n}}", self.written(indent + 2)),
            Some(kind @ ("boolean" | "null")) => kind.to_owned(),
            _ => "any".to_owned(),
        }
    }
}

/// Properties in the order in which they stand, which is the order in which a model reads them.
#[derive(Debug, Default)]
pub(crate) struct Properties(pub(crate) Vec<(String, Property)>);

impl<'de> Deserialize<'de> for Properties {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Properties;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of schemas")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Properties, A::Error> {
                let mut properties = Vec::new();
                while let Some(property) = map.next_entry()? {
                    properties.push(property);
                }
                Ok(Properties(properties))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lenient<T> {
    Known(T),
    Other(IgnoredAny),
}

fn or_none<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(match Lenient::deserialize(deserializer)? {
        Lenient::Known(value) => Some(value),
        Lenient::Other(_) => None,
    })
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(or_none(deserializer)?.unwrap_or_default())
}

/// Reads the choices of an enum as the text of each.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Item {
        Text(String),
        Integer(i64),
        Number(f64),
        Truth(bool),
        Other(IgnoredAny),
    }
    let items: Option<Vec<Item>> = or_none(deserializer)?;
    let text = |item| match item {
        Item::Text(text) => text,
        Item::Integer(number) => number.to_string(),
        Item::Number(number) => number.to_string(),
        Item::Truth(truth) => truth.to_string(),
        Item::Other(_) => String::new(),
    };
    Ok(items.map(|items| items.into_iter().map(text).collect()))
}
