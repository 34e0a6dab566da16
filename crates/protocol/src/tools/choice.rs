//! Turns the choice among tools into one among those that are offered.

use std::collections::HashSet;

use tollbridge_core::Loss;
use tollbridge_types::{Json, Opaque, Protocol, Tool, ToolCallKind, ToolChoice};

use super::{Offer, mcp};
use crate::object::Object;

impl Offer<'_> {
    pub(super) fn choice(&mut self, choice: Option<ToolChoice>) -> Option<ToolChoice> {
        Some(match choice? {
            ToolChoice::Function(name) => self.one(&name),
            ToolChoice::AnyOf(names) => {
                let names = names.iter().map(|name| self.resolve(name, None)).collect();
                self.some(names, ToolChoice::Required)
            }
            ToolChoice::Opaque(opaque) if opaque.protocol != self.to => self.foreign(opaque),
            other => other,
        })
    }

    /// Chooses one tool, which may be one that the vendor runs.
    fn one(&mut self, name: &str) -> ToolChoice {
        let run = self.runs.iter().find(|(own, _)| own == name).map(|(_, kind)| kind.clone());
        match (run, self.to) {
            (None, _) => ToolChoice::Function(self.resolve(name, None)),
            (Some(kind), Protocol::OPENAI_RESPONSES) => {
                let choice = crate::object::json(&serde_json::json!({"type": kind}));
                ToolChoice::Opaque(Opaque::new(self.to, choice))
            }
            (Some(kind), Protocol::ANTHROPIC_MESSAGES) if kind != mcp::TOOLSET => ToolChoice::Function(kind),
            _ => {
                self.tell_choice(Loss::dropped, "the vendor itself decides when to use the tool");
                ToolChoice::Auto
            }
        }
    }

    fn tell_choice(&mut self, loss: impl FnOnce(&'static str, &'static str) -> Loss, reason: &'static str) {
        let path = match self.client {
            Some(Protocol::GEMINI_GENERATE) => "toolConfig.functionCallingConfig",
            _ => "tool_choice",
        };
        self.losses.push(loss(path, reason));
    }

    fn foreign(&mut self, opaque: Opaque) -> ToolChoice {
        let mut fields = Object::lenient(&opaque.json);
        match fields.find_text("type").unwrap_or_default().as_str() {
            "allowed_tools" => {
                let mut allowed = match fields.peek("allowed_tools") {
                    Some(_) => fields.find_object("allowed_tools"),
                    None => fields,
                };
                let list = allowed.find_list("tools");
                let mode = match allowed.find_text("mode").as_deref() {
                    Some("required") => ToolChoice::Required,
                    _ => ToolChoice::Auto,
                };
                let names: Vec<String> = list.iter().flat_map(|tool| self.allowed(tool)).collect();
                if names.is_empty() {
                    return ToolChoice::Opaque(opaque);
                }
                self.some(names, mode)
            }
            "function" | "custom" => match self.allowed(&opaque.json).first() {
                Some(name) => ToolChoice::Function(name.clone()),
                None => ToolChoice::Opaque(opaque),
            },
            kind => {
                let built_in = self.built_in(kind);
                let run = self.runs.iter().any(|(own, _)| own == kind);
                match built_in {
                    Some(sent) => ToolChoice::Function(sent),
                    None if run => self.one(kind),
                    None => ToolChoice::Opaque(opaque),
                }
            }
        }
    }

    fn built_in(&self, kind: &str) -> Option<String> {
        let known = self.known.iter().find(|(own, _)| own.kind == ToolCallKind::BuiltIn && own.name == kind);
        known.map(|(_, sent)| sent.clone())
    }

    /// Returns the offered names of the tools that an element of a list of allowed ones stands for.
    fn allowed(&mut self, tool: &Json) -> Vec<String> {
        let mut fields = Object::lenient(tool);
        let kind = fields.find_text("type").unwrap_or_else(|| "function".to_owned());
        if !matches!(kind.as_str(), "function" | "custom" | "namespace") {
            return self.built_in(&kind).into_iter().collect();
        }
        let mut inner = match fields.peek(&kind) {
            Some(_) => fields.find_object(&kind),
            None => fields,
        };
        let namespace = inner.find_text("namespace");
        match inner.find_text("name") {
            Some(name) if kind == "namespace" => {
                let within = self.known.iter().filter(|(own, _)| own.namespace.as_ref() == Some(&name));
                within.map(|(_, sent)| sent.clone()).collect()
            }
            Some(name) => vec![self.resolve(&name, namespace.as_deref())],
            None => Vec::new(),
        }
    }

    /// Returns the offered name of a tool that is named without its namespace, or with it.
    fn resolve(&mut self, name: &str, namespace: Option<&str>) -> String {
        let named = |own: &&(tollbridge_types::ToolName, String)| own.0.name == name;
        let exact = self.known.iter().filter(named).find(|(own, _)| own.namespace.as_deref() == namespace);
        let found = exact.or_else(|| self.known.iter().find(named).filter(|_| namespace.is_none()));
        match found {
            Some((_, sent)) => sent.clone(),
            None => self.flat.of(namespace, name),
        }
    }

    /// Chooses among some tools: of a vendor that cannot, by offering no others.
    fn some(&mut self, names: Vec<String>, mode: ToolChoice) -> ToolChoice {
        if self.forms.some && mode == ToolChoice::Required {
            return ToolChoice::AnyOf(names);
        }
        let names: HashSet<String> = names.into_iter().collect();
        let chosen = |tool: &Tool| tool.name().is_some_and(|name| names.contains(name));
        if !self.tools.iter().any(chosen) {
            return mode;
        }
        self.tools.retain(chosen);
        self.tell_choice(Loss::adapted, "the vendor cannot choose among some: no others are offered");
        mode
    }
}
