use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::{Map, Value};

use crate::{Book, Explained, Profile};

/// The profiles of one provider's models, looked up once each.
#[derive(Clone)]
pub struct Profiles {
    book: Arc<Book>,
    vendor: String,
    own: Arc<BTreeMap<String, Override>>,
    found: Arc<RwLock<Found>>,
}

/// The profiles of each model, by the names of protocols.
type Found = HashMap<String, Vec<(String, Arc<Profile>)>>;

/// What the configuration says of one model.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Override {
    /// The model that it is, where its own name does not tell: that of a deployment or a profile of inference.
    pub base_model: Option<String>,
    /// The keys that it sets, table by table.
    pub set: Map<String, Value>,
    /// The place in the configuration.
    pub origin: String,
}

impl Override {
    /// Says nothing yet; `origin` is the place in the configuration.
    pub fn new(origin: impl Into<String>) -> Self {
        Self { origin: origin.into(), ..Self::default() }
    }

    /// Sets a key of a table, such as `limits` and `output`.
    pub fn set(&mut self, table: &str, key: &str, value: impl Into<Value>) {
        let table = self.set.entry(table).or_insert_with(|| Value::Object(Map::new()));
        if let Some(table) = table.as_object_mut() {
            table.insert(key.to_owned(), value.into());
        }
    }

    /// Says whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.base_model.is_none() && self.set.is_empty()
    }
}

impl Profiles {
    /// Looks models of a kind of provider up in a book.
    pub fn new(book: Arc<Book>, vendor: impl Into<String>) -> Self {
        Self { book, vendor: vendor.into(), own: Arc::default(), found: Arc::default() }
    }

    /// Lets the configuration have the last word on some models, by the vendor's own names of them.
    #[must_use]
    pub fn with(self, own: impl IntoIterator<Item = (String, Override)>) -> Self {
        Self { own: Arc::new(own.into_iter().collect()), found: Arc::default(), ..self }
    }

    /// Returns the same for another kind of provider, such as the maker whose models a cloud serves.
    #[must_use]
    pub fn of_vendor(&self, vendor: &str) -> Self {
        Self { vendor: vendor.to_owned(), found: Arc::default(), ..self.clone() }
    }

    /// Returns what a model takes in a protocol, by its name such as `openai.chat`.
    pub fn of(&self, model: &str, protocol: &str) -> Arc<Profile> {
        let known = self.found.read().unwrap_or_else(PoisonError::into_inner).get(model).and_then(|by_protocol| {
            let found = by_protocol.iter().find(|(name, _)| name == protocol);
            found.map(|(_, profile)| Arc::clone(profile))
        });
        if let Some(profile) = known {
            return profile;
        }
        let profile = Arc::new(self.book.profile(&self.vendor, protocol, model, self.own.get(model)));
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        // Names come from callers.
        if found.len() >= MOST {
            found.clear();
        }
        found.entry(model.to_owned()).or_default().push((protocol.to_owned(), Arc::clone(&profile)));
        profile
    }

    /// Returns what a model takes in a protocol, with where each key comes from.
    pub fn explain(&self, model: &str, protocol: &str) -> Explained {
        self.book.explain(&self.vendor, protocol, model, self.own.get(model))
    }

    /// Returns the kind of provider.
    pub fn vendor(&self) -> &str {
        &self.vendor
    }
}

/// How many models are kept.
const MOST: usize = 512;

impl Default for Profiles {
    /// Knows what is built in, and of no vendor.
    fn default() -> Self {
        Self::new(Book::embedded(), "")
    }
}

impl fmt::Debug for Profiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profiles").field("vendor", &self.vendor).field("own", &self.own).finish_non_exhaustive()
    }
}
