use std::str::FromStr;

/// The most tags that a key has, or that a call brings.
pub const MAX_TAGS: usize = 16;

/// The most bytes of a tag's name, and of its value.
const MAX_BYTES: usize = 128;

/// What a call is for, as a name and a value.
///
/// ```
/// use tollbridge_usage::key::Tag;
///
/// let tag: Tag = "project=blue whale".parse().unwrap();
/// assert_eq!((tag.name.as_str(), tag.value.as_str()), ("project", "blue whale"));
/// assert!("=x".parse::<Tag>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tag {
    /// Letters, digits, `_`, `-` and `.`, at most 128 bytes.
    pub name: String,
    /// Any text of at most 128 bytes without control characters.
    pub value: String,
}

impl Tag {
    /// Makes a tag of its two parts.
    ///
    /// # Errors
    /// What is wrong with either, without repeating it.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Result<Self, String> {
        let (name, value) = (name.into(), value.into());
        if !is_name(&name) {
            return Err(format!("a tag's name is 1 to {MAX_BYTES} letters, digits, `_`, `-` or `.`"));
        }
        if !is_value(&value) {
            return Err(format!("the value of the tag `{name}` is not 1 to {MAX_BYTES} bytes of text"));
        }
        Ok(Self { name, value })
    }
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("a tag is written as name=value")?;
        Self::new(name.trim(), value.trim())
    }
}

/// Says whether a text can name a tag or a key.
pub(super) fn is_name(text: &str) -> bool {
    let letter = |letter: u8| letter.is_ascii_alphanumeric() || b"_-.".contains(&letter);
    (1..=MAX_BYTES).contains(&text.len()) && text.bytes().all(letter)
}

/// Says whether a text can be the value of a tag.
pub(super) fn is_value(text: &str) -> bool {
    (1..=MAX_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}
