use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tollbridge_core::{ProviderSettings, Registration, Timeouts};
use tollbridge_profiles::Book;

use crate::server::Server;
use crate::usage::{BudgetConfig, UsageConfig};

/// The resolved configuration: everything that must be there is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// How the gateway listens and what it takes.
    pub server: Server,
    /// What is kept of calls, and where.
    pub usage: UsageConfig,
    /// Limits on spending, in the order of their names.
    pub budgets: Vec<BudgetConfig>,
    /// Whether and how the addresses of media are fetched.
    pub media: MediaConfig,
    /// Time limits of every provider that sets none of its own.
    pub timeouts: Timeouts,
    /// Names that stand for `provider/model` or for another alias.
    pub aliases: BTreeMap<String, String>,
    /// What models take: the rules that are built in, and the user's own over them.
    pub profiles: Arc<Book>,
    /// The providers in the order of their names.
    pub providers: Vec<ProviderConfig>,
    /// What is not wrong but surely not meant.
    pub warnings: Vec<String>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    pub(crate) rows: Vec<Row>,
}

impl Config {
    /// Lists every value with where it came from; secrets are masked.
    pub fn describe(&self) -> &[Row] {
        &self.rows
    }
}

/// Whether and how the addresses of media are fetched, for vendors that take bytes only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MediaConfig {
    /// Whether they are fetched at all, unless a provider says otherwise.
    pub fetch: bool,
    /// Hosts that may be reached; none means all that are public.
    pub hosts: Vec<String>,
    /// Networks that may be reached although they are not public.
    pub networks: Vec<String>,
    /// The most bytes of all media of one call.
    pub max_bytes: u64,
    /// Until all of it is there.
    pub timeout: Duration,
    /// How many redirects of one address are followed.
    pub redirects: usize,
    /// How many are fetched at once, over all calls.
    pub parallel: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self {
            fetch: false,
            hosts: Vec::new(),
            networks: Vec::new(),
            max_bytes: 20 << 20,
            timeout: Duration::from_secs(10),
            redirects: 3,
            parallel: 16,
        }
    }
}

/// One provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderConfig {
    /// Its kind.
    pub registration: Registration,
    /// What is configured about it.
    pub settings: ProviderSettings,
    /// Whether it takes calls.
    pub enabled: bool,
}

/// One value of the configuration, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Its key, with dots.
    pub key: String,
    /// The value; `***` for a secret.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

impl Row {
    pub(crate) fn new(key: impl Into<String>, value: impl Into<String>, source: Source) -> Self {
        Self { key: key.into(), value: value.into(), source }
    }
}

/// Says where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Source {
    /// Nobody set it.
    Default,
    /// A file, with the line if it is known.
    #[non_exhaustive]
    File {
        /// The file.
        path: String,
        /// The line, from 1.
        line: Option<usize>,
    },
    /// An environment variable.
    Environment(String),
    /// An argument.
    Argument(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: Some(line) } => write!(f, "{path}:{line}"),
            Self::File { path, line: None } => f.write_str(path),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Argument(text) => write!(f, "argument {text}"),
        }
    }
}
