use std::collections::HashMap;
use std::sync::Arc;

use subtle::ConstantTimeEq;

use super::VirtualKey;
use super::text::{self, Hash};

/// All keys as they stood in the file at one moment.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// In the order in which they were made.
    pub(super) keys: Vec<Arc<VirtualKey>>,
    /// Whether one of them was not revoked.
    pub(super) required: bool,
    by_start: HashMap<[u8; 8], Vec<(Hash, Arc<VirtualKey>)>>,
}

impl Index {
    pub(super) fn new(entries: impl IntoIterator<Item = (Hash, VirtualKey)>) -> Self {
        let mut index = Self::default();
        for (hash, key) in entries {
            index.required |= key.revoked_at.is_none();
            let key = Arc::new(key);
            index.by_start.entry(start(&hash)).or_default().push((hash, Arc::clone(&key)));
            index.keys.push(key);
        }
        index
    }

    /// Finds the key with a text.
    ///
    /// What takes more or less time here depends on the hash alone, and whoever tries texts cannot steer their
    /// hashes: the look-up goes by the hash's first bytes, and the rest is compared in constant time.
    pub(super) fn find(&self, presented: &str) -> Option<&Arc<VirtualKey>> {
        let hash = text::hash(presented);
        let near = self.by_start.get(&start(&hash))?;
        near.iter().find(|(known, _)| bool::from(known.ct_eq(&hash))).map(|(_, key)| key)
    }
}

fn start(hash: &Hash) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    [a, b, c, d, e, f, g, h]
}
