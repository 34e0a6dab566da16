//! A vocabulary in memory: what its merges say, arranged for counting.

use crate::pairs::Pairs;
use crate::prefixes::Prefixes;
use crate::words::{Spellings, Words};

#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) spellings: Spellings,
    pub(crate) words: Words,
    pub(crate) prefixes: Prefixes,
    merges: Pairs,
    halves: Vec<[u32; 2]>,
}

/// The tokens of one byte, which come first.
const BYTES: u32 = 256;

impl Vocabulary {
    /// Reads the 256 single bytes, and then the two halves of each merge, which `cargo xtask vocabulary` wrote.
    pub(crate) fn read(table: &[u8]) -> Self {
        let (bytes, merges) = table.split_at_checked(BYTES as usize).unwrap_or_default();
        let tokens = BYTES + (merges.len() / 6) as u32;
        let mut vocabulary = Self {
            spellings: Spellings::default(),
            words: Words::new(tokens),
            prefixes: Prefixes::empty(),
            merges: Pairs::new(tokens),
            halves: Vec::with_capacity(merges.len() / 6),
        };
        for byte in bytes {
            vocabulary.words.insert(&[*byte], vocabulary.spellings.len());
            vocabulary.spellings.push(&[*byte]);
        }
        for merge in merges.as_chunks::<6>().0 {
            let [a, b, c, d, e, f] = *merge;
            let (left, right) = (u32::from_le_bytes([a, b, c, 0]), u32::from_le_bytes([d, e, f, 0]));
            let token = vocabulary.spellings.len();
            vocabulary.merges.insert(left, right, token);
            vocabulary.halves.push([left, right]);
            vocabulary.spellings.join(left, right);
            vocabulary.words.insert(vocabulary.spellings.of(token), token);
        }
        vocabulary.prefixes = Prefixes::new(&vocabulary.spellings);
        vocabulary
    }

    /// Tells whether two tokens can stand side by side at the end of all merges.
    ///
    /// Merges happen lowest rank first, and leftmost first among equals. Undoing them latest first shows what met at
    /// the border at each time: had it a merge that came before the one undone, that would have happened instead.
    #[inline]
    pub(crate) fn stay_apart(&self, mut left: u32, mut right: u32) -> bool {
        let mut undone = u32::MAX;
        loop {
            if self.merges.get(left, right).is_some_and(|merge| merge < undone) {
                return false;
            }
            if left > right {
                let Some([_, half]) = self.halves(left) else { return true };
                undone = left;
                left = half;
            } else {
                let Some([half, _]) = self.halves(right) else { return true };
                undone = right + 1;
                right = half;
            }
        }
    }

    fn halves(&self, token: u32) -> Option<[u32; 2]> {
        self.halves.get(token.checked_sub(BYTES)? as usize).copied()
    }
}
