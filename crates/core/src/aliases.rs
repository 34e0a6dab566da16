use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;

/// Names that stand for `provider/model` or for another alias; each side may hold one `*`.
///
/// An alias without a star is taken first, then those with one, the longer text before the star first. In the target a
/// star stands for what the alias's star stood for. A target `provider/*` takes the name over as it is, without a path
/// before the star: `claude-*` to `anthropic/*` makes `claude-sonnet-5` into `anthropic/claude-sonnet-5`, and so does
/// `team/*` out of `team/claude-sonnet-5`. What begins with a provider's name is taken by no star.
///
/// ```
/// use tollbridge_core::Aliases;
/// let aliases: Aliases = [("claude-*", "anthropic/*"), ("claude-haiku-*", "small"), ("small", "openai/gpt-5-nano")]
///     .map(|(alias, target)| (alias.to_owned(), target.to_owned())).into_iter().collect();
/// let is_provider = |name: &str| ["anthropic", "openai"].contains(&name);
/// assert_eq!(aliases.follow("claude-sonnet-5", is_provider), Some("anthropic/claude-sonnet-5".into()));
/// assert_eq!(aliases.follow("claude-haiku-5", is_provider), Some("openai/gpt-5-nano".into()));
/// assert_eq!(aliases.follow("openai/claude-x", is_provider), Some("openai/claude-x".into()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases {
    targets: BTreeMap<String, String>,
    /// Those with a star, in the order in which they are tried.
    patterns: Vec<Pattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    alias: String,
    /// What stands before and behind the star.
    start: String,
    end: String,
    target: String,
}

impl Aliases {
    /// Lets a name stand for another.
    pub fn insert(&mut self, alias: impl Into<String>, target: impl Into<String>) {
        let (alias, target) = (alias.into(), target.into());
        self.patterns.retain(|pattern| pattern.alias != alias);
        if let Some((start, end)) = alias.split_once('*') {
            let (start, end) = (start.to_owned(), end.to_owned());
            self.patterns.push(Pattern { alias: alias.clone(), start, end, target: target.clone() });
            self.patterns.sort_by_key(|pattern| (Reverse(pattern.start.len()), Reverse(pattern.end.len())));
        }
        self.targets.insert(alias, target);
    }

    /// Iterates over aliases and their targets, in the order of the aliases.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.targets.iter().map(|(alias, target)| (alias.as_str(), target.as_str()))
    }

    /// Follows a name to one that is no alias; a name that leads in a circle has none.
    pub fn follow<'a>(&'a self, name: &'a str, is_provider: impl Fn(&str) -> bool) -> Option<Cow<'a, str>> {
        let mut name = Cow::Borrowed(name);
        for _ in 0..=self.targets.len() {
            match self.step(&name, &is_provider) {
                Some((_, next)) => name = Cow::Owned(next),
                None => return Some(name),
            }
        }
        None
    }

    /// Returns the alias that a name is taken by, if one takes it.
    pub fn alias_of(&self, name: &str, is_provider: impl Fn(&str) -> bool) -> Option<&str> {
        self.step(name, &is_provider).map(|(alias, _)| alias)
    }

    /// Returns the name that leads to `provider/model` over an alias with a star, if there is such a name.
    pub fn name_for(&self, alias: &str, listed: &str) -> Option<String> {
        let pattern = self.patterns.iter().find(|pattern| pattern.alias == alias)?;
        let (start, end) = pattern.target.split_once('*')?;
        let inner = listed.strip_prefix(start)?.strip_suffix(end)?;
        if !pattern.keeps_name() {
            return Some(format!("{}{inner}{}", pattern.start, pattern.end));
        }
        let path = pattern.start.rfind('/').map_or(0, |slash| slash + 1);
        let name = format!("{}{inner}", pattern.start.get(..path)?);
        pattern.inner(&name).is_some().then_some(name)
    }

    /// Says what is wrong with an alias, if anything is.
    pub fn fault(&self, alias: &str, is_provider: impl Fn(&str) -> bool) -> Option<AliasFault> {
        let target = self.targets.get(alias)?;
        if alias.matches('*').count() > 1 || target.matches('*').count() > 1 {
            return Some(AliasFault::Stars);
        }
        if target.contains('*') && !alias.contains('*') {
            return Some(AliasFault::StarInTarget);
        }
        let of_provider = |name: &str| first(name).filter(|provider| is_provider(provider)).map(str::to_owned);
        if let Some(provider) = alias.split_once('*').and_then(|(start, _)| of_provider(start)) {
            return Some(AliasFault::Taken { provider });
        }
        let (mut seen, mut target) = (vec![alias.to_owned()], target.clone());
        while let Some((next, to)) = self.step(&target, &is_provider) {
            if seen.iter().any(|one| one == next) {
                seen.push(next.to_owned());
                return Some(AliasFault::Circle { path: seen.join(" → ") });
            }
            seen.push(next.to_owned());
            target = to;
        }
        match first(&target) {
            Some(provider) if is_provider(provider) => None,
            Some(provider) => Some(AliasFault::NoProvider { provider: provider.to_owned() }),
            None => Some(AliasFault::NoName { target }),
        }
    }

    /// Returns the alias that takes a name, and what it makes of it. A star in a name is a text like any other, so that
    /// the target of an alias with a star can be followed too.
    fn step(&self, name: &str, is_provider: &impl Fn(&str) -> bool) -> Option<(&str, String)> {
        if let Some((alias, target)) = self.targets.get_key_value(name).filter(|(alias, _)| !alias.contains('*')) {
            return Some((alias, target.clone()));
        }
        if first(name).is_some_and(is_provider) {
            return None;
        }
        self.patterns.iter().find_map(|pattern| {
            let inner = pattern.inner(name)?;
            let with = if pattern.keeps_name() {
                let path = pattern.start.rfind('/').map_or(0, |slash| slash + 1);
                name.get(path..)?
            } else {
                inner
            };
            Some((pattern.alias.as_str(), pattern.target.replacen('*', with, 1)))
        })
    }
}

impl Pattern {
    /// Returns what the star stands for in a name.
    fn inner<'a>(&self, name: &'a str) -> Option<&'a str> {
        let inner = name.strip_prefix(self.start.as_str())?.strip_suffix(self.end.as_str())?;
        (!inner.is_empty()).then_some(inner)
    }

    /// Says whether the whole name of the model is taken over.
    fn keeps_name(&self) -> bool {
        self.target.split_once('/').is_some_and(|(_, model)| model == "*")
    }
}

impl FromIterator<(String, String)> for Aliases {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(pairs: T) -> Self {
        let mut aliases = Self::default();
        pairs.into_iter().for_each(|(alias, target)| aliases.insert(alias, target));
        aliases
    }
}

/// What is wrong with an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AliasFault {
    /// The alias or its target holds more than one star.
    Stars,
    /// The target holds a star that stands for nothing.
    StarInTarget,
    /// Names of a provider are never taken by a star.
    #[non_exhaustive]
    Taken {
        /// The provider.
        provider: String,
    },
    /// The alias leads back to itself.
    #[non_exhaustive]
    Circle {
        /// The aliases that it leads over.
        path: String,
    },
    /// The alias leads to what is no name of a model.
    #[non_exhaustive]
    NoName {
        /// What it leads to.
        target: String,
    },
    /// The alias leads to a provider that is not there.
    #[non_exhaustive]
    NoProvider {
        /// The provider.
        provider: String,
    },
}

impl AliasFault {
    /// Says what to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Stars => "hold one `*` on each side",
            Self::StarInTarget => "put a `*` into the alias too, or name one model",
            Self::Taken { .. } => "use another name before the slash, or an alias for each model",
            Self::Circle { .. } => "let one of the aliases name a `provider/model`",
            Self::NoName { .. } => "write it as provider/model",
            Self::NoProvider { .. } => "name a provider that is on",
        }
    }
}

impl fmt::Display for AliasFault {
    /// Goes on after "the alias `…`".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stars => f.write_str("holds more than one `*`, or its target does"),
            Self::StarInTarget => f.write_str("has a `*` in its target alone"),
            Self::Taken { provider } => write!(f, "takes nothing: these names belong to the provider `{provider}`"),
            Self::Circle { path } => write!(f, "leads in a circle: {path}"),
            Self::NoName { target } => {
                write!(f, "leads to `{target}`, which is neither an alias nor a `provider/model`")
            }
            Self::NoProvider { provider } => write!(f, "leads to the provider `{provider}`, which is not on"),
        }
    }
}

/// Returns what stands before the first slash, if a name could be `provider/model`.
fn first(name: &str) -> Option<&str> {
    name.split_once('/').map(|(provider, _)| provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(pairs: &[(&str, &str)]) -> Aliases {
        pairs.iter().map(|(alias, target)| ((*alias).to_owned(), (*target).to_owned())).collect()
    }

    fn is_provider(name: &str) -> bool {
        ["openai", "anthropic", "groq"].contains(&name)
    }

    #[test]
    fn the_most_exact_alias_takes_a_name() {
        let aliases = aliases(&[
            ("*", "groq/*"),
            ("claude-*", "anthropic/*"),
            ("claude-*-fast", "openai/fast-*"),
            ("claude-x-fast", "groq/one"),
            ("team/*", "anthropic/*"),
            ("cheap-*", "claude-*"),
            ("all-*", "claude-x-fast"),
        ]);
        for (name, target) in [
            ("claude-x-fast", "groq/one"),
            ("claude-y-fast", "openai/fast-y"),
            ("claude-y", "anthropic/claude-y"),
            ("claude-", "groq/claude-"),
            ("claude--fast", "anthropic/claude--fast"),
            ("team/claude-y", "anthropic/claude-y"),
            ("cheap-y", "anthropic/claude-y"),
            ("all-of-it", "groq/one"),
            ("meta/llama", "groq/meta/llama"),
            ("openai/claude-y", "openai/claude-y"),
        ] {
            assert_eq!(aliases.follow(name, is_provider).as_deref(), Some(target), "{name}");
        }
        for (alias, _) in aliases.iter() {
            assert_eq!(aliases.fault(alias, is_provider), None, "{alias}");
        }
    }

    #[test]
    fn names_that_a_star_stands_for_are_found_again() {
        let aliases = aliases(&[("claude-*", "anthropic/*"), ("team/*", "groq/*"), ("fast-*", "groq/llama-*")]);
        assert_eq!(aliases.name_for("claude-*", "anthropic/claude-y").as_deref(), Some("claude-y"));
        assert_eq!(aliases.name_for("claude-*", "anthropic/other"), None);
        assert_eq!(aliases.name_for("team/*", "groq/llama").as_deref(), Some("team/llama"));
        assert_eq!(aliases.name_for("fast-*", "groq/llama-3").as_deref(), Some("fast-3"));
    }

    #[test]
    fn faults_are_named() {
        let one = |alias: &str, target: &str| aliases(&[(alias, target)]).fault(alias, is_provider);
        assert_eq!(one("a*b*", "openai/*"), Some(AliasFault::Stars));
        assert_eq!(one("a", "openai/*"), Some(AliasFault::StarInTarget));
        assert_eq!(one("openai/*", "groq/*"), Some(AliasFault::Taken { provider: "openai".to_owned() }));
        assert_eq!(one("a-*", "b-*"), Some(AliasFault::NoName { target: "b-*".to_owned() }));
        assert_eq!(one("a-*", "*/x"), Some(AliasFault::NoProvider { provider: "*".to_owned() }));
        assert_eq!(one("*", "x/*"), Some(AliasFault::Circle { path: "* → *".to_owned() }));
        let circles = aliases(&[("a-*", "b-*"), ("b-*", "a-*"), ("c", "a-x")]);
        for alias in ["a-*", "b-*", "c"] {
            let fault = circles.fault(alias, is_provider);
            assert!(matches!(fault, Some(AliasFault::Circle { .. })), "{alias}: {fault:?}");
        }
        assert_eq!(circles.follow("a-x", is_provider), None);
    }
}
