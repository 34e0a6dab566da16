use memchr::memmem;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tollbridge_core::Frame;
use tollbridge_types::Protocol;

use crate::eventstream;

/// What a frame means for the life of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameKind {
    /// More of the answer, or a comment.
    Other,
    /// A choice is complete.
    Finish,
    /// The protocol's own mark of the end.
    End,
    /// The vendor reports an error.
    Error,
}

/// Tells what a frame means for the life of its stream, parsing only frames that may matter.
pub fn frame_kind(protocol: Protocol, frame: &Frame) -> FrameKind {
    let data = frame.data.as_ref();
    let has = |needle: &str| memmem::find(data, needle.as_bytes()).is_some();
    let says = |field: &str| says(data, field);
    match protocol {
        Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS if data == b"[DONE]" => FrameKind::End,
        Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS if says("\"finish_reason\"") || has("\"error\"") => {
            read(data, |chunk: OpenAiChunk| {
                let finished = |choice: &OpenAiChoice| choice.finish_reason.as_ref().is_some_and(|word| word != "");
                match chunk.error {
                    Some(_) => FrameKind::Error,
                    None if chunk.object.as_ref().is_some_and(|object| object == "error") => FrameKind::Error,
                    None if chunk.choices.iter().flatten().any(finished) => FrameKind::Finish,
                    None => FrameKind::Other,
                }
            })
        }
        Protocol::OPENAI_RESPONSES
            if ["response.completed", "response.incomplete", "response.failed", "\"error\""]
                .iter()
                .any(|end| has(end)) =>
        {
            read(data, |event: TypedEvent| match event.r#type.as_str() {
                "response.completed" | "response.incomplete" => FrameKind::End,
                "response.failed" | "error" => FrameKind::Error,
                _ => FrameKind::Other,
            })
        }
        Protocol::OLLAMA_CHAT if has("\"done\"") || has("\"error\"") => read(data, |line: OllamaLine| match line {
            OllamaLine { error: Some(_), .. } => FrameKind::Error,
            OllamaLine { done: true, .. } => FrameKind::End,
            _ => FrameKind::Other,
        }),
        Protocol::COHERE_CHAT if has("message-end") || has("\"error\"") => {
            read(data, |event: TypedEvent| match event.r#type.as_str() {
                "message-end" => FrameKind::End,
                "error" => FrameKind::Error,
                _ => FrameKind::Other,
            })
        }
        // What a message is stands in its headers.
        Protocol::BEDROCK_CONVERSE => match frame.event.as_deref() {
            Some("messageStop") => FrameKind::Finish,
            Some("metadata") => FrameKind::End,
            _ if eventstream::exception(frame).is_some() => FrameKind::Error,
            _ => FrameKind::Other,
        },
        Protocol::ANTHROPIC_MESSAGES if has("message_stop") || has("\"error\"") => {
            read(data, |event: TypedEvent| match event.r#type.as_str() {
                "message_stop" => FrameKind::End,
                "error" => FrameKind::Error,
                _ => FrameKind::Other,
            })
        }
        Protocol::GEMINI_GENERATE if says("\"finishReason\"") || says("\"blockReason\"") || says("\"error\"") => {
            read(data, |chunk: GeminiChunk| {
                let finished = |candidate: &GeminiCandidate| candidate.finish_reason.is_some();
                let blocked = chunk.prompt_feedback.is_some_and(|feedback| feedback.block_reason.is_some());
                match chunk.error {
                    Some(_) => FrameKind::Error,
                    None if blocked || chunk.candidates.iter().flatten().any(finished) => FrameKind::Finish,
                    None => FrameKind::Other,
                }
            })
        }
        _ => FrameKind::Other,
    }
}

/// Says whether a field, named with its quotes, stands somewhere in JSON and is not `null`, without parsing it.
pub(crate) fn says(data: &[u8], field: &str) -> bool {
    memmem::find_iter(data, field.as_bytes()).any(|place| {
        let rest = data.get(place + field.len()..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| !value.starts_with(b"null"))
    })
}

fn read<'a, T: Deserialize<'a>>(data: &'a [u8], kind: impl FnOnce(T) -> FrameKind) -> FrameKind {
    serde_json::from_slice(data).map_or(FrameKind::Other, kind)
}

#[derive(Deserialize)]
struct OpenAiChunk {
    #[serde(default)]
    object: Option<serde_json::Value>,
    #[serde(default)]
    choices: Option<Vec<OpenAiChoice>>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct OpenAiChoice {
    #[serde(default)]
    finish_reason: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct OllamaLine {
    #[serde(default)]
    done: bool,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct TypedEvent {
    #[serde(default)]
    r#type: String,
}

#[derive(Deserialize)]
struct GeminiChunk {
    #[serde(default)]
    candidates: Option<Vec<GeminiCandidate>>,
    #[serde(default, rename = "promptFeedback")]
    prompt_feedback: Option<GeminiFeedback>,
    #[serde(default)]
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct GeminiCandidate {
    #[serde(default, rename = "finishReason")]
    finish_reason: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct GeminiFeedback {
    #[serde(default, rename = "blockReason")]
    block_reason: Option<IgnoredAny>,
}

#[cfg(test)]
mod tests {
    use super::says;

    #[test]
    fn a_field_says_something_unless_it_is_null() {
        let told = |json: &str| says(json.as_bytes(), "\"usage\"");
        assert!(told(r#"{"usage":{}}"#) && told(r#"{"a":{"usage":null},"usage" : 1}"#));
        assert!(!told(r#"{"usage": null}"#) && !told(r#"{"text":"\"usage\": 1"}"#) && !told("\"usage\""));
    }
}
