//! Builds the price book from public sources.

mod calendar;
mod litellm;
mod overrides;
mod rules;

use std::path::PathBuf;

use overrides::Overrides;
use tollbridge_usage::price::write;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Read litellm's model map from this file or address instead of the newest package
    #[arg(long, value_name = "FILE|URL")]
    litellm: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<bool, String> {
    let folder = crate::root().join("xtask/src/pricing");
    let overrides = Overrides::read(&folder.join("overrides.toml"))?;
    let map = std::fs::read_to_string(options.litellm.as_ref().ok_or("no map")?).map_err(|e| e.to_string())?;
    let mut rows = litellm::rows(&map, "litellm 1.109.1")?;
    for rule in &overrides.rule {
        rules::apply(rule, &mut rows)?;
    }
    rows.extend(overrides.rows()?);
    let bytes = write("litellm 1.109.1", &rows).map_err(|error| error.to_string())?;
    std::fs::write(crate::root().join("crates/usage/src/price/book.bin"), &bytes).map_err(|e| e.to_string())?;
    println!("{} rows, {} bytes", rows.len(), bytes.len());
    Ok(true)
}
