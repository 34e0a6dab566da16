use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use crate::rule::{read, settings};
use crate::{Override, Profile, Rule, RuleFile};

/// Something in rules that cannot hold.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The file, or the place in the configuration.
    pub origin: String,
    /// The rule's number in its file, from 1; 0 for the file or place itself.
    pub rule: usize,
    /// The key, such as `thinking.budget`.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(origin: &str, rule: usize, key: &str, message: impl Into<String>) -> Self {
        Self { origin: origin.to_owned(), rule, key: key.to_owned(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)?;
        if self.rule > 0 {
            write!(f, ", rule {}", self.rule)?;
        }
        if !self.key.is_empty() {
            write!(f, ": `{}`", self.key)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Checks the rules of a file alone and against each other.
pub(crate) fn file(origin: &str, file: &RuleFile, is_subset: impl Fn(&str) -> bool, problems: &mut Vec<Problem>) {
    for (place, rule) in file.rule.iter().enumerate() {
        let number = place + 1;
        let problem = |key: &str, message: String| Problem::new(origin, number, key, message);
        if rule.about.trim().is_empty() || rule.source.trim().is_empty() {
            problems
                .push(problem("source", "`about` and `source` say what a rule is and where it comes from".to_owned()));
        }
        for (table, value) in &rule.set {
            if !value.is_object() {
                problems.push(problem(table, format!("there is no such key of a rule: `{table}`")));
            }
        }
        let faults = all_faults(&rule.set, &is_subset);
        problems.extend(faults.into_iter().map(|(key, message)| problem(&key, message)));
        for (earlier, other) in file.rule.iter().take(place).enumerate() {
            if let Some((key, message)) = contradiction(rule, other, earlier + 1) {
                problems.push(problem(&key, message));
            }
        }
    }
}

/// Finds a key to which two rules give different values for the same models.
fn contradiction(rule: &Rule, other: &Rule, number: usize) -> Option<(String, String)> {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    if set(&rule.vendors) != set(&other.vendors)
        || set(&rule.protocols) != set(&other.protocols)
        || set(&rule.except) != set(&other.except)
    {
        return None;
    }
    // A later rule may refine a family that an earlier one names; of one model, or of the same models, there is one truth.
    let named = |pattern: &&String| !pattern.contains('*') && other.models.contains(pattern);
    let shared = match set(&rule.models) == set(&other.models) {
        true => rule.models.first(),
        false => Some(rule.models.iter().find(named)?),
    };
    let models = shared.map_or("every model", String::as_str);
    let (table, key, value, earlier) = rule.settings().find_map(|(table, key, value)| {
        let (.., earlier) = other.settings().find(|(other, name, _)| *other == table && *name == key)?;
        (earlier != value).then_some((table, key, value, earlier))
    })?;
    let message = format!(
        "{value} for `{models}` contradicts rule {number}, which says {earlier}; sources: {} and {}",
        rule.source, other.source
    );
    Some((format!("{table}.{key}"), message))
}

/// Checks what the configuration says of one model against the user's own rules for that very model, and against the
/// window that it is known to have.
pub(crate) fn own(
    own: &Override,
    rules: &[(&str, usize, &Rule)],
    window: Option<u64>,
    is_subset: impl Fn(&str) -> bool,
) -> Vec<Problem> {
    let problem = |key: &str, message: String| Problem::new(&own.origin, 0, key, message);
    let mut problems: Vec<Problem> =
        all_faults(&own.set, &is_subset).into_iter().map(|(key, message)| problem(&key, message)).collect();
    let said = |key: &str| settings(&own.set).find(|(table, name, _)| (*table, *name) == ("limits", key));
    let output = said("output").and_then(|(.., value)| value.as_u64());
    // Where both stand side by side, that was told above.
    if let (Some(output), Some(window), None) = (output, window, said("context"))
        && output > window
    {
        problems.push(problem("limits.output", above(output, window)));
    }
    for (table, key, value) in settings(&own.set) {
        for (origin, number, rule) in rules {
            let other = rule.settings().find(|(other, name, _)| *other == table && *name == key);
            if let Some((.., other)) = other.filter(|(.., other)| *other != value) {
                let message = format!("{value} contradicts rule {number} of {origin}, which says {other}");
                problems.push(problem(&format!("{table}.{key}"), message));
            }
        }
    }
    problems
}

/// Finds the keys that do not exist or cannot be read, and what cannot hold between those that can.
fn all_faults(set: &Map<String, Value>, is_subset: impl Fn(&str) -> bool) -> Vec<(String, String)> {
    let one = |table: &str, key: &str, value: &Value| {
        let inner = Map::from_iter([(key.to_owned(), value.clone())]);
        read(&Map::from_iter([(table.to_owned(), Value::Object(inner))]))
    };
    let unread = settings(set).filter_map(|(table, key, value)| {
        let message = one(table, key, value).err()?;
        Some((format!("{table}.{key}"), message))
    });
    let unread: Vec<_> = unread.collect();
    if !unread.is_empty() {
        return unread;
    }
    match read(set) {
        Ok(profile) => {
            faults(&profile, is_subset).into_iter().map(|(key, message)| (key.to_owned(), message)).collect()
        }
        Err(message) => vec![(String::new(), message)],
    }
}

/// Finds what cannot hold within a profile.
pub(crate) fn faults(profile: &Profile, is_subset: impl Fn(&str) -> bool) -> Vec<(&'static str, String)> {
    let mut faults = Vec::new();
    let mut fault = |key, message: &str| faults.push((key, message.to_owned()));
    let Profile { limits, sampling, thinking, ids, schema, .. } = profile;
    if let (Some(output), Some(context)) = (limits.output, limits.context)
        && output > context
    {
        fault("limits.output", &above(output, context));
    }
    for (key, limit) in [("limits.output", limits.output), ("limits.context", limits.context)] {
        if limit == Some(0) {
            fault(key, "0 leaves no room for a token; leave the key out, or give the model's limit");
        }
    }
    if let Some(word) = thinking.efforts.iter().flatten().find(|word| !EFFORTS.contains(&word.as_str())) {
        fault("thinking.efforts", &format!("there is no level `{word}`; there are {}", EFFORTS.join(", ")));
    }
    let ranges = [
        ("sampling.temperature", sampling.temperature),
        ("sampling.top_p", sampling.top_p),
        ("sampling.top_p_thinking", sampling.top_p_thinking),
    ];
    for (key, range) in ranges {
        if range.is_some_and(|[least, most]| least > most) {
            fault(key, "the least value is larger than the greatest");
        }
    }
    if thinking.budget.is_some_and(|[least, most]| least > most) {
        fault("thinking.budget", "the least budget is larger than the greatest");
    }
    let forms = thinking.forms.as_deref();
    if forms.is_some_and(<[_]>::is_empty) && thinking.efforts.as_ref().is_some_and(|levels| !levels.is_empty()) {
        fault(
            "thinking.efforts",
            "there are levels, and `thinking.forms` says that the model cannot be asked to think",
        );
    }
    if forms.is_some_and(|forms| forms.contains(&crate::ThinkingForm::Effort))
        && thinking.efforts.as_ref().is_some_and(Vec::is_empty)
    {
        fault("thinking.efforts", "`thinking.forms` has `effort`, and there is no level");
    }
    if let (Some(exact), Some(most)) = (ids.exact, ids.most)
        && exact > most
    {
        fault("ids.exact", "it is larger than `ids.most`");
    }
    if ids.most == Some(0) || ids.exact == Some(0) {
        fault("ids.most", "an id has at least one letter");
    }
    for (key, list) in
        [("sampling.refused", &sampling.refused), ("sampling.refused_thinking", &sampling.refused_thinking)]
    {
        if let Some(name) = list.iter().find(|name| !SETTINGS.contains(&name.as_str())) {
            fault(key, &format!("there is no setting `{name}`; there are {}", SETTINGS.join(", ")));
        }
    }
    for (key, name) in [
        ("schema.answer", &schema.answer),
        ("schema.tools", &schema.tools),
        ("schema.strict_tools", &schema.strict_tools),
    ] {
        if let Some(name) = name.as_deref().filter(|name| *name != "none" && !is_subset(name)) {
            fault(key, &format!("there is no subset `{name}`"));
        }
    }
    faults
}

fn above(output: u64, context: u64) -> String {
    format!("{output} is larger than the window of {context} tokens; give a smaller limit, or `limits.context` too")
}

/// The levels of thinking that a rule can name.
const EFFORTS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// The settings of sampling that a rule can name.
const SETTINGS: &[&str] = &[
    "temperature",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "seed",
    "stop",
    "choices",
    "logprobs",
    "top_logprobs",
    "logit_bias",
];
