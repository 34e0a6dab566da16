use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::{Error, ErrorKind, OptionSpec, Provider, ProviderSettings, Transport};

/// What a provider crate says about a kind of provider at compile time.
///
/// ```
/// # use std::sync::Arc;
/// use tollbridge_core::{Error, ErrorKind, Provider, ProviderSettings, Registration, Transport};
///
/// fn build(_: &Registration, settings: ProviderSettings, _: Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error> {
///     # let _ = settings;
///     Err(Error::new(ErrorKind::Config, "not today"))
/// }
///
/// tollbridge_core::register_provider! {
///     Registration::new("acme", "Acme's models", build).key_env(&["ACME_API_KEY"])
/// }
/// assert!(tollbridge_core::Registry::linked().unwrap().get("acme").is_ok());
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Registration {
    /// The name of the kind, the default name of a provider of it.
    pub kind: &'static str,
    /// Other names of the kind.
    pub aliases: &'static [&'static str],
    /// What it is, in a few words.
    pub about: &'static str,
    /// The vendor's own base URL; `None` if one must be configured.
    pub base_url: Option<&'static str>,
    /// Environment variables with the key, first come first. No other kind reads them.
    pub key_env: &'static [&'static str],
    /// Environment variables with the base URL, first come first.
    pub base_env: &'static [&'static str],
    /// Whether the provider works without a key.
    pub keyless: bool,
    /// Whether it is on without any configuration.
    pub always_on: bool,
    /// Options that only this kind has.
    pub options: &'static [OptionSpec],
    /// Makes a provider from its settings.
    pub build: Build,
}

/// Makes a provider from its kind and its settings.
pub type Build = fn(&Registration, ProviderSettings, Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error>;

impl Registration {
    /// Names a kind of provider.
    pub const fn new(kind: &'static str, about: &'static str, build: Build) -> Self {
        Self {
            kind,
            aliases: &[],
            about,
            base_url: None,
            key_env: &[],
            base_env: &[],
            keyless: false,
            always_on: false,
            options: &[],
            build,
        }
    }

    /// Adds other names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets the vendor's own base URL.
    #[must_use]
    pub const fn base_url(mut self, base_url: &'static str) -> Self {
        self.base_url = Some(base_url);
        self
    }

    /// Sets the environment variables that may hold the key.
    #[must_use]
    pub const fn key_env(mut self, names: &'static [&'static str]) -> Self {
        self.key_env = names;
        self
    }

    /// Sets the environment variables that may hold the base URL.
    #[must_use]
    pub const fn base_env(mut self, names: &'static [&'static str]) -> Self {
        self.base_env = names;
        self
    }

    /// Says that the provider works without a key.
    #[must_use]
    pub const fn keyless(mut self) -> Self {
        self.keyless = true;
        self
    }

    /// Says that the provider is on without any configuration.
    #[must_use]
    pub const fn always_on(mut self) -> Self {
        self.always_on = true;
        self
    }

    /// Declares options that only this kind has.
    #[must_use]
    pub const fn options(mut self, options: &'static [OptionSpec]) -> Self {
        self.options = options;
        self
    }

    /// Iterates over the names of the kind, its own first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.kind).chain(self.aliases.iter().copied())
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("kind", &self.kind).field("about", &self.about).finish_non_exhaustive()
    }
}

inventory::collect!(Linked);

/// A group of registrations that one crate links in.
#[doc(hidden)]
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the registration macro builds it in other crates")]
pub struct Linked(pub &'static [Registration]);

/// Registers kinds of providers with every program that links this crate.
///
/// It takes a [`Registration`], or a constant slice of them behind `all`.
#[macro_export]
macro_rules! register_provider {
    (all $table:expr) => {
        $crate::private::inventory::submit! { $crate::private::Linked($table) }
    };
    ($registration:expr) => {
        $crate::private::inventory::submit! { $crate::private::Linked(&[$registration]) }
    };
}

/// The kinds of providers that a program knows.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Registration>,
    names: BTreeMap<&'static str, &'static str>,
}

impl Registry {
    /// Collects what the linked crates registered.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if two crates registered one name.
    pub fn linked() -> Result<Self, Error> {
        let mut registry = Self::default();
        for Linked(table) in inventory::iter::<Linked> {
            for registration in *table {
                registry.register(*registration)?;
            }
        }
        Ok(registry)
    }

    /// Adds a kind by hand, for targets where linked crates cannot register themselves.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if one of its names is taken.
    pub fn register(&mut self, registration: Registration) -> Result<(), Error> {
        for name in registration.names() {
            if let Some(owner) = self.names.get(name) {
                let message = format!("the provider name `{name}` of `{}` is taken by `{owner}`", registration.kind);
                return Err(Error::new(ErrorKind::Config, message).with_hint("link only one of the two crates"));
            }
        }
        for name in registration.names() {
            self.names.insert(name, registration.kind);
        }
        self.kinds.insert(registration.kind, registration);
        Ok(())
    }

    /// Returns the kind of a name or alias.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with the list of the kinds that are linked.
    pub fn get(&self, name: &str) -> Result<&Registration, Error> {
        let kind = self.names.get(name).and_then(|kind| self.kinds.get(kind));
        kind.ok_or_else(|| {
            let linked: Vec<_> = self.kinds.keys().copied().collect();
            let hint = if linked.is_empty() {
                "no provider is linked: turn on a Cargo feature of `tollbridge`, or write `use my_provider as _;`"
                    .into()
            } else {
                format!("linked providers: {}", linked.join(", "))
            };
            Error::new(ErrorKind::Config, format!("unknown kind of provider `{name}`")).with_hint(hint)
        })
    }

    /// Iterates over the kinds in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Registration> {
        self.kinds.values()
    }
}
