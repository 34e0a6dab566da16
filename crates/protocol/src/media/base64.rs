//! Base64 as clients send it: with line breaks, without padding, in the alphabet of URLs.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};

use super::sniff::HEAD;

/// Takes padding or none, and any bits behind the last byte.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Brings data into the standard form, which every vendor reads; `None` for what is not base64.
pub(crate) fn standard(data: &str) -> Option<Cow<'_, str>> {
    let body = data.trim_end_matches('=');
    let padding = data.len() - body.len();
    let plain = body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    if plain && padding <= 2 && data.len().is_multiple_of(4) {
        return Some(Cow::Borrowed(data));
    }
    let mut clean = String::with_capacity(data.len() + 2);
    for byte in data.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if !clean.ends_with('=') => {
                clean.push(char::from(byte));
            }
            b'-' if !clean.ends_with('=') => clean.push('+'),
            b'_' if !clean.ends_with('=') => clean.push('/'),
            b'=' => clean.push('='),
            byte if byte.is_ascii_whitespace() => {}
            _ => return None,
        }
    }
    let length = clean.trim_end_matches('=').len();
    let given = clean.len() - length;
    clean.truncate(length);
    let missing = match length % 4 {
        1 => return None,
        rest => (4 - rest) % 4,
    };
    clean.extend(std::iter::repeat_n('=', missing));
    (given <= 2).then_some(Cow::Owned(clean))
}

/// Decodes the beginning of data in the standard form, as much of it as tells its type.
pub(crate) fn head(data: &str) -> Vec<u8> {
    let most = HEAD.div_ceil(3) * 4;
    // All of the data is ASCII, and whole groups of four are cut.
    decode(data.get(..most).unwrap_or(data)).unwrap_or_default()
}

/// Decodes data in the standard form.
pub(crate) fn decode(data: &str) -> Option<Vec<u8>> {
    LENIENT.decode(data).ok()
}

/// Encodes bytes.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Says whether a text looks like nothing but base64, by its first characters.
pub(crate) fn looks_bare(text: &str) -> bool {
    let start = text.as_bytes().get(..64).unwrap_or(text.as_bytes());
    let fits =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=' | b'\r' | b'\n');
    !start.is_empty() && start.iter().all(fits)
}

/// Returns how many bytes data in the standard form stands for.
pub(crate) fn length(data: &str) -> u64 {
    let padding = data.len() - data.trim_end_matches('=').len();
    (data.len() / 4 * 3).saturating_sub(padding) as u64
}
