//! Settings that each maker's models take under names of their own, in `additionalModelRequestFields`.

use tollbridge_core::Loss;
use tollbridge_profiles::Thinking;
use tollbridge_types::{ChatRequest, Json, Reasoning, ReasoningEffort};

use super::CONVERSE_PROTOCOL as PROTOCOL;
use super::family::Family;
use crate::anthropic;
use crate::losses;
use crate::object::{Fields, Object, json};

/// How extras name fields of `additionalModelRequestFields`.
pub(crate) const PREFIX: &str = "additionalModelRequestFields.";

/// Reads what asks for thinking; everything else is kept as it is.
pub(crate) fn decode(fields: Object, request: &mut ChatRequest) {
    for (name, value) in fields.into_fields() {
        match reasoning(&name, &value) {
            Some(read) => {
                let reasoning = request.reasoning.get_or_insert_default();
                reasoning.enabled = read.enabled.or(reasoning.enabled);
                reasoning.budget = read.budget.or(reasoning.budget);
                reasoning.effort = read.effort.or(reasoning.effort.take());
                reasoning.visible = read.visible.or(reasoning.visible);
                reasoning.extras.insert(PROTOCOL, name, value);
            }
            None => request.extras.insert(PROTOCOL, format!("{PREFIX}{name}"), value),
        }
    }
}

/// Reads a field that asks for thinking, in the form of any maker.
fn reasoning(name: &str, value: &Json) -> Option<Reasoning> {
    let mut reasoning = Reasoning::default();
    let mut fields = Object::lenient(value);
    match name {
        "thinking" | "reasoning_config" | "reasoningConfig" if !fields.is_empty() => {
            reasoning.enabled = match fields.find_text("type")?.as_str() {
                "enabled" | "adaptive" => Some(true),
                "disabled" => Some(false),
                _ => None,
            };
            reasoning.budget = fields.find_count("budget_tokens");
            reasoning.visible = fields.find_text("display").map(|display| display != "omitted");
            reasoning.effort = fields.find_text("maxReasoningEffort").map(|word| ReasoningEffort::from_word(&word));
        }
        "reasoning_effort" | "reasoning_config" => {
            reasoning.effort = Some(ReasoningEffort::from_word(&value.parse::<String>().ok()?));
        }
        "output_config" => {
            reasoning.effort = Some(ReasoningEffort::from_word(&fields.find_text("effort")?));
            if !fields.is_empty() {
                return None;
            }
        }
        _ => return None,
    }
    Some(reasoning)
}

/// Writes the settings that the model's maker has.
pub(crate) fn encode(request: &ChatRequest, family: Family, rules: &Thinking, losses: &mut Vec<Loss>) -> Fields {
    let mut fields = Fields::new();
    if let Some(reasoning) = &request.reasoning {
        losses::report_foreign(&reasoning.extras, "reasoning.extras", PROTOCOL, losses);
        fields.put_extras(&reasoning.extras, PROTOCOL);
        if fields.is_empty() {
            think(reasoning, family, rules, &mut fields, losses);
        }
    }
    if let Some(count) = request.top_k {
        match family {
            Family::Anthropic => {
                fields.put("top_k", &count);
            }
            Family::Nova => {
                fields.put("inferenceConfig", &serde_json::json!({"topK": count}));
            }
            _ => losses.push(Loss::dropped("top_k", "the model's maker is not known to have it on Bedrock")),
        }
    }
    for (name, value) in request.extras.of(PROTOCOL) {
        if let Some(name) = name.strip_prefix(PREFIX).filter(|name| !fields.has(name)) {
            fields.put(name, value);
        }
    }
    fields
}

/// Says whether a request to a model of Anthropic's asks for thinking.
pub(crate) fn thinks(fields: &Fields) -> bool {
    fields.has("thinking") || fields.has("reasoning_config")
}

fn think(reasoning: &Reasoning, family: Family, rules: &Thinking, fields: &mut Fields, losses: &mut Vec<Loss>) {
    let off = reasoning.enabled == Some(false)
        || reasoning.effort == Some(ReasoningEffort::None)
        || reasoning.budget == Some(0);
    let wanted = reasoning.enabled == Some(true) || reasoning.effort.is_some() || reasoning.budget.is_some();
    if family == Family::Anthropic {
        fields.put_some("thinking", anthropic::thinking::ask(reasoning, PROTOCOL, rules));
        if let Some(effort) = reasoning.effort.as_ref().filter(|_| !off) {
            let words = ["low", "medium", "high", "xhigh", "max"];
            fields.put("output_config", &serde_json::json!({"effort": nearest(effort, &words, losses)}));
        }
        return;
    }
    if off || !wanted {
        // Not asking is the same as refusing.
        return;
    }
    let effort = reasoning.effort.as_ref();
    match family {
        Family::Nova => {
            let mut config = Fields::new();
            config.put("type", "enabled");
            let effort = effort.map(|effort| nearest(effort, &["low", "medium", "high"], losses));
            config.put_some("maxReasoningEffort", effort);
            budget_lost(reasoning, losses);
            fields.put("reasoningConfig", &config);
        }
        Family::OpenAi => {
            let effort = effort.map(|effort| nearest(effort, &["low", "medium", "high"], losses));
            fields.put_some("reasoning_effort", effort);
            budget_lost(reasoning, losses);
        }
        Family::Anthropic | Family::Other => {
            losses.push(Loss::dropped("reasoning", "the model's maker is not known to have it on Bedrock"));
        }
    }
}

fn budget_lost(reasoning: &Reasoning, losses: &mut Vec<Loss>) {
    if reasoning.budget.is_some() {
        losses.push(Loss::dropped("reasoning.budget", "the model's maker has efforts, not budgets"));
    }
}

/// Returns the word of an effort that the maker has, the nearest if it has not the very one.
fn nearest(effort: &ReasoningEffort, words: &[&'static str], losses: &mut Vec<Loss>) -> Json {
    let word = effort.as_word();
    let sent = match effort {
        ReasoningEffort::Unknown(_) => Some(word),
        _ if words.contains(&word) => Some(word),
        ReasoningEffort::Minimal => words.first().copied(),
        _ => words.last().copied(),
    };
    let sent = sent.unwrap_or(word);
    if sent != word {
        losses.push(Loss::adapted("reasoning.effort", format!("sent as `{sent}`, the nearest that the maker has")));
    }
    json(sent)
}
