use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{ChatReply, Choice, Finish, Json};

use super::{MESSAGES_PROTOCOL as PROTOCOL, blocks, usage};
use crate::object::Object;
use crate::{endings, vendor_error};

/// Reads the message object.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let json: Json = serde_json::from_slice(body)
        .map_err(|error| Error::new(ErrorKind::Decode, format!("the reply is not valid JSON: {error}")))?;
    let mut body = Object::lenient(&json);
    if body.peek("type").is_some_and(|kind| kind.as_str() == "\"error\"") {
        return Err(vendor_error::from_event(&json));
    }
    let content: Vec<Json> = body.find("content").ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `content`")
            .with_hint("check that `base_url` is the vendor's API")
    })?;
    let mut choice = Choice::default();
    for (place, block) in content.iter().enumerate() {
        let part = blocks::decode(block, &format!("content[{place}]"));
        choice.parts.push(part.map_err(|error| Error::new(ErrorKind::Decode, error.to_string()))?);
    }
    choice.finish = finish(&mut body);
    let mut reply = ChatReply::default();
    reply.id = body.find_text("id");
    reply.model = body.find_text("model");
    reply.usage = body.take("usage").map(|json| usage::decode(&json));
    for known in ["type", "role"] {
        body.take(known);
    }
    reply.extras = body.into_extras(PROTOCOL);
    reply.choices.push(choice);
    Ok(reply)
}

/// Takes the stop reason and what belongs to it.
pub(crate) fn finish(fields: &mut Object) -> Option<Finish> {
    let raw = fields.find_text("stop_reason");
    let stop_sequence = fields.find_text("stop_sequence");
    let explanation = fields.peek("stop_details").and_then(|json| Object::lenient(json).find_text("explanation"));
    if fields.peek("stop_details").is_some_and(|json| json.as_str() == "null") {
        fields.take("stop_details");
    }
    let raw = raw?;
    let mut finish = Finish::new(endings::read(PROTOCOL, &raw), Some(raw));
    finish.stop_sequence = stop_sequence;
    finish.message = explanation;
    Some(finish)
}
