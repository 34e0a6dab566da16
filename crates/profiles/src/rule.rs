use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::pattern::fits;
use crate::{Profile, Subset};

/// What some models take at some vendors, and where that is written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rule {
    /// What it says, as one sentence.
    pub about: String,
    /// Kinds of providers that it holds for; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vendors: Vec<String>,
    /// Protocols that it holds for; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<String>,
    /// Patterns of bare names of models; empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Patterns that are not meant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// The page that says so, or the words of a refusal.
    pub source: String,
    /// The day on which that was read.
    #[serde(default)]
    pub read: String,
    /// The keys that it sets, table by table.
    #[serde(flatten)]
    pub set: Map<String, Value>,
}

impl Rule {
    /// Says whether it holds for a model of a vendor that is spoken to in a protocol.
    pub fn holds(&self, vendor: &str, protocol: &str, bare_name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| fits(pattern, bare_name));
        let listed = |list: &[String], word: &str| list.is_empty() || list.iter().any(|known| known == word);
        listed(&self.vendors, vendor)
            && listed(&self.protocols, protocol)
            && (self.models.is_empty() || any(&self.models))
            && !any(&self.except)
    }

    /// Iterates over what it sets: table, key, value.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        settings(&self.set)
    }
}

/// Iterates over the keys of tables.
pub(crate) fn settings(set: &Map<String, Value>) -> impl Iterator<Item = (&str, &str, &Value)> {
    let tables = set.iter().filter_map(|(table, keys)| Some((table, keys.as_object()?)));
    tables.flat_map(|(table, keys)| keys.iter().map(|(key, value)| (table.as_str(), key.as_str(), value)))
}

/// Reads tables of keys as a profile, which knows all of them.
pub(crate) fn read(set: &Map<String, Value>) -> Result<Profile, String> {
    serde_json::from_value(Value::Object(set.clone())).map_err(|error| error.to_string())
}

/// The rules and subsets of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct RuleFile {
    /// The rules, later ones over earlier ones.
    pub rule: Vec<Rule>,
    /// Parts of JSON Schema, by the names that rules give them.
    pub subset: BTreeMap<String, Subset>,
}
