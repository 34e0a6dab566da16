use super::merges::parse;

/// Counts, in two bits for each code point up to U+FFFF, in how many of the vocabularies a character is a token.
///
/// Who is in the smaller one but not in the larger one counts as in both: it is the smaller that tells the common.
pub(super) fn table(texts: &[String]) -> Result<Vec<u8>, String> {
    let mut table = vec![0_u8; 0x1_0000 / 4];
    for (vocabulary, text) in texts.iter().rev().enumerate() {
        for token in parse(text)? {
            let mut characters = std::str::from_utf8(&token).unwrap_or_default().chars();
            let (Some(character), None) = (characters.next(), characters.next()) else { continue };
            let code = character as usize;
            if let Some(four) = table.get_mut(code / 4) {
                let shift = code % 4 * 2;
                *four = *four & !(3 << shift) | ((vocabulary + 1) as u8) << shift;
            }
        }
    }
    Ok(table)
}
