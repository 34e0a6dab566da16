//! The next turn of a conversation in which a client carries what another vendor wants back.

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use tollbridge_protocol::{ChatCodec, Target};
use tollbridge_types::{ChatRequest, Message, ToolResult};

/// How every seal begins, and the length of its checksum in bytes.
const BEGINNING: &str = "dG9sbHN0YXRl";
const SUM: usize = 4;

/// Seals stand in ids too, where base64 has other letters and no end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads an answer as a client's SDK does, and sends it back with the results of its calls.
pub(super) fn next_turn(client: &dyn ChatCodec, answer: &[u8]) -> Option<Vec<u8>> {
    let reply = client.decode_reply(answer).ok()?;
    let mut request = ChatRequest::new("model").max_tokens(100).user("weather?").message(reply.message());
    for call in reply.tool_calls() {
        let mut result = ToolResult::text(call.id.clone().unwrap_or_default(), "sunny");
        result.name = Some(call.name.clone());
        request.messages.push(Message::tool(result));
    }
    client.encode_request(&request, &Target::new("model", false), &mut Vec::new()).ok().map(|body| body.to_vec())
}

/// Opens each seal in a body in turn: its states on the first line, and a mark where it stood.
pub(super) fn opened(body: &[u8]) -> Vec<Vec<u8>> {
    let Ok(text) = std::str::from_utf8(body) else { return Vec::new() };
    let open = |(at, _): (usize, &str)| {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || "+/-_=".contains(letter);
        let (before, rest) = text.split_at(at);
        let (seal, after) = rest.split_at(rest.find(|other| !letter(other)).unwrap_or(rest.len()));
        let standard = seal.strip_prefix(BEGINNING)?.replace('-', "+").replace('_', "/");
        let states = LENIENT.decode(standard).ok()?.split_off(SUM);
        Some([&states, &b"\n"[..], before.as_bytes(), b"SEALED", after.as_bytes()].concat())
    };
    text.match_indices(BEGINNING).filter_map(open).collect()
}
