use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{ChatReply, Choice, Extras, Finish, FinishReason, Json, LogProbs, Part};

use super::{RESPONSES_PROTOCOL as PROTOCOL, items, usage};
use crate::object::Object;
use crate::{endings, vendor_error};

/// Reads the response object.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    fail(&mut body)?;
    let usage = usage::take(&mut body);
    let items: Vec<Json> = body.find("output").ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `output`")
            .with_hint("check that `base_url` is the vendor's API")
    })?;
    let mut reply = ChatReply::default();
    reply.usage = usage;
    reply.id = body.find_text("id").filter(|id| !id.is_empty());
    reply.model = body.find_text("model").filter(|model| !model.is_empty());
    reply.created = created(&mut body);
    reply.service_tier = body.find_text("service_tier");
    let mut choice = Choice::default();
    let mut logprobs = LogProbs::default();
    choice.parts = items.iter().flat_map(|item| items::decode(item, &mut logprobs)).collect();
    choice.logprobs = (logprobs != LogProbs::default()).then_some(logprobs);
    let called = choice.parts.iter().any(|part| matches!(part, Part::ToolCall(_)));
    let refused = choice.parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    choice.finish = finish(&mut body, called, refused);
    reply.choices = vec![choice];
    reply.extras = rest(body);
    Ok(reply)
}

/// Returns the error that a failed response reports.
pub(crate) fn fail(body: &mut Object) -> Result<(), Error> {
    let failed = body.peek("status").is_some_and(|status| status.as_str() == "\"failed\"");
    match body.take("error") {
        Some(error) => Err(vendor_error::from_event(&crate::openai::whole_error(&error))),
        None if failed => {
            Err(Error::new(ErrorKind::Server, "the provider reports a failed response and does not say why"))
        }
        None => Ok(()),
    }
}

pub(crate) fn created(body: &mut Object) -> Option<u64> {
    body.find_text("created_at")?.split('.').next()?.parse().ok()
}

/// Reads why a response ended, from its status and what it says of that.
pub(crate) fn finish(body: &mut Object, called: bool, refused: bool) -> Option<Finish> {
    let status = body.find_text("status")?;
    let incomplete = body.peek("incomplete_details").and_then(|json| Object::lenient(json).find_text("reason"));
    let reason = match (status.as_str(), incomplete.as_deref()) {
        ("completed", _) if called => FinishReason::ToolCalls,
        ("completed", _) if refused => FinishReason::Refusal,
        ("completed", _) => FinishReason::Stop,
        ("incomplete", None) => FinishReason::Length,
        ("incomplete", Some(word)) => match endings::read(PROTOCOL, word) {
            // An answer that says that it is incomplete is no whole one, whatever its word means elsewhere.
            reason if endings::is_normal(&reason) => FinishReason::Unknown(word.to_owned()),
            reason => reason,
        },
        // Work that goes on in the background has not ended.
        ("queued" | "in_progress", _) => return None,
        (word, _) => endings::read(PROTOCOL, word),
    };
    let mut finish = Finish::new(reason, Some(status));
    finish.message = incomplete;
    Some(finish)
}

/// Keeps what has no typed field. What only repeats the request is not the answer's.
pub(crate) fn rest(body: Object) -> Extras {
    let mut extras = Extras::default();
    for (name, value) in body
        .into_fields()
        .filter(|(name, value)| !ECHOES.contains(&name.as_str()) && !matches!(value.as_str(), "null" | "[]" | "{}"))
    {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}

const ECHOES: &[&str] = &["object", "output", "incomplete_details", "status", "output_text"];
