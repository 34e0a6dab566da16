use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Scope {
    /// Calls of models, and the lists of them.
    #[serde(rename = "call")]
    Call,
    /// What was used, by whom, and the counters.
    #[serde(rename = "usage:read")]
    UsageRead,
    /// Everything.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Call, Self::UsageRead, Self::Admin];

    /// Returns the name, as it is written and stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::UsageRead => "usage:read",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        known.ok_or_else(|| format!("there is no such scope; use {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}
