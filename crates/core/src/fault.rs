use std::sync::{Arc, OnceLock};

use crate::{Error, ErrorKind};

/// What was wrong with an answer that was on its way already, shared by all whom it passes.
///
/// Whoever finds it out says so here before letting go of the body: the vendor's own word that it failed,
/// an event that cannot be read. Those who only see the answer end, and would take that for a caller who
/// left, look here first.
///
/// ```
/// use tollbridge_core::{Error, ErrorKind, Fault};
///
/// let fault = Fault::default();
/// let meters = fault.clone();
/// fault.tell(&Error::new(ErrorKind::Decode, "event 2 of the stream is not valid JSON"));
/// assert_eq!(meters.kind(), Some(ErrorKind::Decode));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Fault(Arc<OnceLock<Told>>);

#[derive(Debug)]
struct Told {
    kind: ErrorKind,
    message: String,
    provider: Option<String>,
}

impl Fault {
    /// Says what was wrong. What was said first counts.
    pub fn tell(&self, error: &Error) {
        self.0.get_or_init(|| Told {
            kind: error.kind(),
            message: error.message().to_owned(),
            provider: error.provider().map(str::to_owned),
        });
    }

    /// Returns the kind of what was wrong, if anything was.
    pub fn kind(&self) -> Option<ErrorKind> {
        self.0.get().map(|told| told.kind)
    }

    /// Returns what was wrong, if anything was; without what the vendor sent, which belongs to the caller.
    pub fn error(&self) -> Option<Error> {
        let told = self.0.get()?;
        let error = Error::new(told.kind, &told.message);
        Some(match &told.provider {
            Some(provider) => error.with_provider(provider),
            None => error,
        })
    }
}
