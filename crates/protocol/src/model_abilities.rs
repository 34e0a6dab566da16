//! What vendors' model lists say of what a model can do: each says it in its own words.

use tollbridge_types::{Capability, Json, ModelInfo};

use crate::object::Object;

/// Reads the capabilities of a model from the fields of any vendor's list.
pub(crate) fn read(entry: &Json, model: &mut ModelInfo) {
    let mut fields = Object::lenient(entry);
    let mut found: Vec<Capability> = Vec::new();
    for list in ["supportedGenerationMethods", "endpoints", "supported_parameters", "features"] {
        let words: Vec<Json> = fields.find_list(list);
        found.extend(words.iter().filter_map(|word| by_word(&word.parse::<String>().ok()?)));
    }
    for object in ["capabilities", "architecture"] {
        let Some(json) = fields.take(object) else { continue };
        let named: Vec<String> = json.parse().unwrap_or_default();
        found.extend(named.iter().filter_map(|word| by_word(word)));
        for (name, value) in Object::lenient(&json).into_fields() {
            // Anthropic wraps each answer: `{"supported": true}`.
            let yes = value.as_str() == "true" || Object::lenient(&value).find::<bool>("supported").unwrap_or_default();
            found.extend(by_word(&name).filter(|_| yes));
            let modalities: Vec<String> = value.parse().unwrap_or_default();
            let into = name.starts_with("input");
            found.extend(modalities.iter().filter_map(|word| by_modality(word, into)));
        }
    }
    found.sort_unstable();
    found.dedup();
    model.capabilities = found;
}

fn by_word(word: &str) -> Option<Capability> {
    Some(match word {
        "generateContent" | "chat" | "completion" | "completion_chat" | "chat.completions" => Capability::Chat,
        "embedContent" | "embed" | "embeddings" | "embedding" => Capability::Embed,
        "rerank" => Capability::Rerank,
        "countTokens" => Capability::CountTokens,
        "tools" | "function_calling" | "tool_use" | "functions" => Capability::Tools,
        "vision" | "image_input" => Capability::Vision,
        "audio" | "audio_input" => Capability::Audio,
        "pdf_input" | "documents" => Capability::Documents,
        "thinking" | "reasoning" | "include_reasoning" => Capability::Reasoning,
        "structured_outputs" | "json_schema" => Capability::StructuredOutput,
        "audio_speech" | "speech" => Capability::Speech,
        "audio_transcription" | "transcribe" => Capability::Transcribe,
        "predict" | "image" | "generateImages" => Capability::Image,
        _ => return None,
    })
}

fn by_modality(word: &str, into: bool) -> Option<Capability> {
    Some(match (word, into) {
        ("image", true) => Capability::Vision,
        ("image", false) => Capability::Image,
        ("audio", true) => Capability::Audio,
        ("audio" | "speech", false) => Capability::Speech,
        ("file", true) => Capability::Documents,
        ("text", false) => Capability::Chat,
        ("embeddings", false) => Capability::Embed,
        _ => return None,
    })
}
