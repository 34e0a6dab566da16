use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use tollbridge_core::{Error, ErrorKind, Secret, bare_url};

use super::kept::Kept;
use super::origin::Origin;
use super::{Fetch, PriceBook, Prices};
use crate::record::fingerprint;

/// A user's own prices at an address, over a book, fetched again and again.
///
/// The document is that of a [`PriceFile`](super::PriceFile), TOML or JSON. The last good one is kept in a directory,
/// and holds from the start and for as long as the address gives none that is better.
pub struct PriceFeed {
    url: String,
    origin: Origin,
    base: PriceBook,
    directory: PathBuf,
    state: RwLock<State>,
}

struct State {
    book: Arc<PriceBook>,
    kept: Option<Kept>,
    warning: Option<String>,
}

impl PriceFeed {
    /// Begins with what was kept of this address in `directory`, or else with the book alone. Nothing is fetched yet.
    pub fn open(base: PriceBook, url: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        let (url, directory) = (url.into(), directory.into());
        let place = format!("prices of {}", bare_url(&url));
        let origin = Origin { name: place.clone(), place };
        let kept = Kept::read(&directory, &source(&url));
        let read = kept.and_then(|kept| match origin.over(&base, &kept.text, is_json(&kept.text)) {
            Ok(book) => Some((book, kept)),
            Err(error) => {
                tracing::warn!("what was kept in {} is of no use: {error}", directory.display());
                None
            }
        });
        let (book, kept) = read.map_or_else(|| (base.clone(), None), |(book, kept)| (book, Some(kept)));
        let state = RwLock::new(State { book: Arc::new(book), kept, warning: None });
        Self { url, origin, base, directory, state }
    }

    /// Tells whether there ever was a good document, fetched or kept; if not, the prices are those of the book alone.
    pub fn is_filled(&self) -> bool {
        self.read_state().kept.is_some()
    }

    /// Asks for the prices once, and tells whether they changed.
    ///
    /// The log is told once of each change, and of each way in which it fails.
    ///
    /// # Errors
    /// When the prices cannot be had, or are wrong; the last good ones stay.
    pub async fn refresh(&self, fetch: &dyn Fetch) -> Result<bool, Error> {
        let outcome = self.ask(fetch).await;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(new) => {
                let old = |kept: &Kept| state.kept.as_ref().is_some_and(|old| old.text == kept.text);
                let changed = new.as_ref().is_some_and(|(_, kept)| !old(kept));
                if let Some((book, kept)) = new {
                    (state.book, state.kept) = (Arc::new(book), Some(kept));
                }
                if changed {
                    tracing::info!("the {} have changed", self.origin.place);
                } else if state.warning.is_some() {
                    tracing::info!("the {} are there again", self.origin.place);
                }
                state.warning = None;
                Ok(changed)
            }
            Err(error) => {
                let warning = Some(error.to_string());
                if state.warning != warning {
                    tracing::warn!("the prices stay as they were: {error}");
                    state.warning = warning;
                }
                Err(error)
            }
        }
    }

    /// Asks again `every` so often, and at least once a minute while that fails. Dropped, it stops at once.
    pub async fn run(&self, fetch: &dyn Fetch, every: Duration) {
        loop {
            let fails = self.read_state().warning.is_some();
            tokio::time::sleep(if fails { every.min(AGAIN) } else { every }).await;
            // The log knows why it failed.
            let _ = self.refresh(fetch).await;
        }
    }

    /// Fetches the document; `None` if it is the one that is there.
    async fn ask(&self, fetch: &dyn Fetch) -> Result<Option<(PriceBook, Kept)>, Error> {
        let known = self.read_state().kept.clone();
        let conditions = known.as_ref().map(Kept::conditions).unwrap_or_default();
        let answer = fetch.fetch(&self.url, &conditions, LARGEST).await;
        let answer = answer.map_err(|error| self.wrong(error.kind(), error.message()))?;
        match answer.status {
            200 => {}
            304 if !conditions.is_empty() => return Ok(None),
            300..=399 => {
                let text = format!("answered {}, and no redirect is followed", answer.status);
                return Err(self.wrong(ErrorKind::Config, &text).with_hint("name the address that it leads to"));
            }
            status => return Err(self.wrong(ErrorKind::Network, &format!("answered {status}"))),
        }
        let text = String::from_utf8(answer.body).map_err(|_| self.wrong(ErrorKind::Decode, "not UTF-8"))?;
        let (etag, last_modified) = (answer.etag, answer.last_modified);
        let kept = Kept { source: source(&self.url), etag, last_modified, text };
        if known.is_some_and(|known| known == kept) {
            return Ok(None);
        }
        let book = self.origin.over(&self.base, &kept.text, is_json(&kept.text));
        let book = book.map_err(|error| Error::new(ErrorKind::Decode, error.to_string()))?;
        if let Err(error) = kept.write(&self.directory) {
            tracing::warn!("the {} cannot be kept in {}: {error}", self.origin.place, self.directory.display());
        }
        Ok(Some((book, kept)))
    }

    fn wrong(&self, kind: ErrorKind, text: &str) -> Error {
        Error::new(kind, format!("{}: {text}", self.origin.place))
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prices for PriceFeed {
    fn book(&self) -> Arc<PriceBook> {
        Arc::clone(&self.read_state().book)
    }

    fn warning(&self) -> Option<String> {
        self.read_state().warning.clone()
    }
}

impl fmt::Debug for PriceFeed {
    // An address may be a secret of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceFeed").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn source(url: &str) -> String {
    fingerprint(&Secret::new(url))
}

/// Tells JSON from TOML, which never begins so.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

/// The most bytes of a document.
const LARGEST: usize = 8 << 20;
/// The longest wait after a failure.
const AGAIN: Duration = Duration::from_secs(60);
