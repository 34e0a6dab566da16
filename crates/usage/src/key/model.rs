use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Models that a key may call: `provider/model`, `provider/*`, or an alias.
///
/// ```
/// use tollbridge_usage::key::ModelPattern;
///
/// let all: ModelPattern = "anthropic/*".parse().unwrap();
/// assert!(all.matches("anthropic/claude-sonnet-5"));
/// assert!(!all.matches("openai/gpt-5"));
/// assert!("anthropic/claude-*".parse::<ModelPattern>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ModelPattern(String);

impl ModelPattern {
    /// Returns the pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether a model's name is one of those meant.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(provider) => name.len() > provider.len() && name.starts_with(provider),
            None => self.0 == name,
        }
    }
}

impl fmt::Display for ModelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ModelPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ModelPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err("not a model; write provider/model, provider/* or an alias".to_owned());
        }
        if text == "*" {
            return Err("every model is allowed where none is named; leave this out".to_owned());
        }
        match text.find('*') {
            // A model's name may hold slashes, but a star stands for all models of a provider.
            Some(star) if text.find('/') != star.checked_sub(1) || star + 1 != text.len() || star < 2 => {
                Err("a star stands only for all models of a provider; write provider/*".to_owned())
            }
            _ => Ok(Self(text)),
        }
    }
}

impl From<ModelPattern> for String {
    fn from(pattern: ModelPattern) -> Self {
        pattern.0
    }
}
