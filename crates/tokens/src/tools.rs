//! Counts the definitions of tools, by OpenAI's published formula where it applies, and else as they are written out.

use tollbridge_types::{ChatRequest, Role, Tool, ToolChoice};

use crate::model::{is_of, own_name};
use crate::schema::Schema;

/// Counts the tools and the choice among them, and tells whether the formula is OpenAI's own.
pub(crate) fn count(model: &str, request: &ChatRequest, words: impl Fn(&str) -> u64) -> (u64, bool) {
    if request.tools.is_empty() {
        return (choice(request, &words), request.tool_choice.is_none());
    }
    let functions: Vec<Function<'_>> = request.tools.iter().filter_map(Function::read).collect();
    if functions.len() == request.tools.len()
        && let Some(tokens) = function_frame(model).and_then(|frame| published(&functions, frame, &words))
    {
        return (tokens, true);
    }
    // What is not a function has no form that anybody knows; its JSON is near.
    let others = request.tools.iter().filter_map(|tool| match tool {
        Tool::Opaque(opaque) => Some(words(opaque.json.as_str())),
        _ => None,
    });
    let mut tokens: u64 = others.sum();
    if !functions.is_empty() {
        let system = request.messages.iter().any(|message| message.role == Role::System);
        tokens += words(&written(&functions)) + if system { SECTION - SYSTEM } else { SECTION };
    }
    (tokens + choice(request, &words), false)
}

struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: Option<Schema>,
}

impl<'a> Function<'a> {
    fn read(tool: &'a Tool) -> Option<Self> {
        let Tool::Function { name, description, parameters, .. } = tool else { return None };
        let parameters = parameters.as_ref().and_then(|schema| schema.parse().ok());
        Some(Self { name, description: description.as_deref().unwrap_or_default(), parameters })
    }

    fn properties(&self) -> &[(String, Schema)] {
        self.parameters.as_ref().and_then(Schema::properties).unwrap_or_default()
    }
}

/// Returns what begins each function, for the models of which the cookbook says it.
fn function_frame(model: &str) -> Option<u64> {
    let name = own_name(model);
    let is = |family| is_of(&name, family);
    if is("gpt-4o") {
        Some(7)
    } else if is("gpt-4") || is("gpt-3.5-turbo") || is("gpt-35-turbo") {
        Some(10)
    } else {
        None
    }
}

/// Counts as OpenAI's cookbook does, which knows only functions whose every parameter has a type and a description.
fn published(functions: &[Function<'_>], frame: u64, words: &impl Fn(&str) -> u64) -> Option<u64> {
    const PROPERTIES: u64 = 3;
    const PROPERTY: u64 = 3;
    const ENUM: u64 = 3;
    const ITEM: u64 = 3;
    const END: u64 = 12;
    let sentence = |text: &str| text.strip_suffix('.').unwrap_or(text).to_owned();
    let mut tokens = END;
    for function in functions {
        function.parameters.as_ref()?.properties()?;
        tokens += frame + words(&format!("{}:{}", function.name, sentence(function.description)));
        if !function.properties().is_empty() {
            tokens += PROPERTIES;
        }
        for (name, property) in function.properties() {
            let (kind, description) = (property.kind()?, property.description()?);
            tokens += PROPERTY;
            if let Some(items) = property.choices() {
                tokens = tokens.saturating_sub(ENUM) + items.iter().map(|item| ITEM + words(item)).sum::<u64>();
            }
            tokens += words(&format!("{name}:{kind}:{}", sentence(description)));
        }
    }
    Some(tokens)
}

/// What frames the section of tools, and what of it a system message has already.
const SECTION: u64 = 9;
const SYSTEM: u64 = 4;

fn choice(request: &ChatRequest, words: &impl Fn(&str) -> u64) -> u64 {
    match &request.tool_choice {
        Some(ToolChoice::None) => 1,
        Some(ToolChoice::Function(name)) => 7 + words(name),
        _ => 0,
    }
}

/// Writes functions as the types of TypeScript, in which OpenAI's models are known to see them.
fn written(functions: &[Function<'_>]) -> String {
    let mut text = "namespace functions {\n\n".to_owned();
    for function in functions.iter().filter(|function| !function.name.is_empty()) {
        if !function.description.is_empty() {
            text.push_str(&format!("// {}\n", function.description));
        }
        let name = function.name;
        match &function.parameters {
            Some(schema) if !function.properties().is_empty() => {
                text.push_str(&format!("type {name} = (_: {{\n{}\n}}) => any;\n\n", schema.written(0)));
            }
            _ => text.push_str(&format!("type {name} = () => any;\n\n")),
        }
    }
    text.push_str("} // namespace functions");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_of_a_function_is_known_by_the_models_name() {
        for (model, frame) in [
            ("gpt-4o", Some(7)),
            ("gpt-4o-mini", Some(7)),
            ("ft:gpt-4o:acme::x1", Some(7)),
            ("ft:gpt-4o-mini-2024-07-18:acme::x1", Some(7)),
            ("gpt-4-turbo", Some(10)),
            ("azure/gpt-35-turbo", Some(10)),
            ("ft:gpt-3.5-turbo:acme::x1", Some(10)),
            ("gpt-4.1", None),
            ("gpt-5", None),
        ] {
            assert_eq!(function_frame(model), frame, "{model}");
        }
    }
}
