use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatAssembler, ChatReply, Finish, FinishReason};

use super::GENERATE_PROTOCOL as PROTOCOL;
use super::stream::Decoder;
use crate::{ChatStreamDecoder, endings};

/// Reads a whole GenerateContentResponse: as a stream of one element, which it is.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    decoder.decode(&Frame::new(Bytes::new(), None, Bytes::copy_from_slice(body)), &mut events)?;
    if !decoder.has_answered() {
        return Err(Error::new(ErrorKind::Decode, "the reply has neither `candidates` nor `promptFeedback`")
            .with_hint("check that `base_url` is the vendor's API"));
    }
    let mut assembler = ChatAssembler::default();
    for event in events {
        assembler.push(event);
    }
    Ok(assembler.into_reply())
}

/// Reads a finish reason.
pub(crate) fn finish(raw: String, called: bool) -> Finish {
    let reason = match endings::read(PROTOCOL, &raw) {
        FinishReason::Stop if called => FinishReason::ToolCalls,
        reason => reason,
    };
    Finish::new(reason, Some(raw))
}
