use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollbridge::config::{Config, Loader};
use tollbridge::usage::price::{PriceBook, PriceFile};
use tollbridge::{Client, Registry};

use crate::arguments::Sources;
use crate::failure::Failure;
use crate::observe::Log;

/// Resolves the configuration, and tells what is surely not meant.
pub(crate) fn config(sources: &Sources, registry: &Registry) -> Result<Config, Failure> {
    let mut loader = Loader::new(registry).process_env().arguments(sources.set.iter().cloned());
    if let Some(file) = &sources.config {
        loader = loader.file(file);
    }
    let config = loader.load().map_err(|problems| {
        let count = problems.iter().count();
        let title = if count == 1 { "the configuration has a problem" } else { "the configuration has problems" };
        Failure::usage(format!("{title}\n{problems}"))
    })?;
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    Ok(config)
}

/// Makes a client of the configuration.
pub(crate) fn client(sources: &Sources) -> Result<(Client, Config), Failure> {
    let registry = Registry::linked()?;
    let config = config(sources, &registry)?;
    let metering = tollbridge::metering(&config)?;
    let mut builder = Client::builder_with(registry).config(&config).observer(Arc::new(Log));
    if let Some(metering) = metering {
        builder = builder.metering(metering);
    }
    Ok((builder.build()?, config))
}

/// Finds the data directory; one that is named needs no configuration.
pub(crate) fn directory(sources: &Sources, named: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    match named {
        Some(dir) => Ok(dir.clone()),
        None => Ok(config(sources, &Registry::linked()?)?.usage.dir),
    }
}

/// Returns the prices of a file, else those that are configured, over those that are built in.
pub(crate) fn prices(sources: &Sources, file: Option<&Path>) -> Result<Arc<PriceBook>, Failure> {
    match file {
        Some(path) => match PriceFile::open(PriceBook::embedded().clone(), path) {
            Ok(file) => Ok(file.book()),
            Err(error) => Err(Failure::usage(error.to_string())),
        },
        None => Ok(tollbridge::prices(&config(sources, &Registry::linked()?)?)?),
    }
}

/// Opens a file, or standard input where `-` stands for it.
pub(crate) fn input(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

/// Reads standard input to its end.
pub(crate) fn stdin() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_to_string(&mut text)
        .map_err(|error| Failure::usage(format!("standard input is not readable text: {error}")))?;
    Ok(text)
}
