use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use super::origin::Origin;
use super::{PriceBook, PriceFileError, Prices};

/// A user's own price file over a book, read again when it changes.
///
/// ```
/// use tollbridge_usage::price::{PriceBook, PriceFile};
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("prices.toml");
/// std::fs::write(&path, "[[model]]\nprovider = 'openai'\nname = 'gpt-4o'\ninput = '1'\noutput = '2'").unwrap();
/// let file = PriceFile::open(PriceBook::embedded().clone(), &path).unwrap();
/// assert_eq!(file.book().key("openai", "gpt-4o"), Some("openai/gpt-4o"));
/// ```
#[derive(Debug)]
pub struct PriceFile {
    path: PathBuf,
    base: PriceBook,
    opened: Instant,
    /// When the file was last looked at, in milliseconds after it was opened.
    looked: AtomicU64,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    book: Arc<PriceBook>,
    stamp: Stamp,
    warning: Option<PriceFileError>,
}

/// What tells one state of a file from another.
type Stamp = Option<(SystemTime, u64)>;

impl PriceFile {
    /// Reads a file, JSON if it is named so, or TOML.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, and the first wrong field with its line.
    pub fn open(base: PriceBook, path: impl Into<PathBuf>) -> Result<Self, PriceFileError> {
        let path = path.into();
        let stamp = stamp(&path);
        let book = Arc::new(read(&base, &path)?);
        let state = RwLock::new(State { book, stamp, warning: None });
        Ok(Self { path, base, opened: Instant::now(), looked: AtomicU64::new(0), state })
    }

    /// Returns the book with the file's prices before it, looking at the file once a second at most.
    pub fn book(&self) -> Arc<PriceBook> {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Relaxed);
        let is_time = now.saturating_sub(looked) >= 1_000;
        // Of many calls at once, one looks; the others go on with the book that is there.
        if is_time && self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            // Each state of the file is told once.
            match self.refresh() {
                Ok(true) => tracing::info!(file = %self.path.display(), "the prices have changed"),
                Ok(false) => {}
                Err(error) => tracing::warn!("the prices stay as they were: {error}"),
            }
        }
        Arc::clone(&self.read_state().book)
    }

    /// Reads the file again if it changed, and tells whether it did.
    ///
    /// # Errors
    ///
    /// What is wrong with the new file; the last good prices stay.
    pub fn refresh(&self) -> Result<bool, PriceFileError> {
        let stamp = stamp(&self.path);
        if self.read_state().stamp == stamp {
            return Ok(false);
        }
        let outcome = read(&self.base, &self.path);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.stamp = stamp;
        match outcome {
            Ok(book) => {
                (state.book, state.warning) = (Arc::new(book), None);
                Ok(true)
            }
            Err(error) => {
                state.warning = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Returns what is wrong with the file as it is now; the prices are those of the last good one.
    pub fn warning(&self) -> Option<PriceFileError> {
        self.read_state().warning.clone()
    }

    fn read_state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Prices for PriceFile {
    fn book(&self) -> Arc<PriceBook> {
        self.book()
    }

    fn warning(&self) -> Option<String> {
        self.warning().map(|error| error.to_string())
    }
}

fn read(base: &PriceBook, path: &Path) -> Result<PriceBook, PriceFileError> {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let origin = Origin { place: format!("price file {}", path.display()), name: format!("price file {name}") };
    let is_json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let text = std::fs::read_to_string(path).map_err(|error| origin.unreadable(&error))?;
    origin.over(base, &text, is_json)
}

fn stamp(path: &Path) -> Stamp {
    let metadata = path.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
