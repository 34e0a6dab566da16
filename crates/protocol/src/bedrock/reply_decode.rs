use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{ChatReply, Choice, Finish, Json, Opaque, Part};

use super::{CONVERSE_PROTOCOL as PROTOCOL, blocks, usage};
use crate::endings;
use crate::object::Object;

/// Reads the response of Converse. It names neither the answer nor the model.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    let content: Option<Vec<Json>> = body.find_object("output").find_object("message").find("content");
    let content = content.ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `output.message.content`")
            .with_hint("check that `base_url` is the vendor's API")
    })?;
    let mut choice = Choice::default();
    for (place, block) in content.iter().enumerate() {
        let part = blocks::decode(block, &format!("output.message.content[{place}]"));
        choice.parts.push(match part.map_err(|error| Error::new(ErrorKind::Decode, error.to_string()))? {
            // A result in an answer is that of a tool that Bedrock ran itself.
            Part::ToolResult(_) => Part::Opaque(Opaque::new(PROTOCOL, block.clone())),
            part => part,
        });
    }
    choice.finish = finish(&mut body);
    let mut reply = ChatReply::default();
    reply.usage = usage::take(&mut body);
    reply.extras = body.into_extras(PROTOCOL);
    reply.choices.push(choice);
    Ok(reply)
}

/// Takes the stop reason; the text that stopped the model stands among the model's own fields, if it was asked for.
pub(crate) fn finish(fields: &mut Object) -> Option<Finish> {
    let raw = fields.find_text("stopReason")?;
    let own = fields.peek("additionalModelResponseFields");
    let stop_sequence = own.and_then(|json| Object::lenient(json).find_text("stop_sequence"));
    let mut finish = Finish::new(endings::read(PROTOCOL, &raw), Some(raw));
    finish.stop_sequence = stop_sequence;
    Some(finish)
}
