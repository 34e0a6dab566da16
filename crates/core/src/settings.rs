use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use tollbridge_profiles::{Override, Profiles};

use crate::{Fetch, Secret, Timeouts};

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
    /// Whether thinking between `<think>` tags is parted from the answers.
    pub think_tags: ThinkTags,
    /// What each model takes.
    pub profiles: Profiles,
    /// Whether addresses of media are fetched where the vendor takes only bytes; `None` leaves it to the rest of the
    /// configuration.
    pub fetch_media: Option<bool>,
    /// What fetches them.
    pub fetch: Option<Arc<dyn Fetch>>,
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
            think_tags: ThinkTags::Off,
            profiles: Profiles::default(),
            fetch_media: None,
            fetch: None,
            options: BTreeMap::new(),
        }
    }

    /// Lets what is said of models here have the last word over profiles.
    pub fn own_profiles(&self, profiles: Profiles) -> Profiles {
        let own = self.models.iter().map(|model| (model.name.clone(), model.own_profile()));
        profiles.with(own.filter(|(_, own)| !own.is_empty()))
    }

    /// Returns an option that the kind of provider declared.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).map(String::as_str)
    }
}

impl fmt::Debug for ProviderSettings {
    /// Leaves out the values of options and headers, which may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderSettings")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("options", &self.options.keys())
            .finish_non_exhaustive()
    }
}

/// Says where `<think>` tags in a model's text mark thinking.
///
/// Only at the start of an answer: anywhere else they belong to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThinkTags {
    /// Nowhere: the server parts thinking from the answer itself, or the model has none.
    #[default]
    Off,
    /// From a `<think>` at the start to its end.
    Opening,
    /// There, and from the start to a `</think>` whose opening tag was part of the prompt. A streamed answer that
    /// begins without a tag arrives at its end, because only the end shows that it held none.
    Closing,
}

/// What the configuration says about one model of a provider.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelSettings {
    /// The vendor's own name of it.
    pub name: String,
    /// A name for people.
    pub display_name: Option<String>,
    /// The most tokens of an answer; a request for more is refused.
    pub max_tokens: Option<u64>,
    /// Whether thinking between `<think>` tags is parted from its answers; `None` leaves that to the provider's settings.
    pub think_tags: Option<ThinkTags>,
    /// Whether it takes tools; a request with tools is refused if not.
    pub supports_tools: bool,
    /// Whether it takes images; a request with images is refused if not.
    pub supports_vision: bool,
    /// Whether it streams; a request for a stream is refused if not.
    pub supports_streaming: bool,
    /// Whether it can be asked for an answer in JSON or of a schema; if not, that is left out and told as a loss.
    pub supports_response_format: bool,
    /// What else is known of what it takes.
    pub profile: Override,
}

impl ModelSettings {
    /// Names a model of which nothing else is known.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            display_name: None,
            max_tokens: None,
            think_tags: None,
            supports_tools: true,
            supports_vision: true,
            supports_streaming: true,
            supports_response_format: true,
            profile: Override::default(),
        }
    }

    /// Returns what is known of what it takes, in the words of a profile.
    pub fn own_profile(&self) -> Override {
        let mut own = self.profile.clone();
        if let Some(most) = self.max_tokens {
            own.set("limits", "output", most);
        }
        if !self.supports_response_format {
            own.set("answers", "formats", Vec::<String>::new());
        }
        if !self.supports_tools {
            own.set("tools", "taken", false);
        }
        if !self.supports_vision {
            own.set("media", "image", Vec::<String>::new());
        }
        own
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
    /// Whether its value is never shown.
    pub secret: bool,
}

impl OptionSpec {
    /// Declares an option.
    pub const fn new(name: &'static str, about: &'static str, env: &'static [&'static str]) -> Self {
        Self { name, about, env, secret: false }
    }

    /// Keeps the value from being shown.
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
