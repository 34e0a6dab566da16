//! Media in a body of the vendor's own protocol, of which only what the model refuses is touched.

use bytes::Bytes;
use memchr::memmem;
use serde_json::value::RawValue;
use tollbridge_core::{Error, Loss};
use tollbridge_types::{ChatRequest, Part, Protocol};

use super::fit::changes;
use super::rules::MediaRules;
use crate::fit::splice::{Node, Splices};

/// Says whether a body may hold media, without reading it.
pub(crate) fn holds_media(body: &[u8]) -> bool {
    MARKS.iter().any(|mark| memmem::find(body, mark.as_bytes()).is_some())
}

/// Names of fields and types that media have in some protocol, as far as they begin alike.
const MARKS: &[&str] = &["\"image", "\"input_", "\"document", "\"file", "\"inline", "\"video", "\"audio"];

/// Refuses what the rules do not take, and puts words in the place of what is flattened.
///
/// # Errors
/// As [`fit_media`](super::fit_media).
pub(crate) fn fit_own_media(
    body: &Bytes,
    protocol: Protocol,
    request: &ChatRequest,
    rules: &MediaRules<'_>,
    losses: &mut Vec<Loss>,
) -> Result<Option<Bytes>, Error> {
    let changed = changes(request, rules, losses)?;
    let Ok(text) = std::str::from_utf8(body) else { return Ok(None) };
    let mut splices = Splices::of(text);
    for (place, number, part) in &changed {
        let old = request.messages.get(*place).and_then(|message| message.parts.get(*number));
        for (path, words) in old.into_iter().flat_map(|old| words(old, part)) {
            if let Some(raw) = find(text, path) {
                splices.replace(raw, text_part(protocol, words));
            }
        }
    }
    Ok(splices.apply())
}

/// Lists where words took the place of something, within one part.
fn words<'p>(old: &'p Part, new: &'p Part) -> Vec<(&'p str, &'p str)> {
    match (old, new) {
        (Part::ToolResult(old), Part::ToolResult(new)) => {
            old.content.iter().zip(&new.content).flat_map(|(old, new)| words(old, new)).collect()
        }
        (old, new) if old != new => old.origin().zip(new.as_text()).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn text_part(protocol: Protocol, words: &str) -> String {
    let part = match protocol {
        Protocol::GEMINI_GENERATE | Protocol::BEDROCK_CONVERSE => serde_json::json!({"text": words}),
        Protocol::OPENAI_RESPONSES => serde_json::json!({"type": "input_text", "text": words}),
        _ => serde_json::json!({"type": "text", "text": words}),
    };
    part.to_string()
}

/// Finds the value at a path such as `messages[0].content[1]`.
fn find<'a>(text: &'a str, path: &str) -> Option<&'a RawValue> {
    let mut found: Option<&'a RawValue> = None;
    for step in path.split('.') {
        let (name, places) = step.split_once('[').map_or((step, ""), |(name, places)| (name, places));
        let node = Node::read(found.map_or(text, RawValue::get))?;
        let mut raw = node.get(name)?;
        for place in places.split(['[', ']']).filter(|place| !place.is_empty()) {
            let list: Vec<&'a RawValue> = serde_json::from_str(raw.get()).ok()?;
            raw = list.get(place.parse::<usize>().ok()?)?;
        }
        found = Some(raw);
    }
    found
}
