use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a budget counts apart.
///
/// Written as `global`, `key`, `user`, `team`, `task`, `alias`, `provider` or `tag:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Every call.
    Global,
    /// The calls of a virtual key, by its id.
    Key,
    /// The calls of a user.
    User,
    /// The calls of a team.
    Team,
    /// The calls of a task.
    Task,
    /// The calls of an alias.
    Alias,
    /// The calls that a provider serves.
    Provider,
    /// The calls that bear a tag of this name, by the tag's value.
    Tag(String),
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "global" => Self::Global,
            "key" => Self::Key,
            "user" => Self::User,
            "team" => Self::Team,
            "task" => Self::Task,
            "alias" => Self::Alias,
            "provider" => Self::Provider,
            _ => match text.strip_prefix("tag:") {
                Some(name) if !name.is_empty() => Self::Tag(name.to_owned()),
                _ => {
                    return Err(format!(
                        "`{text}` is not a scope; write global, key, user, team, task, alias, provider or tag:NAME"
                    ));
                }
            },
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Global => "global",
            Self::Key => "key",
            Self::User => "user",
            Self::Team => "team",
            Self::Task => "task",
            Self::Alias => "alias",
            Self::Provider => "provider",
            Self::Tag(name) => return write!(f, "tag:{name}"),
        })
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Whose call it is: what budgets look at.
///
/// A budget of a scope that the call has no value of does not apply to it.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// The id of the virtual key; never the key itself.
    pub key: Option<&'a str>,
    /// The user.
    pub user: Option<&'a str>,
    /// The team.
    pub team: Option<&'a str>,
    /// The task.
    pub task: Option<&'a str>,
    /// The alias that was asked for.
    pub alias: Option<&'a str>,
    /// The provider that the attempt goes to.
    pub provider: Option<&'a str>,
    /// What the call is for, as names and values.
    pub tags: &'a [(String, String)],
}

impl<'a> Subject<'a> {
    /// Iterates over the values that the call has of a scope.
    pub(crate) fn values(self, scope: &Scope) -> impl Iterator<Item = &'a str> {
        let one = match scope {
            Scope::Global => Some(""),
            Scope::Key => self.key,
            Scope::User => self.user,
            Scope::Team => self.team,
            Scope::Task => self.task,
            Scope::Alias => self.alias,
            Scope::Provider => self.provider,
            Scope::Tag(_) => None,
        };
        let tag = move |(name, value): &'a (String, String)| match scope {
            Scope::Tag(wanted) if wanted == name => Some(value.as_str()),
            _ => None,
        };
        one.into_iter().chain(self.tags.iter().filter_map(tag))
    }
}
