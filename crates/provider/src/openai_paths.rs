use tollbridge_core::Operation;
use tollbridge_types::Protocol;

use crate::{HttpProvider, Route};

/// Returns the path of an operation below the base URL of an API like OpenAI's.
pub fn openai_path(route: &Route<'_>) -> &'static [&'static str] {
    match route.protocol {
        Protocol::OPENAI_RESPONSES => &["responses"],
        Protocol::OPENAI_INPUT_TOKENS => &["responses", "input_tokens"],
        Protocol::OPENAI_COMPLETIONS => &["completions"],
        Protocol::OPENAI_EMBEDDINGS => &["embeddings"],
        Protocol::OPENAI_MODELS => &["models"],
        Protocol::OPENAI_MODERATIONS => &["moderations"],
        Protocol::OPENAI_IMAGES => &["images", "generations"],
        Protocol::OPENAI_IMAGE_EDITS => &["images", "edits"],
        Protocol::OPENAI_IMAGE_VARIATIONS => &["images", "variations"],
        Protocol::OPENAI_SPEECH => &["audio", "speech"],
        Protocol::OPENAI_TRANSCRIPTIONS => &["audio", "transcriptions"],
        Protocol::OPENAI_TRANSLATIONS => &["audio", "translations"],
        Protocol::COHERE_RERANK => &["rerank"],
        _ => &["chat", "completions"],
    }
}

impl HttpProvider {
    /// Adds the operations of OpenAI's API whose requests and replies pass as they are.
    #[must_use]
    pub fn openai_media(self) -> Self {
        self.pass(Operation::Moderate, Protocol::OPENAI_MODERATIONS)
            .pass(Operation::Image, Protocol::OPENAI_IMAGES)
            .pass(Operation::Image, Protocol::OPENAI_IMAGE_EDITS)
            .pass(Operation::Image, Protocol::OPENAI_IMAGE_VARIATIONS)
            .pass(Operation::Speech, Protocol::OPENAI_SPEECH)
            .pass(Operation::Transcribe, Protocol::OPENAI_TRANSCRIPTIONS)
            .pass(Operation::Transcribe, Protocol::OPENAI_TRANSLATIONS)
    }
}
