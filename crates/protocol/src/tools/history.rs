//! Rewrites the calls and results of a conversation as those of the functions that are offered.

use serde_json::json;
use tollbridge_types::{Json, Message, Opaque, Part, Protocol, Tool, ToolCall, ToolCallKind, ToolResult};

use super::{INPUT, Offer, known};
use crate::object::Object;
use crate::responses::request_decode;

const RESPONSES: Protocol = Protocol::OPENAI_RESPONSES;

/// The tools that a client found, in the output of its search.
const FOUND: &str = "item.tools";

impl Offer<'_> {
    pub(super) fn changes_part(&self, part: &Part) -> bool {
        match part {
            Part::ToolCall(call) => {
                let known = match call.kind {
                    ToolCallKind::Custom => self.forms.custom,
                    ToolCallKind::BuiltIn => self.forms.built_in,
                    _ => true,
                };
                let spaced = !self.forms.namespaces && call.namespace().is_some();
                !known || spaced || !self.flat.is_valid(&call.name)
            }
            Part::ToolResult(result) => {
                let built_in = !self.forms.built_in && result.extras.of(RESPONSES).next().is_some();
                built_in || result.content.iter().any(|part| self.refers(part).is_some())
            }
            Part::Opaque(opaque) => !self.forms.namespaces && is_additional(opaque),
            _ => false,
        }
    }

    /// Finds the tools that the conversation itself adds, with the place of each.
    pub(super) fn tools_of_history(&self, messages: &[Message]) -> Vec<(String, Tool)> {
        let mut tools = Vec::new();
        if self.forms.namespaces {
            return tools;
        }
        for (place, message) in messages.iter().enumerate() {
            for (number, part) in message.parts.iter().enumerate() {
                let origin =
                    || part.origin().map_or_else(|| format!("messages[{place}].parts[{number}]"), str::to_owned);
                let list = match part {
                    Part::Opaque(opaque) if is_additional(opaque) => Object::lenient(&opaque.json).find_list("tools"),
                    Part::ToolResult(result) => found(result),
                    _ => continue,
                };
                for (index, json) in list.iter().enumerate() {
                    let path = format!("{}.tools[{index}]", origin());
                    // What cannot be read as a tool stays one that only its own vendor knows.
                    let opaque = || Tool::Opaque(Opaque::new(RESPONSES, json.clone()));
                    tools.push((path.clone(), request_decode::tool(json, &path).unwrap_or_else(|_| opaque())));
                }
            }
        }
        tools
    }

    pub(super) fn messages(&mut self, messages: Vec<Message>) -> Vec<Message> {
        let mut kept = Vec::with_capacity(messages.len());
        for mut message in messages {
            let parts = std::mem::take(&mut message.parts);
            let was_empty = parts.is_empty();
            for part in parts {
                message.parts.push(match part {
                    Part::Opaque(opaque) if !self.forms.namespaces && is_additional(&opaque) => continue,
                    Part::ToolCall(call) => Part::ToolCall(self.call(call)),
                    Part::ToolResult(result) => Part::ToolResult(self.result(result)),
                    other => other,
                });
            }
            if was_empty || !message.parts.is_empty() {
                kept.push(message);
            }
        }
        kept
    }

    fn call(&mut self, mut call: ToolCall) -> ToolCall {
        let namespace = call.namespace();
        let spaced = !self.forms.namespaces && namespace.is_some();
        if spaced {
            call.extras.retain(|owner, name| owner != RESPONSES || name != "namespace");
        }
        match call.kind {
            ToolCallKind::Custom if !self.forms.custom => {
                call.kind = ToolCallKind::Function;
                call.arguments = json!({INPUT: call.arguments}).to_string();
            }
            ToolCallKind::BuiltIn if !self.forms.built_in => {
                call.kind = ToolCallKind::Function;
                call.arguments = known::to_function(&call.name, &call.arguments);
                call.extras.retain(|owner, _| owner != RESPONSES);
                call.name = self.flat.of(Some(""), &call.name);
                return call;
            }
            ToolCallKind::BuiltIn => return call,
            _ => {}
        }
        if spaced || namespace.is_none() {
            call.name = self.flat.of(namespace.as_deref(), &call.name);
        }
        call
    }

    fn result(&mut self, mut result: ToolResult) -> ToolResult {
        if !self.forms.built_in {
            let found = found(&result);
            if !found.is_empty() {
                result.content = vec![Part::text(self.words_for(&found))];
            }
            // Beside its text an output repeats its call.
            let kind = result.extras.get(RESPONSES, "type").cloned();
            let is_item = kind.is_some_and(|kind| kind.as_str() != "\"custom_tool_call_output\"");
            let repeats = |name: &str| if is_item { name.starts_with("item.") } else { name == "item.name" };
            result.extras.retain(|owner, name| owner != RESPONSES || !repeats(name));
        }
        for part in &mut result.content {
            if let Some(name) = self.refers(part) {
                let words = Part::text(format!("The tool `{}` can be called now.", self.flat.of(None, &name)));
                *part = part.origin().map_or_else(|| words.clone(), |origin| words.clone().at(origin));
            }
        }
        result
    }

    /// Says which tools a search found, by the names that they are offered under.
    fn words_for(&mut self, found: &[Json]) -> String {
        let mut names = Vec::new();
        for tool in found.iter().filter_map(|json| request_decode::tool(json, "tools").ok()) {
            match tool {
                Tool::Namespace { name: space, tools, .. } => {
                    let inner = tools.iter().filter_map(Tool::name);
                    names.extend(inner.map(|name| self.flat.of(Some(&space), name)).collect::<Vec<_>>());
                }
                tool => names.extend(tool.name().map(|name| self.flat.of(None, name))),
            }
        }
        format!("These functions can be called now: {}", names.join(", "))
    }

    /// Returns the name of the tool that a part of Anthropic's refers to, for vendors that know no such part.
    fn refers(&self, part: &Part) -> Option<String> {
        let Part::Opaque(opaque) = part else { return None };
        if opaque.protocol != Protocol::ANTHROPIC_MESSAGES || self.to == Protocol::ANTHROPIC_MESSAGES {
            return None;
        }
        let mut fields = Object::lenient(&opaque.json);
        let refers = fields.find_text("type").as_deref() == Some("tool_reference");
        fields.find_text("tool_name").filter(|_| refers)
    }
}

fn is_additional(opaque: &Opaque) -> bool {
    opaque.protocol == RESPONSES
        && opaque.json.as_str().contains("\"additional_tools\"")
        && Object::lenient(&opaque.json).peek_text("type").as_deref() == Some("additional_tools")
}

fn found(result: &ToolResult) -> Vec<Json> {
    let searched = result.extras.get(RESPONSES, "type").is_some_and(|kind| kind.as_str() == "\"tool_search_output\"");
    let list = result.extras.get(RESPONSES, FOUND).filter(|_| searched);
    list.and_then(|list| list.parse().ok()).unwrap_or_default()
}
