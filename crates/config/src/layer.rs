use std::collections::BTreeMap;
use std::path::Path;

use figment::value::{Dict, Map};
use figment::{Figment, Metadata, Profile, Provider};
use serde_json::Value;

use crate::config::Source;
use crate::interpolate;
use crate::problem::Problem;

/// What one source says, as a tree of values.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) origin: Origin,
    pub(crate) values: Value,
}

/// Where a layer comes from, with what is needed to name the place of a key.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    File {
        path: String,
        text: String,
    },
    /// The variable of each key.
    Environment(BTreeMap<String, String>),
    Arguments,
}

impl Layer {
    /// Reads a file by the ending of its name.
    pub(crate) fn file(path: &Path, text: String) -> Result<Self, Problem> {
        let name = path.display().to_string();
        let whole = |line| Source::File { path: name.clone(), line };
        let values: Value = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => toml::from_str(&text).map_err(|error| {
                let line = error.span().map(|span| line_at(&text, span.start));
                Problem::new(whole(line), "", format!("is not valid TOML: {}", error.message()))
            })?,
            Some("yaml" | "yml") => serde_norway::from_str(&text).map_err(|error| {
                let line = error.location().map(|location| location.line());
                Problem::new(whole(line), "", format!("is not valid YAML: {error}"))
            })?,
            Some("json") => serde_json::from_str(&text)
                .map_err(|error| Problem::new(whole(Some(error.line())), "", format!("is not valid JSON: {error}")))?,
            _ => {
                return Err(Problem::new(whole(None), "", "the file's name has an unknown ending")
                    .hint("name it .toml, .yaml or .json"));
            }
        };
        // An empty YAML file is null, and says nothing.
        let values = if values.is_null() { Value::Object(serde_json::Map::new()) } else { values };
        if !values.is_object() {
            return Err(Problem::new(whole(None), "", "the file is not a table of keys"));
        }
        Ok(Self { origin: Origin::File { path: name, text }, values })
    }

    /// Reads `TOLLBRIDGE_A__B` as `a.b`. Variables without a double underscore are no settings.
    pub(crate) fn environment(environment: &BTreeMap<String, String>) -> Self {
        let mut values = Value::Object(serde_json::Map::new());
        let mut names = BTreeMap::new();
        for (name, text) in environment {
            let Some(path) = name.strip_prefix("TOLLBRIDGE_").filter(|path| path.contains("__")) else { continue };
            let path: Vec<String> = path.split("__").map(str::to_ascii_lowercase).collect();
            names.insert(path.join("."), name.clone());
            set(&mut values, &path, Value::String(text.clone()));
        }
        Self { origin: Origin::Environment(names), values }
    }

    /// Reads `key.path=value` arguments.
    pub(crate) fn arguments(arguments: &[String]) -> Result<Self, Problem> {
        let mut values = Value::Object(serde_json::Map::new());
        for argument in arguments {
            let Some((key, text)) = argument.split_once('=') else {
                return Err(Problem::new(Source::Argument(argument.clone()), argument, "the argument has no `=`")
                    .hint("write it as KEY=VALUE, such as server.listen=127.0.0.1:0"));
            };
            let path: Vec<String> = key.trim().split('.').map(str::to_owned).collect();
            set(&mut values, &path, Value::String(text.to_owned()));
        }
        Ok(Self { origin: Origin::Arguments, values })
    }

    /// Fills in the variables that strings name.
    pub(crate) fn fill(&mut self, environment: &BTreeMap<String, String>, problems: &mut Vec<Problem>) {
        let mut missing = Vec::new();
        interpolate::fill(&mut self.values, &mut Vec::new(), environment, &mut missing);
        for (path, fault) in missing {
            let key = path.join(".");
            problems.push(Problem::new(self.source(&path), &key, format!("`{key}` {fault}")));
        }
    }

    /// Says whether the layer has something at a path.
    pub(crate) fn has(&self, path: &[String]) -> bool {
        path.iter().try_fold(&self.values, |value, step| value.get(step)).is_some()
    }

    /// Names the place of a key.
    pub(crate) fn source(&self, path: &[String]) -> Source {
        match &self.origin {
            Origin::File { path: file, text } => Source::File { path: file.clone(), line: line_of(text, path) },
            Origin::Environment(names) => {
                let key = path.join(".");
                let name = names.iter().find(|(known, _)| **known == key || known.starts_with(&format!("{key}.")));
                Source::Environment(name.map_or_else(|| "TOLLBRIDGE_…".to_owned(), |(_, name)| name.clone()))
            }
            Origin::Arguments => Source::Argument(path.join(".")),
        }
    }
}

/// Lays layers over each other, the last on top.
pub(crate) fn merge(layers: &[Layer]) -> Result<Value, Box<figment::Error>> {
    let empty = Value::Object(serde_json::Map::new());
    let figment = layers.iter().fold(Figment::new(), |figment, layer| figment.merge(Data(&layer.values)));
    if layers.iter().all(|layer| layer.values == empty) { Ok(empty) } else { figment.extract().map_err(Box::new) }
}

struct Data<'a>(&'a Value);

impl Provider for Data<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named("configuration")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = figment::value::Value::serialize(self.0)?.into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

fn set(values: &mut Value, path: &[String], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut here = values;
    for step in parents {
        if !here.is_object() {
            *here = Value::Object(serde_json::Map::new());
        }
        here = &mut here[step.as_str()];
    }
    if !here.is_object() {
        *here = Value::Object(serde_json::Map::new());
    }
    here[last.as_str()] = value;
}

/// Finds the line of a key: each of its names in turn, where it is written as a name.
fn line_of(text: &str, path: &[String]) -> Option<usize> {
    let mut at = 0;
    let mut found = None;
    for name in path.iter().filter(|name| !name.bytes().all(|byte| byte.is_ascii_digit())) {
        let here = text.get(at..)?.match_indices(name.as_str()).map(|(offset, _)| at + offset).find(|start| {
            let before = text.get(..*start).and_then(|text| text.chars().next_back());
            let after = text.get(start + name.len()..).unwrap_or_default();
            let after = after.trim_start_matches(['"', '\'', ' ', '\t']).chars().next();
            let begins = before.is_none_or(|letter| !letter.is_alphanumeric() && !matches!(letter, '_' | '-'));
            begins && matches!(after, Some('=' | ':' | ']' | '.'))
        });
        let Some(here) = here else { break };
        found = Some(line_at(text, here));
        at = here + name.len();
    }
    found
}

fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}
