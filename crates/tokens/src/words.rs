//! Finds the token of a whole piece, and of two joined tokens.

/// The bytes of each token, end to end.
#[derive(Debug, Default)]
pub(crate) struct Spellings {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Spellings {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len() as u32);
    }

    /// Adds the token that two earlier ones make.
    pub(crate) fn join(&mut self, left: u32, right: u32) {
        for half in [left, right] {
            let (start, end) = self.span(half);
            self.bytes.extend_from_within(start..end);
        }
        self.ends.push(self.bytes.len() as u32);
    }

    pub(crate) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    pub(crate) fn of(&self, token: u32) -> &[u8] {
        let (start, end) = self.span(token);
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(crate) fn length(&self, token: u32) -> usize {
        let (start, end) = self.span(token);
        end - start
    }

    fn span(&self, token: u32) -> (usize, usize) {
        let end = |token: usize| self.ends.get(token).map(|end| *end as usize);
        let token = token as usize;
        let start = token.checked_sub(1).map_or(Some(0), end).unwrap_or_default();
        (start, end(token).unwrap_or(start))
    }
}

/// The token of each spelling.
#[derive(Debug)]
pub(crate) struct Words {
    slots: Vec<Word>,
    shift: u32,
}

/// Up to eight bytes are their own key; the key of more is their hash, and the spelling decides.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    key: u64,
    length: u32,
    token: u32,
}

impl Words {
    pub(crate) fn new(tokens: u32) -> Self {
        let bits = tokens.next_power_of_two().trailing_zeros() + 1;
        Self { slots: vec![Word::default(); 1 << bits], shift: 64 - bits }
    }

    pub(crate) fn insert(&mut self, spelling: &[u8], token: u32) {
        let (key, length) = (key(spelling, 0, spelling.len()), spelling.len() as u32);
        let mut at = self.place(key, length);
        while self.slots.get(at).is_some_and(|slot| slot.length != 0) {
            at = (at + 1) & (self.slots.len() - 1);
        }
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Word { key, length, token };
        }
    }

    /// Finds the token that is spelt as a part of a text, whose key is known.
    #[inline]
    pub(crate) fn find(&self, spellings: &Spellings, key: u64, piece: &[u8]) -> Option<u32> {
        let length = piece.len() as u32;
        let mut at = self.place(key, length);
        loop {
            let slot = self.slots.get(at)?;
            if slot.length == length && slot.key == key && (length <= 8 || spellings.of(slot.token) == piece) {
                return Some(slot.token);
            }
            if slot.length == 0 {
                return None;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    fn place(&self, key: u64, length: u32) -> usize {
        ((key ^ u64::from(length)).wrapping_mul(SPREAD) >> self.shift) as usize
    }
}

/// Makes the key of a part of a text.
#[inline]
pub(crate) fn key(text: &[u8], start: usize, length: usize) -> u64 {
    if length <= 8 {
        return bytes(text, start, length);
    }
    let mut key = length as u64;
    let mut at = 0;
    while at + 8 < length {
        key = (key ^ bytes(text, start + at, 8)).wrapping_mul(SPREAD);
        key ^= key >> 29;
        at += 8;
    }
    (key ^ bytes(text, start + length - 8, 8)).wrapping_mul(SPREAD)
}

/// Reads up to eight bytes as a number.
#[inline]
fn bytes(text: &[u8], start: usize, length: usize) -> u64 {
    let tail = text.get(start..).unwrap_or_default();
    if let Some(eight) = tail.first_chunk::<8>() {
        return u64::from_le_bytes(*eight) & u64::MAX.checked_shr(64 - 8 * length as u32).unwrap_or(0);
    }
    tail.iter().take(length).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Odd, with its bits well mixed: 2⁶⁴ divided by the golden ratio.
pub(crate) const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_depend_on_what_follows() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for start in 0..text.len() {
            for length in 1..=text.len() - start {
                let alone = &text[start..start + length];
                assert_eq!(key(text, start, length), key(alone, 0, length), "{start}+{length}");
            }
        }
    }
}
