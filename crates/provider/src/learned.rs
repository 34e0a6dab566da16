use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tollbridge_protocol::Remedy;

/// What refusals taught of models, for a while.
#[derive(Debug, Default)]
pub(crate) struct Learned(Mutex<HashMap<String, Vec<Lesson>>>);

#[derive(Debug)]
struct Lesson {
    remedy: Remedy,
    until: Instant,
}

/// How long what worked is done again unasked: a vendor mends its models too.
const KEPT: Duration = Duration::from_secs(3600);

/// The most models, and the most lessons of one, that are kept: names of both come from callers.
const MOST: usize = 512;
const MOST_EACH: usize = 16;

/// The longest name of a model that anything is kept for, in bytes.
const LONGEST: usize = 256;

impl Learned {
    /// Returns what is known of a model.
    pub(crate) fn of(&self, model: &str) -> Vec<Remedy> {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lessons) = models.get_mut(model) else { return Vec::new() };
        let now = Instant::now();
        lessons.retain(|lesson| lesson.until > now);
        lessons.iter().map(|lesson| lesson.remedy.clone()).collect()
    }

    /// Keeps what worked.
    pub(crate) fn keep(&self, model: &str, remedy: Remedy) {
        if model.len() > LONGEST {
            return;
        }
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if models.len() >= MOST && !models.contains_key(model) {
            models.clear();
        }
        let lessons = models.entry(model.to_owned()).or_default();
        lessons.retain(|lesson| !lesson.remedy.is_about(&remedy));
        if lessons.len() >= MOST_EACH {
            lessons.remove(0);
        }
        lessons.push(Lesson { remedy, until: Instant::now() + KEPT });
    }

    /// Forgets what did harm.
    pub(crate) fn forget(&self, model: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(model);
    }
}
