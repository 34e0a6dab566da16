use bytes::Bytes;
use tollbridge_core::{Error, ErrorKind, Frame};
use tollbridge_types::{ChatAssembler, ChatReply, Finish, FinishReason};

use super::stream::Decoder;
use crate::ChatStreamDecoder;

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

/// Reads a finish reason; old servers send the number of the enum.
pub(crate) fn finish(raw: String, called: bool) -> Finish {
    let reason = match raw.as_str() {
        "STOP" | "1" if called => FinishReason::ToolCalls,
        "STOP" | "1" => FinishReason::Stop,
        "MAX_TOKENS" | "2" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "LANGUAGE"
        | "MODEL_ARMOR"
        | "3"
        | "4" => FinishReason::ContentFilter,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" => FinishReason::MalformedToolCall,
        other => FinishReason::Unknown(other.to_owned()),
    };
    Finish::new(reason, Some(raw))
}
