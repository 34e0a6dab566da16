/// What an event says of a text, which may be long or nobody's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The text or its beginning, and then a mark.
    pub text: String,
    /// How many bytes the text has.
    pub original_bytes: u64,
    /// Whether anything was cut off.
    pub truncated: bool,
}

/// Makes summaries: of nothing unless content is on.
///
/// ```
/// use tollbridge_usage::event::Summaries;
///
/// assert_eq!(Summaries::on().request("Why?"), "User asks: Why?");
/// assert_eq!(Summaries::off().request("Why?"), "");
/// let cut = Summaries::on().limit(40).response(&"a".repeat(50));
/// assert_eq!(cut.text, "aaaaaaaaaaa... [truncated, see artifact]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Summaries {
    content: bool,
    limit: usize,
}

impl Summaries {
    /// Leaves content out.
    pub const fn off() -> Self {
        Self { content: false, limit: RESPONSE_BYTES }
    }

    /// Lets content in, of answers at most 8192 bytes.
    pub const fn on() -> Self {
        Self { content: true, limit: RESPONSE_BYTES }
    }

    /// Sets how many bytes the summary of an answer has at most, mark included.
    #[must_use]
    pub const fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Says whether content is on.
    pub const fn content(self) -> bool {
        self.content
    }

    /// Tells the first hundred characters of what the user asks.
    pub fn request(self, prompt: &str) -> String {
        if !self.content {
            return String::new();
        }
        "User asks: ".chars().chain(prompt.chars().take(REQUEST_CHARACTERS)).collect()
    }

    /// Tells an answer, cut at a character so that it stays within the limit together with the mark of the cut.
    pub fn response(self, answer: &str) -> Summary {
        let original_bytes = answer.len() as u64;
        if !self.content {
            return Summary { text: String::new(), original_bytes, truncated: false };
        }
        if answer.len() <= self.limit {
            return Summary { text: answer.to_owned(), original_bytes, truncated: false };
        }
        let mark = if self.limit >= MARK.len() { MARK } else { "" };
        let room = self.limit - mark.len();
        let kept = (0..=room).rev().find_map(|end| answer.get(..end)).unwrap_or_default();
        Summary { text: format!("{kept}{mark}"), original_bytes, truncated: true }
    }
}

const RESPONSE_BYTES: usize = 8192;
const REQUEST_CHARACTERS: usize = 100;
const MARK: &str = "... [truncated, see artifact]";
