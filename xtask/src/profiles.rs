//! Builds the book of model profiles from the rules and the price book, and tells what changed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use tollbridge_profiles::{Book, RuleFile, bare_name};
use tollbridge_usage::price::PriceBook;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail if the tree would change
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let folder = crate::root().join("crates/profiles");
    let rules = rules(&folder.join("rules"))?;
    let file: RuleFile = serde_json::from_value(rules.clone()).map_err(|error| error.to_string())?;
    // Checked as a user's file is, over nothing.
    if let Err(problems) = Book::default().with("rules", rules) {
        problems.iter().for_each(|problem| println!("{problem}"));
        return Err(format!("{} problems in crates/profiles/rules", problems.len()));
    }
    let undated: Vec<&str> =
        file.rule.iter().filter(|rule| rule.read.is_empty()).map(|rule| rule.about.as_str()).collect();
    if let Some(first) = undated.first() {
        return Err(format!("{} rules do not say when their source was read, such as \"{first}\"", undated.len()));
    }
    let book = serde_json::to_string(&file).map_err(|error| error.to_string())? + "\n";
    let limits = limits();
    println!(
        "{} rules, {} subsets, {} KB; limits of {} models, {} KB",
        file.rule.len(),
        file.subset.len(),
        book.len() / 1024,
        limits.lines().count(),
        limits.len() / 1024
    );
    let mut same = true;
    for (name, text) in [("book.json", book), ("limits.tsv", limits)] {
        let place = folder.join("src").join(name);
        if std::fs::read_to_string(&place).is_ok_and(|old| old == text) {
            continue;
        }
        same = false;
        if options.check {
            println!("{name} would change; run `cargo xtask profiles`");
        } else {
            std::fs::write(&place, text).map_err(|error| format!("{}: {error}", place.display()))?;
            println!("{name} is new");
        }
    }
    if same {
        println!("nothing changed");
    }
    Ok(same || !options.check)
}

/// Reads the files of rules one behind the other, in the order of their names.
fn rules(folder: &Path) -> Result<Value, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut places: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    places.retain(|place| place.extension().is_some_and(|ending| ending == "toml"));
    places.sort();
    let (mut rules, mut subsets) = (Vec::new(), Map::new());
    for place in places {
        let told = |error: String| format!("{}: {error}", place.display());
        let text = std::fs::read_to_string(&place).map_err(|error| told(error.to_string()))?;
        let mut table: Map<String, Value> = toml::from_str(&text).map_err(|error| told(error.to_string()))?;
        if let Some(Value::Array(more)) = table.remove("rule") {
            rules.extend(more);
        }
        if let Some(Value::Object(more)) = table.remove("subset") {
            subsets.extend(more);
        }
        if let Some(key) = table.keys().next() {
            return Err(told(format!("there is no such key: `{key}`")));
        }
    }
    Ok(serde_json::json!({"rule": rules, "subset": subsets}))
}

/// Lists the windows and longest answers of the models that the price book knows, by our names of their providers.
fn limits() -> String {
    let mut exact: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    let mut bare: BTreeMap<(String, String), (u32, u32)> = BTreeMap::new();
    for row in PriceBook::embedded().rows() {
        let known = (row.limits.max_input.unwrap_or(0), row.limits.max_output.unwrap_or(0));
        if known == (0, 0) || !matches!(row.mode.as_str(), "chat" | "responses" | "completion" | "embedding") {
            continue;
        }
        let vendor =
            VENDORS.iter().find(|(theirs, _)| *theirs == row.vendor).map_or(row.vendor.as_str(), |(_, our)| our);
        let name = row.key.rsplit('/').next().unwrap_or(&row.key).to_ascii_lowercase();
        let (short, vendor) = (bare_name(&name), vendor.to_owned());
        // Rows of several regions agree, or the least holds everywhere; so does the least of a model's versions.
        let least = |known: (u32, u32), other: &mut (u32, u32)| {
            let lesser = |one: u32, two: u32| if one == 0 || two == 0 { one.max(two) } else { one.min(two) };
            *other = (lesser(known.0, other.0), lesser(known.1, other.1));
        };
        least(known, bare.entry((vendor.clone(), short)).or_insert(known));
        least(known, exact.entry((vendor, name)).or_insert(known));
    }
    // A version by its date needs a line only if it differs from the model.
    exact.retain(|(vendor, name), known| {
        let short = bare_name(name);
        *name == short || bare.get(&(vendor.clone(), short)) != Some(known)
    });
    bare.extend(exact);
    bare.into_iter()
        .map(|((vendor, name), (context, output))| format!("{vendor}\t{name}\t{context}\t{output}\n"))
        .collect()
}

/// The price book's words for vendors that are called otherwise here.
const VENDORS: &[(&str, &str)] = &[
    ("azure_ai", "azure"),
    ("codestral", "mistral"),
    ("vertex_ai", "vertex"),
    ("together_ai", "together"),
    ("fireworks_ai", "fireworks"),
    ("nvidia_nim", "nvidia"),
    ("bigmodel", "zhipu"),
];
