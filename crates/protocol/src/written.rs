use std::borrow::Cow;
use std::fmt;

use memchr::{memchr, memchr2, memchr3};

/// What a model has written, gathered from a reply in passing: words, thoughts and the arguments of tool calls.
///
/// It is meant for estimates. Of a long answer only the beginning is kept, and its whole length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Written {
    kept: Vec<u8>,
    bytes: u64,
}

impl Written {
    /// Returns the text, or the first 64 KiB of it.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.kept)
    }

    /// Returns how many bytes the whole text has.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Says whether [`text`](Self::text) is all of it.
    pub fn is_whole(&self) -> bool {
        self.kept.len() as u64 == self.bytes
    }

    /// Adds what stands in an event or a reply, without parsing it.
    ///
    /// These are the strings under the names that protocols have for words, thoughts and arguments, and arguments that
    /// are objects. What a vendor says again at once under another name counts once.
    pub(crate) fn read(&mut self, json: &[u8]) {
        let mut rest = json;
        let mut name: &[u8] = b"";
        let mut last: (&[u8], &[u8]) = (b"", b"");
        while let Some((quoted, behind)) = next_string(rest) {
            rest = behind;
            let string = inside(quoted);
            if let Some(value) = behind.trim_ascii_start().strip_prefix(b":") {
                name = string;
                let value = value.trim_ascii_start();
                if value.starts_with(b"{") && OBJECTS.contains(&name) {
                    let Some((object, behind)) = object(value) else { return };
                    rest = behind;
                    // A call begins with no arguments, and they follow as text.
                    if object != b"{}" {
                        self.add(object);
                    }
                }
            } else if STRINGS.contains(&name) && !(last.0 != name && last.1 == string) {
                last = (name, string);
                self.add(&unescaped(quoted));
            }
        }
    }

    /// Adds a piece of text.
    pub(crate) fn add(&mut self, text: &[u8]) {
        self.bytes += text.len() as u64;
        let room = KEPT - self.kept.len();
        self.kept.extend_from_slice(text.get(..room).unwrap_or(text));
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Returns the next string with its quotes, and what stands behind it.
fn next_string(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let string = json.get(memchr(b'"', json)?..)?;
    let mut end = 1;
    loop {
        end += memchr2(b'"', b'\\', string.get(end..)?)?;
        if string.get(end) == Some(&b'"') {
            return string.split_at_checked(end + 1);
        }
        end += 2;
    }
}

/// Returns the object that JSON begins with, and what stands behind it.
fn object(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut place, mut depth) = (0, 0_usize);
    loop {
        place += memchr3(b'{', b'}', b'"', json.get(place..)?)?;
        match json.get(place)? {
            b'"' => {
                let (quoted, _) = next_string(json.get(place..)?)?;
                place += quoted.len();
                continue;
            }
            b'{' => depth += 1,
            _ => depth = depth.checked_sub(1)?,
        }
        place += 1;
        if depth == 0 {
            return json.split_at_checked(place);
        }
    }
}

fn inside(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len() - 1).unwrap_or_default()
}

/// Reads the escapes of a string; one that is wrong stays as it stands.
fn unescaped(quoted: &[u8]) -> Cow<'_, [u8]> {
    let string = inside(quoted);
    if memchr(b'\\', string).is_none() {
        return Cow::Borrowed(string);
    }
    serde_json::from_slice::<String>(quoted).map_or(Cow::Borrowed(string), |text| Cow::Owned(text.into_bytes()))
}

const STRINGS: &[&[u8]] = &[
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

/// Where the arguments of a call are JSON and no text.
const OBJECTS: &[&[u8]] = &[b"args", b"arguments", b"input"];

/// Nearly all answers are shorter; of the others the beginning tells how many bytes a token has.
const KEPT: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::{KEPT, Written};

    fn written(json: &str) -> Written {
        let mut written = Written::default();
        written.read(json.as_bytes());
        written
    }

    #[test]
    fn only_what_the_model_wrote_counts() {
        let cases = [
            (r#"{"choices":[{"delta":{"role":"assistant","content":"four"}}],"usage":null}"#, "four"),
            (r#"{"delta":{"text":"a \"quoted\" word"}}"#, "a \"quoted\" word"),
            (r#"{"delta":{"text":"\u4f60\u597d \ud83d"},"text":"\ud83d\ude00"}"#, r"\u4f60\u597d \ud83d😀"),
            (r#"{"function":{"name":"content","arguments":"{\"a\":1}"}}"#, r#"{"a":1}"#),
            (r#"{"functionCall":{"name":"text","args":{"a":{"b":"}"}}},"text":"x"}"#, r#"{"a":{"b":"}"}}x"#),
            (r#"{"content_block":{"type":"tool_use","input": {}}}"#, ""),
            (r#"{"reasoning":"why","reasoning_details":[{"type":"reasoning.text","text":"why"}]}"#, "why"),
            (r#"[{"content":"yes"},{"content":"yes"}]"#, "yesyes"),
            (r#"{"text":"cut of"#, ""),
            (r#"{"text":"\"#, ""),
            (r#"{"args":{"a":"#, ""),
            ("", ""),
        ];
        for (json, text) in cases {
            assert_eq!(written(json).text(), text, "{json}");
        }
    }

    #[test]
    fn a_long_text_is_cut_and_its_length_known() {
        let mut long = written(&format!(r#"{{"text":"{}"}}"#, "é".repeat(KEPT)));
        long.add(b"more");
        assert_eq!((long.bytes(), long.text().len(), long.is_whole()), (2 * KEPT as u64 + 4, KEPT, false));
        assert!(written(r#"{"text":"short"}"#).is_whole());
        assert_eq!(format!("{:?}", written(r#"{"text":"secret"}"#)), "Written { bytes: 6, .. }");
    }
}
