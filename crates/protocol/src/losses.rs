//! What of a typed request another protocol cannot carry.

use tollbridge_core::{Error, Loss};
use tollbridge_types::{Extras, Json, Media, Protocol, Signature, Text};

use crate::object::Fields;

/// What asks for JSON where no field does.
pub(crate) const JSON_INSTRUCTION: &str = "Answer with one JSON object and nothing else.";

/// Refuses a conversation of which nothing is left.
pub(crate) fn nothing_said() -> Error {
    Error::invalid("messages", "there is no message that says anything").with_hint("add a user message")
}

/// Reports fields that only other protocols know.
pub(crate) fn report_foreign(extras: &Extras, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    for (owner, name, _) in extras.iter().filter(|(owner, ..)| *owner != own) {
        let is_copy = COPIES.iter().any(|(protocol, copy)| *protocol == owner && *copy == name);
        let marked = [Protocol::OPENAI_CHAT, Protocol::ANTHROPIC_MESSAGES].contains(&owner) && name == CACHE_MARK;
        // Bedrock's codec tells of a mark itself: not all of its models cache.
        let is_mark = marked && own == Protocol::ANTHROPIC_MESSAGES;
        if !is_copy && !is_mark && !is_shared(owner, own, name) {
            losses.push(Loss::dropped(format!("{path}.{name}"), format!("only {owner} has it")));
        }
    }
}

/// Reports what of a medium another protocol knows and `own` does not.
pub(crate) fn report_media(media: &Media, path: &str, own: Protocol, losses: &mut Vec<Loss>) {
    report_foreign(&media.extras, &format!("{path}.extras"), own, losses);
    report_signature(media.signature.as_ref(), path, own, losses);
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

/// Reports the sources of a text that is sent back to a protocol that takes none.
pub(crate) fn report_citations(text: &Text, path: &str, losses: &mut Vec<Loss>) {
    if !text.citations.is_empty() {
        losses.push(Loss::dropped(format!("{path}.citations"), "the protocol takes no sources back"));
    }
}

/// Returns the mark that ends a cached prefix, whichever client's protocol wrote it.
pub(crate) fn any_cache_mark(extras: &Extras) -> Option<&Json> {
    cache_mark(extras).or_else(|| extras.get(Protocol::ANTHROPIC_MESSAGES, CACHE_MARK))
}

/// Returns the mark that ends a cached prefix, in Anthropic's form, which clients of chat
/// completions also write.
pub(crate) fn cache_mark(extras: &Extras) -> Option<&Json> {
    extras.get(Protocol::OPENAI_CHAT, CACHE_MARK)
}

/// Anthropic's name of that mark, which its other protocols took over.
pub(crate) const CACHE_MARK: &str = "cache_control";

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
    (Protocol::OPENAI_CHAT, "part"),
    (Protocol::OPENAI_CHAT, "top_k"),
    (Protocol::OPENAI_COMPLETIONS, "prompt"),
    (Protocol::OPENAI_RESPONSES, "content"),
    (Protocol::OPENAI_RESPONSES, "field"),
    (Protocol::OPENAI_RESPONSES, "id"),
    (Protocol::OPENAI_RESPONSES, "include"),
    (Protocol::OPENAI_RESPONSES, "item.phase"),
    (Protocol::OPENAI_RESPONSES, "stream_options"),
    (Protocol::OPENAI_RESPONSES, "summary"),
    (Protocol::OPENAI_RESPONSES, "type"),
    (Protocol::ANTHROPIC_MESSAGES, "metadata"),
    (Protocol::ANTHROPIC_MESSAGES, "role"),
    (Protocol::ANTHROPIC_MESSAGES, "thinking"),
    (Protocol::GEMINI_GENERATE, "generationConfig.responseMimeType"),
    (Protocol::GEMINI_GENERATE, "generationConfig.responseSchema"),
    (Protocol::GEMINI_GENERATE, "fileData"),
    (Protocol::GEMINI_GENERATE, "parameters"),
    (Protocol::GEMINI_GENERATE, "functionResponse.response"),
    (Protocol::GEMINI_GENERATE, "role"),
    (Protocol::GEMINI_GENERATE, "thinkingConfig"),
    (Protocol::BEDROCK_CONVERSE, "format"),
    (Protocol::BEDROCK_CONVERSE, "json"),
    (Protocol::BEDROCK_CONVERSE, "reasoningConfig"),
    (Protocol::BEDROCK_CONVERSE, "reasoning_effort"),
    (Protocol::BEDROCK_CONVERSE, "thinking"),
];
