//! Makes a body of the vendor's own protocol into one that the model takes.
//!
//! Only what the profile says that the vendor refuses is changed; what cannot be read here is the vendor's to judge.

use bytes::Bytes;
use serde_json::value::RawValue;
use tollbridge_core::Loss;
use tollbridge_profiles::{PastThinking, Profile};
use tollbridge_types::{Json, Protocol, Reasoning, ReasoningEffort};

use super::sampling::{self, Change, Setting, Value};
use super::splice::{Node, Splices};
use super::{schema, thinking};
use crate::object::{Fields, Object, json};
use crate::{anthropic, gemini, openai};

/// Returns the body as the model takes it; `None` if it is so already. Losses are told by places in the typed request.
pub(crate) fn fit(body: &[u8], protocol: Protocol, profile: &Profile, losses: &mut Vec<Loss>) -> Option<Bytes> {
    let form = Form::of(protocol)?;
    let text = std::str::from_utf8(body).ok()?;
    let root = Node::read(text)?;
    let mut fitting = Fitting { form, root, profile, losses, splices: Splices::of(text) };
    fitting.fit();
    fitting.splices.apply()
}

struct Fitting<'a, 'p> {
    form: &'static Form,
    root: Node<'a>,
    profile: &'p Profile,
    losses: &'p mut Vec<Loss>,
    splices: Splices<'a>,
}

/// Fields to set or to take out of one object.
type Changes = Vec<(&'static str, Option<String>)>;

impl<'a> Fitting<'a, '_> {
    fn fit(&mut self) {
        let mut top: Vec<(String, Option<String>)> = Vec::new();
        let mut thinks = false;
        let inner = self.form.settings.map(|name| self.root.object(name));
        if let Some(settings) = inner.clone().unwrap_or_else(|| Some(self.root.clone())) {
            let thinking = self.think(&settings);
            thinks = thinking::thinks(thinking.settled.as_ref(), self.profile) && !is_switched_off(&self.root);
            let mut changes = self.sample(&settings, thinks);
            changes.extend(thinking.changes);
            match inner {
                Some(_) => self.splices.rewrite(&settings, &changes),
                None => top.extend(changes.into_iter().map(|(name, value)| (name.to_owned(), value))),
            }
        }
        self.limit(&mut top);
        self.format(&mut top);
        self.refused(&mut top);
        self.schemas(&top);
        let top: Vec<_> = top.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.splices.rewrite(&self.root, &top);
        self.messages(thinks);
        self.last_words();
    }

    fn sample(&mut self, settings: &Node<'a>, thinks: bool) -> Changes {
        let mut asked = Vec::new();
        let mut spellings = Vec::new();
        for (name, names) in self.form.sampling {
            let Some(spelling) = settings.spelled(names) else { continue };
            let value = match (settings.value::<f64>(spelling), settings.value::<bool>(spelling)) {
                (Some(number), _) => Value::Number(number),
                (_, Some(flag)) => Value::Flag(flag),
                _ if matches!(settings.get(spelling).map(RawValue::get), Some("[]" | "{}")) => continue,
                _ => Value::Other,
            };
            asked.push(Setting { name, value });
            spellings.push((*name, spelling));
        }
        let changes = sampling::settle(&asked, self.profile, thinks, self.losses);
        let spelled = |name| spellings.iter().find(|(known, _)| *known == name).map(|(_, spelling)| *spelling);
        changes
            .into_iter()
            .filter_map(|(name, change)| {
                let value = match change {
                    Change::Drop => None,
                    Change::Set(value) => Some(json(&value).as_str().to_owned()),
                };
                Some((spelled(name)?, value))
            })
            .collect()
    }

    fn think(&mut self, settings: &Node<'a>) -> Asked {
        let asked = match self.form.thinking {
            Asks::Chat => chat_reasoning(&self.root),
            Asks::Responses => responses_reasoning(&self.root),
            Asks::Anthropic => anthropic_reasoning(&self.root),
            Asks::Config => gemini_reasoning(settings),
        };
        let has_tools = !self.root.list("tools").is_empty();
        let beside = thinking::Beside {
            max_tokens: self.form.limit.iter().find_map(|name| settings.value(name)),
            forced: has_tools && self.is_forced(),
        };
        let mut settled = thinking::settle(asked.as_ref(), self.profile, beside, self.losses);
        let forced = has_tools && self.is_forced();
        let lets_go =
            thinking::beside_demand(self.profile, forced && !is_switched_off(&self.root), &mut settled, self.losses);
        if matches!(self.form.thinking, Asks::Chat) && has_tools {
            thinking::beside_tools(self.profile, &mut settled, self.losses);
        }
        let mut changes = Vec::new();
        if lets_go || (has_tools && self.choice_is_refused()) {
            changes.push(("tool_choice", None));
            self.losses.push(Loss::dropped("tool_choice", "the model has no such choice"));
        }
        if settled != asked {
            let reasoning = settled.clone().unwrap_or_default();
            let word = reasoning.effort.as_ref().map(ReasoningEffort::as_word);
            let effort = word.map(|word| json(word).as_str().to_owned());
            match self.form.thinking {
                Asks::Chat => {
                    let mut body = Fields::new();
                    if settled.is_some() {
                        openai::ask_for_thinking(&reasoning, &self.profile.thinking, &mut body, &mut Vec::new());
                    }
                    let written: Vec<(String, Json)> = Object::lenient(&body.to_json()).into_fields().collect();
                    for name in CHAT_THINKING {
                        let value = written.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
                        if value.is_some() || *name == "reasoning_effort" {
                            changes.push((name, value.map(str::to_owned)));
                        }
                    }
                }
                Asks::Responses => {
                    if let Some(node) = self.root.object("reasoning") {
                        self.splices.rewrite(&node, &[("effort", effort)]);
                    }
                }
                Asks::Anthropic => {
                    let rules = &self.profile.thinking;
                    let ask = anthropic::thinking::ask(&reasoning, Protocol::ANTHROPIC_MESSAGES, rules);
                    if ask.is_none() {
                        changes.extend(self.without_clearing());
                    }
                    changes.push(("thinking", ask.map(|ask| ask.as_str().to_owned())));
                    let effort = effort.filter(|_| reasoning.effort != Some(ReasoningEffort::None));
                    changes.extend(self.output_effort(effort));
                }
                Asks::Config => {
                    let ask = gemini::thinking(&reasoning, &self.profile.thinking, &mut Vec::new());
                    let name = settings.spelled(&["thinkingConfig", "thinking_config"]).unwrap_or("thinkingConfig");
                    changes.push((name, ask.filter(|_| settled.is_some()).map(|ask| ask.as_str().to_owned())));
                }
            }
        }
        Asked { settled, changes }
    }

    /// Says whether the model is not known to take what the body says about calling tools.
    fn choice_is_refused(&self) -> bool {
        let Some(choices) = self.profile.tools.choices.as_ref() else { return false };
        let Some(raw) = self.root.get("tool_choice") else { return false };
        let kind = Node::read(raw.get()).and_then(|node| node.value::<String>("type"));
        let word = match kind.or_else(|| serde_json::from_str::<String>(raw.get()).ok()).as_deref() {
            Some("any" | "required") => "required",
            Some("tool" | "function" | "custom") => "function",
            Some("allowed_tools") => "allowed",
            Some("none") => "none",
            _ => return false,
        };
        !choices.iter().any(|known| known == word)
    }

    /// Takes out of Anthropic's edits of the context what needs thinking.
    fn without_clearing(&mut self) -> Option<(&'static str, Option<String>)> {
        let context = self.root.object("context_management")?;
        let edits = context.list("edits");
        let needs = |edit: &&&RawValue| {
            let kind = Node::read(edit.get()).and_then(|node| node.value::<String>("type"));
            kind.is_some_and(|kind| kind.starts_with("clear_thinking"))
        };
        if !edits.iter().any(|edit| needs(&edit)) {
            return None;
        }
        self.losses.push(Loss::dropped("extras.context_management", "there is no thinking to clear"));
        let rest: Vec<&str> = edits.iter().filter(|edit| !needs(edit)).map(|edit| edit.get()).collect();
        if rest.is_empty() {
            return Some(("context_management", None));
        }
        self.splices.rewrite(&context, &[("edits", Some(format!("[{}]", rest.join(","))))]);
        None
    }

    /// Sets the effort within Anthropic's `output_config`, which may hold the form of the answer too.
    fn output_effort(&mut self, effort: Option<String>) -> Option<(&'static str, Option<String>)> {
        match (self.root.object("output_config"), effort) {
            (Some(node), effort) if node.names().any(|name| name != "effort") => {
                self.splices.rewrite(&node, &[("effort", effort)]);
                None
            }
            (None, None) => None,
            (_, effort) => Some(("output_config", effort.map(|effort| format!("{{\"effort\":{effort}}}")))),
        }
    }

    fn is_forced(&self) -> bool {
        let Some(choice) = self.root.get("tool_choice") else { return false };
        let kind = Node::read(choice.get()).and_then(|node| node.value::<String>("type"));
        let word = serde_json::from_str::<String>(choice.get()).ok();
        matches!(kind.or(word).as_deref(), Some("any" | "tool" | "required" | "function" | "custom" | "allowed_tools"))
    }

    /// Lowers a limit that is beyond the model's own.
    fn limit(&mut self, top: &mut Vec<(String, Option<String>)>) {
        let Some(most) = self.profile.limits.output.filter(|_| self.form.settings.is_none()) else { return };
        for name in self.form.limit.iter().filter(|name| self.root.value::<u64>(name).is_some_and(|asked| asked > most))
        {
            top.push(((*name).to_owned(), Some(most.to_string())));
            self.losses
                .push(Loss::adapted("max_tokens", format!("the model answers with at most {most}: sent as {most}")));
        }
    }

    /// Leaves out a form of the answer that cannot be asked for.
    fn format(&mut self, top: &mut Vec<(String, Option<String>)>) {
        if !matches!(self.form.thinking, Asks::Chat) {
            return;
        }
        let Some(form) = self.root.object("response_format").and_then(|node| node.value::<String>("type")) else {
            return;
        };
        if form == "text" || self.profile.takes_format(&form) {
            return;
        }
        let object = form == "json_schema" && self.profile.takes_format("json_object");
        let loss = match object {
            true => Loss::adapted("response_format", "the model takes no schema: sent as JSON of any form"),
            false => Loss::dropped("response_format", "the model knows no form of answers"),
        };
        self.losses.push(loss);
        top.push(("response_format".to_owned(), object.then(|| r#"{"type":"json_object"}"#.to_owned())));
    }

    /// Leaves out fields for which the vendor refuses the request, and calls others as it does.
    fn refused(&mut self, top: &mut Vec<(String, Option<String>)>) {
        let rules = &self.profile.fields;
        let is_there = |root: &Node<'_>, name: &str| root.get(name).is_some();
        for (name, other) in &rules.renamed {
            if is_there(&self.root, name) && !is_there(&self.root, other) {
                let value = self.root.get(name).map(|raw| raw.get().to_owned());
                let changed = top.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
                top.retain(|(known, _)| known != name);
                top.push((name.clone(), None));
                top.push((other.clone(), changed.unwrap_or(value)));
                self.losses
                    .push(Loss::adapted(format!("extras.{name}"), format!("sent as `{other}`, as the model takes it")));
            }
        }
        for name in &rules.refused {
            if is_there(&self.root, name) && !top.iter().any(|(known, _)| known == name) {
                top.push((name.clone(), None));
                self.losses.push(Loss::dropped(format!("extras.{name}"), "the vendor has no such setting"));
            }
        }
    }

    /// Brings the schemas of the answer and of tools into what the model takes.
    fn schemas(&mut self, top: &[(String, Option<String>)]) {
        if let Some(subset) = self.profile.answer_subset() {
            for path in self.form.answer_schemas {
                let Some((holder, raw)) = self.find(path) else { continue };
                let strict = holder.value::<bool>("strict") == Some(true);
                if (subset.strict_only && !strict)
                    || top.iter().any(|(name, _)| Some(name.as_str()) == path.first().copied())
                {
                    continue;
                }
                let Ok(given) = Json::from_text(raw.get()) else { continue };
                if let Some((small, told)) = schema::shrink(&given, subset) {
                    self.losses.push(Loss::adapted("response_format", told));
                    self.splices.replace(raw, small.as_str());
                }
            }
        }
        for (place, tool) in self.root.list("tools").into_iter().enumerate() {
            let Some(tool) = Node::read(tool.get()) else { continue };
            let inner = tool.object("function");
            let holder = inner.as_ref().unwrap_or(&tool);
            let strict = holder.value::<bool>("strict") == Some(true);
            let Some(subset) = self.profile.tool_subset(strict).filter(|subset| strict || !subset.strict_only) else {
                continue;
            };
            let Some(raw) = ["parameters", "input_schema"].iter().find_map(|name| holder.get(name)) else { continue };
            let Ok(given) = Json::from_text(raw.get()) else { continue };
            if let Some((small, told)) = schema::shrink(&given, subset) {
                self.losses.push(Loss::adapted(format!("tools[{place}].parameters"), told));
                self.splices.replace(raw, small.as_str());
            }
        }
    }

    /// Finds a field by its path, and the object that holds it.
    fn find(&self, path: &[&str]) -> Option<(Node<'a>, &'a RawValue)> {
        let (last, way) = path.split_last()?;
        let (first, way) = way.split_first()?;
        let mut node = self.root.object(first)?;
        for name in way {
            node = node.object(name)?;
        }
        let raw = node.get(last)?;
        Some((node, raw))
    }

    /// Asks a model that does not take the last word from the assistant to go on.
    fn last_words(&mut self) {
        if self.profile.roles.last_assistant != Some(false) {
            return;
        }
        let (list, role) = match self.form.thinking {
            Asks::Chat | Asks::Anthropic => ("messages", "assistant"),
            Asks::Config => ("contents", "model"),
            Asks::Responses => return,
        };
        let messages = self.root.list(list);
        let Some((place, raw)) = messages.iter().enumerate().next_back() else { return };
        let Some(last) = Node::read(raw.get()).filter(|last| last.value::<String>("role").as_deref() == Some(role))
        else {
            return;
        };
        if !last.list("tool_calls").is_empty()
            || raw.get().contains("\"tool_use\"")
            || raw.get().contains("\"functionCall\"")
        {
            return;
        }
        let words = json(super::GO_ON);
        let more = match role {
            "model" => format!(r#"{{"role":"user","parts":[{{"text":{words}}}]}}"#),
            _ => format!(r#"{{"role":"user","content":{words}}}"#),
        };
        self.splices.insert_after(raw, &format!(",{more}"));
        let reason = "the model does not go on with an answer that was begun: it is asked to, in words";
        self.losses.push(Loss::adapted(format!("extras.{list}[{place}]"), reason));
    }

    /// Sends roles as the model has them, and leaves out fields of messages that the vendor refuses.
    fn messages(&mut self, thinks: bool) {
        let (roles, fields) = (&self.profile.roles, &self.profile.fields.refused_in_messages);
        let no_thinking = self.profile.history.thinking == Some(PastThinking::Never);
        let keeps = roles.developer.is_none() && roles.system.is_none();
        let history = &self.profile.history;
        let demands = matches!(history.thinking, Some(PastThinking::WithTools | PastThinking::Always));
        let demanded = history.thinking_field.as_deref().filter(|_| demands && thinks);
        if (keeps && fields.is_empty() && !no_thinking && demanded.is_none()) || self.form.messages.is_empty() {
            return;
        }
        for (place, raw) in self.root.list(self.form.messages).into_iter().enumerate() {
            let Some(message) = Node::read(raw.get()) else { continue };
            let role = message.value::<String>("role").unwrap_or_default();
            let path = format!("{}[{place}]", self.form.messages);
            let mut changes: Vec<(&str, Option<String>)> = Vec::new();
            let other = match role.as_str() {
                "developer" => roles.developer.as_deref(),
                "system" => roles.system.as_deref(),
                _ => None,
            };
            if let Some(other) = other.filter(|other| *other != role) {
                changes.push(("role", Some(json(other).as_str().to_owned())));
                let reason = format!("the model has no role `{role}`: sent as `{other}`");
                self.losses.push(Loss::adapted(format!("{path}.role"), reason));
            }
            for name in fields.iter().filter(|name| role != "tool" && message.get(name).is_some()) {
                changes.push((name, None));
                self.losses.push(Loss::dropped(format!("{path}.{name}"), "the vendor has no such field"));
            }
            for name in THINKING.iter().filter(|name| no_thinking && message.get(name).is_some()) {
                changes.push((name, None));
                self.losses.push(Loss::dropped(format!("{path}.{name}"), "the model takes no earlier thinking back"));
            }
            if let Some(field) = demanded
                && !message.list("tool_calls").is_empty()
                && !THINKING.iter().any(|name| message.get(name).is_some())
            {
                // One space is the least that is taken.
                changes.push((field, Some("\" \"".to_owned())));
                let reason = format!("the thinking that led to the call is not there: `{field}` is sent empty");
                self.losses.push(Loss::adapted(path, reason));
            }
            self.splices.rewrite(&message, &changes);
        }
    }
}

/// Says whether a chat completion switches thinking off in one of the vendors' own fields.
fn is_switched_off(root: &Node<'_>) -> bool {
    let disabled = root.object("thinking").and_then(|node| node.value::<String>("type")).as_deref() == Some("disabled");
    disabled || root.value::<bool>("enable_thinking") == Some(false)
}

/// The fields of chat completions that ask for thinking, over all vendors.
const CHAT_THINKING: &[&str] = &[
    "reasoning_effort",
    "thinking",
    "enable_thinking",
    "thinking_budget",
    "reasoning",
    "chat_template_kwargs",
    "think",
];

/// The fields of a chat completion's message that hold thinking.
const THINKING: &[&str] = &["reasoning_content", "reasoning", "reasoning_details"];

/// How thinking was asked for in the end, and what that changes.
struct Asked {
    settled: Option<Reasoning>,
    changes: Changes,
}

fn chat_reasoning(root: &Node<'_>) -> Option<Reasoning> {
    let word: String = root.value("reasoning_effort")?;
    let mut reasoning = Reasoning::default();
    reasoning.effort = Some(ReasoningEffort::from_word(&word));
    Some(reasoning)
}

fn responses_reasoning(root: &Node<'_>) -> Option<Reasoning> {
    let word: String = root.object("reasoning")?.value("effort")?;
    let mut reasoning = Reasoning::default();
    reasoning.effort = Some(ReasoningEffort::from_word(&word));
    Some(reasoning)
}

fn anthropic_reasoning(root: &Node<'_>) -> Option<Reasoning> {
    let mut reasoning = Reasoning::default();
    if let Some(raw) = root.get("thinking") {
        let node = Node::read(raw.get())?;
        reasoning.enabled = match node.value::<String>("type")?.as_str() {
            "enabled" | "adaptive" => Some(true),
            "disabled" => Some(false),
            _ => return None,
        };
        reasoning.budget = node.value("budget_tokens");
        reasoning.visible = node.value::<String>("display").map(|display| display != "omitted");
        reasoning.extras.insert(Protocol::ANTHROPIC_MESSAGES, "thinking", Json::from_text(raw.get()).ok()?);
    }
    let effort = root.object("output_config").and_then(|node| node.value::<String>("effort"));
    reasoning.effort = effort.map(|word| ReasoningEffort::from_word(&word));
    (reasoning != Reasoning::default()).then_some(reasoning)
}

fn gemini_reasoning(config: &Node<'_>) -> Option<Reasoning> {
    let name = config.spelled(&["thinkingConfig", "thinking_config"])?;
    let raw = config.get(name)?;
    let node = Node::read(raw.get())?;
    let get = |names: [&'static str; 2]| node.spelled(&names);
    let mut reasoning = Reasoning::default();
    reasoning.visible = get(["includeThoughts", "include_thoughts"]).and_then(|name| node.value(name));
    let budget: Option<i64> = get(["thinkingBudget", "thinking_budget"]).and_then(|name| node.value(name));
    reasoning.budget = budget.and_then(|budget| u64::try_from(budget).ok()).filter(|budget| *budget > 0);
    reasoning.enabled = budget.map(|budget| budget != 0);
    let level: Option<String> = get(["thinkingLevel", "thinking_level"]).and_then(|name| node.value(name));
    reasoning.effort = level.map(|level| ReasoningEffort::from_word(&level.to_ascii_lowercase()));
    reasoning.extras.insert(Protocol::GEMINI_GENERATE, "thinkingConfig", Json::from_text(raw.get()).ok()?);
    Some(reasoning)
}

/// Where a protocol's bodies have what profiles speak of.
struct Form {
    /// The object that holds the settings, if it is not the body itself.
    settings: Option<&'static str>,
    /// Settings of sampling: their names in the typed request, and their spellings.
    sampling: &'static [(&'static str, &'static [&'static str])],
    /// Spellings of the limit of the answer.
    limit: &'static [&'static str],
    thinking: Asks,
    /// Paths of the schema of the answer; the object that holds it says whether it is strict.
    answer_schemas: &'static [&'static [&'static str]],
    /// The list of messages whose objects have roles.
    messages: &'static str,
}

#[derive(Clone, Copy)]
enum Asks {
    Chat,
    Responses,
    Anthropic,
    /// Within the object of the settings.
    Config,
}

impl Form {
    fn of(protocol: Protocol) -> Option<&'static Self> {
        match protocol {
            Protocol::OPENAI_CHAT => Some(&CHAT),
            Protocol::OPENAI_RESPONSES => Some(&RESPONSES),
            Protocol::ANTHROPIC_MESSAGES => Some(&ANTHROPIC),
            Protocol::GEMINI_GENERATE => Some(&GEMINI),
            _ => None,
        }
    }
}

const CHAT: Form = Form {
    settings: None,
    sampling: &[
        ("temperature", &["temperature"]),
        ("top_p", &["top_p"]),
        ("top_k", &["top_k"]),
        ("presence_penalty", &["presence_penalty"]),
        ("frequency_penalty", &["frequency_penalty"]),
        ("seed", &["seed"]),
        ("stop", &["stop"]),
        ("choices", &["n"]),
        ("logprobs", &["logprobs"]),
        ("top_logprobs", &["top_logprobs"]),
        ("logit_bias", &["logit_bias"]),
    ],
    limit: &["max_completion_tokens", "max_tokens"],
    thinking: Asks::Chat,
    answer_schemas: &[&["response_format", "json_schema", "schema"]],
    messages: "messages",
};

const RESPONSES: Form = Form {
    settings: None,
    sampling: &[("temperature", &["temperature"]), ("top_p", &["top_p"]), ("top_logprobs", &["top_logprobs"])],
    limit: &["max_output_tokens"],
    thinking: Asks::Responses,
    answer_schemas: &[&["text", "format", "schema"]],
    messages: "input",
};

const ANTHROPIC: Form = Form {
    settings: None,
    sampling: &[
        ("temperature", &["temperature"]),
        ("top_p", &["top_p"]),
        ("top_k", &["top_k"]),
        ("stop", &["stop_sequences"]),
    ],
    limit: &["max_tokens"],
    thinking: Asks::Anthropic,
    answer_schemas: &[&["output_config", "format", "schema"], &["output_format", "schema"]],
    // Roles are Anthropic's own here.
    messages: "",
};

const GEMINI: Form = Form {
    settings: Some("generationConfig"),
    sampling: &[
        ("temperature", &["temperature"]),
        ("top_p", &["topP", "top_p"]),
        ("top_k", &["topK", "top_k"]),
        ("presence_penalty", &["presencePenalty", "presence_penalty"]),
        ("frequency_penalty", &["frequencyPenalty", "frequency_penalty"]),
        ("seed", &["seed"]),
        ("stop", &["stopSequences", "stop_sequences"]),
        ("choices", &["candidateCount", "candidate_count"]),
        ("logprobs", &["responseLogprobs", "response_logprobs"]),
        ("top_logprobs", &["logprobs"]),
    ],
    limit: &["maxOutputTokens", "max_output_tokens"],
    thinking: Asks::Config,
    answer_schemas: &[],
    messages: "",
};
