use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tollbridge_types::Json;

/// Fields that this version does not know, as they were read.
///
/// They are written again behind the known ones, so that an event of a later version loses nothing here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, Json)>);

impl Fields {
    /// Returns a field.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    fields.push(entry);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(All)
    }
}

/// A value that keeps the fields it does not know.
pub(crate) trait Open: Serialize + DeserializeOwned {
    /// Names that it reads and writes under another one.
    const OLD_NAMES: &'static [&'static str] = &[];

    fn rest(&mut self) -> &mut Fields;
}

/// Reads a value, and keeps what it did not take.
///
/// serde's own way, a flattened map, would make floats of long numbers.
pub(crate) fn read<T: Open>(json: &Json) -> Result<T, serde_json::Error> {
    let mut value: T = json.parse()?;
    let known: Fields = Json::from_value(&value)?.parse()?;
    let Fields(mut fields) = json.parse()?;
    fields.retain(|(name, _)| !known.has(name) && !T::OLD_NAMES.contains(&name.as_str()));
    *value.rest() = Fields(fields);
    Ok(value)
}
