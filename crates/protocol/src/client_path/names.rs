use tollbridge_types::{Part, Protocol};

/// What holds a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Request,
    Message,
    Tool,
    Text,
    Image,
    Audio,
    Document,
    Thought,
    Call,
    Result,
    Other,
}

impl Kind {
    pub(super) fn of(part: &Part) -> Self {
        match part {
            Part::Text(_) => Self::Text,
            Part::Image(_) => Self::Image,
            Part::Audio(_) => Self::Audio,
            Part::Document(_) | Part::Video(_) => Self::Document,
            Part::Thought(_) => Self::Thought,
            Part::ToolCall(_) => Self::Call,
            Part::ToolResult(_) => Self::Result,
            _ => Self::Other,
        }
    }
}

/// Returns the paths that a client may have given a field by, one or several.
pub(super) fn of(protocol: Protocol, kind: Kind, origin: &str, rest: &str) -> Vec<String> {
    let own = rest.strip_prefix("extras.");
    if let (Protocol::OPENAI_RESPONSES, Some(name)) = (protocol, own.and_then(|own| own.strip_prefix("item."))) {
        // What stands beside the content of an item is kept with its last text.
        let item = origin.split_once(".content").map_or(origin, |(item, _)| item);
        return vec![joined(item, name)];
    }
    if let (Protocol::OPENAI_CHAT, Kind::Tool, Some(name)) = (protocol, kind, own) {
        return match name.strip_prefix("tool.") {
            Some(name) => vec![joined(origin, name)],
            None => vec![joined(origin, &format!("function.{name}")), joined(origin, name)],
        };
    }
    if let (Protocol::GEMINI_EMBED, Some(name)) = (protocol, own) {
        return match name.starts_with("requests[") {
            true => vec![name.to_owned()],
            false => vec![format!("requests[0].{name}"), name.to_owned()],
        };
    }
    if let Some(name) = own {
        return vec![joined(origin, name)];
    }
    // A bare text stands where an array could.
    if kind == Kind::Text && rest == "text" && !origin.ends_with(']') {
        return vec![origin.to_owned()];
    }
    let rest =
        rest.strip_prefix("reasoning.extras.").map_or_else(|| rest.to_owned(), |name| format!("reasoning.{name}"));
    let names = table(protocol, kind).iter().filter_map(|(typed, names)| {
        let behind = rest.strip_prefix(typed)?;
        (behind.is_empty() || behind.starts_with(['.', '['])).then_some((*names, behind))
    });
    match names.min_by_key(|(_, behind)| behind.len()) {
        Some((names, behind)) => names.iter().map(|name| format!("{}{behind}", joined(origin, name))).collect(),
        None => vec![joined(origin, &rest)],
    }
}

/// Returns the place of a part that has no mark of its own, by the place of what holds it.
pub(super) fn unmarked(protocol: Protocol, part: &Part, around: &str) -> String {
    match (protocol, part) {
        (Protocol::OPENAI_CHAT, Part::Refusal(_)) => joined(around, "refusal"),
        _ => around.to_owned(),
    }
}

fn joined(origin: &str, name: &str) -> String {
    match (origin, name) {
        ("", name) => name.to_owned(),
        (origin, "") => origin.to_owned(),
        (origin, name) => format!("{origin}.{name}"),
    }
}

type Names = &'static [(&'static str, &'static [&'static str])];

/// Lists the fields whose names differ from the typed ones; of several names the body has one, else the first is meant.
fn table(protocol: Protocol, kind: Kind) -> Names {
    match (protocol, kind) {
        (Protocol::OPENAI_CHAT, kind) => chat(kind),
        (Protocol::OPENAI_RESPONSES, kind) => responses(kind),
        (Protocol::ANTHROPIC_MESSAGES, kind) => anthropic(kind),
        (Protocol::GEMINI_GENERATE, kind) => gemini(kind),
        (Protocol::OLLAMA_CHAT, kind) => ollama(kind),
        (Protocol::BEDROCK_CONVERSE, kind) => bedrock(kind),
        (Protocol::OPENAI_COMPLETIONS, Kind::Request) => {
            &[("messages", &["prompt"]), ("choices", &["n"]), ("stream_usage", &["stream_options.include_usage"])]
        }
        (Protocol::GEMINI_EMBED, Kind::Request) => &[
            // One text may stand without the list of requests.
            ("input[0]", &["requests[0].content", "content"]),
            ("dimensions", &["requests[0].outputDimensionality", "outputDimensionality"]),
        ],
        (Protocol::OLLAMA_EMBED, Kind::Request) => &[("input", &["input", "prompt"])],
        _ => &[],
    }
}

fn chat(kind: Kind) -> Names {
    match kind {
        Kind::Request => &[
            ("reasoning.effort", &["reasoning_effort"]),
            ("reasoning", &["reasoning_effort"]),
            ("choices", &["n", "num_samples"]),
            ("max_tokens", &["max_completion_tokens", "max_tokens", "max_new_tokens"]),
            ("stop", &["stop", "stop_sequences"]),
            ("response_format.schema", &["response_format.json_schema.schema"]),
            ("response_format.name", &["response_format.json_schema.name"]),
            ("response_format.description", &["response_format.json_schema.description"]),
            ("response_format.strict", &["response_format.json_schema.strict"]),
            ("stream_usage", &["stream_options.include_usage"]),
        ],
        Kind::Tool => &[
            ("name", &["function.name", "name"]),
            ("description", &["function.description", "description"]),
            ("parameters", &["function.parameters", "parameters", "function.input_schema", "input_schema"]),
            ("strict", &["function.strict", "strict"]),
        ],
        Kind::Call => &[
            ("name", &["function.name", "custom.name"]),
            ("arguments", &["function.arguments", "custom.input"]),
            // What another vendor signed came back on the id.
            ("signature", &["id"]),
        ],
        Kind::Result => &[("id", &["tool_call_id"])],
        Kind::Image => &[
            ("detail", &["image_url.detail"]),
            ("source", &["image_url.url", "image_url"]),
            ("mime", &["image_url.url", "image_url"]),
        ],
        Kind::Audio => &[("source", &["input_audio.data"]), ("mime", &["input_audio.format"])],
        Kind::Document => &[
            ("name", &["file.filename"]),
            ("source", &["file.file_data", "file.file_id"]),
            ("mime", &["file.file_data"]),
        ],
        _ => &[],
    }
}

fn responses(kind: Kind) -> Names {
    match kind {
        Kind::Request => &[
            ("messages", &["input"]),
            ("reasoning.visible", &["reasoning.summary", "reasoning.generate_summary"]),
            ("max_tokens", &["max_output_tokens"]),
            ("response_format", &["text.format"]),
            ("logprobs", &["include"]),
        ],
        Kind::Call => &[("id", &["call_id"]), ("arguments", &["arguments", "input"])],
        Kind::Result => &[("id", &["call_id"]), ("content", &["output"])],
        Kind::Text => &[("citations", &["annotations"])],
        Kind::Thought => {
            &[("text", &["summary"]), ("signature", &["encrypted_content"]), ("redacted", &["encrypted_content"])]
        }
        Kind::Image => &[("source", &["image_url", "file_id"]), ("mime", &["image_url"])],
        Kind::Audio => &[("source", &["input_audio.data"]), ("mime", &["input_audio.format"])],
        Kind::Document => &[
            ("name", &["filename"]),
            ("source", &["file_data", "file_url", "file_id"]),
            ("mime", &["file_data", "file_url"]),
        ],
        _ => &[],
    }
}

fn anthropic(kind: Kind) -> Names {
    match kind {
        Kind::Request => &[
            ("stop", &["stop_sequences"]),
            ("user", &["metadata.user_id"]),
            ("response_format", &["output_config.format", "output_format"]),
            ("parallel_tool_calls", &["tool_choice.disable_parallel_tool_use"]),
            ("reasoning.budget", &["thinking.budget_tokens"]),
            ("reasoning.effort", &["output_config.effort"]),
            ("reasoning.visible", &["thinking.display"]),
            ("reasoning.enabled", &["thinking.type"]),
            ("reasoning", &["thinking", "output_config.effort"]),
        ],
        Kind::Tool => &[("parameters", &["input_schema"])],
        Kind::Call => &[("arguments", &["input"])],
        Kind::Result => &[("id", &["tool_use_id"])],
        Kind::Thought => &[("text", &["thinking"]), ("redacted", &["data"])],
        Kind::Image | Kind::Audio | Kind::Document => &[("name", &["title"]), ("mime", &["source.media_type"])],
        _ => &[],
    }
}

fn gemini(kind: Kind) -> Names {
    match kind {
        Kind::Request => &[
            ("messages", &["contents"]),
            ("tool_choice", &["toolConfig.functionCallingConfig"]),
            ("reasoning.budget", &["generationConfig.thinkingConfig.thinkingBudget"]),
            ("reasoning.effort", &["generationConfig.thinkingConfig.thinkingLevel"]),
            ("reasoning.visible", &["generationConfig.thinkingConfig.includeThoughts"]),
            ("reasoning", &["generationConfig.thinkingConfig"]),
            ("max_tokens", &["generationConfig.maxOutputTokens"]),
            ("temperature", &["generationConfig.temperature"]),
            ("top_p", &["generationConfig.topP"]),
            ("top_k", &["generationConfig.topK"]),
            ("presence_penalty", &["generationConfig.presencePenalty"]),
            ("frequency_penalty", &["generationConfig.frequencyPenalty"]),
            ("seed", &["generationConfig.seed"]),
            ("stop", &["generationConfig.stopSequences"]),
            ("choices", &["generationConfig.candidateCount"]),
            ("logprobs", &["generationConfig.responseLogprobs"]),
            ("top_logprobs", &["generationConfig.logprobs"]),
            ("response_format.schema", &["generationConfig.responseJsonSchema", "generationConfig.responseSchema"]),
            (
                "response_format",
                &[
                    "generationConfig.responseJsonSchema",
                    "generationConfig.responseSchema",
                    "generationConfig.responseMimeType",
                ],
            ),
        ],
        Kind::Tool => &[("parameters", &["parametersJsonSchema", "parameters"])],
        Kind::Call => &[
            ("id", &["functionCall.id"]),
            ("name", &["functionCall.name"]),
            ("arguments", &["functionCall.args"]),
            ("signature", &["thoughtSignature"]),
        ],
        Kind::Result => &[
            ("id", &["functionResponse.id"]),
            ("name", &["functionResponse.name"]),
            ("content", &["functionResponse.response"]),
            ("is_error", &["functionResponse.response.error"]),
        ],
        Kind::Text | Kind::Thought => &[("signature", &["thoughtSignature"])],
        Kind::Image | Kind::Audio | Kind::Document => &[
            ("source", &["inlineData.data", "fileData.fileUri"]),
            ("mime", &["inlineData.mimeType", "fileData.mimeType"]),
            ("name", &["inlineData.displayName", "fileData.displayName"]),
            ("signature", &["thoughtSignature"]),
        ],
        _ => &[],
    }
}

fn ollama(kind: Kind) -> Names {
    match kind {
        Kind::Request => &[
            ("reasoning", &["think"]),
            ("response_format", &["format"]),
            ("max_tokens", &["options.num_predict"]),
            ("temperature", &["options.temperature"]),
            ("top_p", &["options.top_p"]),
            ("top_k", &["options.top_k"]),
            ("presence_penalty", &["options.presence_penalty"]),
            ("frequency_penalty", &["options.frequency_penalty"]),
            ("seed", &["options.seed"]),
            ("stop", &["options.stop"]),
        ],
        Kind::Tool => &[
            ("name", &["function.name"]),
            ("description", &["function.description"]),
            ("parameters", &["function.parameters"]),
        ],
        Kind::Call => &[("name", &["function.name"]), ("arguments", &["function.arguments"])],
        Kind::Result => &[("id", &["tool_call_id"]), ("name", &["tool_name"])],
        _ => &[],
    }
}

fn bedrock(kind: Kind) -> Names {
    match kind {
        Kind::Request => &[
            ("tools", &["toolConfig.tools"]),
            ("tool_choice", &["toolConfig.toolChoice"]),
            ("max_tokens", &["inferenceConfig.maxTokens"]),
            ("temperature", &["inferenceConfig.temperature"]),
            ("top_p", &["inferenceConfig.topP"]),
            ("stop", &["inferenceConfig.stopSequences"]),
            ("response_format", &["outputConfig.textFormat"]),
            ("reasoning", &["additionalModelRequestFields"]),
            ("service_tier", &["serviceTier"]),
        ],
        Kind::Call => &[("id", &["toolUseId"]), ("arguments", &["input"])],
        Kind::Result => &[("id", &["toolUseId"]), ("is_error", &["status"])],
        Kind::Tool => &[("parameters", &["inputSchema.json"])],
        _ => &[],
    }
}
