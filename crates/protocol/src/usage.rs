use tollbridge_core::{Error, ErrorKind};
use tollbridge_types::{Json, Protocol, Usage};

use crate::object::Object;
use crate::{anthropic, bedrock, cohere, gemini, ollama, openai, plain, rerank};

/// Reads a vendor's usage object that stands alone, as kept in [`Usage::raw`], by its protocol's convention.
///
/// What stands beside the object in a reply is not in it: the service tier of OpenAI, the tools that a response called.
///
/// ```
/// use tollbridge_types::Protocol;
///
/// let raw = r#"{"prompt_tokens": 100, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 80}}"#;
/// let usage = tollbridge_protocol::read_usage(Protocol::OPENAI_CHAT, raw)?;
/// assert_eq!((usage.input, usage.cache_read, usage.output), (Some(20), Some(80), Some(9)));
/// # Ok::<(), tollbridge_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Decode`] if `raw` is no JSON object, [`ErrorKind::Unsupported`] for a protocol that is not known here.
pub fn read_usage(protocol: Protocol, raw: &str) -> Result<Usage, Error> {
    if !Protocol::ALL.contains(&protocol) {
        let message = format!("how the protocol `{protocol}` counts usage is not known");
        return Err(
            Error::new(ErrorKind::Unsupported, message).with_hint("name one of the protocols in `Protocol::ALL`")
        );
    }
    let mut fields = Object::from_vendor(raw.as_bytes(), "the usage")?;
    let json = Json::from_text(raw.trim()).map_err(|error| Error::new(ErrorKind::Decode, error.to_string()))?;
    Ok(match protocol {
        Protocol::ANTHROPIC_MESSAGES => anthropic::usage::decode(&json),
        Protocol::GEMINI_GENERATE | Protocol::GEMINI_EMBED => gemini::usage::decode(&json),
        Protocol::BEDROCK_CONVERSE => bedrock::usage::decode(&json),
        Protocol::COHERE_CHAT | Protocol::COHERE_EMBED => cohere::usage::decode(&json),
        Protocol::COHERE_RERANK => rerank::decode(&json),
        Protocol::OLLAMA_CHAT | Protocol::OLLAMA_EMBED => ollama::usage::take(&mut fields).unwrap_or_default(),
        Protocol::TEXT_GENERATION | Protocol::BEDROCK_EMBED | Protocol::VERTEX_PREDICT => plain::usage(&json),
        // The words are those of the model's maker.
        Protocol::BEDROCK_INVOKE if fields.peek("inputTokens").is_some() => bedrock::usage::decode(&json),
        Protocol::BEDROCK_INVOKE if fields.peek("input_tokens").is_some() => anthropic::usage::decode(&json),
        Protocol::BEDROCK_INVOKE if fields.peek("prompt_tokens").is_none() => plain::usage(&json),
        _ => of_operation(protocol, openai::usage::decode(&json)),
    })
}

/// Puts output that has no modality into the one that the operation makes.
pub(crate) fn of_operation(protocol: Protocol, mut usage: Usage) -> Usage {
    match protocol {
        Protocol::OPENAI_IMAGES | Protocol::OPENAI_IMAGE_EDITS | Protocol::OPENAI_IMAGE_VARIATIONS => {
            usage.output_image = usage.output_image.or_else(|| usage.output.take());
        }
        Protocol::OPENAI_SPEECH => usage.output_audio = usage.output_audio.or_else(|| usage.output.take()),
        _ => {}
    }
    usage
}
