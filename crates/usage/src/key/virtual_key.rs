use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tollbridge_core::Error;

use crate::budget::Budget;

use super::{KeyBudget, KeyError, ModelPattern, Scope};

/// A key, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VirtualKey {
    /// The public id, which never changes and is never used again.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// How its text begins and ends, such as `tb-4fGh…x9Zq`, to know it by.
    pub display: String,
    /// The person or program that it was given to.
    pub owner: Option<String>,
    /// Whose bill it is on.
    pub team: Option<String>,
    /// What its calls are for.
    pub tags: BTreeMap<String, String>,
    /// What it may call; all models if empty.
    pub models: Vec<ModelPattern>,
    /// What it opens.
    pub scopes: BTreeSet<Scope>,
    /// What it may use.
    pub budgets: Vec<KeyBudget>,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// When its time is over, in milliseconds since 1970 UTC.
    pub expires_at: Option<u64>,
    /// When it was revoked, in milliseconds since 1970 UTC.
    pub revoked_at: Option<u64>,
}

impl VirtualKey {
    /// Says whether the key opens what asks for a scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Says whether the key may call a model, by any of the names that it has.
    pub fn allows<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        let matches = |name: &str| self.models.iter().any(|pattern| pattern.matches(name));
        self.models.is_empty() || names.into_iter().any(matches)
    }

    /// Checks that the key is good at a time, in milliseconds since 1970 UTC.
    ///
    /// # Errors
    /// [`KeyError::Revoked`] before [`KeyError::Expired`].
    pub fn check(&self, now: u64) -> Result<(), KeyError> {
        if self.revoked_at.is_some() {
            return Err(KeyError::Revoked { id: self.id.clone() });
        }
        match self.expires_at {
            Some(at) if at <= now => Err(KeyError::Expired { id: self.id.clone(), at }),
            _ => Ok(()),
        }
    }

    /// Returns the budgets of its calls, ready to be counted.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](tollbridge_core::ErrorKind::Config) if the file was written by hand, and wrongly.
    pub fn limits(&self) -> Result<Vec<Budget>, Error> {
        self.budgets.iter().map(|budget| budget.resolve(&self.name, &self.id)).collect()
    }

    /// Returns the tags of every call with the key: `user` and `team`, then its own.
    pub fn call_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = [("user", &self.owner), ("team", &self.team)];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        own.chain(self.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}
