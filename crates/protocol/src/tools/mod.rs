//! Offers tools that a vendor does not know as functions, and gives their calls back as they were.
//!
//! Every vendor has functions. A tool that takes free text becomes a function of one argument; the
//! tools of a namespace become functions whose names hold the namespace; a tool that one vendor
//! describes and the client runs becomes a function of that description. [`ToolNames`] remembers
//! what was what, and travels with the reply. The history is rewritten by the same rules, so that a
//! model sees its earlier calls under the names that it is offered.

mod choice;
mod flat;
mod history;
mod known;
mod mcp;
mod restore;
mod vendor_run;

use std::borrow::Cow;
use std::collections::HashSet;

use http::HeaderMap;
use serde_json::json;
use tollbridge_core::Loss;
use tollbridge_types::{
    ChatRequest, Extras, Grammar, Json, Protocol, Tool, ToolCallKind, ToolChoice, ToolName, ToolNames,
};

use crate::ToolForms;
use crate::openai::legacy;
use flat::FlatNames;
pub(crate) use restore::{Restorer, restore};

/// The argument that holds the text of a custom tool.
const INPUT: &str = "input";

/// A request whose tools the vendor takes.
pub(crate) struct Offered<'r> {
    pub(crate) request: Cow<'r, ChatRequest>,
    /// What the caller calls the tools.
    pub(crate) names: ToolNames,
    /// What the vendor must be told outside the body.
    pub(crate) headers: HeaderMap,
}

/// Rewrites what of a request's tools, calls and choice a vendor of the protocol `to` does not know.
///
/// Each tool keeps its place in the body of the `client`, in whose terms losses are told here.
pub(crate) fn offer<'r>(
    request: &'r ChatRequest,
    to: Protocol,
    forms: ToolForms,
    client: Option<Protocol>,
    losses: &mut Vec<Loss>,
) -> Offered<'r> {
    let mut offer = Offer {
        to,
        forms,
        client,
        losses,
        flat: FlatNames::new(to, forms.name_length),
        names: ToolNames::default(),
        sent: HashSet::new(),
        known: Vec::new(),
        tools: Vec::new(),
        has_functions: request.tools.iter().any(is_clients),
        servers: request
            .extras
            .get(Protocol::ANTHROPIC_MESSAGES, mcp::FIELD)
            .map_or_else(Vec::new, |list| list.parse().unwrap_or_default()),
        runs: Vec::new(),
        fields: Extras::default(),
        headers: HeaderMap::new(),
    };
    if !offer.changes(request) {
        let (names, headers) = (ToolNames::default(), HeaderMap::new());
        return Offered { request: Cow::Borrowed(request), names, headers };
    }
    offer.block_names_of_vendors(request);
    let later = offer.tools_of_history(&request.messages);
    request.tools.iter().chain(later.iter().map(|(_, tool)| tool)).for_each(|tool| offer.reserve(tool));
    for (place, tool) in request.tools.iter().enumerate() {
        offer.tool(tool, &origin(tool, || format!("tools[{place}]")), None);
    }
    for (path, tool) in &later {
        offer.tool(tool, path, None);
    }
    let mut rewritten = request.clone();
    offer.vendor_run(&mut rewritten);
    rewritten.messages = offer.messages(std::mem::take(&mut rewritten.messages));
    rewritten.tool_choice = offer.choice(rewritten.tool_choice);
    // The retired form has room for one call, which some vendors can be told.
    let tells = [Protocol::OPENAI_CHAT, Protocol::OPENAI_RESPONSES, Protocol::ANTHROPIC_MESSAGES].contains(&to);
    let retired = |tool: &(ToolName, String)| tool.0.kind == ToolCallKind::LegacyFunction;
    if tells && offer.known.iter().any(retired) {
        rewritten.parallel_tool_calls.get_or_insert(false);
    }
    let Offer { names, tools, headers, .. } = offer;
    rewritten.tools = tools;
    Offered { request: Cow::Owned(rewritten), names, headers }
}

/// Returns where a tool stood in the client's body.
fn origin(tool: &Tool, place: impl FnOnce() -> String) -> String {
    tool.origin().map_or_else(place, str::to_owned)
}

struct Offer<'l> {
    to: Protocol,
    forms: ToolForms,
    client: Option<Protocol>,
    losses: &'l mut Vec<Loss>,
    flat: FlatNames,
    names: ToolNames,
    /// The names that are offered.
    sent: HashSet<String>,
    /// The caller's tools that are offered, each with the vendor's name of it.
    known: Vec<(ToolName, String)>,
    tools: Vec<Tool>,
    /// Whether the request has tools that the client runs.
    has_functions: bool,
    /// The servers of tools that the request names.
    servers: Vec<Json>,
    /// The tools that the vendor runs, by the caller's names, each with the vendor's.
    runs: Vec<(String, String)>,
    /// Fields of the request's body that stand for tools.
    fields: Extras,
    headers: HeaderMap,
}

impl Offer<'_> {
    /// Says whether anything of a request has to change.
    fn changes(&self, request: &ChatRequest) -> bool {
        let choice = match &request.tool_choice {
            Some(ToolChoice::Opaque(opaque)) => opaque.protocol != self.to,
            Some(ToolChoice::AnyOf(_)) => !self.forms.some,
            _ => false,
        };
        choice
            || request.tools.iter().any(|tool| self.changes_tool(tool))
            || request.messages.iter().flat_map(|message| &message.parts).any(|part| self.changes_part(part))
            || vendor_run::has_fields(request, self.to)
    }

    fn changes_tool(&self, tool: &Tool) -> bool {
        match tool {
            Tool::Function { name, extras, .. } => {
                !self.flat.is_valid(name) || extras.get(Protocol::OPENAI_CHAT, legacy::MARK).is_some()
            }
            Tool::Custom { name, .. } => !self.forms.custom || !self.flat.is_valid(name),
            Tool::Namespace { .. } => !self.forms.namespaces,
            Tool::Opaque(opaque) => opaque.protocol != self.to,
            _ => false,
        }
    }

    /// Keeps the names of tools that stand for themselves.
    fn reserve(&mut self, tool: &Tool) {
        if let Tool::Function { name, .. } | Tool::Custom { name, .. } = tool {
            self.flat.keep(name);
        }
    }

    fn tool(&mut self, tool: &Tool, path: &str, namespace: Option<&str>) {
        match tool {
            Tool::Function { name, description, parameters, strict, extras, .. } => {
                let is_legacy = extras.get(Protocol::OPENAI_CHAT, legacy::MARK).is_some();
                let kind = if is_legacy { ToolCallKind::LegacyFunction } else { ToolCallKind::Function };
                let sent = self.flat.of(namespace, name);
                let (description, parameters) = (description.clone(), parameters.clone());
                let tool = Tool::from_fields(sent.clone(), description, parameters, *strict, extras.clone());
                self.push(&tool, path, sent, ToolName::new(name, namespace.map(str::to_owned), kind));
            }
            Tool::Custom { name, description, grammar, extras, .. } => {
                let sent = self.flat.of(namespace, name);
                if self.forms.custom {
                    let kept = Tool::custom(sent.clone(), description.clone(), grammar.clone());
                    let own = ToolName::new(name, namespace.map(str::to_owned), ToolCallKind::Custom);
                    return self.push(&kept.with_extras(extras.clone()), path, sent, own);
                }
                if grammar.is_some() {
                    let reason = "a function of one text: the grammar is told to the model and not enforced";
                    let inner = if self.client == Some(Protocol::OPENAI_CHAT) { ".custom" } else { "" };
                    self.losses.push(Loss::adapted(format!("{path}{inner}.format"), reason));
                }
                let parameters = text_parameters(grammar.as_ref());
                let tool = Tool::from_fields(sent.clone(), description.clone(), Some(parameters), None, extras.clone());
                let own = ToolName::new(name, namespace.map(str::to_owned), ToolCallKind::Custom);
                self.push(&tool, path, sent, own);
            }
            Tool::Namespace { .. } if self.forms.namespaces => self.keep(tool, path),
            Tool::Namespace { name, description, tools, extras, .. } => {
                crate::losses::report_foreign(extras, path, self.to, self.losses);
                let first = self.tools.len();
                for (place, tool) in tools.iter().enumerate() {
                    self.tool(tool, &origin(tool, || format!("{path}.tools[{place}]")), Some(name));
                }
                self.introduce(first, name, description.as_deref());
            }
            Tool::Opaque(opaque) if opaque.protocol == self.to => self.keep(tool, path),
            Tool::Opaque(opaque) => match known::describe(opaque.protocol, &opaque.json) {
                Some(known) => {
                    let kind = match opaque.protocol {
                        Protocol::OPENAI_RESPONSES => ToolCallKind::BuiltIn,
                        _ => ToolCallKind::Function,
                    };
                    let own = ToolName::new(&known.name, None, kind);
                    let sent = self.flat.of((kind == ToolCallKind::BuiltIn).then_some(""), &known.name);
                    self.push(&known.into_function(sent.clone()), path, sent, own);
                }
                // What the codec does not know either, it tells.
                None if !self.vendors(opaque, path) => self.keep(tool, path),
                None => {}
            },
            _ => self.keep(tool, path),
        }
    }

    /// Offers a tool, unless it is offered already.
    fn push(&mut self, tool: &Tool, path: &str, sent: String, own: ToolName) {
        if !self.sent.insert(sent.clone()) {
            return;
        }
        if sent != own.name || own.namespace.is_some() || own.kind != ToolCallKind::Function {
            self.names.insert(sent.clone(), own.clone());
        }
        self.known.push((own, sent));
        self.keep(tool, path);
    }

    fn keep(&mut self, tool: &Tool, path: &str) {
        self.tools.push(tool.clone().at(path));
    }

    /// Tells with the first tool of a namespace what all of them have in common.
    fn introduce(&mut self, first: usize, namespace: &str, words: Option<&str>) {
        let words = words.map(str::trim).filter(|words| !words.is_empty());
        if let (Some(words), Some(Tool::Function { description, .. })) = (words, self.tools.get_mut(first)) {
            let before = description.take().filter(|text| !text.is_empty()).map_or(String::new(), |text| text + "\n\n");
            *description = Some(format!("{before}All functions of `{namespace}`: {words}"));
        }
    }
}

/// Says whether the client runs a tool.
fn is_clients(tool: &Tool) -> bool {
    match tool {
        Tool::Opaque(opaque) => known::describe(opaque.protocol, &opaque.json).is_some(),
        _ => true,
    }
}

/// Describes the one argument of a function that stands for a custom tool.
fn text_parameters(grammar: Option<&Grammar>) -> Json {
    let input = match grammar {
        Some(Grammar { syntax, definition, .. }) => {
            let words = format!("The text, which must follow this grammar ({syntax}):\n{definition}");
            json!({"type": "string", "description": words})
        }
        None => json!({"type": "string"}),
    };
    json!({"type": "object", "properties": {INPUT: input}, "required": [INPUT], "additionalProperties": false}).into()
}
