//! Cuts a piece that is no token itself into tokens.

use crate::vocabulary::Vocabulary;

/// The room that merging needs, kept from piece to piece.
#[derive(Debug, Default)]
pub(crate) struct Merger {
    tokens: Vec<u32>,
    /// One bit for each place of the piece from which no way leads to its end.
    dead: Vec<u64>,
    /// How many tokens were looked at, which tests hold to be linear.
    pub(crate) steps: u64,
}

impl Merger {
    /// Finds the tokens that merging the lowest rank first would leave, without doing the merges.
    ///
    /// There is just one way to cut the piece so that no two neighbours would have merged. It is searched from
    /// the left, longest token first. A place from which the search had to turn back is not entered again, so the
    /// work grows with the length of the piece only.
    pub(crate) fn merge(&mut self, vocabulary: &Vocabulary, piece: &[u8]) -> &[u32] {
        self.tokens.clear();
        self.dead.clear();
        self.dead.resize(piece.len() / 64 + 1, 0);
        let mut place = 0;
        let mut candidate = vocabulary.prefixes.longest(piece);
        while let Some(token) = candidate {
            self.steps += 1;
            let end = place + vocabulary.spellings.length(token);
            let fits = !self.is_dead(end) && self.tokens.last().is_none_or(|last| vocabulary.stay_apart(*last, token));
            if fits {
                self.tokens.push(token);
                place = end;
                candidate = vocabulary.prefixes.longest(piece.get(place..).unwrap_or_default());
                continue;
            }
            candidate = vocabulary.prefixes.shorter(token);
            while candidate.is_none() {
                let Some(last) = self.tokens.pop() else { break };
                self.bury(place);
                place -= vocabulary.spellings.length(last);
                candidate = vocabulary.prefixes.shorter(last);
            }
        }
        &self.tokens
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
