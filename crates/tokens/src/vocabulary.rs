//! A vocabulary in memory: what its merges say, arranged for counting.

use std::sync::OnceLock;

use crate::pairs::{Filter, Pairs};
use crate::prefixes::Prefixes;
use crate::words::{Spellings, Words};

#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) spellings: Spellings,
    pub(crate) words: Words,
    /// Only long pieces need them, and most texts have none.
    prefixes: OnceLock<Prefixes>,
    merges: Pairs,
    may_merge: Filter,
    halves: Vec<[u32; 2]>,
    /// The token of each byte.
    bytes: Vec<u32>,
    /// The merge of each two bytes; `NONE` where there is none.
    byte_merges: Vec<u32>,
}

/// The tokens of one byte, which come first.
const BYTES: u32 = 256;

/// No merge; it comes after all others.
pub(crate) const NONE: u32 = u32::MAX;

impl Vocabulary {
    /// Reads the 256 single bytes, and then the two halves of each merge, which `cargo xtask vocabulary` wrote.
    pub(crate) fn read(table: &[u8]) -> Self {
        let (bytes, merges) = table.split_at_checked(BYTES as usize).unwrap_or_default();
        let tokens = BYTES + (merges.len() / 6) as u32;
        let mut spellings = Spellings::default();
        let mut words = Words::new(tokens);
        let mut pairs = Pairs::new(tokens);
        let mut may_merge = Filter::new(tokens);
        let mut byte_merges = vec![NONE; 1 << 16];
        let mut halves = Vec::with_capacity(merges.len() / 6);
        let mut byte_tokens = vec![0; BYTES as usize];
        for byte in bytes {
            if let Some(token) = byte_tokens.get_mut(usize::from(*byte)) {
                *token = spellings.len();
            }
            words.insert(&[*byte], spellings.len());
            spellings.push(&[*byte]);
        }
        for merge in merges.as_chunks::<6>().0 {
            let [a, b, c, d, e, f] = *merge;
            let (left, right) = (u32::from_le_bytes([a, b, c, 0]), u32::from_le_bytes([d, e, f, 0]));
            let token = spellings.len();
            if let ([left], [right]) = (spellings.of(left), spellings.of(right))
                && let Some(merge) = byte_merges.get_mut(usize::from(*left) << 8 | usize::from(*right))
            {
                *merge = token;
            }
            pairs.insert(left, right, token);
            may_merge.insert(left, right);
            halves.push([left, right]);
            spellings.join(left, right);
            words.insert(spellings.of(token), token);
        }
        Self {
            spellings,
            words,
            prefixes: OnceLock::new(),
            merges: pairs,
            may_merge,
            halves,
            bytes: byte_tokens,
            byte_merges,
        }
    }

    pub(crate) fn prefixes(&self) -> &Prefixes {
        self.prefixes.get_or_init(|| Prefixes::new(&self.spellings))
    }

    /// Tells whether two tokens can stand side by side at the end of all merges.
    ///
    /// Merges happen lowest rank first, and leftmost first among equals. Undoing them latest first shows what met at
    /// the border at each time: had it a merge that came before the one undone, that would have happened instead.
    #[inline]
    pub(crate) fn stay_apart(&self, mut left: u32, mut right: u32) -> bool {
        let mut undone = u32::MAX;
        loop {
            if self.merge(left, right) < undone {
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

    /// Returns the token that two make, which is also the rank of the merge, or `NONE`.
    #[inline]
    pub(crate) fn merge(&self, left: u32, right: u32) -> u32 {
        if self.may_merge.may_have(left, right) { self.merges.get(left, right).unwrap_or(NONE) } else { NONE }
    }

    /// Returns the token of a byte, and its merge with the next byte.
    #[inline]
    pub(crate) fn byte(&self, byte: u8, next: Option<u8>) -> (u32, u32) {
        let merge =
            next.map(|next| usize::from(byte) << 8 | usize::from(next)).and_then(|pair| self.byte_merges.get(pair));
        (self.bytes.get(usize::from(byte)).copied().unwrap_or_default(), merge.copied().unwrap_or(NONE))
    }

    fn halves(&self, token: u32) -> Option<[u32; 2]> {
        self.halves.get(token.checked_sub(BYTES)? as usize).copied()
    }
}
