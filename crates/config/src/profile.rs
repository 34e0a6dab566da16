//! What a user says of a model, over what is built in.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tollbridge_core::Registry;
use tollbridge_profiles::{Book, Override};

use crate::config::{ProviderConfig, Source};
use crate::problem::Problem;
use crate::reader::{Reader, Table};
use crate::units;

/// The tables of a profile.
pub(crate) const TABLES: &[&str] = &[
    "limits",
    "sampling",
    "thinking",
    "roles",
    "tools",
    "operations",
    "fields",
    "schema",
    "answers",
    "ids",
    "history",
    "media",
];

/// Reads the keys of a profile that stand in the table of a model.
pub(crate) fn own(reader: &mut Reader<'_>, fields: &Table) -> Override {
    let mut own = Override::new(format!("{}, {}", reader.source(&fields.path), fields.path.join(".")));
    own.base_model = reader.text(fields, "base_model");
    for table in TABLES {
        let inner = fields.child(table);
        for (key, value) in &inner.fields {
            own.set(table, key, value.clone());
            reader.show(&inner, key, shown(value));
        }
    }
    let own_window = fields.child("limits").fields.get("context").and_then(Value::as_u64);
    if let Some(tokens) = reader.unit(fields, "context_window", units::tokens) {
        if let Some(other) = own_window.filter(|other| *other != tokens) {
            let message = format!("`context_window` says {tokens}, and `limits.context` says {other}");
            reader.problem(fields, "context_window", message).hint = Some("leave one of them out".to_owned());
        }
        own.set("limits", "context", tokens);
    }
    own
}

/// Reads the user's own rules over those that are built in.
pub(crate) fn book(reader: &mut Reader<'_>, root: &Table, registry: &Registry) -> Arc<Book> {
    let built_in = Book::embedded();
    let Some(path) = reader.text(root, "profiles") else { return built_in };
    reader.show(root, "profiles", &path);
    let text = match std::fs::read_to_string(Path::new(&path)) {
        Ok(text) => text,
        Err(error) => {
            reader.problem(root, "profiles", format!("`profiles` names `{path}`, which cannot be read: {error}"));
            return built_in;
        }
    };
    let file = |line| Source::File { path: path.clone(), line };
    let rules: Value = match toml::from_str(&text) {
        Ok(rules) => rules,
        Err(error) => {
            let line = error.span().map(|span| text.get(..span.start).unwrap_or_default().matches('\n').count() + 1);
            reader.problems.push(Problem::new(file(line), "", format!("is not valid TOML: {}", error.message())));
            return built_in;
        }
    };
    match built_in.with(&path, rules) {
        Ok(book) => {
            reader.problems.extend(unknown_vendors(&book, &path, &text, registry));
            Arc::new(book)
        }
        Err(problems) => {
            let told = problems.iter().map(|problem| {
                let line = line_of_rule(&text, problem.rule);
                let key = if problem.key.is_empty() { String::new() } else { format!("`{}`: ", problem.key) };
                let hint = "docs/profiles.md has the keys of a rule".to_owned();
                Problem::new(file(line), problem.key.clone(), format!("{key}{}", problem.message)).hint(hint)
            });
            reader.problems.extend(told);
            built_in
        }
    }
}

/// Finds the vendors of a user's rules that are no kind of provider.
fn unknown_vendors(book: &Book, path: &str, text: &str, registry: &Registry) -> Vec<Problem> {
    let rules = book.files().filter(|(origin, _)| *origin == path).flat_map(|(_, file)| (1..).zip(&file.rule));
    let named = rules.flat_map(|(number, rule)| rule.vendors.iter().map(move |vendor| (number, vendor)));
    let unknown = named.filter(|(_, vendor)| registry.iter().all(|known| known.kind != vendor.as_str()));
    let told = unknown.map(|(number, vendor)| {
        let source = Source::File { path: path.to_owned(), line: line_of_rule(text, number) };
        let kinds: Vec<_> = registry.iter().map(|known| known.kind).collect();
        Problem::new(source, "vendors", format!("`vendors`: there is no kind of provider `{vendor}`"))
            .hint(format!("there are {}", kinds.join(", ")))
    });
    told.collect()
}

/// Checks what the configuration says of models, alone and against the user's own rules.
pub(crate) fn check(reader: &mut Reader<'_>, providers: &[ProviderConfig], book: &Book) {
    for provider in providers {
        let kind = provider.registration.kind;
        for model in &provider.settings.models {
            for problem in book.check(kind, &model.name, &model.own_profile()) {
                let name = &provider.settings.name;
                let table = Table::new(&["providers", name.as_str(), "models", model.name.as_str()], None);
                let (inner, key) = problem.key.split_once('.').unwrap_or((problem.key.as_str(), ""));
                let table = if key.is_empty() { table } else { table.child(inner) };
                let key = if key.is_empty() { inner } else { key };
                reader.problem(
                    &table,
                    key,
                    format!("`{}` of the model `{}`: {}", problem.key, model.name, problem.message),
                );
            }
        }
    }
}

/// Returns the line on which a rule begins.
fn line_of_rule(text: &str, rule: usize) -> Option<usize> {
    let starts = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("[[rule]]"));
    rule.checked_sub(1).and_then(|place| starts.map(|(line, _)| line + 1).nth(place))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
