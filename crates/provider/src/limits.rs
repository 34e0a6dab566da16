use tollbridge_core::{Error, ModelSettings, Request};
use tollbridge_protocol::{chat_request, translate};
use tollbridge_types::{ChatRequest, Part};

/// Refuses what the configuration says that a model cannot do, before anything is sent.
pub(crate) fn check(request: &Request, model: &ModelSettings) -> Result<(), Error> {
    if !model.has_limits() {
        return Ok(());
    }
    let name = &model.name;
    let hint = format!("use another model, or correct `models.{name}` of the provider");
    let refuse = |path: &str, message: String| Err(Error::invalid(path, message).with_hint(hint.clone()));
    if request.stream && !model.supports_streaming {
        return refuse("stream", format!("the model `{name}` does not stream"));
    }
    let typed = chat_request(request)?;
    if !typed.tools.is_empty() && !model.supports_tools {
        return refuse("tools", format!("the model `{name}` takes no tools"));
    }
    if let (false, Some(path)) = (model.supports_vision, image(&typed)) {
        let error = Error::invalid(&path, format!("the model `{name}` takes no images")).with_hint(hint);
        return Err(translate::told_at(request, &path, error));
    }
    match (typed.max_tokens, model.max_tokens) {
        (Some(asked), Some(most)) if asked > most => {
            refuse("max_tokens", format!("the model `{name}` answers with at most {most} tokens"))
        }
        _ => Ok(()),
    }
}

/// Finds the first image of a conversation.
fn image(request: &ChatRequest) -> Option<String> {
    let is_image = |part: &Part| matches!(part, Part::Image(_));
    request.messages.iter().enumerate().find_map(|(place, message)| {
        message.parts.iter().enumerate().find_map(|(number, part)| {
            let path = format!("messages[{place}].parts[{number}]");
            match part {
                Part::ToolResult(result) => {
                    result.content.iter().position(is_image).map(|inner| format!("{path}.content[{inner}]"))
                }
                part => is_image(part).then_some(path),
            }
        })
    })
}
