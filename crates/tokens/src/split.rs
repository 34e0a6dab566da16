//! Cuts a text into the pieces that a vocabulary counts apart, as its published pattern does.
//!
//! Both patterns are matched by hand: each piece is found by looking at each of its characters once or twice,
//! whatever the text, where an engine for patterns looks back.

use crate::class::{CASELESS, Character, LETTER, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, UPPER, WHITE, character};

/// The pattern of a vocabulary.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pattern {
    /// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    Cl100k,
    /// As above, but words end where a capital follows what is none, and contractions end words:
    /// `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?` or the same
    /// with `+` and `*` swapped, and `/` follows punctuation as line ends do.
    O200k,
}

impl Pattern {
    /// Returns the end of the piece that begins there; beyond the start, unless the text is at its end.
    #[inline]
    pub(crate) fn end_of_piece(self, text: &[u8], start: usize) -> usize {
        let first = character(text, start);
        let word = match self {
            Self::Cl100k => word_of_cl100k(text, start, first),
            Self::O200k => word_of_o200k(text, start, first),
        };
        if let Some(end) = word {
            return end;
        }
        let next = start + first.length;
        if first.is(NUMBER) {
            return (0..2).fold(next, |end, _| match character(text, end) {
                digit if digit.is(NUMBER) => end + digit.length,
                _ => end,
            });
        }
        let sign = if text.get(start) == Some(&b' ') { next } else { start };
        if character(text, sign).is(OTHER | MARK) {
            let end = run(text, sign, OTHER | MARK);
            return match self {
                Self::Cl100k => run(text, end, NEWLINE),
                Self::O200k => after(text, end, |byte| matches!(byte, b'\r' | b'\n' | b'/')),
            };
        }
        white_space(text, start)
    }
}

fn word_of_cl100k(text: &[u8], start: usize, first: Character) -> Option<usize> {
    if first.is(LETTER) {
        return Some(run(text, start, LETTER));
    }
    let contraction = contraction(text, start);
    if contraction > start {
        return Some(contraction);
    }
    let letters = start + first.length;
    let begins = first.is(SPACE | OTHER | MARK) && character(text, letters).is(LETTER);
    begins.then(|| run(text, letters, LETTER))
}

fn word_of_o200k(text: &[u8], start: usize, first: Character) -> Option<usize> {
    let letters = if first.is(SPACE | OTHER) { start + first.length } else { start };
    let (capitals, caseless) = run_with_last(text, letters, UPPER | CASELESS | MARK, CASELESS | MARK);
    let end = if character(text, capitals).is(LOWER) {
        run(text, capitals, LOWER | CASELESS | MARK)
    } else if caseless > letters {
        // What is neither big nor small may end a word in small letters; capitals after it begin another.
        caseless
    } else {
        capitals
    };
    (end > letters).then(|| contraction(text, end))
}

/// Returns the end of the contraction that begins there, or else there.
fn contraction(text: &[u8], start: usize) -> usize {
    let tail = text.get(start..).unwrap_or_default();
    let length = match tail {
        [b'\'', b's' | b'S' | b'd' | b'D' | b'm' | b'M' | b't' | b'T', ..] => 2,
        [b'\'', b'l' | b'L', b'l' | b'L', ..] => 3,
        [b'\'', b'v' | b'V' | b'r' | b'R', b'e' | b'E', ..] => 3,
        // The long s, which is an s to whoever ignores case.
        [b'\'', 0xc5, 0xbf, ..] => 3,
        _ => 0,
    };
    start + length
}

/// Returns the end of the first piece of a run of white space.
///
/// It reaches to the last line end; without one, it leaves the last character to a word that follows.
fn white_space(text: &[u8], start: usize) -> usize {
    let (mut end, mut last, mut after_newline) = (start, start, start);
    loop {
        let next = character(text, end);
        if !next.is(WHITE) {
            break;
        }
        last = end;
        end += next.length;
        if next.is(NEWLINE) {
            after_newline = end;
        }
    }
    if after_newline > start {
        after_newline
    } else if end == text.len() || last == start {
        end
    } else {
        last
    }
}

/// Returns where a run of characters of some classes ends.
#[inline]
fn run(text: &[u8], start: usize, classes: u8) -> usize {
    let mut end = start;
    loop {
        let next = character(text, end);
        if !next.is(classes) {
            return end;
        }
        end += next.length;
    }
}

/// Returns where a run ends, and where its last character of other classes does.
#[inline]
fn run_with_last(text: &[u8], start: usize, classes: u8, wanted: u8) -> (usize, usize) {
    let (mut end, mut last) = (start, start);
    loop {
        let next = character(text, end);
        if !next.is(classes) {
            return (end, last);
        }
        end += next.length;
        if next.is(wanted) {
            last = end;
        }
    }
}

fn after(text: &[u8], start: usize, is: impl Fn(u8) -> bool) -> usize {
    let tail = text.get(start..).unwrap_or_default();
    start + tail.iter().take_while(|byte| is(**byte)).count()
}
