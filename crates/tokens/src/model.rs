use tollbridge_types::UsageBasis;

use crate::encoding::Encoding;
use crate::estimate::estimate;
use crate::rates::{self, Rates};

/// How the tokens of a model are counted.
///
/// ```
/// use tollbridge_tokens::Tokenizer;
/// use tollbridge_types::UsageBasis;
///
/// let tokenizer = Tokenizer::for_model("anthropic/claude-sonnet-4-5");
/// assert_eq!(tokenizer.basis(), UsageBasis::Estimated);
/// assert_eq!(tokenizer.count("Hello there, how are you?"), 8);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Tokenizer(Method);

#[derive(Clone, Copy, Debug)]
enum Method {
    /// By its own vocabulary.
    Own(Encoding),
    /// By another's, which is near.
    Near(Encoding),
    /// By what is in the text.
    Rates(&'static Rates),
}

impl Tokenizer {
    /// Chooses by a model's name, after the names of providers and regions before it.
    ///
    /// A family's name must stand at the beginning and end there: `my-gpt-4o` and `gpt-4omega` are nobody's. An unknown
    /// model is estimated.
    pub fn for_model(model: &str) -> Self {
        let name = own_name(model);
        let families = FAMILIES.iter().filter(|(family, _)| begins_with(&name, family));
        match families.max_by_key(|(family, _)| family.len()) {
            Some((_, Family::Own(encoding, rates))) => match Encoding::known(encoding) {
                Some(encoding) => Self(Method::Own(encoding)),
                None => Self(Method::Rates(rates)),
            },
            Some((_, Family::Claude)) if since_opus_4_7(&name) => Self(Method::Rates(&rates::CLAUDE_SINCE_OPUS_4_7)),
            Some((_, Family::Claude)) => Self(Method::Rates(&rates::CLAUDE)),
            Some((_, Family::Rates(rates))) => Self(Method::Rates(rates)),
            None => match Encoding::known("o200k") {
                Some(encoding) => Self(Method::Near(encoding)),
                None => Self(Method::Rates(&rates::O200K)),
            },
        }
    }

    /// Counts the tokens of a text.
    pub fn count(&self, text: &str) -> u64 {
        match self.0 {
            Method::Own(encoding) | Method::Near(encoding) => encoding.count(text),
            Method::Rates(rates) => estimate(text, rates),
        }
    }

    /// Tells whether a count is the model's own or an estimate.
    pub fn basis(&self) -> UsageBasis {
        match self.0 {
            Method::Own(_) => UsageBasis::Counted,
            Method::Near(_) | Method::Rates(_) => UsageBasis::Estimated,
        }
    }

    /// Returns the model's own vocabulary, where it is public and in this program.
    pub fn encoding(&self) -> Option<Encoding> {
        match self.0 {
            Method::Own(encoding) => Some(encoding),
            Method::Near(_) | Method::Rates(_) => None,
        }
    }
}

impl From<Encoding> for Tokenizer {
    fn from(encoding: Encoding) -> Self {
        Self(Method::Own(encoding))
    }
}

/// Counts the tokens of a text for a model, and tells whether it is an estimate.
pub fn count(model: &str, text: &str) -> (u64, UsageBasis) {
    let tokenizer = Tokenizer::for_model(model);
    (tokenizer.count(text), tokenizer.basis())
}

/// Takes what is not the model's own from its name: `azure/gpt-4o`, `us.anthropic.claude-…`, `ft:gpt-4o:org::id`.
pub(crate) fn own_name(model: &str) -> String {
    let name = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let mut name = name.strip_prefix("ft:").unwrap_or(&name);
    while let Some((_, rest)) = name.split_once('.').filter(|(first, _)| PREFIXES.contains(first)) {
        name = rest;
    }
    name.to_owned()
}

/// Tells whether a name is of a family: the family's name ends where a word or a number of the name does.
fn begins_with(name: &str, family: &str) -> bool {
    let Some(rest) = name.strip_prefix(family) else { return false };
    match rest.chars().next() {
        None => true,
        Some(next) if next.is_ascii_digit() => !family.ends_with(|last: char| last.is_ascii_digit()),
        Some(next) => !next.is_alphanumeric(),
    }
}

/// Tells whether an own name is a family's or that of a version or a tuned model of it, not of a sibling: `gpt-4.1` is
/// not of `gpt-4`.
pub(crate) fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
}

/// Tells by the version in a name of Claude's: `claude-opus-4-7`, `claude-sonnet-5`, but not `claude-3-7-sonnet`.
fn since_opus_4_7(name: &str) -> bool {
    let mut numbers = name.split(['-', '.', '@', ':', '_']).map(|word| match word.len() {
        // More digits are a date.
        1 | 2 => word.parse::<u32>().ok(),
        _ => None,
    });
    let major = numbers.by_ref().flatten().next().unwrap_or_default();
    let minor = numbers.next().flatten().unwrap_or_default();
    (major, minor) >= (4, 7)
}

enum Family {
    /// By its own vocabulary, or by rates where this program has none.
    Own(&'static str, &'static Rates),
    Rates(&'static Rates),
    Claude,
}

const O200K: Family = Family::Own("o200k", &rates::O200K);
const CL100K: Family = Family::Own("cl100k", &rates::CL100K);

/// The longest that fits counts.
static FAMILIES: &[(&str, Family)] = &[
    ("gpt-5", O200K),
    ("gpt-4.1", O200K),
    ("gpt-4.5", O200K),
    ("gpt-4o", O200K),
    ("gpt-oss", O200K),
    ("gpt-realtime", O200K),
    ("gpt-audio", O200K),
    ("chatgpt", O200K),
    ("codex", O200K),
    ("o1", O200K),
    ("o3", O200K),
    ("o4", O200K),
    ("gpt-4", CL100K),
    ("gpt-3.5", CL100K),
    ("gpt-35", CL100K),
    ("text-embedding-3", CL100K),
    ("text-embedding-ada-002", CL100K),
    ("davinci-002", CL100K),
    ("babbage-002", CL100K),
    ("claude", Family::Claude),
    ("gemini", Family::Rates(&rates::GEMINI)),
    ("gemma", Family::Rates(&rates::GEMINI)),
    ("deepseek", Family::Rates(&rates::DEEPSEEK)),
    ("llama", Family::Rates(&rates::LLAMA)),
    ("meta-llama", Family::Rates(&rates::LLAMA)),
    ("qwen", Family::Rates(&rates::QWEN)),
    ("qwq", Family::Rates(&rates::QWEN)),
    ("mistral", Family::Rates(&rates::MISTRAL)),
    ("mixtral", Family::Rates(&rates::MISTRAL)),
    ("ministral", Family::Rates(&rates::MISTRAL)),
    ("magistral", Family::Rates(&rates::MISTRAL)),
    ("codestral", Family::Rates(&rates::MISTRAL)),
    ("devstral", Family::Rates(&rates::MISTRAL)),
    ("pixtral", Family::Rates(&rates::MISTRAL)),
    ("voxtral", Family::Rates(&rates::MISTRAL)),
    ("open-mistral", Family::Rates(&rates::MISTRAL)),
    ("open-mixtral", Family::Rates(&rates::MISTRAL)),
    ("kimi", Family::Rates(&rates::KIMI)),
    ("moonshot", Family::Rates(&rates::KIMI)),
    ("glm", Family::Rates(&rates::GLM)),
    ("minimax", Family::Rates(&rates::MINIMAX)),
];

/// What stands before a model's name at the clouds, with a full stop after it: regions and vendors.
const PREFIXES: &[&str] = &[
    "us",
    "us-gov",
    "eu",
    "apac",
    "au",
    "jp",
    "ca",
    "global",
    "anthropic",
    "meta",
    "mistral",
    "deepseek",
    "qwen",
    "openai",
    "google",
    "moonshot",
    "moonshotai",
    "minimax",
    "zai",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(feature = "cl100k", feature = "o200k"))]
    #[test]
    fn names_are_told_by_their_beginning() {
        let cases = [
            ("gpt-4o", Some(Encoding::O200K)),
            ("openai/gpt-4o-mini-2024-07-18", Some(Encoding::O200K)),
            ("ft:gpt-4o-mini:acme::x1", Some(Encoding::O200K)),
            ("openrouter/openai/gpt-5.1", Some(Encoding::O200K)),
            ("openai.gpt-oss-120b-1:0", Some(Encoding::O200K)),
            ("o3-mini", Some(Encoding::O200K)),
            ("gpt-4.1-nano", Some(Encoding::O200K)),
            ("gpt-4", Some(Encoding::CL100K)),
            ("azure/gpt-35-turbo", Some(Encoding::CL100K)),
            ("gpt-3.5-turbo-0125", Some(Encoding::CL100K)),
            ("my-gpt-4o", None),
            ("gpt-4omega", None),
            ("gpt-6", None),
            ("o11", None),
            ("claude-sonnet-4-5", None),
            ("", None),
        ];
        for (model, encoding) in cases {
            assert_eq!(Tokenizer::for_model(model).encoding(), encoding, "{model}");
        }
    }

    #[test]
    fn a_tuned_model_is_of_its_family_and_a_sibling_is_not() {
        for (model, family, of) in [
            ("gpt-4o", "gpt-4o", true),
            ("azure/gpt-4o-2024-08-06", "gpt-4o", true),
            ("ft:gpt-4o:acme::x1", "gpt-4o", true),
            ("ft:gpt-4o-mini:acme::x1", "gpt-4o-mini", true),
            ("gpt-4.1", "gpt-4", false),
            ("gpt-4o", "gpt-4", false),
            ("my-gpt-4o", "gpt-4o", false),
        ] {
            assert_eq!(is_of(&own_name(model), family), of, "{model}");
        }
    }

    #[test]
    fn claude_counts_more_since_opus_4_7() {
        for (model, later) in [
            ("claude-opus-4-7", true),
            ("claude-opus-4.7", true),
            ("anthropic/claude-sonnet-5", true),
            ("us.anthropic.claude-opus-5-20270101-v1:0", true),
            ("claude-opus-4-20250514", false),
            ("claude-opus-4-6", false),
            ("claude-3-7-sonnet-20250219", false),
            ("claude-3-opus@20240229", false),
            ("claude", false),
        ] {
            assert_eq!(since_opus_4_7(&own_name(model)), later, "{model}");
        }
    }
}
