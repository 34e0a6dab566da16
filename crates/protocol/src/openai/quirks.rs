use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::IdForm;
use crate::media::MediaRules;

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
    /// What is taken of media.
    pub media: &'static MediaRules<'static>,
    /// Whether `top_k` is known.
    pub top_k: bool,
    /// The field of the seed.
    pub seed_field: &'static str,
    /// The word that demands a tool call.
    pub required_word: &'static str,
    /// Whether a call can be demanded of some of the tools (`allowed_tools`).
    pub allowed_tools: bool,
    /// Which ids of tool calls are taken.
    pub call_ids: IdForm,
    /// Whether tools may take free text instead of JSON (`custom`).
    pub custom_tools: bool,
    /// Parts of the names of models that take `web_search_options`; the others refuse them.
    pub search_models: &'static [&'static str],
    /// Whether thinking is sent back as a part of the content, whichever field it came in.
    pub thinking_parts: bool,
    /// Whether a document is a part `document_url`, which may be an address, instead of a `file`.
    pub document_urls: bool,
    /// The field of the length of vectors.
    pub dimensions_field: &'static str,
    /// Fields of OpenAI's requests for which the vendor refuses the whole request.
    ///
    /// If there are any, a client's own body is looked through, and translated if it cannot go out as it is.
    pub refused: &'static [&'static str],
    /// Fields of OpenAI's messages, but for a tool's, for which the vendor refuses the whole request.
    pub refused_in_messages: &'static [&'static str],
}

impl Quirks {
    /// OpenAI itself.
    pub const NONE: Self = Self {
        max_tokens_field: "max_completion_tokens",
        developer_role: true,
        content_parts: true,
        media: &MediaRules::OPENAI_CHAT,
        top_k: false,
        seed_field: "seed",
        required_word: "required",
        allowed_tools: true,
        call_ids: IdForm::OPENAI_CHAT,
        custom_tools: true,
        search_models: &["-search-preview", "-search-api"],
        thinking_parts: false,
        document_urls: false,
        dimensions_field: "dimensions",
        refused: &[],
        refused_in_messages: &[],
    };

    /// What most vendors take.
    pub const COMPATIBLE: Self = Self {
        max_tokens_field: "max_tokens",
        developer_role: false,
        media: &MediaRules::OPENAI_COMPATIBLE,
        custom_tools: false,
        search_models: &[],
        top_k: true,
        call_ids: IdForm::OPEN,
        ..Self::NONE
    };

    /// Mistral, whose API refuses each field that it does not know (status 422, `extra_forbidden`).
    pub const MISTRAL: Self = Self {
        media: &MediaRules::MISTRAL,
        top_k: false,
        seed_field: "random_seed",
        required_word: "any",
        allowed_tools: false,
        call_ids: IdForm::MISTRAL,
        thinking_parts: true,
        document_urls: true,
        dimensions_field: "output_dimension",
        refused: &[
            "audio",
            "dimensions",
            "function_call",
            "functions",
            "logit_bias",
            "max_completion_tokens",
            "modalities",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "seed",
            "service_tier",
            "store",
            "stream_options",
            "top_k",
            "user",
            "verbosity",
            "web_search_options",
        ],
        refused_in_messages: &[
            "annotations",
            "audio",
            "function_call",
            "name",
            "reasoning",
            "reasoning_content",
            "reasoning_details",
            "refusal",
        ],
        ..Self::COMPATIBLE
    };

    /// Says whether the vendor takes a client's body as it is. It reads names, no content.
    pub(crate) fn takes(&self, body: &[u8]) -> bool {
        if self.refused.is_empty() {
            return true;
        }
        // What cannot be read is refused elsewhere, with the place of the fault.
        let Ok(fields) = serde_json::from_slice::<RawFields<'_>>(body) else { return true };
        if holds_any(&fields, self.refused) {
            return false;
        }
        let messages =
            fields.get("messages").and_then(|raw| serde_json::from_str::<Vec<RawFields<'_>>>(raw.get()).ok());
        messages.into_iter().flatten().all(|message| self.takes_message(&message))
    }

    fn takes_message(&self, message: &RawFields<'_>) -> bool {
        let role = message.get("role").and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
        let role = role.unwrap_or_default();
        (self.developer_role || role != "developer")
            && (role == "tool" || !holds_any(message, self.refused_in_messages))
    }
}

type RawFields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

fn holds_any(fields: &RawFields<'_>, names: &[&str]) -> bool {
    names.iter().any(|name| fields.get(*name).is_some_and(|raw| raw.get() != "null"))
}
