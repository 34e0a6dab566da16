use std::collections::{BTreeMap, BTreeSet};

use tollbridge_core::Error;

use super::tag::{is_name, is_value};
use super::{KeyBudget, MAX_TAGS, ModelPattern, Scope, Tag};

/// What a key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewKey {
    /// What people call it: letters, digits, `_`, `-` and `.`, and no other good key's name.
    pub name: String,
    /// The person or program that it is given to; calls get it as the tag `user`.
    pub owner: Option<String>,
    /// Whose bill it is on; calls get it as the tag `team`.
    pub team: Option<String>,
    /// What else its calls are for.
    pub tags: BTreeMap<String, String>,
    /// What it may call; all models if empty.
    pub models: Vec<ModelPattern>,
    /// What it opens.
    pub scopes: BTreeSet<Scope>,
    /// What it may use.
    pub budgets: Vec<KeyBudget>,
    /// When its time is over, in milliseconds since 1970 UTC.
    pub expires_at: Option<u64>,
}

impl NewKey {
    /// Starts a key that may call every model.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            owner: None,
            team: None,
            tags: BTreeMap::new(),
            models: Vec::new(),
            scopes: BTreeSet::from([Scope::Call]),
            budgets: Vec::new(),
            expires_at: None,
        }
    }

    /// Checks everything that a reader of the file relies on.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidRequest`](tollbridge_core::ErrorKind::InvalidRequest) with the field in its path.
    pub fn check(&self) -> Result<(), Error> {
        if !is_name(&self.name) {
            return Err(Error::invalid("name", "the key's name is not 1 to 128 letters, digits, `_`, `-` or `.`")
                .with_hint("name it for what it is used by, such as `ci`"));
        }
        for (field, tag, value) in [("owner", "user", &self.owner), ("team", "team", &self.team)] {
            if value.as_deref().is_some_and(|value| !is_value(value)) {
                return Err(Error::invalid(field, format!("the key's {field} is not 1 to 128 bytes of text")));
            }
            if self.tags.contains_key(tag) {
                return Err(Error::invalid(format!("tags.{tag}"), format!("the tag `{tag}` is the key's {field}"))
                    .with_hint(format!("set `{field}`")));
            }
        }
        if self.tags.len() > MAX_TAGS {
            return Err(Error::invalid("tags", format!("the key has more than {MAX_TAGS} tags")));
        }
        for (name, value) in &self.tags {
            Tag::new(name.clone(), value.clone()).map_err(|fault| Error::invalid(format!("tags.{name}"), fault))?;
        }
        for budget in &self.budgets {
            budget.resolve(&self.name, "").map_err(|error| {
                let path = format!("budgets.{}", error.path().unwrap_or_default());
                Error::invalid(path, error.message()).with_hint(error.hint().unwrap_or_default())
            })?;
        }
        if self.scopes.is_empty() {
            return Err(Error::invalid("scopes", "the key has no scope").with_hint("give it `call`"));
        }
        Ok(())
    }
}
