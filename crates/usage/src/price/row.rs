use super::{Capabilities, Component, Limits, Rate, Tier};

/// What one model costs since one day, with what else is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "builders of books write every field; a new one must be seen to")]
pub struct Row {
    /// The name in the book, such as `azure/gpt-4o` or `gpt-4o`.
    pub key: String,
    /// The vendor that charges, in the book's word; empty for any.
    pub vendor: String,
    /// What the model is for, such as `chat`.
    pub mode: String,
    /// The three letters of the currency.
    pub currency: String,
    /// The first day on which it holds, in days since 1970; 0 if that is not known.
    pub since: u32,
    /// The sizes and abilities of the model.
    pub limits: Limits,
    /// Whether a threshold is crossed by a prompt of exactly its size.
    pub inclusive: bool,
    /// Whether searches are charged once per prompt, however many there were.
    pub search_per_prompt: bool,
    /// When quiet hours are; see [`Schedule`](super::Schedule).
    pub off_peak: String,
    /// The rates.
    pub figures: Vec<Figure>,
}

/// One rate, and where it comes from.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "builders of books write every field; a new one must be seen to")]
pub struct Figure {
    /// What is charged.
    pub component: Component,
    /// Under which condition.
    pub tier: Tier,
    /// Above how many prompt tokens; 0 for any number.
    pub above: u32,
    /// How much one costs.
    pub rate: Rate,
    /// The source, with its version.
    pub source: String,
}

impl Row {
    /// Returns the rate of a component under exactly this condition.
    pub fn rate(&self, component: Component, tier: Tier, above: u32) -> Option<Rate> {
        let found = self
            .figures
            .iter()
            .find(|figure| (figure.component, figure.tier, figure.above) == (component, tier, above));
        found.map(|figure| figure.rate)
    }

    /// Puts a rate, in the place of one under the same condition.
    pub fn put(&mut self, component: Component, tier: Tier, above: u32, rate: Rate, source: &str) {
        self.figures.retain(|figure| (figure.component, figure.tier, figure.above) != (component, tier, above));
        self.figures.push(Figure { component, tier, above, rate, source: source.to_owned() });
    }
}

impl Capabilities {
    /// Returns the names of what the model can do.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().enumerate().filter(move |(bit, _)| self.has_bit(*bit)).map(|(_, name)| *name)
    }

    /// Tells whether the model can do that, such as `vision` or `tools`.
    pub fn has(self, name: &str) -> bool {
        NAMES.iter().position(|known| *known == name).is_some_and(|bit| self.has_bit(bit))
    }

    /// Adds an ability; `false` if there is none of that name.
    pub fn add(&mut self, name: &str) -> bool {
        let bit = NAMES.iter().position(|known| *known == name);
        self.0 |= bit.map_or(0, |bit| 1 << bit);
        bit.is_some()
    }

    fn has_bit(self, bit: usize) -> bool {
        self.0 >> bit & 1 == 1
    }
}

const NAMES: &[&str] = &[
    "tools",
    "tool_choice",
    "parallel_tools",
    "vision",
    "reasoning",
    "json_schema",
    "prompt_caching",
    "pdf_input",
    "system_messages",
    "prefill",
    "audio_input",
    "audio_output",
    "video_input",
    "image_output",
    "web_search",
    "computer_use",
    "streaming",
    "url_context",
];
