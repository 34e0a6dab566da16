//! Ids for tool calls of vendors that give none, for protocols that cannot do without.

/// Makes the id of a call from where it stands, the same each time.
pub(crate) fn made_up(reply: &str, choice: u32, call: u32) -> String {
    let clean: String = reply.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
    // 64 characters are the most that OpenAI takes.
    let start = clean.len().saturating_sub(40);
    format!("{PREFIX}{}_{choice}_{call}", clean.get(start..).unwrap_or_default())
}

/// Says whether an id was made here, and means nothing to the vendor.
pub(crate) fn is_made_up(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// Makes an id of the letters that strict vendors take. The same id always becomes the same.
pub(crate) fn plain(id: &str) -> String {
    let valid = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    id.chars().map(|letter| if valid(letter) { letter } else { '_' }).collect()
}

const PREFIX: &str = "call_tb_";
