use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;

use super::Event;
use super::bus::Shared;

/// Takes the events of an [`EventBus`](super::EventBus), in the order in which each chain is numbered.
#[derive(Debug)]
pub struct Subscription {
    receiver: mpsc::Receiver<Item>,
    missed: Arc<AtomicU64>,
    closer: Closer,
}

/// An event, and how many were missed before it because nobody took them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Item {
    /// The event.
    pub event: Arc<Event>,
    /// How many events were missed between the one before and this one.
    pub missed: u64,
}

impl Subscription {
    pub(crate) fn new(receiver: mpsc::Receiver<Item>, missed: Arc<AtomicU64>, closer: Closer) -> Self {
        Self { receiver, missed, closer }
    }

    /// Waits for the next event; `None` when the subscription is closed and nothing is left.
    pub async fn next(&mut self) -> Option<Item> {
        self.receiver.recv().await
    }

    /// Waits as [`next`](Self::next) does, on a thread that runs no tasks.
    ///
    /// # Panics
    /// On a thread of an async runtime.
    pub fn blocking_next(&mut self) -> Option<Item> {
        self.receiver.blocking_recv()
    }

    /// Takes the next event if there is one.
    pub fn try_next(&mut self) -> Option<Item> {
        self.receiver.try_recv().ok()
    }

    /// Returns how many events were missed in all.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// Returns what closes the subscription from elsewhere.
    pub fn closer(&self) -> Closer {
        self.closer.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.closer.close();
    }
}

/// Closes a [`Subscription`]: no event comes any more, and those that wait can still be taken.
#[derive(Clone)]
pub struct Closer {
    bus: Weak<Shared>,
    id: u64,
}

impl Closer {
    pub(crate) fn new(bus: Weak<Shared>, id: u64) -> Self {
        Self { bus, id }
    }

    /// Closes it. Closing twice is the same as once.
    pub fn close(&self) {
        if let Some(bus) = self.bus.upgrade() {
            bus.remove(self.id);
        }
    }
}

impl std::fmt::Debug for Closer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Closer").field(&self.id).finish()
    }
}
