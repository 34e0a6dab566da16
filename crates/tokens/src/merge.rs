//! Cuts a piece that is no token itself into tokens.

use crate::vocabulary::{NONE, Vocabulary};

/// The room that merging needs, kept from piece to piece.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    tokens: Vec<u32>,
    parts: Vec<Part>,
    /// One bit for each place of the piece from which no way leads to its end.
    dead: Vec<u64>,
    /// How many tokens were looked at, which tests hold to be linear.
    pub(crate) steps: u64,
}

/// A token, and its merge with the next one.
#[derive(Clone, Copy, Debug)]
struct Part {
    token: u32,
    merge: u32,
}

/// Pieces of up to so many bytes are merged step by step, and longer ones are cut by a search.
const SHORT: usize = 64;

impl Merger {
    /// Cuts a piece into the tokens that merging leaves, the lowest rank first.
    pub(crate) fn merge(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> &[u32] {
        self.tokens.clear();
        if piece.len() <= SHORT {
            self.merge_short(vocabulary, piece);
        } else {
            self.search(vocabulary, piece);
        }
        &self.tokens
    }

    /// Does the merges one by one.
    fn merge_short(&mut self, vocabulary: &Vocabulary, piece: &[u8]) {
        let mut nexts = piece.iter().skip(1);
        self.parts.clear();
        self.parts.extend(piece.iter().map(|byte| {
            let (token, merge) = vocabulary.byte(*byte, nexts.next().copied());
            Part { token, merge }
        }));
        loop {
            self.steps += 1;
            let mut lowest = (NONE, 0);
            for (at, part) in self.parts.iter().enumerate() {
                if part.merge < lowest.0 {
                    lowest = (part.merge, at);
                }
            }
            let (token, at) = lowest;
            if token == NONE {
                break;
            }
            self.parts.remove(at + 1);
            let after = self.parts.get(at + 1).map_or(NONE, |next| vocabulary.merge(token, next.token));
            if let Some(part) = self.parts.get_mut(at) {
                *part = Part { token, merge: after };
            }
            if let Some(before) = at.checked_sub(1).and_then(|at| self.parts.get_mut(at)) {
                before.merge = vocabulary.merge(before.token, token);
            }
        }
        self.tokens.extend(self.parts.iter().map(|part| part.token));
    }

    /// Finds the tokens that merging the lowest rank first would leave, without doing the merges.
    ///
    /// There is just one way to cut the piece so that no two neighbours would have merged. It is searched from
    /// the left, longest token first. A place from which the search had to turn back is not entered again, so the
    /// work grows with the length of the piece only.
    fn search(&mut self, vocabulary: &Vocabulary, piece: &[u8]) {
        let prefixes = vocabulary.prefixes();
        self.dead.clear();
        self.dead.resize(piece.len() / 64 + 1, 0);
        let mut place = 0;
        let mut candidate = prefixes.longest(piece);
        while let Some(next) = candidate {
            self.steps += 1;
            let end = place + next.length();
            let fits =
                !self.is_dead(end) && self.tokens.last().is_none_or(|last| vocabulary.stay_apart(*last, next.token()));
            if fits {
                self.tokens.push(next.token());
                place = end;
                candidate = prefixes.longest(piece.get(place..).unwrap_or_default());
                continue;
            }
            candidate = prefixes.shorter(next.token());
            while candidate.is_none() {
                let Some(last) = self.tokens.pop() else { break };
                self.bury(place);
                place -= vocabulary.spellings.length(last);
                candidate = prefixes.shorter(last);
            }
        }
    }

    fn is_dead(&self, place: usize) -> bool {
        self.dead.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1)
    }

    fn bury(&mut self, place: usize) {
        if let Some(bits) = self.dead.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
    }
}

#[cfg(all(test, feature = "o200k"))]
mod tests {
    use super::*;
    use crate::encoding::Encoding;

    /// Texts that a search or a queue of merges might grow too fast on, each as one piece.
    const HARD: [&str; 6] = ["a", " ", "🙂", "中", "ab", "=-"];

    #[test]
    fn the_work_grows_with_the_length_only() {
        let vocabulary = Encoding::O200K.vocabulary();
        for text in HARD {
            let steps = |times: usize| {
                let mut merger = Merger::default();
                merger.merge(vocabulary, text.repeat(times).as_bytes());
                merger.steps
            };
            let (once, tenfold) = (steps(10_000), steps(100_000));
            assert!(tenfold <= 11 * once, "{text:?}: {once} steps, and {tenfold} for ten times as much");
            assert!(once <= 3 * 10_000 * text.len() as u64, "{text:?}: {once} steps");
        }
    }

    #[test]
    fn searching_finds_what_merging_leaves() {
        let vocabulary = Encoding::O200K.vocabulary();
        let texts = [
            "aaaaaaaaaaaaaaaaaaaa",
            "hello world",
            " antidisestablishmentarianism",
            "中文字符",
            "\u{0}\u{301}🙂é",
            "    \n  ",
        ];
        for text in texts {
            let (mut merged, mut searched) = (Merger::default(), Merger::default());
            merged.merge_short(vocabulary, text.as_bytes());
            searched.search(vocabulary, text.as_bytes());
            assert_eq!(merged.tokens, searched.tokens, "{text:?}");
        }
    }
}
