/// Counts the bytes of what a model wrote in an event or a reply, without parsing it.
///
/// These are the strings under the names that protocols have for words, thoughts and arguments, as they stand in the
/// JSON, with their escapes. It is meant for estimates: what a vendor repeats in one event is counted again.
pub(crate) fn text_bytes(json: &[u8]) -> u64 {
    let mut rest = json;
    let mut name: &[u8] = b"";
    let mut total = 0;
    while let Some((string, behind)) = next_string(rest) {
        rest = behind;
        if behind.trim_ascii_start().starts_with(b":") {
            name = string;
        } else if NAMES.contains(&name) {
            total += string.len() as u64;
        }
    }
    total
}

/// Returns the next string without its quotes, and what stands behind it.
fn next_string(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let string = json.get(memchr::memchr(b'"', json)? + 1..)?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', string.get(end..)?)?;
        if string.get(end) == Some(&b'"') {
            return Some((string.get(..end)?, string.get(end + 1..)?));
        }
        end += 2;
    }
}

const NAMES: &[&[u8]] = &[
    b"content",
    b"text",
    b"delta",
    b"refusal",
    b"arguments",
    b"partial_json",
    b"input",
    b"thinking",
    b"reasoning",
    b"reasoning_content",
    b"tool_plan",
    b"transcript",
];

#[cfg(test)]
mod tests {
    use super::text_bytes;

    #[test]
    fn only_what_the_model_wrote_counts() {
        let counted = [
            (r#"{"choices":[{"delta":{"role":"assistant","content":"four"}}],"usage":null}"#, 4),
            (r#"{"delta":{"text":"a \"quoted\" word"}}"#, 17),
            (r#"{"function":{"name":"content","arguments":"{\"a\":1}"}}"#, 9),
            (r#"{"text":"cut of"#, 0),
            (r#"{"text":"\"#, 0),
            ("", 0),
        ];
        for (json, bytes) in counted {
            assert_eq!(text_bytes(json.as_bytes()), bytes, "{json}");
        }
    }
}
