use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value};

use crate::check::{self, Problem};
use crate::rule::{self, settings};
use crate::{Override, Profile, Rule, RuleFile, Subset, bare_name, limits};

/// All rules: those built in, and a user's own over them.
#[derive(Clone, Debug, Default)]
pub struct Book {
    files: Vec<(String, RuleFile)>,
    subsets: BTreeMap<String, Arc<Subset>>,
}

/// A profile with where each of its keys comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Explained {
    /// The profile.
    pub profile: Profile,
    /// Its keys in the order of their names.
    pub settings: Vec<Setting>,
}

/// One key of a profile.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Setting {
    /// The key, such as `thinking.forms`.
    pub key: String,
    /// Its value.
    pub value: Value,
    /// What the rule says that set it.
    pub about: String,
    /// Where that is written.
    pub source: String,
    /// The day on which that was read; empty if nobody said.
    pub read: String,
    /// The file of the rule, or the place in the configuration.
    pub origin: String,
}

impl Book {
    /// Returns the rules that are built in.
    pub fn embedded() -> Arc<Self> {
        static BOOK: OnceLock<Arc<Book>> = OnceLock::new();
        Arc::clone(BOOK.get_or_init(|| {
            // A test reads it, so that it can be read here.
            let file: RuleFile = serde_json::from_str(EMBEDDED).unwrap_or_default();
            Arc::new(Self::default().push(BUILT_IN, file))
        }))
    }

    /// Adds the rules of a user's file, which stand over all others.
    ///
    /// ```
    /// use tollbridge_profiles::Book;
    ///
    /// let rules = serde_json::json!({"rule": [{
    ///     "about": "ours does not think", "models": ["ours-*"], "source": "our own server",
    ///     "thinking": {"forms": []},
    /// }]});
    /// let book = Book::embedded().with("profiles.toml", rules).unwrap();
    /// assert_eq!(book.profile("custom", "openai.chat", "ours-7b", None).thinking.forms.unwrap(), []);
    /// ```
    ///
    /// # Errors
    /// All that is wrong with them: keys that do not exist, values that cannot hold, rules that contradict each other.
    pub fn with(&self, origin: &str, rules: Value) -> Result<Self, Vec<Problem>> {
        let file: RuleFile =
            serde_json::from_value(rules).map_err(|error| vec![Problem::new(origin, 0, "", error.to_string())])?;
        let mut problems = Vec::new();
        let is_subset = |name: &str| self.subsets.contains_key(name) || file.subset.contains_key(name);
        check::file(origin, &file, is_subset, &mut problems);
        if problems.is_empty() { Ok(self.clone().push(origin, file)) } else { Err(problems) }
    }

    fn push(mut self, origin: &str, file: RuleFile) -> Self {
        let subsets = file.subset.iter().map(|(name, subset)| (name.clone(), Arc::new(subset.clone())));
        self.subsets.extend(subsets);
        self.files.push((origin.to_owned(), file));
        self
    }

    /// Returns what a model takes at a kind of provider that is spoken to in a protocol, with what the configuration
    /// says of it.
    pub fn profile(&self, vendor: &str, protocol: &str, model: &str, own: Option<&Override>) -> Profile {
        self.merge([vendor, protocol, model], own, &mut |_, _, _| {})
    }

    /// Returns the same, with where each key comes from.
    pub fn explain(&self, vendor: &str, protocol: &str, model: &str, own: Option<&Override>) -> Explained {
        let mut found: BTreeMap<String, Setting> = BTreeMap::new();
        let profile = self.merge([vendor, protocol, model], own, &mut |key, value, from| {
            let (about, source, read, origin) = match from {
                From::Rule(rule, origin) => (rule.about.as_str(), rule.source.as_str(), rule.read.as_str(), origin),
                From::List => ("the price book lists the model", "the price book", "", BUILT_IN),
                From::Own(own) => ("the configuration says so", own.origin.as_str(), "", own.origin.as_str()),
            };
            let setting = Setting {
                key: key.clone(),
                value: value.clone(),
                about: about.to_owned(),
                source: source.to_owned(),
                read: read.to_owned(),
                origin: origin.to_owned(),
            };
            found.insert(key, setting);
        });
        Explained { profile, settings: found.into_values().collect() }
    }

    /// Checks what the configuration says of a model, alone and against the user's own rules for that very model.
    pub fn check(&self, vendor: &str, model: &str, own: &Override) -> Vec<Problem> {
        let name = bare_name(own.base_model.as_deref().unwrap_or(model));
        let mut rules = Vec::new();
        for (origin, file) in self.files.iter().filter(|(origin, _)| origin != BUILT_IN) {
            let exact = file.rule.iter().enumerate().filter(|(_, rule)| {
                let protocol = rule.protocols.first().map_or("", String::as_str);
                rule.holds(vendor, protocol, &name) && is_exact(rule)
            });
            rules.extend(exact.map(|(place, rule)| (origin.as_str(), place + 1, rule)));
        }
        let window = self.profile(vendor, "", model, Some(own)).limits.context;
        check::own(own, &rules, window, |name| self.subsets.contains_key(name))
    }

    /// Iterates over the files of rules: where each comes from, and what it says.
    pub fn files(&self) -> impl Iterator<Item = (&str, &RuleFile)> {
        self.files.iter().map(|(origin, file)| (origin.as_str(), file))
    }

    fn merge(
        &self,
        [vendor, protocol, model]: [&str; 3],
        own: Option<&Override>,
        tell: &mut dyn FnMut(String, &Value, From<'_>),
    ) -> Profile {
        let base = own.and_then(|own| own.base_model.as_deref()).unwrap_or(model);
        // A base model may be another vendor's, as in `openai/gpt-5`: its rules are those of this vendor's models.
        let name = bare_name(base);
        let mut merged = Map::new();
        for (origin, file) in &self.files {
            let holding = || file.rule.iter().filter(|rule| rule.holds(vendor, protocol, &name));
            for rule in holding() {
                put(&mut merged, rule.settings(), From::Rule(rule, origin), tell);
            }
            if origin == BUILT_IN {
                self.list(vendor, base, &name, &mut merged, tell);
                // What a rule says of one model by its name is newer than any list.
                for rule in holding().filter(|rule| is_exact(rule)) {
                    let limits = rule.settings().filter(|(table, ..)| *table == "limits");
                    put(&mut merged, limits, From::Rule(rule, origin), tell);
                }
            }
        }
        if let Some(own) = own {
            put(&mut merged, settings(&own.set), From::Own(own), tell);
        }
        let mut profile = rule::read(&merged).unwrap_or_default();
        profile.name = name;
        let find = |name: &Option<String>| name.as_ref().and_then(|name| self.subsets.get(name)).cloned();
        profile.subsets = crate::profile::Subsets {
            answer: find(&profile.schema.answer),
            tools: find(&profile.schema.tools),
            strict_tools: find(&profile.schema.strict_tools),
        };
        profile
    }

    /// Adds the limits of a model that the price book lists.
    fn list(
        &self,
        vendor: &str,
        model: &str,
        name: &str,
        merged: &mut Map<String, Value>,
        tell: &mut dyn FnMut(String, &Value, From<'_>),
    ) {
        let Some((context, output)) = limits::of(vendor, model, name) else { return };
        let known = [("context", context), ("output", output)];
        let known: Vec<_> = known
            .into_iter()
            .filter(|(_, tokens)| *tokens > 0)
            .map(|(key, tokens)| (key, Value::from(tokens)))
            .collect();
        put(merged, known.iter().map(|(key, value)| ("limits", *key, value)), From::List, tell);
    }
}

/// Where a key comes from.
#[derive(Clone, Copy)]
enum From<'a> {
    Rule(&'a Rule, &'a str),
    List,
    Own(&'a Override),
}

fn put<'a>(
    merged: &mut Map<String, Value>,
    settings: impl Iterator<Item = (&'a str, &'a str, &'a Value)>,
    from: From<'_>,
    tell: &mut dyn FnMut(String, &Value, From<'_>),
) {
    for (table, key, value) in settings {
        tell(format!("{table}.{key}"), value, from);
        let table = merged.entry(table).or_insert_with(|| Value::Object(Map::new()));
        if let Some(table) = table.as_object_mut() {
            table.insert(key.to_owned(), value.clone());
        }
    }
}

/// Says whether a rule names its models one by one.
fn is_exact(rule: &Rule) -> bool {
    !rule.models.is_empty() && rule.models.iter().all(|pattern| !pattern.contains('*'))
}

/// What rules that are built in are said to come from.
const BUILT_IN: &str = "built in";

/// All rules of `rules/*.toml`. Made by `cargo xtask profiles`.
const EMBEDDED: &str = include_str!("book.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_book_can_be_read() {
        let file: RuleFile = serde_json::from_str(EMBEDDED).unwrap();
        let mut problems = Vec::new();
        check::file(BUILT_IN, &file, |name| file.subset.contains_key(name), &mut problems);
        assert_eq!(problems, []);
    }
}
