//! Makes the tables of `crates/tokens`: OpenAI's vocabularies as their merges, and what is known of characters.

mod classes;
mod common;
mod merges;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask vocabulary
  cargo xtask vocabulary --check

The vocabularies are read from the registry package tiktoken-rs, the classes from regex-syntax; both are in Cargo.lock.")]
pub(crate) struct Options {
    /// Only tell whether the tables are what their sources make
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let root = crate::root();
    let assets = package(&root, "tiktoken-rs")?.join("assets");
    let mut tables = vec![("classes.bin".to_owned(), classes::table()?)];
    let mut texts = Vec::new();
    for name in ["cl100k", "o200k"] {
        let path = assets.join(format!("{name}_base.tiktoken"));
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        tables.push((format!("{name}.merges"), merges::table(&text)?));
        texts.push(text);
    }
    tables.push(("common.bin".to_owned(), common::table(&texts)?));
    let folder = root.join("crates/tokens/vocabularies");
    let mut fresh = true;
    for (name, table) in tables {
        let path = folder.join(&name);
        if std::fs::read(&path).is_ok_and(|old| old == table) {
            println!("{name}: {} bytes, as its source makes it", table.len());
        } else if options.check {
            println!("{name}: differs; run `cargo xtask vocabulary`");
            fresh = false;
        } else {
            std::fs::write(&path, &table).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{name}: {} bytes written", table.len());
        }
    }
    Ok(fresh)
}

/// Finds the folder of a package that the workspace depends on.
fn package(root: &Path, name: &str) -> Result<PathBuf, String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["metadata", "--format-version", "1"])
        .output()
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest =
        packages.filter(|package| package["name"] == name).find_map(|package| package["manifest_path"].as_str());
    manifest
        .and_then(|manifest| Path::new(manifest).parent())
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("the workspace does not depend on {name}"))
}
