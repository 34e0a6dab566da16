//! Counts images by the tiles that OpenAI's page on vision describes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tollbridge_types::{Media, MediaSource};

use crate::model::{is_of, own_name};

/// Counts an image, and tells whether its size and what the model takes for it are known.
pub(crate) fn count(model: &str, media: &Media) -> (u64, bool) {
    let price = price(model);
    let (base, tile) = price.unwrap_or((85, 170));
    if media.detail.as_deref() == Some("low") {
        return (base, price.is_some());
    }
    let size = match &media.source {
        MediaSource::Base64(data) => size(data),
        _ => None,
    };
    let (width, height) = size.unwrap_or(LIKELY);
    (base + tile * tiles(width, height), price.is_some() && size.is_some())
}

/// What is taken for an image whose size is not known here: four tiles.
const LIKELY: (u64, u64) = (1024, 1024);

/// Returns what an image takes at least, and what each tile of it, for the models that are counted by tiles.
fn price(model: &str) -> Option<(u64, u64)> {
    let name = own_name(model);
    PRICES.iter().find(|(family, _)| is_of(&name, family)).and_then(|(_, price)| *price)
}

/// The first that fits counts. The small models of 4.1 and 5 are counted by patches, not by tiles.
const PRICES: &[(&str, Option<(u64, u64)>)] = &[
    ("gpt-4o-mini", Some((2833, 5667))),
    ("gpt-4o", Some((85, 170))),
    ("gpt-4.1-mini", None),
    ("gpt-4.1-nano", None),
    ("gpt-4.1", Some((85, 170))),
    ("gpt-4.5", Some((85, 170))),
    ("o1", Some((75, 150))),
    ("o3", Some((75, 150))),
    ("gpt-5-mini", None),
    ("gpt-5-nano", None),
    ("gpt-5", Some((70, 140))),
];

/// Counts the tiles of 512 pixels that cover an image once it is made to fit 2048 pixels and then 768 the short way.
fn tiles(width: u64, height: u64) -> u64 {
    let (width, height) = shrunk(width, height, width.max(height), 2048);
    let (width, height) = shrunk(width, height, width.min(height), 768);
    width.div_ceil(512).max(1) * height.div_ceil(512).max(1)
}

/// Shrinks both sides so that one of some length is not above a limit.
fn shrunk(width: u64, height: u64, side: u64, limit: u64) -> (u64, u64) {
    if side <= limit { (width, height) } else { (width * limit / side, height * limit / side) }
}

/// Reads width and height from the beginning of an image's data.
fn size(data: &str) -> Option<(u64, u64)> {
    /// Past the pictures that cameras put before the size of a JPEG.
    const HEAD: usize = 256 * 1024;
    let head = data.get(..data.len().min(HEAD) / 4 * 4)?;
    let bytes = STANDARD.decode(head).ok()?;
    let (width, height) = match bytes.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => (big_endian(&bytes, 16, 4)?, big_endian(&bytes, 20, 4)?),
        [b'G', b'I', b'F', b'8', ..] => (little_endian(&bytes, 6, 2)?, little_endian(&bytes, 8, 2)?),
        [0xff, 0xd8, ..] => jpeg(&bytes)?,
        [b'R', b'I', b'F', b'F', ..] => webp(&bytes)?,
        _ => return None,
    };
    (width > 0 && height > 0).then_some((width, height))
}

fn jpeg(bytes: &[u8]) -> Option<(u64, u64)> {
    let mut at = 2;
    loop {
        let marker = *bytes.get(at + 1)?;
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            return Some((big_endian(bytes, at + 7, 2)?, big_endian(bytes, at + 5, 2)?));
        }
        // A marker may be preceded by any number of fill bytes.
        at += if marker == 0xff { 1 } else { 2 + usize::try_from(big_endian(bytes, at + 2, 2)?).ok()? };
    }
}

fn webp(bytes: &[u8]) -> Option<(u64, u64)> {
    match bytes.get(12..16)? {
        b"VP8X" => Some((little_endian(bytes, 24, 3)? + 1, little_endian(bytes, 27, 3)? + 1)),
        b"VP8 " => Some((little_endian(bytes, 26, 2)? & 0x3fff, little_endian(bytes, 28, 2)? & 0x3fff)),
        b"VP8L" => {
            let bits = little_endian(bytes, 21, 4)?;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        _ => None,
    }
}

fn big_endian(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn little_endian(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    Some(bytes.get(at..at + length)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_takes_is_known_by_the_models_name() {
        for (model, expected) in [
            ("gpt-4o", Some((85, 170))),
            ("openai/gpt-4o-2024-08-06", Some((85, 170))),
            ("ft:gpt-4o:acme::x1", Some((85, 170))),
            ("gpt-4o-mini", Some((2833, 5667))),
            ("ft:gpt-4o-mini:acme::x1", Some((2833, 5667))),
            ("ft:gpt-4o-mini-2024-07-18:acme::x1", Some((2833, 5667))),
            ("gpt-4.1", Some((85, 170))),
            ("gpt-4.1-mini", None),
            ("ft:gpt-4.1-nano:acme::x1", None),
            ("gpt-4.5-preview", Some((85, 170))),
            ("o1", Some((75, 150))),
            ("o3-pro", Some((75, 150))),
            ("gpt-5", Some((70, 140))),
            ("gpt-5-chat-latest", Some((70, 140))),
            ("gpt-5-mini", None),
            ("gpt-5-nano-2025-08-07", None),
            ("gpt-5.9", None),
            ("gpt-4", None),
            ("gpt-4omega", None),
            ("claude-sonnet-5", None),
        ] {
            assert_eq!(price(model), expected, "{model}");
        }
    }

    #[test]
    fn images_are_made_to_fit_and_covered_by_tiles() {
        for (width, height, expected) in
            [(1, 1, 1), (512, 512, 1), (513, 512, 2), (1024, 1024, 4), (4096, 8192, 6), (2048, 768, 8)]
        {
            assert_eq!(tiles(width, height), expected, "{width}×{height}");
        }
    }

    #[test]
    fn sizes_are_read_from_what_says_them_and_from_nothing_else() {
        let jpeg = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc2, 0, 17, 8, 0, 20, 0, 30, 0];
        assert_eq!(size(&STANDARD.encode(jpeg)), Some((30, 20)));
        let gif = [b'G', b'I', b'F', b'8', b'9', b'a', 3, 0, 4, 0, 0, 0];
        assert_eq!(size(&STANDARD.encode(gif)), Some((3, 4)));
        for broken in ["", "AAAA", "/9j/", "not base64"] {
            assert_eq!(size(broken), None, "{broken}");
        }
    }
}
