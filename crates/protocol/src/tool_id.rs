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

/// Makes an id of nine letters and digits, as Mistral demands: one that is so already stays, and
/// another always becomes the same.
pub(crate) fn short(id: &str) -> String {
    if is_short(id) {
        return id.to_owned();
    }
    // FNV-1a, and a step of splitmix to spread it over all bits.
    let mut rest = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    rest = (rest ^ (rest >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    rest = (rest ^ (rest >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    rest ^= rest >> 31;
    let letters = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut short = String::new();
    for _ in 0..9 {
        let place = usize::try_from(rest % 62).unwrap_or_default();
        short.push(letters.get(place).copied().map_or('0', char::from));
        rest /= 62;
    }
    short
}

/// Says whether an id has exactly nine letters and digits.
pub(crate) fn is_short(id: &str) -> bool {
    id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

const PREFIX: &str = "call_tb_";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{is_short, short};

    #[test]
    fn short_ids_are_valid_and_apart() {
        let ids: HashSet<String> = (0..200_000).map(|number| short(&format!("call_tb_chatcmpl_0_{number}"))).collect();
        assert_eq!(ids.len(), 200_000);
        assert!(ids.iter().all(|id| is_short(id)));
        assert_eq!(short("g6fVbXS8K"), "g6fVbXS8K");
        assert_eq!(short("toolu_01"), short("toolu_01"));
    }
}
