use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use tollbridge_core::{Error, ErrorKind};

/// Begins the text of every key, so that searches for leaked secrets find it.
pub const PREFIX: &str = "tb-";

/// The letters after the prefix: 43 of 62 hold as much chance as 32 random bytes (43 × log₂ 62 > 256 bits).
const LETTERS: usize = 43;

/// Only letters and digits: a double click selects the whole key, and no part of it reads as a flag or as emphasis,
/// as the `-` and `_` of base64 let it.
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The SHA-256 of a key's text.
///
/// A slow hash guards words that people choose, which can be guessed. Nobody guesses 256 random bits however fast
/// they try, and every call pays for this hash.
pub(super) type Hash = [u8; 32];

/// Draws the text of a new key from the system's random source.
pub(super) fn draw() -> Result<String, Error> {
    Ok(format!("{PREFIX}{}", letters(LETTERS)?))
}

/// Draws random letters and digits.
pub(super) fn letters(count: usize) -> Result<String, Error> {
    let random = SystemRandom::new();
    let mut text = String::with_capacity(count);
    let mut bytes = [0; 64];
    while text.len() < count {
        random.fill(&mut bytes).map_err(|_| Error::new(ErrorKind::Unknown, "the system has no random numbers"))?;
        // 248 is the largest multiple of 62 in a byte: above it the first letters would come more often.
        let drawn = bytes.iter().filter(|byte| **byte < 248);
        let letters = drawn.filter_map(|byte| ALPHABET.get(usize::from(byte % 62)));
        text.extend(letters.take(count - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

/// Hashes a text.
pub(super) fn hash(text: &str) -> Hash {
    let mut hash = Hash::default();
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
        *to = *from;
    }
    hash
}

/// Returns how a key begins and ends; the 35 letters between are still beyond any guessing.
pub(super) fn display(text: &str) -> String {
    let start = text.get(..PREFIX.len() + 4).unwrap_or_default();
    let end = text.len().checked_sub(4).and_then(|end| text.get(end..)).unwrap_or_default();
    format!("{start}…{end}")
}
