//! What vendors say when they refuse a field, and what helps.

/// A kind of refusal.
pub(super) struct Refusal {
    /// All of these stand in it, in lower case.
    pub(super) words: &'static [&'static str],
    /// One of these does, if there are any.
    pub(super) any: &'static [&'static str],
    /// None of these does.
    pub(super) except: &'static [&'static str],
    /// The field that is meant where none is named.
    pub(super) field: Option<&'static str>,
    /// Whether the field is refused whatever it says, and not one value of it.
    pub(super) whole_field: bool,
    pub(super) answer: Answer,
}

/// What helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    LeaveOut,
    Rename,
    Clamp,
    Nearest,
    Responses,
}

const fn row(words: &'static [&'static str], whole_field: bool, answer: Answer) -> Refusal {
    Refusal { words, any: &[], except: &[], field: None, whole_field, answer }
}

/// A refusal of any form of answers. Who takes them may still refuse a schema.
const fn format(words: &'static [&'static str]) -> Refusal {
    Refusal {
        words,
        any: &["support", "unavailable", "unknown", "unrecognized", "not permitted", "not allowed", "forbidden"],
        except: &["invalid schema", "schema for response_format", "must contain the word"],
        field: Some("response_format"),
        whole_field: true,
        answer: Answer::LeaveOut,
    }
}

/// The first row that fits counts.
pub(super) const REFUSALS: &[Refusal] = &[
    // OpenAI: "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    row(&["unsupported parameter", "use '", "instead"], true, Answer::Rename),
    // OpenAI: "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions. Please use /v1/responses instead."
    row(&["not supported", "/v1/chat/completions", "/v1/responses"], true, Answer::Responses),
    // OpenAI: "This model is only supported in v1/responses and not in v1/chat/completions."
    row(&["only supported in v1/responses"], true, Answer::Responses),
    // OpenAI: "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: …"
    // Anthropic: "This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."
    row(&["supported values are"], false, Answer::Nearest),
    row(&["supported levels"], false, Answer::Nearest),
    // OpenAI: "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported."
    row(&["unsupported value", "only the default"], true, Answer::LeaveOut),
    // Anthropic: "max_tokens: 131072 > 64000, which is the maximum allowed number of output tokens for …"
    row(&["which is the maximum allowed number of output tokens"], true, Answer::Clamp),
    // OpenAI: "max_tokens is too large: 64000. This model supports at most 16384 completion tokens, …"
    row(&["is too large", "supports at most"], true, Answer::Clamp),
    // Groq, Mistral, DeepSeek and servers of vLLM: "`max_tokens` must be less than or equal to `8192`, …"
    row(&["must be less than or equal to", "max"], true, Answer::Clamp),
    // DeepSeek: "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"
    row(&["the valid range of max", "tokens"], true, Answer::Clamp),
    // Anthropic: "`temperature` is deprecated for this model."
    row(&["is deprecated for this model"], true, Answer::LeaveOut),
    // Anthropic: "adaptive thinking is not supported on this model", "This model does not support the effort parameter."
    row(&["thinking is not supported on this model"], true, Answer::LeaveOut),
    row(&["does not support the effort parameter"], true, Answer::LeaveOut),
    row(&["does not support thinking"], true, Answer::LeaveOut),
    // OpenAI and many after it: "Unsupported parameter: 'top_p' is not supported with this model."
    row(&["unsupported parameter"], true, Answer::LeaveOut),
    // OpenAI: "Unknown parameter: 'x'."; "Unrecognized request argument supplied: x"
    row(&["unknown parameter"], true, Answer::LeaveOut),
    row(&["unrecognized request argument"], true, Answer::LeaveOut),
    // Anthropic, Mistral, Groq and what is built on pydantic: "x: Extra inputs are not permitted"
    row(&["extra inputs are not permitted"], true, Answer::LeaveOut),
    // Groq: "property 'x' is unsupported"
    row(&["property '", "is unsupported"], true, Answer::LeaveOut),
    // Gemini: "Invalid JSON payload received. Unknown name \"x\" at 'generation_config': Cannot find field."
    row(&["unknown name", "cannot find field"], true, Answer::LeaveOut),
    // xAI: "Argument not supported on this model: presencePenalty"
    row(&["argument not supported on this model"], true, Answer::LeaveOut),
    // Bedrock: "extraneous key [x] is not permitted"
    row(&["extraneous key", "is not permitted"], true, Answer::LeaveOut),
    // Servers: "'response_format' is not supported", "This response_format type is unavailable now"
    format(&["response_format"]),
    format(&["response format"]),
    format(&["json_schema"]),
    format(&["structured output"]),
    // Servers: "'x' is not supported by this model", "x is not supported with this model", "logprobs are not enabled for this model"
    row(&["is not supported by this model"], true, Answer::LeaveOut),
    row(&["is not supported with this model"], true, Answer::LeaveOut),
    row(&["not enabled for this model"], true, Answer::LeaveOut),
];
