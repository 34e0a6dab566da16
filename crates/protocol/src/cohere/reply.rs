use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{ChatReply, Choice, Citation, Extras, Finish, Json, Opaque, Part, Text, Thought, ToolCall};

use super::{CHAT_PROTOCOL as PROTOCOL, usage};
use crate::endings;
use crate::object::{Object, json};

/// Reads a whole reply.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    let mut message = body.take("message").filter(|json| json.as_str().starts_with('{')).map_or_else(
        || {
            Err(Error::new(ErrorKind::Decode, "the reply has no `message`")
                .with_hint("check that `base_url` is Cohere's API"))
        },
        |json| Ok(Object::lenient(&json)),
    )?;
    let mut reply = ChatReply::default();
    reply.id = body.find_text("id");
    reply.usage = body.take("usage").map(|json| usage::decode(&json));
    let mut choice = Choice::default();
    for json in message.find_list("content") {
        choice.parts.push(part(&json));
    }
    let cited: Vec<Citation> = message.find_list("citations").iter().map(citation).collect();
    if !cited.is_empty() {
        attach(cited, &mut choice.parts);
    }
    let plan = message.find::<String>("tool_plan").filter(|plan| !plan.is_empty());
    choice.parts.extend(plan.map(|plan| Part::Thought(tool_plan(&plan))));
    choice.parts.extend(message.find_list("tool_calls").iter().map(|json| Part::ToolCall(call(json))));
    choice.finish = body.find_text("finish_reason").map(finish);
    message.take("role");
    choice.extras = present(message);
    reply.choices = vec![choice];
    reply.extras = present(body);
    Ok(reply)
}

fn attach(cited: Vec<Citation>, parts: &mut Vec<Part>) {
    match parts.iter_mut().rev().find_map(|part| if let Part::Text(text) = part { Some(text) } else { None }) {
        Some(text) => text.citations = cited,
        None => {
            let mut text = Text::default();
            text.citations = cited;
            parts.push(Part::Text(text));
        }
    }
}

fn part(json: &Json) -> Part {
    let mut fields = Object::lenient(json);
    match fields.find_text("type").as_deref() {
        Some("text") => Part::text(fields.find_text("text").unwrap_or_default()),
        Some("thinking") => Part::Thought(thought(fields.find_text("thinking").unwrap_or_default())),
        _ => Part::Opaque(Opaque::new(PROTOCOL, json.clone())),
    }
}

/// Makes a thought that Cohere will take back.
pub(crate) fn thought(text: String) -> Thought {
    let mut thought = Thought::default();
    thought.text = text;
    thought.extras.insert(PROTOCOL, "type", json("thinking"));
    thought
}

/// Makes the thought that stands for a plan of tool calls: Cohere wants it back, and shows it apart.
pub(crate) fn tool_plan(plan: &str) -> Thought {
    let mut thought = Thought::default();
    thought.extras.insert(PROTOCOL, "tool_plan", json(plan));
    thought
}

pub(crate) fn citation(json: &Json) -> Citation {
    let mut fields = Object::lenient(json);
    let mut citation = Citation::default();
    citation.span = fields.find_count("start").zip(fields.find_count("end"));
    if let Some(source) = fields.find_list("sources").first() {
        let mut document = Object::lenient(source).find_object("document");
        citation.url = document.find_text("url");
        citation.title = document.find_text("title");
    }
    citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
    citation
}

pub(crate) fn call(json: &Json) -> ToolCall {
    let mut fields = Object::lenient(json);
    let mut inner = fields.find_object("function");
    let mut call = ToolCall::default();
    call.id = fields.find_text("id").filter(|id| !id.is_empty());
    call.name = inner.find_text("name").unwrap_or_default();
    call.arguments = inner.find_text("arguments").unwrap_or_default();
    call
}

pub(crate) fn finish(raw: String) -> Finish {
    Finish::new(endings::read(PROTOCOL, &raw), Some(raw))
}

pub(crate) fn present(fields: Object) -> Extras {
    let mut extras = Extras::default();
    for (name, value) in fields.into_fields().filter(|(_, value)| !matches!(value.as_str(), "null" | "[]" | "{}")) {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}
