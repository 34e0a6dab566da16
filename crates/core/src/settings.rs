use std::collections::BTreeMap;
use std::fmt;

use http::HeaderMap;

use crate::{Secret, Timeouts};

/// What the configuration says about one provider.
#[derive(Clone)]
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
    /// Models to list in the place of the vendor's own list, with what is known of each.
    pub models: Vec<ModelSettings>,
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

impl fmt::Debug for ProviderSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An option may be a secret, so only their names are printed.
        let options: Vec<_> = self.options.keys().collect();
        f.debug_struct("ProviderSettings")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("models", &self.models)
            .field("options", &options)
            .finish_non_exhaustive()
    }
}

/// What the configuration says about one model of a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelSettings {
    /// The vendor's own name of it.
    pub name: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// The most tokens of an answer; a request for more is refused.
    pub max_tokens: Option<u64>,
    /// Whether it takes tools; a request with tools is refused if not.
    pub supports_tools: bool,
    /// Whether it takes images; a request with images is refused if not.
    pub supports_vision: bool,
    /// Whether it streams; a request for a stream is refused if not.
    pub supports_streaming: bool,
}

impl ModelSettings {
    /// Names a model of which nothing else is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            display_name: None,
            max_tokens: None,
            supports_tools: true,
            supports_vision: true,
            supports_streaming: true,
        }
    }

    /// Says whether anything is known that a request could run against.
    pub fn has_limits(&self) -> bool {
        self.max_tokens.is_some() || !(self.supports_tools && self.supports_vision && self.supports_streaming)
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
    /// Whether it is never shown, and its variables are for the vendor's own address only.
    pub secret: bool,
}

impl OptionSpec {
    /// Declares an option.
    pub const fn new(name: &'static str, about: &'static str, env: &'static [&'static str]) -> Self {
        Self { name, about, env, secret: false }
    }

    /// Says that the option is a secret.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.secret = true;
        self
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
