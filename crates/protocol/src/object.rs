//! JSON objects field by field: read with the path of every fault, written in the order of the code.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use bytes::Bytes;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{Extras, Json, Protocol};

/// An object whose fields are taken out one by one; what is left over becomes extras.
///
/// Methods called `take_…` are strict and name the path of what they refuse; those called `find_…`
/// are for what vendors send, and read anything unexpected as absent.
#[derive(Debug, Default)]
pub(crate) struct Object {
    path: String,
    fields: Vec<(String, Json)>,
}

impl Object {
    /// Reads a client's whole body.
    pub(crate) fn from_body(body: &[u8]) -> Result<Self, Error> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let message = format!("the body is not UTF-8: bad byte at offset {}", error.valid_up_to());
            Error::new(ErrorKind::InvalidRequest, message).with_hint("send the JSON body in UTF-8")
        })?;
        let fields: Pairs = serde_json::from_str(text).map_err(|error| {
            let message = format!("the body is not a valid JSON object: {error}");
            Error::new(ErrorKind::InvalidRequest, message).with_hint("check the body at that line and column")
        })?;
        Ok(Self { path: String::new(), fields: fields.0 })
    }

    /// Reads a vendor's whole body or event.
    pub(crate) fn from_vendor(body: &[u8], what: &str) -> Result<Self, Error> {
        let fields: Pairs = serde_json::from_slice(body)
            .map_err(|error| Error::new(ErrorKind::Decode, format!("{what} is not a valid JSON object: {error}")))?;
        Ok(Self { path: String::new(), fields: fields.0 })
    }

    /// Reads the fields of a vendor's body or event that are wanted, and passes over the others.
    pub(crate) fn pick(body: &[u8], wanted: impl Fn(&str) -> bool) -> Option<Self> {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let fields = reader.deserialize_map(Picked(wanted)).ok()?;
        Some(Self { path: String::new(), fields })
    }

    /// Reads a value that must be an object.
    pub(crate) fn strict(json: &Json, path: &str) -> Result<Self, Error> {
        let fields: Pairs = json.parse().map_err(|_| wrong(path, "an object", json))?;
        Ok(Self { path: path.to_owned(), fields: fields.0 })
    }

    /// Reads a value that should be an object; anything else is an empty one.
    pub(crate) fn lenient(json: &Json) -> Self {
        Self { path: String::new(), fields: json.parse::<Pairs>().map(|pairs| pairs.0).unwrap_or_default() }
    }

    /// Returns the path of one of the object's fields.
    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Returns where the object stands in the body.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Returns a field without taking it.
    pub(crate) fn peek(&self, name: &str) -> Option<&Json> {
        self.fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// Takes a field as it is; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Json> {
        let mut found = None;
        // Of a name that stands twice the last counts, as in every common JSON reader.
        self.fields.retain(|(field, value)| {
            let hit = field == name;
            if hit {
                found = Some(value.clone());
            }
            !hit
        });
        found.filter(|value| value.as_str() != "null")
    }

    /// Takes the first of several spellings of a field.
    pub(crate) fn take_any(&mut self, names: &[&str]) -> Option<Json> {
        let mut found = None;
        for name in names {
            let value = self.take(name);
            found = found.or(value);
        }
        found
    }

    /// Takes a field of a type, such as `String`, `f64` or `Vec<Json>`.
    pub(crate) fn take_as<T: Expected>(&mut self, name: &str) -> Result<Option<T>, Error> {
        let path = self.path_of(name);
        self.take(name).map(|value| value.parse().map_err(|_| wrong(&path, T::NAME, &value))).transpose()
    }

    /// Takes a field that must be there.
    pub(crate) fn require<T: Expected>(&mut self, name: &str) -> Result<T, Error> {
        let path = self.path_of(name);
        self.take_as(name)?.ok_or_else(|| {
            Error::invalid(path.clone(), format!("`{path}` is missing")).with_hint(format!("send {} there", T::NAME))
        })
    }

    /// Takes a field that must be an object.
    pub(crate) fn take_object(&mut self, name: &str) -> Result<Option<Self>, Error> {
        let path = self.path_of(name);
        self.take(name).map(|value| Self::strict(&value, &path)).transpose()
    }

    /// Takes a field of a type if it has it, and drops it otherwise.
    pub(crate) fn find<T: for<'de> Deserialize<'de>>(&mut self, name: &str) -> Option<T> {
        self.take(name)?.parse().ok()
    }

    /// Takes a text; a number is read as its digits.
    pub(crate) fn find_text(&mut self, name: &str) -> Option<String> {
        let value = self.take(name)?;
        match value.as_str().chars().next() {
            Some('"') => value.parse().ok(),
            Some('-' | '0'..='9') => Some(value.as_str().to_owned()),
            _ => None,
        }
    }

    /// Takes a count; a text of digits and a whole float are read as one.
    pub(crate) fn find_count(&mut self, name: &str) -> Option<u64> {
        let value = self.take(name)?;
        count(value.as_str().trim_matches('"'))
    }

    /// Takes the count that stands under the first of several names.
    pub(crate) fn find_count_of(&mut self, names: &[&str]) -> Option<u64> {
        names.iter().find_map(|name| self.find_count(name))
    }

    /// Returns a text without taking it, if it says something.
    pub(crate) fn peek_text(&self, name: &str) -> Option<String> {
        self.peek(name)?.parse().ok().filter(|text: &String| !text.is_empty())
    }

    /// Takes an object; anything else is an empty one.
    pub(crate) fn find_object(&mut self, name: &str) -> Self {
        self.take(name).map(|value| Self::lenient(&value)).unwrap_or_default()
    }

    /// Takes the elements of an array; anything else has none.
    pub(crate) fn find_list(&mut self, name: &str) -> Vec<Json> {
        self.find(name).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Turns what is left over into extras of a protocol, which know where the object stood.
    pub(crate) fn into_extras(self, protocol: Protocol) -> Extras {
        let mut extras = Extras::default().at(&self.path);
        for (name, value) in self.fields {
            extras.insert(protocol, name, value);
        }
        extras
    }

    /// Iterates over what is left over; of a name that stands twice the last counts here too.
    pub(crate) fn into_fields(self) -> impl Iterator<Item = (String, Json)> {
        let mut seen = HashSet::new();
        let mut fields: Vec<_> = self.fields.into_iter().rev().collect();
        fields.retain(|(name, _)| seen.insert(name.clone()));
        fields.into_iter().rev()
    }
}

/// Reads a whole number that may be written as a float.
pub(crate) fn count(text: &str) -> Option<u64> {
    text.parse().ok().or_else(|| {
        let (whole, fraction) = text.split_once('.')?;
        fraction.bytes().all(|digit| digit == b'0').then(|| whole.parse().ok())?
    })
}

/// Adds counts that a vendor may have left out, and may have got wrong.
pub(crate) fn sum(counts: impl IntoIterator<Item = Option<u64>>) -> u64 {
    counts.into_iter().flatten().fold(0, u64::saturating_add)
}

pub(crate) fn wrong(path: &str, wanted: &str, found: &Json) -> Error {
    let kind = match found.as_str().chars().next() {
        Some('{') => "an object",
        Some('[') => "an array",
        Some('"') => "a string",
        Some('t' | 'f') => "a boolean",
        Some('n') => "null",
        _ => "a number",
    };
    let message =
        if kind == wanted { format!("`{path}` cannot be read as {wanted}") } else { format!("`{path}` is {kind}") };
    Error::invalid(path, message).with_hint(format!("send {wanted} there"))
}

/// A type that a strict field may have, with its name for people.
pub(crate) trait Expected: for<'de> Deserialize<'de> {
    const NAME: &'static str;
}

impl Expected for String {
    const NAME: &'static str = "a string";
}

impl Expected for bool {
    const NAME: &'static str = "a boolean";
}

impl Expected for f64 {
    const NAME: &'static str = "a number";
}

impl Expected for u64 {
    const NAME: &'static str = "a whole number";
}

impl Expected for u32 {
    const NAME: &'static str = "a whole number";
}

impl Expected for i64 {
    const NAME: &'static str = "a whole number";
}

impl Expected for Vec<Json> {
    const NAME: &'static str = "an array";
}

impl Expected for Vec<String> {
    const NAME: &'static str = "an array of strings";
}

struct Pairs(Vec<(String, Json)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Pairs(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Keeps the fields whose names are wanted.
struct Picked<F>(F);

impl<'de, F: Fn(&str) -> bool> Visitor<'de> for Picked<F> {
    type Value = Vec<(String, Json)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if (self.0)(&name) {
                fields.push((name.into_owned(), map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }
}

/// An object that is being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, Json)>);

impl Fields {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes an object of one field.
    pub(crate) fn one<T: Serialize + ?Sized>(name: &str, value: &T) -> Self {
        Self(vec![(name.to_owned(), json(value))])
    }

    /// Adds a field.
    pub(crate) fn put<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        self.0.push((name.to_owned(), json(value)));
        self
    }

    /// Adds a field if there is a value.
    pub(crate) fn put_some<T: Serialize>(&mut self, name: &str, value: Option<T>) -> &mut Self {
        if let Some(value) = value {
            self.put(name, &value);
        }
        self
    }

    /// Adds the extras of a protocol, but for names that are there already.
    pub(crate) fn put_extras(&mut self, extras: &Extras, protocol: Protocol) -> &mut Self {
        self.put_missing(extras.of(protocol))
    }

    /// Adds fields, none of which has the name of another, but for names that are there already.
    pub(crate) fn put_missing<'a>(&mut self, fields: impl Iterator<Item = (&'a str, &'a Json)>) -> &mut Self {
        let before: HashSet<String> = self.0.iter().map(|(name, _)| name.clone()).collect();
        let missing = fields.filter(|(name, _)| !before.contains(*name));
        self.0.extend(missing.map(|(name, value)| (name.to_owned(), value.clone())));
        self
    }

    /// Adds Anthropic's cache mark, if a client of any protocol wrote one.
    pub(crate) fn put_mark(&mut self, extras: &Extras) -> &mut Self {
        match crate::losses::cache_mark(extras).filter(|_| !self.has("cache_control")) {
            Some((_, mark)) => self.put("cache_control", mark),
            None => self,
        }
    }

    /// Adds the fields of another object, none of which has the name of another, but for names that are there already.
    pub(crate) fn put_fields(&mut self, other: &Self) -> &mut Self {
        self.put_missing(other.0.iter().map(|(name, value)| (name.as_str(), value)))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(field, _)| field == name)
    }

    /// Takes a field out, and says whether it said something.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let Some(place) = self.0.iter().position(|(field, _)| field == name) else { return false };
        !matches!(self.0.remove(place).1.as_str(), "null" | "[]" | "{}" | "\"\"")
    }

    /// Iterates over the names of the fields that are there.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn to_json(&self) -> Json {
        json(self)
    }

    pub(crate) fn to_bytes(&self) -> Bytes {
        Bytes::from(json(self).as_str().to_owned())
    }

    /// Writes the object as one line, whatever white space the values that it took over hold.
    pub(crate) fn to_line(&self) -> String {
        // In valid JSON a line end stands only between tokens; in texts it is escaped.
        json(self).as_str().replace(['\n', '\r'], " ")
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

/// Writes a value as JSON. Texts, numbers, lists and [`Fields`] always have a form.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Json {
    Json::from_value(value).unwrap_or_else(|_| Json::from(serde_json::Value::Null))
}

/// Leaves out the white space between the tokens of JSON that comes in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Compactor {
    quoted: bool,
    escaped: bool,
}

impl Compactor {
    /// Returns what is left of the next piece.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        let keep = |character: &char| {
            if self.quoted {
                self.quoted = self.escaped || *character != '"';
                self.escaped = !self.escaped && *character == '\\';
                return true;
            }
            self.quoted = *character == '"';
            !character.is_ascii_whitespace()
        };
        piece.chars().filter(keep).collect()
    }
}

/// Reads a tool call's arguments as the object that some protocols demand; `None` if they are none.
pub(crate) fn arguments_object(arguments: &str) -> Option<Json> {
    match arguments.trim() {
        "" | "null" => Json::from_text("{}").ok(),
        text if text.starts_with('{') => Json::from_text(text).ok(),
        _ => None,
    }
}
