/// How a vendor differs from OpenAI in what it takes. It changes only requests that are translated.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Quirks {
    /// The field that limits the answer: `max_completion_tokens` at OpenAI, `max_tokens` at most others.
    pub max_tokens_field: &'static str,
    /// Whether the role `developer` is known; else it is sent as `system`.
    pub developer_role: bool,
    /// Whether content may be an array of parts; else images become `<image>` and texts are joined.
    pub content_parts: bool,
    /// Whether `top_k` is known.
    pub top_k: bool,
    /// The field of the seed.
    pub seed_field: &'static str,
    /// The word that demands a tool call.
    pub required_word: &'static str,
    /// Whether ids of tool calls must have exactly nine letters and digits.
    pub short_ids: bool,
}

impl Quirks {
    /// OpenAI itself.
    pub const NONE: Self = Self {
        max_tokens_field: "max_completion_tokens",
        developer_role: true,
        content_parts: true,
        top_k: false,
        seed_field: "seed",
        required_word: "required",
        short_ids: false,
    };

    /// What most vendors take.
    pub const COMPATIBLE: Self =
        Self { max_tokens_field: "max_tokens", developer_role: false, top_k: true, ..Self::NONE };

    /// Mistral.
    pub const MISTRAL: Self =
        Self { top_k: false, seed_field: "random_seed", required_word: "any", short_ids: true, ..Self::COMPATIBLE };
}
