use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use tollbridge_core::{ModelSettings, ProviderSettings, Registration, Registry, Secret, ThinkTags, Timeouts};

use crate::config::{ProviderConfig, Row, Source};
use crate::loader;
use crate::problem::nearest;
use crate::profile;
use crate::reader::{Reader, Table};
use crate::units;

type Environment = BTreeMap<String, String>;

/// Resolves every provider that is configured, or on by what stands in the environment.
pub(crate) fn resolve(
    reader: &mut Reader<'_>,
    table: &Table,
    registry: &Registry,
    environment: &Environment,
    timeouts: Timeouts,
    warnings: &mut Vec<String>,
) -> Vec<ProviderConfig> {
    let mut names: BTreeSet<String> = table.fields.keys().cloned().collect();
    for name in &names {
        reader.must_be_table(table, name);
    }
    let configured: BTreeSet<&str> = table
        .fields
        .iter()
        .filter_map(|(name, fields)| {
            let kind = fields.get("kind").and_then(Value::as_str).unwrap_or(name);
            // A second provider of a kind under another name does not replace the first.
            (kind == name || registry.get(name).is_ok())
                .then(|| registry.get(kind).map(|kind| kind.kind).unwrap_or(kind))
        })
        .collect();
    let found = registry.iter().filter(|kind| !configured.contains(kind.kind) && is_on(kind, environment, warnings));
    names.extend(found.map(|kind| kind.kind.to_owned()).collect::<Vec<_>>());
    let mut providers = Vec::new();
    for name in names {
        let fields = table.child(&name);
        let kind = reader.text(&fields, "kind").unwrap_or_else(|| name.clone());
        match registry.get(&kind) {
            Ok(registration) => {
                providers.extend(provider(reader, &fields, &name, registration, environment, timeouts, warnings));
            }
            Err(_) => unknown_kind(reader, &fields, table, &name, &kind, registry),
        }
    }
    providers
}

/// Says whether a kind is on without being configured.
fn is_on(kind: &Registration, environment: &Environment, warnings: &mut Vec<String>) -> bool {
    let set = |names: &[&str]| names.iter().any(|name| environment.get(*name).is_some_and(|value| !value.is_empty()));
    let reachable = kind.base_url.is_some() || set(kind.base_env) || kind.always_on;
    let wanted = kind.always_on || set(kind.key_env) || (kind.keyless && set(kind.base_env));
    if wanted && !reachable {
        let (kind, base) = (kind.kind, kind.base_env.join(" or "));
        warnings.push(format!("the key of `{kind}` is set but not where it is; set {base} to turn it on"));
    }
    wanted && reachable
}

fn unknown_kind(reader: &mut Reader<'_>, fields: &Table, table: &Table, name: &str, kind: &str, registry: &Registry) {
    let known: Vec<&str> = registry.iter().flat_map(Registration::names).collect();
    let linked: Vec<&str> = registry.iter().map(|kind| kind.kind).collect();
    let near = nearest(kind, known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let hint = format!("{near}linked kinds: {}", linked.join(", "));
    let problem = if fields.fields.contains_key("kind") {
        reader.problem(fields, "kind", format!("unknown kind of provider `{kind}`"))
    } else {
        reader.problem(table, name, format!("`{name}` is no kind of provider, and the provider has no `kind`"))
    };
    problem.hint = Some(hint);
}

fn provider(
    reader: &mut Reader<'_>,
    fields: &Table,
    name: &str,
    kind: &Registration,
    environment: &Environment,
    above: Timeouts,
    warnings: &mut Vec<String>,
) -> Option<ProviderConfig> {
    let mut known = vec!["kind", "enabled", "api_key", "base_url", "embed_base_url", "headers", "models", "timeouts"];
    known.extend(["think_tags", "fetch_media"]);
    known.extend(kind.options.iter().map(|option| option.name));
    reader.known(fields, &known);
    let enabled = reader.flag(fields, "enabled").unwrap_or(true);
    reader.show(fields, "kind", kind.kind);
    reader.show(fields, "enabled", enabled.to_string());
    let mut settings = ProviderSettings::new(name);
    // A kind's variables belong to its own endpoint: a second provider elsewhere brings its own key.
    let own = name == kind.kind || kind.names().any(|other| other == name) || !fields.fields.contains_key("base_url");
    settings.base_url = reader.text(fields, "base_url").inspect(|url| reader.show(fields, "base_url", url));
    if settings.base_url.is_none() {
        settings.base_url = variable(reader, fields, "base_url", kind.base_env, environment, false, warnings);
    }
    if let (None, Some(url)) = (&settings.base_url, kind.base_url) {
        reader.rows.push(Row::new(fields.key_of("base_url"), url, Source::Default));
    }
    settings.embed_base_url = reader.text(fields, "embed_base_url");
    if let Some(url) = &settings.embed_base_url {
        reader.show(fields, "embed_base_url", url);
    }
    let key = reader.text(fields, "api_key").filter(|key| !key.trim().is_empty());
    settings.api_key = match key {
        Some(key) => {
            reader.show(fields, "api_key", "***");
            Some(Secret::new(key))
        }
        None if own => variable(reader, fields, "api_key", kind.key_env, environment, true, warnings).map(Secret::new),
        None => None,
    };
    if settings.api_key.is_none() && !kind.keyless && enabled {
        let hint = match kind.key_env {
            _ if !own => "set `api_key`: the kind's variables are not sent to another address".to_owned(),
            names => format!("set `api_key`, or the environment variable {}", names.join(" or ")),
        };
        reader.problem(fields, "api_key", format!("the provider `{name}` has no key")).hint = Some(hint);
    }
    settings.headers = headers(reader, &fields.child("headers"));
    settings.models = models(reader, fields);
    settings.think_tags = think_tags(reader, fields).unwrap_or_default();
    settings.fetch_media = reader.flag(fields, "fetch_media");
    if let Some(fetches) = settings.fetch_media {
        reader.show(fields, "fetch_media", fetches.to_string());
    }
    settings.timeouts = loader::timeouts(reader, &fields.child("timeouts"), above, false);
    for option in kind.options {
        let shown = |value: &str| if option.secret { "***".to_owned() } else { value.to_owned() };
        let value =
            option_text(reader, fields, option.name).inspect(|value| reader.show(fields, option.name, shown(value)));
        // A secret of the vendor's own address is not sent to another.
        let variables = if option.secret && !own { &[] } else { option.env };
        let value =
            value.or_else(|| variable(reader, fields, option.name, variables, environment, option.secret, warnings));
        settings.options.extend(value.map(|value| (option.name.to_owned(), value)));
    }
    Some(ProviderConfig { registration: *kind, settings, enabled })
}

/// Reads an option; a table of texts is read as its `name=text` pairs.
fn option_text(reader: &mut Reader<'_>, fields: &Table, name: &str) -> Option<String> {
    if !fields.fields.get(name)?.is_object() {
        return reader.text(fields, name);
    }
    let table = fields.child(name);
    let pairs = table.fields.keys().filter_map(|key| Some(format!("{key}={}", reader.text(&table, key)?)));
    Some(pairs.collect::<Vec<_>>().join(", "))
}

/// Takes the first of a vendor's variables that is set, and warns if others say something else.
fn variable(
    reader: &mut Reader<'_>,
    fields: &Table,
    name: &str,
    variables: &[&str],
    environment: &Environment,
    secret: bool,
    warnings: &mut Vec<String>,
) -> Option<String> {
    let set = |name: &&str| {
        environment.get(*name).filter(|value| !value.trim().is_empty()).map(|value| (name.to_string(), value))
    };
    let mut values = variables.iter().filter_map(set);
    let (first, value) = values.next()?;
    if let Some((other, _)) = values.find(|(_, other)| *other != value) {
        warnings.push(format!("{first} and {other} differ; {first} is taken"));
    }
    let shown = if secret { "***" } else { value };
    reader.rows.push(Row::new(fields.key_of(name), shown, Source::Environment(first)));
    Some(value.clone())
}

fn headers(reader: &mut Reader<'_>, table: &Table) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for name in table.fields.keys() {
        let Some(text) = reader.text(table, name) else { continue };
        match (HeaderName::try_from(name), HeaderValue::try_from(text)) {
            (Ok(header), Ok(mut value)) => {
                // A header of one's own may well be a credential.
                value.set_sensitive(true);
                reader.show(table, name, "***");
                headers.insert(header, value);
            }
            _ => {
                let key = table.key_of(name);
                reader.problem(table, name, format!("`{key}` is not a header"));
            }
        }
    }
    headers
}

fn think_tags(reader: &mut Reader<'_>, fields: &Table) -> Option<ThinkTags> {
    let word = reader.text(fields, "think_tags")?;
    reader.show(fields, "think_tags", &word);
    Some(match word.as_str() {
        "off" | "false" => ThinkTags::Off,
        "opening" => ThinkTags::Opening,
        "closing" | "true" => ThinkTags::Closing,
        _ => {
            let key = fields.key_of("think_tags");
            let problem = reader.problem(fields, "think_tags", format!("`{key}` is `{word}`"));
            problem.hint = Some("use `off`, `opening` or `closing`".to_owned());
            ThinkTags::Off
        }
    })
}

/// Reads models: a list of names, or a table keyed by them with what is known of each.
fn models(reader: &mut Reader<'_>, fields: &Table) -> Vec<ModelSettings> {
    let names: Option<Vec<String>> = match fields.fields.get("models") {
        None => return Vec::new(),
        Some(Value::Array(list)) => list.iter().map(|name| name.as_str().map(str::to_owned)).collect(),
        Some(Value::Object(table)) => Some(table.keys().cloned().collect()),
        Some(Value::String(text)) => Some(text.split(',').map(|name| name.trim().to_owned()).collect()),
        Some(_) => None,
    };
    let Some(names) = names else {
        let key = fields.key_of("models");
        reader.problem(fields, "models", format!("`{key}` is not a list of names"));
        return Vec::new();
    };
    reader.show(fields, "models", names.join(", "));
    let table = fields.child("models");
    names.into_iter().map(|name| model(reader, &table, name)).collect()
}

fn model(reader: &mut Reader<'_>, table: &Table, name: String) -> ModelSettings {
    let fields = table.child(&name);
    let known = [
        "display_name",
        "max_tokens",
        "think_tags",
        "supports_tools",
        "supports_vision",
        "supports_streaming",
        "supports_response_format",
        "base_model",
        "context_window",
    ];
    reader.known(&fields, &[&known[..], profile::TABLES].concat());
    let mut model = ModelSettings::new(name);
    model.display_name = reader.text(&fields, "display_name");
    model.max_tokens = reader.unit(&fields, "max_tokens", units::tokens);
    model.think_tags = think_tags(reader, &fields);
    model.supports_tools = reader.flag(&fields, "supports_tools").unwrap_or(true);
    model.supports_vision = reader.flag(&fields, "supports_vision").unwrap_or(true);
    model.supports_streaming = reader.flag(&fields, "supports_streaming").unwrap_or(true);
    model.supports_response_format = reader.flag(&fields, "supports_response_format").unwrap_or(true);
    model.profile = profile::own(reader, &fields);
    for key in known.iter().filter(|key| **key != "think_tags" && fields.fields.contains_key(**key)) {
        if let Some(text) = reader.text(&fields, key) {
            reader.show(&fields, key, text);
        }
    }
    model
}
