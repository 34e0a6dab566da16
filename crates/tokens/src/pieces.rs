//! Counts or writes down the tokens of a text, piece by piece.

use std::ops::ControlFlow;

use crate::merge::Merger;
use crate::split::Pattern;
use crate::vocabulary::Vocabulary;
use crate::words::key;

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
    let mut seen = Seen::default();
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
#[derive(Debug, Default)]
struct Seen(Vec<Piece>);

#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    start: u32,
    length: u32,
    first: u32,
    count: u32,
}

impl Seen {
    fn find(&self, text: &[u8], key: u64, piece: &[u8]) -> Option<Piece> {
        let known = *self.0.get(place(key))?;
        let start = known.start as usize;
        let same = known.length as usize == piece.len() && text.get(start..start + piece.len()) == Some(piece);
        same.then_some(known)
    }

    fn insert(&mut self, key: u64, start: usize, length: usize, first: usize, count: usize) {
        if self.0.is_empty() {
            self.0.resize(1 << PLACES, Piece::default());
        }
        let numbers = [start, length, first, count].map(u32::try_from);
        if let ([Ok(start), Ok(length), Ok(first), Ok(count)], Some(place)) = (numbers, self.0.get_mut(place(key))) {
            *place = Piece { start, length, first, count };
        }
    }
}

fn place(key: u64) -> usize {
    (key.wrapping_mul(crate::words::SPREAD) >> (64 - PLACES)) as usize
}

/// The binary logarithm of how many pieces are kept: 128 KiB of them.
const PLACES: u32 = 13;
