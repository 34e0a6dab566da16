//! What callers have been told of losses, so that a session's header can tell only what is new.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;
use tollbridge::{Error, Loss};

/// Which losses the header of a response tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Losses {
    /// All of the call.
    #[default]
    All,
    /// Those that the session has not been told before.
    New,
}

impl Losses {
    /// Reads which losses a call wants to be told.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Self>, Error> {
        match headers.get(&LOSSES).map(HeaderValue::as_bytes) {
            None => Ok(None),
            Some(b"all") => Ok(Some(Self::All)),
            Some(b"new") => Ok(Some(Self::New)),
            Some(_) => Err(Error::invalid(LOSSES.as_str(), format!("the header `{LOSSES}` is neither all nor new"))
                .with_hint("send `all`, `new`, or no such header")),
        }
    }
}

const LOSSES: HeaderName = HeaderName::from_static("x-tollbridge-losses");

/// How coding agents and other clients name their sessions, the most particular first.
const SESSIONS: &[&str] = &[
    "x-tollbridge-session",
    "x-claude-code-session-id",
    "session-id",
    "session_id",
    "x-session-id",
    "x-session-affinity",
];

/// How much of the body of a call names its session where no header does.
///
/// A conversation begins with the same bytes on each call. A shorter body grows with the next, and is told all.
const PREFIX: usize = 1024;

/// Returns what names the session of a call among those of its caller.
pub(crate) fn session(headers: &HeaderMap, body: &[u8]) -> Vec<u8> {
    let named = SESSIONS.iter().find_map(|name| headers.get(*name)).filter(|value| !value.is_empty());
    let name = named.map_or_else(|| body.get(..PREFIX).unwrap_or(body), HeaderValue::as_bytes);
    name.to_vec()
}

/// The losses that sessions have been told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    hasher: RandomState,
    sessions: Mutex<HashMap<u64, Session>>,
}

#[derive(Debug)]
struct Session {
    losses: HashSet<u64>,
    last: Instant,
}

impl Told {
    /// Keeps of the losses of a call those that its session has not been told, and notes them as told.
    pub(crate) fn keep_new(&self, key: Option<&str>, session: &[u8], losses: &mut Vec<Loss>, now: Instant) {
        if losses.is_empty() {
            return;
        }
        let name = self.hasher.hash_one((key, session));
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if !sessions.contains_key(&name) && sessions.len() >= MOST_SESSIONS {
            sessions.retain(|_, session| now.duration_since(session.last) < AGE);
            let oldest = sessions.iter().min_by_key(|(_, session)| session.last).map(|(name, _)| *name);
            oldest.filter(|_| sessions.len() >= MOST_SESSIONS).and_then(|oldest| sessions.remove(&oldest));
        }
        let session = sessions.entry(name).or_insert_with(|| Session { losses: HashSet::new(), last: now });
        if now.duration_since(session.last) >= AGE {
            session.losses.clear();
        }
        session.last = now;
        losses.retain(|loss| {
            let loss = self.hasher.hash_one((loss.kind.as_str(), &loss.path, &loss.reason));
            // What there is no room for is told again.
            !session.losses.contains(&loss) && (session.losses.len() >= MOST_LOSSES || session.losses.insert(loss))
        });
    }
}

/// How long a session is remembered after its last call.
const AGE: Duration = Duration::from_secs(3600);
/// How many sessions are remembered, and how many losses of each: 16 bytes or so for each loss.
const MOST_SESSIONS: usize = 1024;
const MOST_LOSSES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(state: &Told, session: &str, paths: &[&str], now: Instant) -> Vec<String> {
        let mut losses: Vec<_> = paths.iter().map(|path| Loss::dropped(*path, "why")).collect();
        state.keep_new(Some("key"), session.as_bytes(), &mut losses, now);
        losses.into_iter().map(|loss| loss.path).collect()
    }

    #[test]
    fn a_session_that_was_quiet_for_an_hour_is_told_all_again() {
        let state = Told::default();
        let began = Instant::now();
        let soon = began + AGE - Duration::from_secs(1);
        assert_eq!(told(&state, "a", &["x", "y"], began), ["x", "y"]);
        assert_eq!(told(&state, "a", &["x", "z"], soon), ["z"]);
        assert_eq!(told(&state, "a", &["x", "z"], soon + AGE), ["x", "z"]);
    }

    #[test]
    fn memory_is_bounded_and_what_it_has_no_room_for_is_told_again() {
        let (state, mut now) = (Told::default(), Instant::now());
        let paths: Vec<_> = (0..MOST_LOSSES + 5).map(|number| format!("field_{number}")).collect();
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        assert_eq!(told(&state, "first", &paths, now).len(), paths.len());
        assert_eq!(told(&state, "first", &paths, now).len(), 5);
        for number in 0..3 * MOST_SESSIONS {
            now += Duration::from_millis(1);
            told(&state, &format!("session {number}"), &["x"], now);
        }
        assert_eq!(state.sessions.lock().unwrap_or_else(PoisonError::into_inner).len(), MOST_SESSIONS);
        assert_eq!(told(&state, "first", &["field_0"], now), ["field_0"], "the oldest gave way");
        let newest = format!("session {}", 3 * MOST_SESSIONS - 1);
        assert!(told(&state, &newest, &["x"], now).is_empty());
    }
}
