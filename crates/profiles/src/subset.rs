use serde::{Deserialize, Serialize};

/// The part of JSON Schema that a vendor takes for answers or for the parameters of tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Subset {
    /// Where it is documented.
    pub source: String,
    /// The day on which that was read.
    pub read: String,
    /// The keywords that are taken; all others are not.
    pub keywords: Vec<String>,
    /// Whether every object must say `additionalProperties: false`.
    pub closed: bool,
    /// Whether every property must be required; those that are not become nullable.
    pub required_all: bool,
    /// The values of `minItems` that are taken; `None` if all are, or the keyword is not.
    pub min_items: Option<Vec<u64>>,
    /// The values of `format` that are taken; `None` if all are.
    pub formats: Option<Vec<String>>,
    /// Whether `$ref` is taken; it is resolved in place if not.
    pub refs: bool,
    /// Whether a schema may refer to itself; the reference is cut if not.
    pub recursion: bool,
    /// Whether it holds only for what is marked `strict`.
    pub strict_only: bool,
    /// Whether the root must be an object.
    pub root_object: bool,
    /// The deepest nesting of objects and arrays.
    pub depth: Option<usize>,
    /// What becomes of what is not taken.
    pub rest: Rest,
}

impl Default for Subset {
    fn default() -> Self {
        Self {
            source: String::new(),
            read: String::new(),
            keywords: Vec::new(),
            closed: false,
            required_all: false,
            min_items: None,
            formats: None,
            refs: false,
            recursion: true,
            strict_only: false,
            root_object: false,
            depth: None,
            rest: Rest::Drop,
        }
    }
}

/// Says what becomes of the keywords that a subset does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Rest {
    /// They are left out.
    #[default]
    Drop,
    /// They are told to the model in the description of their field.
    Description,
}
