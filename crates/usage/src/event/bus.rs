use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use uuid::Uuid;

use super::subscription::{Closer, Item};
use super::{Event, Payload, Subscription, Trace};
use crate::budget::recent::Recent;
use crate::budget::{Clock, SystemClock};

/// Numbers events and gives them to whoever listens. Clones share it.
///
/// Publishing never waits and never fails. A listener that is too slow misses events, and is told how many. While
/// nobody listens no event is made.
///
/// ```
/// use tollbridge_usage::event::{EventBus, Payload, Started, Trace};
///
/// let bus = EventBus::new();
/// let mut listener = bus.subscribe(100);
/// bus.publish(Trace::of_call("call-1", Some("task-1")), || Payload::Started(Started::new("planner", "main")));
/// let event = listener.try_next().unwrap().event;
/// assert_eq!((event.seq, event.trace_id.as_str()), (1, "trace-task-1"));
/// ```
#[derive(Clone)]
pub struct EventBus {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    listeners: RwLock<Vec<Listener>>,
    /// How many there are, to see without a lock that there are none.
    count: AtomicUsize,
    next_listener: AtomicU64,
    sequences: [Mutex<Recent<String, u64>>; PARTS],
    last_seq: Box<dyn Fn(&str) -> u64 + Send + Sync>,
    hasher: RandomState,
    clock: Arc<dyn Clock>,
}

struct Listener {
    id: u64,
    sender: mpsc::Sender<Item>,
    /// How many it missed since it last took one.
    missed: AtomicU64,
    missed_in_all: Arc<AtomicU64>,
}

impl EventBus {
    /// Makes a bus on which every chain begins at 1.
    pub fn new() -> Self {
        Self::resuming(Arc::new(SystemClock::new()), |_| 0)
    }

    /// Makes a bus that goes on with each chain where it ended before: `last_seq` knows the last number of a trace id,
    /// or 0. It is asked when a chain is first used, and again when it was not for long.
    pub fn resuming(clock: Arc<dyn Clock>, last_seq: impl Fn(&str) -> u64 + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                listeners: RwLock::default(),
                count: AtomicUsize::new(0),
                next_listener: AtomicU64::new(0),
                sequences: std::array::from_fn(|_| Mutex::new(Recent::new(CHAINS / PARTS))),
                last_seq: Box::new(last_seq),
                hasher: RandomState::new(),
                clock,
            }),
        }
    }

    /// Listens from now on. Up to `capacity` events wait to be taken.
    pub fn subscribe(&self, capacity: usize) -> Subscription {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let id = self.shared.next_listener.fetch_add(1, Ordering::Relaxed);
        let missed_in_all = Arc::new(AtomicU64::new(0));
        let listener = Listener { id, sender, missed: AtomicU64::new(0), missed_in_all: Arc::clone(&missed_in_all) };
        let mut listeners = self.shared.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(listener);
        self.shared.count.store(listeners.len(), Ordering::Release);
        Subscription::new(receiver, missed_in_all, Closer::new(Arc::downgrade(&self.shared), id))
    }

    /// Says whether anybody listens.
    pub fn is_watched(&self) -> bool {
        self.shared.count.load(Ordering::Acquire) > 0
    }

    /// Gives the next event of a chain to everybody who listens; if nobody does, `make` is not called.
    pub fn publish(&self, trace: Trace<'_>, make: impl FnOnce() -> Payload) {
        if !self.is_watched() {
            return;
        }
        let (trace_id, payload, id) = (trace.id(), make(), Uuid::now_v7().to_string());
        let (shared, at_ms) = (&self.shared, self.shared.clock.now_ms());
        let mut sequences = shared.part(&trace_id).lock().unwrap_or_else(PoisonError::into_inner);
        // Sent while the chain is locked, so that listeners get it in the order of its numbers.
        let first = || (shared.last_seq)(&trace_id);
        sequences.with(trace_id.as_str(), first, |last| {
            *last = last.saturating_add(1);
            shared.send(&Arc::new(Event::new(id, at_ms, trace, *last, payload)));
        });
    }
}

impl Default for EventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus").field("listeners", &self.shared.count).finish_non_exhaustive()
    }
}

impl Shared {
    fn send(&self, event: &Arc<Event>) {
        for listener in &*self.listeners.read().unwrap_or_else(PoisonError::into_inner) {
            match listener.sender.try_reserve() {
                Ok(place) => {
                    let missed = listener.missed.swap(0, Ordering::Relaxed);
                    place.send(Item { event: Arc::clone(event), missed });
                }
                Err(TrySendError::Full(())) => {
                    listener.missed.fetch_add(1, Ordering::Relaxed);
                    listener.missed_in_all.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Closed(())) => {}
            }
        }
    }

    /// Sends no more to a listener; what waits for it can still be taken.
    pub(crate) fn remove(&self, id: u64) {
        let mut listeners = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.id != id);
        self.count.store(listeners.len(), Ordering::Release);
    }

    fn part(&self, trace_id: &str) -> &Mutex<Recent<String, u64>> {
        let [first, ..] = &self.sequences;
        let part = usize::try_from(self.hasher.hash_one(trace_id) % PARTS as u64).ok();
        part.and_then(|part| self.sequences.get(part)).unwrap_or(first)
    }
}

const PARTS: usize = 16;

/// How many chains are kept at least, those used last.
const CHAINS: usize = 65_536;
