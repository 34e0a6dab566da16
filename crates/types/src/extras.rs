use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Json, Origin, Protocol};

/// Fields that only one protocol knows, kept under its name.
///
/// A codec puts here what it reads and has no typed field for, and writes out only the entries of
/// its own protocol. A program may add entries to reach a vendor's newest parameters.
///
/// ```
/// use tollbridge_types::{ChatRequest, Protocol};
///
/// let mut request = ChatRequest::new("openai/gpt-5").user("hi");
/// request.extras.insert(Protocol::OPENAI_CHAT, "verbosity", serde_json::json!("low"));
/// assert_eq!(request.extras.get(Protocol::OPENAI_CHAT, "verbosity").unwrap().as_str(), "\"low\"");
/// assert!(request.extras.get(Protocol::GEMINI_GENERATE, "verbosity").is_none());
/// ```
#[derive(Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Extras {
    list: Vec<Extra>,
    /// Where each name stands, once there are so many that looking through them would take long.
    #[serde(skip)]
    places: BTreeMap<Protocol, BTreeMap<String, usize>>,
    #[serde(skip)]
    origin: Origin,
}

/// How many fields are looked through one by one.
const FEW: usize = 32;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    protocol: Protocol,
    name: String,
    value: Json,
}

impl Extras {
    /// Sets a field of a protocol, replacing an earlier value of the same name.
    pub fn insert(&mut self, protocol: Protocol, name: impl Into<String>, value: impl Into<Json>) {
        let (name, value) = (name.into(), value.into());
        if let Some(extra) = self.place(protocol, &name).and_then(|place| self.list.get_mut(place)) {
            extra.value = value;
            return;
        }
        self.list.push(Extra { protocol, name, value });
        if self.list.len() > FEW {
            let known = self.places.values().map(BTreeMap::len).sum();
            for (place, extra) in self.list.iter().enumerate().skip(known) {
                self.places.entry(extra.protocol).or_default().insert(extra.name.clone(), place);
            }
        }
    }

    /// Returns a field of a protocol.
    pub fn get(&self, protocol: Protocol, name: &str) -> Option<&Json> {
        self.list.get(self.place(protocol, name)?).map(|extra| &extra.value)
    }

    fn place(&self, protocol: Protocol, name: &str) -> Option<usize> {
        if self.list.len() > FEW {
            return self.places.get(&protocol)?.get(name).copied();
        }
        self.list.iter().position(|extra| extra.protocol == protocol && extra.name == name)
    }

    /// Iterates over the fields of one protocol, in the order they were read.
    pub fn of(&self, protocol: Protocol) -> impl Iterator<Item = (&str, &Json)> {
        self.iter().filter(move |(owner, ..)| *owner == protocol).map(|(_, name, value)| (name, value))
    }

    /// Iterates over all fields with the protocol that each belongs to.
    pub fn iter(&self) -> impl Iterator<Item = (Protocol, &str, &Json)> {
        self.list.iter().map(|extra| (extra.protocol, extra.name.as_str(), &extra.value))
    }

    /// Returns where the object stood that these fields were left over of.
    pub fn origin(&self) -> Option<&str> {
        self.origin.path()
    }

    /// Notes where the object stood that these fields were left over of.
    #[must_use]
    pub fn at(mut self, path: &str) -> Self {
        self.origin = Origin::new(path);
        self
    }

    /// Adds every field of `other`, replacing those of the same name. The origin is that of the first that has one.
    pub fn extend(&mut self, other: Self) {
        if self.origin.path().is_none() {
            self.origin = other.origin;
        }
        for extra in other.list {
            self.insert(extra.protocol, extra.name, extra.value);
        }
    }

    /// Keeps the fields of which this is true.
    pub fn retain(&mut self, keep: impl Fn(Protocol, &str) -> bool) {
        let Self { list, origin, .. } = std::mem::take(self);
        self.origin = origin;
        for extra in list.into_iter().filter(|extra| keep(extra.protocol, &extra.name)) {
            self.insert(extra.protocol, extra.name, extra.value);
        }
    }

    /// Says whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'de> Deserialize<'de> for Extras {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut extras = Self::default();
        for Extra { protocol, name, value } in Vec::deserialize(deserializer)? {
            extras.insert(protocol, name, value);
        }
        Ok(extras)
    }
}

impl PartialEq for Extras {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

impl Eq for Extras {}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Extras").field(&self.list).finish()
    }
}
