//! Sealed state: what a vendor wants back, in the fields in which clients carry it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::bytes::assert_same;
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
        chat::forged(codec, body.replace(MARK, &sealed).as_bytes());
        let read = |text: &str| codec.decode_request(body.replace(MARK, text).as_bytes()).ok();
        // What a field that no state travels in holds, matters or not whatever it is.
        if let (Some(opened), Some(changed)) = (read(&sealed), read(&damaged))
            && opened == changed
        {
            assert_same(&Some(changed), &read("other"), "a changed seal was opened");
        }
    }
}

/// Seals states as the codecs do, with what is to be added to the checksum.
fn seal(states: &[u8], wrong: u32) -> String {
    let sum = crc32fast::hash(states).wrapping_add(wrong);
    STANDARD.encode([b"tollstate", &sum.to_be_bytes()[..], states].concat())
}
