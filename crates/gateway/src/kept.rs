use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tollbridge::core::StateStore;

/// What clients may not send back whole, in this process's memory: bounded in size and age, the oldest goes first.
pub(crate) struct Kept {
    most: usize,
    age: Duration,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    by_id: HashMap<String, (Arc<str>, Instant)>,
    /// The ids in the order in which they came; one that was replaced stands here twice.
    order: VecDeque<(String, Instant)>,
    bytes: usize,
}

impl Kept {
    /// Keeps at most so many bytes for so long; `None` if that is nothing.
    pub(crate) fn new(most: usize, age: Duration) -> Option<Arc<Self>> {
        (most > 0 && !age.is_zero()).then(|| Arc::new(Self { most, age, entries: Mutex::default() }))
    }

    /// Returns the part of one caller, whom no other's ids lead to anything.
    pub(crate) fn of(self: &Arc<Self>, caller: Option<&str>) -> Arc<dyn StateStore> {
        Arc::new(Own { kept: Arc::clone(self), caller: caller.unwrap_or_default().to_owned() })
    }

    fn keep(&self, id: &str, text: String) {
        let size = id.len() + text.len() + OVERHEAD;
        // One answer must not push out those of everybody else.
        if size > self.most / 4 {
            return;
        }
        let now = Instant::now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.order.push_back((id.to_owned(), now));
        entries.bytes += size;
        if let Some((old, _)) = entries.by_id.insert(id.to_owned(), (text.into(), now)) {
            entries.bytes -= id.len() + old.len() + OVERHEAD;
        }
        loop {
            let full = entries.bytes > self.most || entries.order.len() > 2 * entries.by_id.len() + 16;
            let old = |(_, since): &(String, Instant)| full || now.duration_since(*since) >= self.age;
            if entries.order.front().is_none_or(|first| !old(first)) {
                return;
            }
            let Some((id, since)) = entries.order.pop_front() else { return };
            if entries.by_id.get(&id).is_some_and(|(_, at)| *at == since)
                && let Some((text, _)) = entries.by_id.remove(&id)
            {
                entries.bytes -= id.len() + text.len() + OVERHEAD;
            }
        }
    }

    fn find(&self, id: &str) -> Option<Arc<str>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (text, since) = entries.by_id.get(id)?;
        (since.elapsed() < self.age).then(|| Arc::clone(text))
    }
}

/// What an entry takes beside its text, about.
const OVERHEAD: usize = 128;

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("most", &self.most).field("age", &self.age).finish_non_exhaustive()
    }
}

/// The part of one caller.
#[derive(Debug)]
struct Own {
    kept: Arc<Kept>,
    caller: String,
}

impl Own {
    fn id(&self, id: &str) -> String {
        format!("{}\n{id}", self.caller)
    }
}

impl StateStore for Own {
    fn keep(&self, id: &str, text: String) {
        self.kept.keep(&self.id(id), text);
    }

    fn find(&self, id: &str) -> Option<Arc<str>> {
        self.kept.find(&self.id(id))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Kept;

    #[tokio::test(start_paused = true)]
    async fn what_is_kept_is_bounded_in_size_and_age_and_belongs_to_its_caller() {
        let kept = Kept::new(10_000, Duration::from_secs(60)).unwrap();
        let (one, other) = (kept.of(Some("one")), kept.of(Some("other")));
        one.keep("a", "first".to_owned());
        assert_eq!(one.find("a").as_deref(), Some("first"));
        assert_eq!(other.find("a"), None);
        one.keep("a", "second".to_owned());
        assert_eq!(one.find("a").as_deref(), Some("second"));
        one.keep("large", "x".repeat(3_000));
        assert_eq!(one.find("large"), None);
        for number in 0..1_000 {
            one.keep(&number.to_string(), "x".repeat(1_000));
            one.keep("again", number.to_string());
        }
        assert_eq!(one.find("a"), None);
        assert_eq!(one.find("again").as_deref(), Some("999"));
        assert!(one.find("999").is_some() && one.find("990").is_none());
        {
            let entries = kept.entries.lock().unwrap();
            assert!(entries.bytes <= 10_000 && entries.order.len() < 40, "{} {}", entries.bytes, entries.order.len());
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(one.find("999"), None);
        assert!(Kept::new(0, Duration::from_secs(1)).is_none());
    }
}
