use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Instant, SystemTime};

use super::table::hash;
use super::user_rows::{Problem, rows};
use super::{PriceBook, document};

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

fn read(base: &PriceBook, path: &Path) -> Result<PriceBook, PriceFileError> {
    let wrong = |problem| PriceFileError { path: path.to_owned(), problem };
    let unreadable = |text| wrong(Problem { line: 0, field: String::new(), text });
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let syntax = |(line, text)| wrong(Problem { line, field: String::new(), text });
    let document = document::read(path, &text).map_err(syntax)?;
    let rows = rows(&document).map_err(wrong)?;
    base.overlaid(&version(path, &text), &rows).map_err(|error| unreadable(error.to_string()))
}

/// Names a state of a file, so that a bill tells by which it was made.
fn version(path: &Path, text: &str) -> String {
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    format!("price file {name} {:08x}", hash(&[text]))
}

fn stamp(path: &Path) -> Stamp {
    let metadata = path.metadata().ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// A price file that cannot be used, with the line and the field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFileError {
    path: PathBuf,
    problem: Problem,
}

impl PriceFileError {
    /// Returns the line, from 1; `None` if the file could not be read.
    pub fn line(&self) -> Option<usize> {
        Some(self.problem.line).filter(|line| *line > 0)
    }

    /// Returns the field, such as `model[0].input`; empty if the file is no TOML or JSON.
    pub fn field(&self) -> &str {
        &self.problem.field
    }
}

impl fmt::Display for PriceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { line, field, text } = &self.problem;
        write!(f, "price file {}", self.path.display())?;
        if *line > 0 {
            write!(f, ", line {line}")?;
        }
        if field.is_empty() { write!(f, ": {text}") } else { write!(f, ": `{field}` {text}") }
    }
}

impl std::error::Error for PriceFileError {}
