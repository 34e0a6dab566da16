//! How common a character is, which is what most decides how many tokens it takes.

/// Whether a character is a token of its own in the public vocabularies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tier {
    /// In both, of 100 and of 200 thousand tokens.
    Common,
    /// In the larger one.
    Rarer,
    /// In neither.
    Rare,
}

pub(crate) fn tier(character: char) -> Tier {
    let code = character as usize;
    let two_bits = TABLE.get(code / 4).map_or(0, |four| four >> (code % 4 * 2) & 3);
    match two_bits {
        2 => Tier::Common,
        1 => Tier::Rarer,
        _ => Tier::Rare,
    }
}

/// Made by `cargo xtask vocabulary`: two bits for each code point up to U+FFFF.
static TABLE: &[u8] = include_bytes!("../vocabularies/common.bin");
