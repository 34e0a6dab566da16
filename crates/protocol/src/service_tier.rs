//! The words for how soon to answer, and at which price. Each vendor has its own.

use tollbridge_core::Loss;
use tollbridge_types::{ChatRequest, Protocol};

/// The words of each protocol, as its vendor's reference has them.
const WORDS: [(Protocol, &[&str]); 4] = [
    (Protocol::OPENAI_CHAT, OPENAI),
    (Protocol::OPENAI_RESPONSES, OPENAI),
    (Protocol::ANTHROPIC_MESSAGES, &["auto", "standard_only"]),
    (Protocol::BEDROCK_CONVERSE, &["default", "flex", "priority", "reserved"]),
];

const OPENAI: &[&str] = &["auto", "default", "flex", "priority", "scale"];

/// Returns the tier that is asked for, if the protocol has that word.
pub(crate) fn known<'r>(request: &'r ChatRequest, own: Protocol, losses: &mut Vec<Loss>) -> Option<&'r str> {
    let word = request.service_tier.as_deref()?;
    let mut others = WORDS.iter().filter(|(protocol, _)| *protocol != own);
    let words = WORDS.iter().find(|(protocol, _)| *protocol == own).map(|(_, words)| *words).unwrap_or_default();
    // Many vendors speak OpenAI's protocols, some with words of their own.
    let is_open = words == OPENAI && !others.any(|(_, words)| words.contains(&word));
    if words.contains(&word) || is_open {
        return Some(word);
    }
    losses.push(Loss::dropped("service_tier", format!("the vendor has no such tier; it has {}", words.join(", "))));
    None
}
