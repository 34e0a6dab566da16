//! The classes of characters that the vocabularies' patterns tell apart.

/// Lu and Lt.
pub(crate) const UPPER: u8 = 1;
/// Ll.
pub(crate) const LOWER: u8 = 2;
/// Lm and Lo.
pub(crate) const CASELESS: u8 = 4;
/// M.
pub(crate) const MARK: u8 = 8;
/// N.
pub(crate) const NUMBER: u8 = 16;
/// Carriage return and line feed.
pub(crate) const NEWLINE: u8 = 32;
/// All other white space.
pub(crate) const SPACE: u8 = 64;
/// Everything else.
pub(crate) const OTHER: u8 = 128;

pub(crate) const LETTER: u8 = UPPER | LOWER | CASELESS;
pub(crate) const WHITE: u8 = NEWLINE | SPACE;

/// A character's class, as one bit, and its length in bytes; no bit and no length at the end of the text.
#[derive(Clone, Copy)]
pub(crate) struct Character {
    pub(crate) class: u8,
    pub(crate) length: usize,
}

impl Character {
    pub(crate) fn is(self, classes: u8) -> bool {
        self.class & classes != 0
    }
}

/// Reads the character that begins at a byte of UTF-8.
#[inline]
pub(crate) fn character(text: &[u8], at: usize) -> Character {
    match text.get(at) {
        None => Character { class: 0, length: 0 },
        Some(&byte) if byte < 128 => {
            Character { class: ASCII.get(usize::from(byte)).copied().unwrap_or(OTHER), length: 1 }
        }
        Some(&byte) => wide(text, at, byte),
    }
}

fn wide(text: &[u8], at: usize, first: u8) -> Character {
    let tail = |offset: usize| u32::from(text.get(at + offset).copied().unwrap_or(0) & 0x3f);
    let first = u32::from(first);
    let (code, length) = match first {
        0xc0..0xe0 => ((first & 0x1f) << 6 | tail(1), 2),
        0xe0..0xf0 => ((first & 0x0f) << 12 | tail(1) << 6 | tail(2), 3),
        _ => ((first & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4),
    };
    Character { class: class(code as usize), length }
}

fn class(code: usize) -> u8 {
    let block = TABLE.get(code >> 8).copied().map_or(0, usize::from);
    TABLE.get(BLOCKS + (block << 8) + (code & 255)).copied().unwrap_or(OTHER)
}

/// Made by `cargo xtask vocabulary`: the number of the block of each 256 code points, then the blocks.
static TABLE: &[u8] = include_bytes!("../vocabularies/classes.bin");

const BLOCKS: usize = 0x11_0000 >> 8;

static ASCII: [u8; 128] = {
    let mut classes = [OTHER; 128];
    let mut byte = 0;
    #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'0'..=b'9' => NUMBER,
            b'\r' | b'\n' => NEWLINE,
            b' ' | b'\t' | 0x0b | 0x0c => SPACE,
            _ => OTHER,
        };
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_what_the_table_says() {
        for (byte, known) in ASCII.iter().enumerate() {
            assert_eq!(*known, class(byte), "{byte}");
        }
    }

    #[test]
    fn characters_are_read_whole() {
        for (text, class) in
            [("é", LOWER), ("中", CASELESS), ("\u{301}", MARK), ("٣", NUMBER), ("\u{2003}", SPACE), ("🙂", OTHER)]
        {
            let read = character(text.as_bytes(), 0);
            assert_eq!((read.class, read.length), (class, text.len()), "{text}");
        }
        assert_eq!(character(b"", 0).length, 0);
    }
}
