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

/// Makes an id of nine letters and digits, as Mistral demands; the same id always becomes the same.
pub(crate) fn short(id: &str) -> String {
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let (high, low) = (crc32fast::hash(id.as_bytes()), crc32fast::hash(format!("{id}#").as_bytes()));
    let mut rest = u64::from(high) << 32 | u64::from(low);
    let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut short = String::new();
    for _ in 0..9 {
        let place = usize::try_from(rest % 62).unwrap_or_default();
        short.push(letters.get(place).copied().map_or('0', char::from));
        rest /= 62;
    }
    short
}

const PREFIX: &str = "call_tb_";
