use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// A map that keeps at least the `room` entries that were used last, and at most twice as many.
///
/// Two generations: when `young` is full it becomes `old`, and what nobody used since the last time goes.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    room: usize,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    pub(crate) fn new(room: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), room: room.max(1) }
    }

    /// Changes the value of a key, which `make` makes if there is none.
    pub(crate) fn with<Q, T>(&mut self, key: &Q, make: impl FnOnce() -> V, act: impl FnOnce(&mut V) -> T) -> T
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(value) = self.young.get_mut(key) {
            return act(value);
        }
        let mut value = self.old.remove(key).unwrap_or_else(make);
        let acted = act(&mut value);
        if self.young.len() >= self.room {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key.to_owned(), value);
        acted
    }
}
