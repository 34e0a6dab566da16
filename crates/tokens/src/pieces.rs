//! Counts or writes down the tokens of a text, piece by piece.

use std::ops::ControlFlow;

use crate::merge::Merger;
use crate::split::Pattern;
use crate::vocabulary::Vocabulary;
use crate::words::{SPREAD, key};

/// Where tokens go.
pub(crate) trait Output {
    fn push(&mut self, token: u32);
    fn extend(&mut self, tokens: &[u32]);
    /// Adds tokens again that were added before.
    fn repeat(&mut self, first: usize, count: usize);
    fn len(&self) -> usize;
}

impl Output for Vec<u32> {
    fn push(&mut self, token: u32) {
        self.push(token);
    }

    fn extend(&mut self, tokens: &[u32]) {
        self.extend_from_slice(tokens);
    }

    fn repeat(&mut self, first: usize, count: usize) {
        self.extend_from_within(first..first + count);
    }

    fn len(&self) -> usize {
        self.len()
    }
}

/// Only how many.
#[derive(Debug, Default)]
pub(crate) struct Count(pub(crate) usize);

impl Output for Count {
    fn push(&mut self, _: u32) {
        self.0 += 1;
    }

    fn extend(&mut self, tokens: &[u32]) {
        self.0 += tokens.len();
    }

    fn repeat(&mut self, _: usize, count: usize) {
        self.0 += count;
    }

    fn len(&self) -> usize {
        self.0
    }
}

/// Cuts a text into tokens, until there are more than a limit.
pub(crate) fn run<O: Output>(
    vocabulary: &Vocabulary,
    pattern: Pattern,
    text: &[u8],
    output: &mut O,
    limit: usize,
) -> ControlFlow<()> {
    let mut merger = Merger::default();
    let mut seen = Seen::new(text.len());
    let mut start = 0;
    while start < text.len() {
        let end = pattern.end_of_piece(text, start);
        let piece = text.get(start..end).unwrap_or_default();
        let key = key(text, start, piece.len());
        if let Some(token) = vocabulary.words.find(&vocabulary.spellings, key, piece) {
            output.push(token);
        } else if let Some(earlier) = seen.find(text, key, piece) {
            output.repeat(earlier.first as usize, earlier.count as usize);
        } else {
            let first = output.len();
            output.extend(merger.merge(vocabulary, piece));
            seen.insert(key, start, piece.len(), first, output.len() - first);
        }
        if output.len() > limit {
            return ControlFlow::Break(());
        }
        start = end;
    }
    ControlFlow::Continue(())
}

/// The pieces of this text that had to be merged, as most come again: where they were, and what became of them.
///
/// It lives as long as the call and points into its text, so nothing of anybody's words outlasts them.
#[derive(Debug)]
struct Seen {
    pieces: Vec<Piece>,
    /// How many pieces are kept, as a binary logarithm.
    bits: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    start: u32,
    length: u32,
    first: u32,
    count: u32,
}

impl Seen {
    fn new(text: usize) -> Self {
        Self { pieces: Vec::new(), bits: (text / 64).next_power_of_two().trailing_zeros().clamp(1, MOST) }
    }

    fn find(&self, text: &[u8], key: u64, piece: &[u8]) -> Option<Piece> {
        let known = *self.pieces.get(self.place(key))?;
        let start = known.start as usize;
        let same = known.length as usize == piece.len() && text.get(start..start + piece.len()) == Some(piece);
        same.then_some(known)
    }

    fn insert(&mut self, key: u64, start: usize, length: usize, first: usize, count: usize) {
        if self.pieces.is_empty() {
            self.pieces.resize(1 << self.bits, Piece::default());
        }
        let place = self.place(key);
        let numbers = [start, length, first, count].map(u32::try_from);
        if let ([Ok(start), Ok(length), Ok(first), Ok(count)], Some(place)) = (numbers, self.pieces.get_mut(place)) {
            *place = Piece { start, length, first, count };
        }
    }

    fn place(&self, key: u64) -> usize {
        (key.wrapping_mul(SPREAD) >> (64 - self.bits)) as usize
    }
}

/// 2¹⁴ pieces in 256 KiB at most.
const MOST: u32 = 14;
