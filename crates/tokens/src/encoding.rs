use std::sync::OnceLock;

use crate::pieces::{Count, run};
use crate::split::Pattern;
use crate::vocabulary::Vocabulary;

/// A public vocabulary, by which tokens are counted exactly.
///
/// The table is read at the first count, once for the whole process, in some hundredths of a second.
///
/// ```
/// # #[cfg(all(feature = "cl100k", feature = "o200k"))] {
/// use tollbridge_tokens::Encoding;
///
/// assert_eq!(Encoding::O200K.encode("hello world"), [24912, 2375]);
/// assert_eq!(Encoding::CL100K.count("你好，世界"), 6);
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Encoding(&'static Table);

struct Table {
    name: &'static str,
    merges: &'static [u8],
    pattern: Pattern,
    special: &'static [(&'static str, u32)],
    vocabulary: OnceLock<Vocabulary>,
}

impl Encoding {
    /// `cl100k_base`: GPT-3.5, GPT-4 and the embedding models.
    #[cfg(feature = "cl100k")]
    pub const CL100K: Self = Self(&CL100K);
    /// `o200k_base`: GPT-4o, the o-series, GPT-4.1, GPT-5 and what came after.
    #[cfg(feature = "o200k")]
    pub const O200K: Self = Self(&O200K);

    /// The vocabularies that this program was built with.
    pub const ALL: &[Self] = &[
        #[cfg(feature = "cl100k")]
        Self::CL100K,
        #[cfg(feature = "o200k")]
        Self::O200K,
    ];

    /// Finds one by its name, with or without `_base`.
    pub fn known(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|encoding| encoding.name() == name || encoding.name().strip_suffix("_base") == Some(name))
    }

    /// Returns the name that OpenAI gave it.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Counts the tokens of a text; what is spelt like a special token is text too.
    pub fn count(self, text: &str) -> u64 {
        let mut count = Count::default();
        let _whole = run(self.vocabulary(), self.0.pattern, text.as_bytes(), &mut count, usize::MAX);
        count.0 as u64
    }

    /// Counts the tokens of a text, but gives up when there are more than `limit`.
    ///
    /// ```
    /// # #[cfg(feature = "o200k")] {
    /// use tollbridge_tokens::Encoding;
    ///
    /// assert_eq!(Encoding::O200K.count_up_to("hello world", 2), Some(2));
    /// assert_eq!(Encoding::O200K.count_up_to(&"hello world".repeat(1_000_000), 2), None);
    /// # }
    /// ```
    pub fn count_up_to(self, text: &str, limit: u64) -> Option<u64> {
        let mut count = Count::default();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let whole = run(self.vocabulary(), self.0.pattern, text.as_bytes(), &mut count, limit);
        whole.is_continue().then_some(count.0 as u64)
    }

    /// Returns the numbers of a text's tokens; what is spelt like a special token is text too.
    pub fn encode(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        self.append(text, &mut tokens);
        tokens
    }

    /// Returns the numbers of a text's tokens, with special tokens where they are spelt out.
    ///
    /// Only for text that no user wrote: `<|endoftext|>` ends a document for the model.
    pub fn encode_with_special(self, text: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        let (mut start, mut place) = (0, 0);
        let from = |place: usize| text.get(place..).unwrap_or_default();
        while let Some(found) = from(place).find("<|") {
            place += found;
            let Some((spelling, token)) = self.0.special.iter().find(|(spelling, _)| from(place).starts_with(spelling))
            else {
                place += 2;
                continue;
            };
            self.append(text.get(start..place).unwrap_or_default(), &mut tokens);
            tokens.push(*token);
            place += spelling.len();
            start = place;
        }
        self.append(from(start), &mut tokens);
        tokens
    }

    /// Returns the bytes that tokens stand for, which need not be whole characters; nothing for a number that is none.
    pub fn decode(self, tokens: &[u32]) -> Vec<u8> {
        let special = |token: u32| self.0.special.iter().find(|(_, number)| *number == token);
        let spellings = &self.vocabulary().spellings;
        tokens
            .iter()
            .flat_map(|token| special(*token).map_or_else(|| spellings.of(*token), |(spelling, _)| spelling.as_bytes()))
            .copied()
            .collect()
    }

    fn append(self, text: &str, tokens: &mut Vec<u32>) {
        let _whole = run(self.vocabulary(), self.0.pattern, text.as_bytes(), tokens, usize::MAX);
    }

    pub(crate) fn vocabulary(self) -> &'static Vocabulary {
        self.0.vocabulary.get_or_init(|| Vocabulary::read(self.0.merges))
    }
}

impl PartialEq for Encoding {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Encoding {}

impl std::fmt::Debug for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(feature = "cl100k")]
static CL100K: Table = Table {
    name: "cl100k_base",
    merges: include_bytes!("../vocabularies/cl100k.merges"),
    pattern: Pattern::Cl100k,
    special: &[
        ("<|endoftext|>", 100_257),
        ("<|fim_prefix|>", 100_258),
        ("<|fim_middle|>", 100_259),
        ("<|fim_suffix|>", 100_260),
        ("<|endofprompt|>", 100_276),
    ],
    vocabulary: OnceLock::new(),
};

#[cfg(feature = "o200k")]
static O200K: Table = Table {
    name: "o200k_base",
    merges: include_bytes!("../vocabularies/o200k.merges"),
    pattern: Pattern::O200k,
    special: &[("<|endoftext|>", 199_999), ("<|endofprompt|>", 200_018)],
    vocabulary: OnceLock::new(),
};
