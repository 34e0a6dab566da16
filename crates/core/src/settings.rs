use std::collections::BTreeMap;

use http::HeaderMap;

use crate::{Secret, Timeouts};

/// What the configuration says about one provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderSettings {
    /// The name it is configured under.
    pub name: String,
    /// The key; `None` for a server that wants none.
    pub api_key: Option<Secret>,
    /// The base URL; `None` for the vendor's own.
    pub base_url: Option<String>,
    /// The base URL for embeddings, where they live elsewhere.
    pub embed_base_url: Option<String>,
    /// Headers that go with every request.
    pub headers: HeaderMap,
    /// Models to list where the vendor has no list, and whose names are checked nowhere.
    pub models: Vec<String>,
    /// Time limits of each attempt.
    pub timeouts: Timeouts,
    /// Options that this kind of provider declared, by name.
    pub options: BTreeMap<String, String>,
}

impl ProviderSettings {
    /// Makes settings that say nothing but the name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            api_key: None,
            base_url: None,
            embed_base_url: None,
            headers: HeaderMap::new(),
            models: Vec::new(),
            timeouts: Timeouts::default(),
            options: BTreeMap::new(),
        }
    }

    /// Returns an option that the kind of provider declared.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

/// An option that only one kind of provider has.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct OptionSpec {
    /// Its key in the configuration.
    pub name: &'static str,
    /// What it does, as one sentence for the reference page.
    pub about: &'static str,
    /// Environment variables that set it, first come first.
    pub env: &'static [&'static str],
}

impl OptionSpec {
    /// Declares an option.
    pub const fn new(name: &'static str, about: &'static str, env: &'static [&'static str]) -> Self {
        Self { name, about, env }
    }
}

/// How a key travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthStyle {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// The key alone in a header of this name.
    Header(&'static str),
    /// Not at all.
    None,
}
