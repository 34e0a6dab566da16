//! Counts tokens by o200k, for every vendor: what matters is that stream, whole reply and test agree.

/// Counts the tokens of a text.
pub(crate) fn count(text: &str) -> u64 {
    tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64
}

/// Cuts a text into at most `limit` tokens; `None` if it already is no longer.
pub(crate) fn cut(text: &str, limit: u64) -> Option<String> {
    let table = tiktoken_rs::o200k_base_singleton();
    let tokens = table.encode_ordinary(text);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let kept = tokens.get(..limit).filter(|kept| kept.len() < tokens.len())?;
    // A cut through a character leaves no text, so one token fewer is kept.
    let decoded = (0..=kept.len()).rev().find_map(|end| table.decode(kept.get(..end)?).ok());
    Some(decoded.unwrap_or_default())
}
