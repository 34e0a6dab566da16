//! Makes the prices of a configuration.

use std::path::Path;
use std::sync::Arc;

use tollbridge_config::{Config, PriceSource, UsageConfig};
use tollbridge_core::{Error, ErrorKind, bare_url};
use tollbridge_usage::price::{PriceBook, PriceFeed, PriceFile, Prices};

/// Returns the prices that a configuration names, over those that are built in, as they are now.
///
/// Of prices at an address these are the last good ones that a gateway, or a program with [`metering`](crate::metering()),
/// has fetched; nothing is fetched here.
///
/// ```
/// # fn main() -> Result<(), tollbridge::Error> {
/// # let config = tollbridge::config::Loader::new(&tollbridge::Registry::linked()?).load().unwrap();
/// let book = tollbridge::prices(&config)?;
/// assert_eq!(book.key("openai", "gpt-4o"), Some("gpt-4o"));
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] for a price file that cannot be, and for an address of which nothing was fetched yet.
pub fn prices(config: &Config) -> Result<Arc<PriceBook>, Error> {
    match &config.usage.prices {
        None => Ok(Arc::new(PriceBook::embedded().clone())),
        Some(PriceSource::File(path)) => Ok(file(path)?.book()),
        Some(PriceSource::Address(url)) => {
            let feed = feed(url, &config.usage);
            feed.is_filled().then(|| feed.book()).ok_or_else(|| {
                let message = format!("`usage.prices`: nothing was fetched of {} yet", bare_url(url));
                Error::new(ErrorKind::Config, message)
                    .with_path("usage.prices")
                    .with_hint("start the gateway once, or name a file of prices")
            })
        }
    }
}

/// Begins to follow the prices that a configuration names.
pub(crate) fn follow(usage: &UsageConfig) -> Result<Arc<dyn Prices>, Error> {
    match &usage.prices {
        None => {
            let book = Arc::new(PriceBook::embedded().clone());
            Ok(Arc::new(move || Arc::clone(&book)))
        }
        Some(PriceSource::File(path)) => Ok(Arc::new(file(path)?)),
        #[cfg(feature = "http")]
        Some(PriceSource::Address(url)) => {
            Ok(Arc::new(crate::price_feed::Followed::start(feed(url, usage), usage.prices_refresh)?))
        }
        #[cfg(not(feature = "http"))]
        Some(PriceSource::Address(_)) => {
            Err(Error::new(ErrorKind::Config, "`usage.prices` is an address, and nothing fetches")
                .with_path("usage.prices")
                .with_hint("turn on the Cargo feature `http` of `tollbridge`, or name a file of prices"))
        }
    }
}

fn file(path: &Path) -> Result<PriceFile, Error> {
    PriceFile::open(PriceBook::embedded().clone(), path)
        .map_err(|error| Error::new(ErrorKind::Config, format!("`usage.prices`: {error}")).with_path("usage.prices"))
}

fn feed(url: &str, usage: &UsageConfig) -> PriceFeed {
    PriceFeed::open(PriceBook::embedded().clone(), url, &usage.dir)
}
