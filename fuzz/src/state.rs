//! Sealed state: what a vendor wants back, in the fields in which clients carry it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::chat;

/// Stands in a body where a seal does.
const MARK: &str = "SEALED";

/// The first line is a list of states, the rest a client's body: what is opened holds, what was changed is refused.
pub(crate) fn state(data: &[u8]) {
    let place = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(body) = std::str::from_utf8(data.get(place + 1..).unwrap_or_default()) else { return };
    // Many seals are as good as few, and take longer.
    if !(1..=4).contains(&body.matches(MARK).count()) {
        return;
    }
    let sealed = seal(&data[..place], 0);
    let damaged = seal(&data[..place], 1);
    for codec in chat::clients() {
        chat::request(codec, body.replace(MARK, &sealed).as_bytes());
        let Ok(request) = codec.decode_request(body.replace(MARK, &damaged).as_bytes()) else { continue };
        // A text that is no field for state is nothing but a text.
        assert!(format!("{request:?}").contains(&damaged), "{}: a changed seal was opened", codec.protocol());
    }
}

/// Seals states as the codecs do, with what is to be added to the checksum.
fn seal(states: &[u8], wrong: u32) -> String {
    let sum = crc32fast::hash(states).wrapping_add(wrong);
    STANDARD.encode([b"tollstate", &sum.to_be_bytes()[..], states].concat())
}
