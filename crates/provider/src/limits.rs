use tollbridge_core::{Error, ModelSettings, Request};
use tollbridge_protocol::chat_request;
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
    if !model.supports_vision && has_images(&typed) {
        return refuse("messages", format!("the model `{name}` takes no images"));
    }
    match (typed.max_tokens, model.max_tokens) {
        (Some(asked), Some(most)) if asked > most => {
            refuse("max_tokens", format!("the model `{name}` answers with at most {most} tokens"))
        }
        _ => Ok(()),
    }
}

fn has_images(request: &ChatRequest) -> bool {
    request.messages.iter().flat_map(|message| &message.parts).any(|part| match part {
        Part::Image(_) => true,
        Part::ToolResult(result) => result.content.iter().any(|part| matches!(part, Part::Image(_))),
        _ => false,
    })
}
