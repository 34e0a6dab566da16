use super::PriceBook;

/// The sizes and abilities of a model, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "builders of books write every field; a new one must be seen to")]
pub struct Limits {
    /// The most tokens of a prompt.
    pub max_input: Option<u32>,
    /// The most tokens of an answer.
    pub max_output: Option<u32>,
    /// What it can do.
    pub capabilities: Capabilities,
    /// The day on which the vendor turns it off, in days since 1970.
    pub deprecated: Option<u32>,
}

/// What a model can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(pub(crate) u32);

impl PriceBook {
    /// Returns how many tokens of conversation to keep for a model, with room left for its answer.
    ///
    /// That is what the prompt may hold less the longest answer. Where a vendor counts both in one
    /// window of that size, a part of the window is kept for the answer instead, so that the
    /// result is never 0; a model that is not known gets `unknown`, for which 100,000 is usual.
    ///
    /// ```
    /// use tollbridge_usage::price::PriceBook;
    /// let book = PriceBook::embedded();
    /// assert_eq!(book.chat_token_limit("openai", "gpt-4o", 100_000), 111_616);
    /// assert_eq!(book.chat_token_limit("openai", "no-such-model", 100_000), 100_000);
    /// ```
    pub fn chat_token_limit(&self, provider: &str, model: &str, unknown: u64) -> u64 {
        let Some(Limits { max_input: Some(input), max_output: Some(output), .. }) = self.limits(provider, model) else {
            return unknown;
        };
        match input.checked_sub(output) {
            Some(limit) if limit > 0 => u64::from(limit),
            _ => u64::from(input.div_ceil(2).max(1)),
        }
    }
}
