use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{
    ChatReply, Choice, Citation, Extras, Finish, FinishReason, Json, Opaque, Part, Signature, Text, Thought, ToolCall,
    Usage, UsageBasis,
};

use super::CONVERSE_PROTOCOL as PROTOCOL;
use crate::object::Object;

/// Reads the reply of Converse.
pub(crate) fn decode(body: &[u8]) -> Result<ChatReply, Error> {
    let mut body = Object::from_vendor(body, "the reply")?;
    let output = body.take("output").ok_or_else(|| {
        Error::new(ErrorKind::Decode, "the reply has no `output`")
            .with_hint("check that `base_url` is Bedrock's runtime")
    })?;
    let mut message = Object::lenient(&output).find_object("message");
    let mut reply = ChatReply::default();
    reply.usage = body.take("usage").map(|json| usage(&json));
    let mut choice = Choice::default();
    choice.parts = message.find_list("content").iter().map(part).collect();
    choice.finish = body.find_text("stopReason").map(finish);
    reply.choices = vec![choice];
    reply.extras = present(body);
    Ok(reply)
}

pub(crate) fn part(json: &Json) -> Part {
    let mut fields = Object::lenient(json);
    if let Some(text) = fields.find::<String>("text") {
        return Part::text(text);
    }
    if let Some(call) = fields.take("toolUse") {
        let mut inner = Object::lenient(&call);
        if is_vendors(&inner) {
            return Part::Opaque(Opaque::new(PROTOCOL, json.clone()));
        }
        let mut call = ToolCall::default();
        call.id = inner.find_text("toolUseId");
        call.name = inner.find_text("name").unwrap_or_default();
        call.arguments = inner.take("input").map_or_else(|| "{}".to_owned(), |input| input.compact());
        return Part::ToolCall(call);
    }
    if let Some(reasoning) = fields.take("reasoningContent") {
        return Part::Thought(thought(&reasoning));
    }
    if let Some(cited) = fields.take("citationsContent") {
        let mut inner = Object::lenient(&cited);
        let mut text = Text::default();
        let words = inner.find_list("content");
        text.text = words.iter().filter_map(|part| Object::lenient(part).find_text("text")).collect();
        text.citations = inner.find_list("citations").iter().map(citation).collect();
        return Part::Text(text);
    }
    Part::Opaque(Opaque::new(PROTOCOL, json.clone()))
}

/// Says whether the vendor itself runs the tool that is called.
pub(crate) fn is_vendors(call: &Object) -> bool {
    call.peek("type").is_some_and(|kind| kind.as_str() == "\"server_tool_use\"")
}

fn thought(json: &Json) -> Thought {
    let mut fields = Object::lenient(json);
    let mut thought = Thought::default();
    if let Some(data) = fields.find_text("redactedContent") {
        thought.redacted = Some(Signature::new(PROTOCOL, data));
        return thought;
    }
    let mut inner = fields.find_object("reasoningText");
    thought.text = inner.find_text("text").unwrap_or_default();
    let signature = inner.find_text("signature").filter(|signature| !signature.is_empty());
    thought.signature = signature.map(|value| Signature::new(PROTOCOL, value));
    if thought.signature.is_none() {
        thought.extras = unsigned();
    }
    thought
}

/// Marks thinking that the vendor did not sign and takes back all the same.
pub(crate) fn unsigned() -> Extras {
    let mut extras = Extras::default();
    extras.insert(PROTOCOL, "type", crate::object::json("reasoningText"));
    extras
}

pub(crate) fn citation(json: &Json) -> Citation {
    let mut fields = Object::lenient(json);
    let mut citation = Citation::default();
    citation.title = fields.find_text("title");
    citation.url = fields.find_object("location").find_object("web").find_text("url");
    let quotes = fields.find_list("sourceContent");
    citation.quote = quotes.first().and_then(|quote| Object::lenient(quote).find_text("text"));
    citation.raw = Some(Opaque::new(PROTOCOL, json.clone()));
    citation
}

pub(crate) fn finish(raw: String) -> Finish {
    let reason = match raw.as_str() {
        "end_turn" => FinishReason::Stop,
        "stop_sequence" => FinishReason::StopSequence,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "tool_use" => FinishReason::ToolCalls,
        "guardrail_intervened" | "content_filtered" => FinishReason::ContentFilter,
        "malformed_tool_use" => FinishReason::MalformedToolCall,
        "malformed_model_output" => FinishReason::Error,
        "refusal" => FinishReason::Refusal,
        "pause_turn" => FinishReason::Pause,
        other => FinishReason::Unknown(other.to_owned()),
    };
    Finish::new(reason, Some(raw))
}

/// Reads `TokenUsage`, whose input leaves out what a cache served or stored.
pub(crate) fn usage(json: &Json) -> Usage {
    let mut fields = Object::lenient(json);
    let mut usage = Usage::default();
    usage.input = fields.find_count("inputTokens");
    usage.cache_read =
        fields.find_count("cacheReadInputTokens").or_else(|| fields.find_count("cacheReadInputTokenCount"));
    usage.cache_write =
        fields.find_count("cacheWriteInputTokens").or_else(|| fields.find_count("cacheWriteInputTokenCount"));
    usage.output = fields.find_count("outputTokens");
    usage.basis = UsageBasis::VendorFinal;
    usage.raw = Some(json.clone());
    usage
}

pub(crate) fn present(fields: Object) -> Extras {
    let mut extras = Extras::default();
    let noise =
        |name: &str, value: &Json| matches!(name, "p" | "metrics") || matches!(value.as_str(), "null" | "[]" | "{}");
    for (name, value) in fields.into_fields().filter(|(name, value)| !noise(name, value)) {
        extras.insert(PROTOCOL, name, value);
    }
    extras
}
