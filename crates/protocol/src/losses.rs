//! What of a typed request another protocol cannot carry.

use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatRequest, Extras, Json, Media, Protocol, ResponseFormat, Role, Signature, Text, Tool};

use crate::object::{Fields, Object};
use crate::openai::legacy;

/// What asks for JSON where no field does.
pub(crate) const JSON_INSTRUCTION: &str = "Answer with one JSON object and nothing else.";

/// Refuses a conversation of which nothing is left.
pub(crate) fn nothing_said() -> Error {
    Error::invalid("messages", "there is no message that says anything").with_hint("add a user message")
}

/// Returns OpenAI's word for the kind of the tool of a name.
pub(crate) fn kind_of_tool(request: &ChatRequest, wanted: &str) -> &'static str {
    let custom = |tool: &Tool| matches!(tool, Tool::Custom { name, .. } if name == wanted);
    if request.tools.iter().any(custom) { "custom" } else { "function" }
}

/// Reports fields that only other protocols know.
pub(crate) fn report_foreign(extras: &Extras, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    // Bedrock's codec tells of a mark itself: not all of its models cache.
    let carried = cache_mark(extras).filter(|_| own == Protocol::ANTHROPIC_MESSAGES).map(|(name, _)| name);
    for (owner, name, value) in extras.iter().filter(|(owner, ..)| *owner != own) {
        if (owner, name) == (Protocol::ANTHROPIC_MESSAGES, "metadata") {
            // Who the call is made for has a typed form; the rest has none.
            let rest = Object::lenient(value).into_fields().filter(|(name, _)| name != "user_id");
            losses.extend(
                rest.map(|(inner, _)| {
                    Loss::dropped(format!("{path}.metadata.{inner}"), format!("only {owner} has it"))
                }),
            );
        }
        let is_given = (owner, name) == (Protocol::OPENAI_RESPONSES, "include") && includes_only_given(value);
        if !is_copy(extras, owner, name) && !is_given && carried != Some(name) && !is_shared(owner, own, name) {
            losses.push(Loss::dropped(format!("{path}.{name}"), format!("only {owner} has it")));
        }
    }
}

fn is_copy(extras: &Extras, owner: Protocol, name: &str) -> bool {
    // Where the answer has a form of Gemini's own, its schema has no typed form either.
    let mime = extras.get(Protocol::GEMINI_GENERATE, "generationConfig.responseMimeType");
    let own_form = mime.is_some_and(|mime| mime.as_str() != "null") && name.starts_with("generationConfig.response");
    COPIES.contains(&(owner, name)) && !own_form
}

/// Says whether a caller of responses asks to be given only what it is given from every vendor.
fn includes_only_given(list: &Json) -> bool {
    let given = ["reasoning.encrypted_content", "message.output_text.logprobs"];
    list.parse::<Vec<String>>().is_ok_and(|list| list.iter().all(|name| given.contains(&name.as_str())))
}

/// Reports what of a text another protocol knows and `own` does not.
pub(crate) fn report_text(text: &Text, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    report_foreign(&text.extras, &format!("{path}.extras"), own, losses);
    report_signature(text.signature.as_ref(), path, own, losses);
    report_citations(text, path, losses);
}

/// Reports what of a medium another protocol knows and `own` does not.
pub(crate) fn report_media(media: &Media, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    report_foreign(&media.extras, &format!("{path}.extras"), own, losses);
    report_signature(media.signature.as_ref(), path, own, losses);
}

/// Reports what is said of an answer's schema beside it, to protocols that have the schema alone.
pub(crate) fn report_description(format: Option<&ResponseFormat>, losses: &mut Vec<Loss>) {
    if let Some(ResponseFormat::JsonSchema { description: Some(_), .. }) = format {
        losses.push(Loss::dropped("response_format.description", "the vendor has only what the schema itself says"));
    }
}

/// Reports how closely to look at an image, to protocols that leave that to the model.
pub(crate) fn report_detail(media: &Media, path: &str, losses: &mut Vec<Loss>) {
    if media.detail.as_deref().is_some_and(|detail| detail != "auto") {
        losses.push(Loss::dropped(format!("{path}.detail"), "the vendor has no such setting"));
    }
}

/// Reports a signature that only another protocol's vendor reads.
pub(crate) fn report_signature(signature: Option<&Signature>, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    if let Some(signature) = signature.filter(|signature| signature.protocol != own) {
        losses.push(Loss::dropped(format!("{path}.signature"), format!("only {} reads it", signature.protocol)));
    }
}

/// Returns the word for the user, who speaks where the protocol has no such speaker.
pub(crate) fn user(role: &Role, path: &str, losses: &mut Vec<Loss>) -> &'static str {
    if let Role::Unknown(_) = role {
        losses.push(Loss::adapted(format!("{path}.role"), "the vendor has no such role: sent as the user's words"));
    }
    "user"
}

/// Reports words of a refusal, to protocols that have none but plain ones.
pub(crate) fn report_refusal(path: &str, losses: &mut Vec<Loss>) {
    losses.push(Loss::adapted(path, "the vendor has no refusals in messages: sent as plain words"));
}

/// Reports the sources of a text that is sent back to a protocol that takes none.
pub(crate) fn report_citations(text: &Text, path: &str, losses: &mut Vec<Loss>) {
    if !text.citations.is_empty() {
        losses.push(Loss::dropped(format!("{path}.citations"), "the protocol takes no sources back"));
    }
}

/// Returns the mark that ends a cached prefix, in Anthropic's form, whichever client's protocol wrote it, and the name
/// that extras have it by.
pub(crate) fn cache_mark(extras: &Extras) -> Option<(&str, &Json)> {
    let marks = extras.iter().filter(|(_, name, _)| CACHE_MARKS.contains(name));
    marks.map(|(_, name, mark)| (name, mark)).find(|(_, mark)| mark.as_str().starts_with('{'))
}

/// Anthropic's name of that mark, which clients of OpenAI's protocols write too, and how extras name it where it stands
/// beside a tool's function or an item's content.
const CACHE_MARKS: &[&str] = &["cache_control", "tool.cache_control", "item.cache_control"];

/// Writes what OpenAI's two protocols call by the same name.
pub(crate) fn put_shared(extras: &Extras, own: Protocol, body: &mut Fields) {
    for (owner, name, value) in extras.iter().filter(|(owner, ..)| *owner != own) {
        if SHARED.contains(&name) && is_shared(owner, own, name) && !body.has(name) {
            body.put(name, value);
        }
    }
}

fn is_shared(owner: Protocol, own: Protocol, name: &str) -> bool {
    let family = [Protocol::OPENAI_CHAT, Protocol::OPENAI_RESPONSES];
    family.contains(&owner) && family.contains(&own) && (SHARED.contains(&name) || RENAMED.contains(&name))
}

/// Request fields of both of OpenAI's protocols.
const SHARED: &[&str] =
    &["metadata", "store", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "prompt_cache_options"];

/// Request fields of both of OpenAI's protocols under two names, which each codec writes itself.
const RENAMED: &[&str] = &["verbosity", "text.verbosity"];

/// Fields that are kept beside their typed form, so that their own protocol gets them back as they
/// were, and names that mean nothing outside the vendor's own store.
const COPIES: &[(Protocol, &str)] = &[
    (Protocol::OPENAI_CHAT, "content"),
    (Protocol::OPENAI_CHAT, "field"),
    (Protocol::OPENAI_CHAT, "file.file_data"),
    (Protocol::OPENAI_CHAT, legacy::MARK),
    (Protocol::OPENAI_CHAT, "part"),
    (Protocol::OPENAI_CHAT, "part.bare"),
    (Protocol::OPENAI_CHAT, "part.type"),
    (Protocol::OPENAI_CHAT, "top_k"),
    (Protocol::OPENAI_COMPLETIONS, "prompt"),
    (Protocol::OPENAI_RESPONSES, "content"),
    (Protocol::OPENAI_RESPONSES, "field"),
    (Protocol::OPENAI_RESPONSES, "id"),
    (Protocol::OPENAI_RESPONSES, "summary"),
    (Protocol::OPENAI_RESPONSES, "type"),
    (Protocol::ANTHROPIC_MESSAGES, "metadata"),
    (Protocol::ANTHROPIC_MESSAGES, "role"),
    (Protocol::ANTHROPIC_MESSAGES, "source"),
    (Protocol::ANTHROPIC_MESSAGES, "thinking"),
    (Protocol::GEMINI_GENERATE, "generationConfig.responseMimeType"),
    (Protocol::GEMINI_GENERATE, "generationConfig.responseSchema"),
    (Protocol::GEMINI_GENERATE, "parameters"),
    (Protocol::GEMINI_GENERATE, "functionResponse.parts"),
    (Protocol::GEMINI_GENERATE, "functionResponse.response"),
    (Protocol::GEMINI_GENERATE, "role"),
    (Protocol::GEMINI_GENERATE, "thinkingConfig"),
    (Protocol::BEDROCK_CONVERSE, "format"),
    (Protocol::BEDROCK_CONVERSE, "json"),
    (Protocol::BEDROCK_CONVERSE, "reasoningConfig"),
    (Protocol::BEDROCK_CONVERSE, "reasoning_effort"),
    (Protocol::BEDROCK_CONVERSE, "thinking"),
];
