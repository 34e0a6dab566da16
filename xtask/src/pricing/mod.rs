//! Builds the price book from public sources, and tells what changed.

mod diff;
mod genai;
mod litellm;
mod merge;
mod overrides;
mod rules;
mod sources;

use std::path::{Path, PathBuf};

use merge::Disagreement;
use overrides::Overrides;
use sources::Source;
use tollbridge_usage::price::{PriceBook, Row, write};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Read litellm's model map from this file or address, such as a newer one, instead of its package
    #[arg(long, value_name = "FILE|URL")]
    litellm: Option<String>,
    /// Fail if the tree would change; the versions of the sources are those of the book that is there
    #[arg(long, conflicts_with = "litellm")]
    check: bool,
    /// List each disagreement between the sources
    #[arg(long)]
    disagreements: bool,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let place = book();
    let old = std::fs::read(&place).unwrap_or_default();
    let before = PriceBook::from_bytes(old.clone());
    let pinned = before.as_ref().filter(|_| options.check).map(PriceBook::version).unwrap_or_default();
    let (map, package) = fetch(options, pinned)?;
    let overrides = Overrides::read(&crate::root().join("xtask/src/pricing/overrides.toml"))?;
    let (rows, disagreements) = build(&map, &package, &overrides)?;
    let new = write(&format!("{}, {}", map.name, package.name), &rows).map_err(|error| error.to_string())?;
    let report = report(&disagreements);
    if options.disagreements {
        print!("{report}");
    }
    let open = disagreements.iter().filter(|disagreement| disagreement.settled.is_none()).count();
    println!(
        "{} rows, {} KB; {} disagreements, {open} not reviewed",
        rows.len(),
        new.len() / 1024,
        disagreements.len()
    );
    if open > 0 {
        disagreements
            .iter()
            .filter(|disagreement| disagreement.settled.is_none())
            .for_each(|open| println!("  {open}"));
        return Err(format!(
            "{open} conflicts have no review; add to xtask/src/pricing/overrides.toml who is right, and why"
        ));
    }
    let listed = listing();
    if new == old && std::fs::read_to_string(&listed).is_ok_and(|text| text == report) {
        println!("nothing changed");
        return Ok(true);
    }
    let before: Vec<Row> = before.as_ref().map(|book| book.rows().collect()).unwrap_or_default();
    print!("{}", diff::changes(&before, &rows));
    if options.check {
        println!("the price book would change; run `cargo xtask pricing`");
        return Ok(false);
    }
    put(&place, &new)?;
    put(&listed, report.as_bytes())?;
    Ok(true)
}

fn fetch(options: &Options, pinned: &str) -> Result<(Source, Source), String> {
    let version = |name: &str| {
        let versions = pinned.split(", ").filter_map(|source| source.split_once(' '));
        versions.into_iter().find(|(source, _)| *source == name).map(|(_, version)| version)
    };
    let mut map = match &options.litellm {
        Some(place) => sources::file("litellm", place)?,
        None => sources::package("litellm", version("litellm"))?,
    };
    if options.litellm.is_none() {
        map.path = map.path.join("litellm/model_prices_and_context_window_backup.json");
    }
    Ok((map, sources::package("genai-prices", version("genai-prices"))?))
}

fn build(map: &Source, package: &Source, overrides: &Overrides) -> Result<(Vec<Row>, Vec<Disagreement>), String> {
    let json = std::fs::read_to_string(&map.path).map_err(|error| format!("{}: {error}", map.path.display()))?;
    let mut rows = litellm::rows(&json, &map.name)?;
    for rule in &overrides.rule {
        rules::apply(rule, &mut rows)?;
    }
    let (opinions, own) = genai::ask(&package.path, &rows, &package.name)?;
    let disagreements = merge::merge(&mut rows, &opinions, overrides)?;
    merge::add(&mut rows, own);
    rows.extend(overrides.rows()?);
    Ok((rows, disagreements))
}

fn report(disagreements: &[Disagreement]) -> String {
    let mut lines: Vec<String> = disagreements.iter().map(Disagreement::to_string).collect();
    lines.sort();
    let mut report =
        "# Where the sources of prices differ, and who was found right. Made by `cargo xtask pricing`.\n".to_owned();
    report.extend(lines.into_iter().map(|line| line + "\n"));
    report
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

fn book() -> PathBuf {
    crate::root().join("crates/usage/src/price/book.bin")
}

fn listing() -> PathBuf {
    crate::root().join("xtask/src/pricing/disagreements.txt")
}
