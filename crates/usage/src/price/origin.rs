use std::fmt;

use super::table::hash;
use super::user_rows::{Problem, rows};
use super::{PriceBook, document};

/// Where a document of a user's own prices comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    /// What errors call it.
    pub(crate) place: String,
    /// What bills call it.
    pub(crate) name: String,
}

impl Origin {
    /// Puts the prices of a document over a book. Its version names the state of the document.
    pub(crate) fn over(&self, base: &PriceBook, text: &str, is_json: bool) -> Result<PriceBook, PriceFileError> {
        let syntax = |(line, text)| self.wrong(Problem { line, field: String::new(), text });
        let document = document::read(text, is_json).map_err(syntax)?;
        let rows = rows(&document).map_err(|problem| self.wrong(problem))?;
        let version = format!("{} {:08x}", self.name, hash(&[text]));
        base.overlaid(&version, &rows).map_err(|error| self.unreadable(&error))
    }

    pub(crate) fn unreadable(&self, problem: &impl fmt::Display) -> PriceFileError {
        self.wrong(Problem { line: 0, field: String::new(), text: problem.to_string() })
    }

    fn wrong(&self, problem: Problem) -> PriceFileError {
        PriceFileError { place: self.place.clone(), problem }
    }
}

/// A document of prices that cannot be used, with the line and the field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceFileError {
    place: String,
    problem: Problem,
}

impl PriceFileError {
    /// Returns the line, from 1; `None` if it could not be read.
    pub fn line(&self) -> Option<usize> {
        Some(self.problem.line).filter(|line| *line > 0)
    }

    /// Returns the field, such as `model[0].input`; empty if it is no TOML or JSON.
    pub fn field(&self) -> &str {
        &self.problem.field
    }
}

impl fmt::Display for PriceFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { line, field, text } = &self.problem;
        f.write_str(&self.place)?;
        if *line > 0 {
            write!(f, ", line {line}")?;
        }
        if field.is_empty() { write!(f, ": {text}") } else { write!(f, ": `{field}` {text}") }
    }
}

impl std::error::Error for PriceFileError {}
