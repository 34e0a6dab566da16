//! From our providers' and models' names to keys of the book, by rules and never by a part of a name.

/// Returns the vendors, in the book's words, that charge for a provider's calls.
pub(crate) fn vendors(provider: &str) -> &[&str] {
    match provider {
        "azure" => &["azure", "azure_ai"],
        "mistral" => &["mistral", "codestral"],
        "vertex" => &["vertex_ai"],
        "together" => &["together_ai"],
        "fireworks" => &["fireworks_ai"],
        "nvidia" => &["nvidia_nim"],
        "zhipu" => &["bigmodel"],
        "grok" => &["xai"],
        "kimi" => &["moonshot"],
        "qwen" | "alibaba" => &["dashscope"],
        "ark" | "doubao" => &["volcengine"],
        // Names of litellm, for one API of several that a vendor has.
        "bedrock_converse" => &["bedrock"],
        "azure_text" => &["azure"],
        "cohere_chat" => &["cohere"],
        "text-completion-openai" => &["openai"],
        "text-completion-codestral" => &["codestral"],
        "fireworks_ai-embedding-models" => &["fireworks_ai"],
        _ if provider.starts_with("vertex_ai-") => &["vertex_ai"],
        _ => &[],
    }
}

/// Returns the vendor's own name of a model, out of the path or the resource name that a cloud knows it by.
pub(crate) fn unwrapped(model: &str) -> Option<&str> {
    let is_path = ["models/", "publishers/", "projects/"].iter().any(|start| model.starts_with(start));
    if is_path {
        return model.rsplit_once("models/").map(|(_, name)| name);
    }
    if model.starts_with("arn:") {
        let (resource, name) = model.rsplit_once('/')?;
        return ["foundation-model", "inference-profile"].iter().any(|kind| resource.ends_with(kind)).then_some(name);
    }
    None
}

/// Returns `ft:base` of a fine-tuned model `ft:base:organisation:name:id`.
pub(crate) fn fine_tuned(model: &str) -> Option<&str> {
    let base = model.strip_prefix("ft:")?.split(':').next()?;
    model.get(..base.len() + 3).filter(|shorter| shorter.len() < model.len())
}

/// Returns a model's name without the date of its version: `-2024-07-18`, `-20240718`, `@20240718` or `@default`.
pub(crate) fn undated(model: &str) -> Option<&str> {
    if let Some(name) = model.strip_suffix("@default") {
        return Some(name);
    }
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let (name, last) = model.rsplit_once(['-', '@'])?;
    if digits(last, 8) && last.starts_with("20") {
        return Some(name);
    }
    let (name, month) = name.rsplit_once('-')?;
    let (name, year) = name.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4) && year.starts_with("20")).then_some(name)
}

/// Returns a Bedrock model's name without the inference profile that costs what a call in the region does.
pub(crate) fn without_profile(model: &str) -> Option<&str> {
    PROFILES.iter().find_map(|profile| model.strip_prefix(profile))
}

/// The profiles of a geography; `global.` is cheaper with some models, so it is never left out.
const PROFILES: &[&str] = &["us.", "eu.", "apac.", "au.", "jp.", "ca."];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_a_date_and_nothing_else() {
        assert_eq!(undated("gpt-4o-mini-2024-07-18"), Some("gpt-4o-mini"));
        assert_eq!(undated("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(undated("claude-sonnet-4-5@20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(undated("claude-opus-4-6@default"), Some("claude-opus-4-6"));
        for name in ["gpt-4o", "gpt-4-0613", "claude-sonnet-4-5", "mistral-large-2411", "x-12345678", "2024-07-18"] {
            assert_eq!(undated(name), None, "{name}");
        }
    }

    #[test]
    fn resource_names_give_the_model() {
        assert_eq!(unwrapped("models/gemini-2.5-pro"), Some("gemini-2.5-pro"));
        assert_eq!(unwrapped("publishers/anthropic/models/claude-opus-5"), Some("claude-opus-5"));
        let arn = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-opus-5";
        assert_eq!(unwrapped(arn), Some("us.anthropic.claude-opus-5"));
        assert_eq!(unwrapped("accounts/fireworks/models/glm-5p2"), None);
        assert_eq!(fine_tuned("ft:gpt-4o-2024-08-06:org::id"), Some("ft:gpt-4o-2024-08-06"));
    }
}
