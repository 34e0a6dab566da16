//! How a Claude is asked to think, in its own protocol and in Bedrock's.

use tollbridge_profiles::{Off, Thinking, ThinkingForm};
use tollbridge_types::{Json, Protocol, Reasoning, ReasoningEffort};

use crate::object::{Fields, json};

/// Chooses the object `thinking`: a budget as a budget, an effort as adaptive thinking of that effort.
///
/// What a client of the same protocol wrote stays as it is.
pub(crate) fn ask(reasoning: &Reasoning, own: Protocol, rules: &Thinking) -> Option<Json> {
    if let Some(own) = reasoning.extras.get(own, "thinking") {
        return Some(own.clone());
    }
    let off = reasoning.enabled == Some(false)
        || reasoning.effort == Some(ReasoningEffort::None)
        || reasoning.budget == Some(0);
    if off {
        // Where nothing else is known, not asking is the same as refusing, and older models know no refusal.
        return match rules.off {
            Some(Off::Disabled) => Some(json(&serde_json::json!({"type": "disabled"}))),
            Some(Off::BetweenTools) => Some(json(&serde_json::json!({"type": "between_tools"}))),
            _ => None,
        };
    }
    if let Some(budget) = reasoning.budget {
        // 1,024 tokens are the least that Anthropic takes.
        let mut fields = Fields::new();
        fields.put("type", "enabled").put("budget_tokens", &budget.max(1024));
        return Some(shown(fields, reasoning, rules));
    }
    // A level alone is no thinking where a budget asks for it.
    let adapts = rules.forms.as_ref().is_none_or(|forms| forms.contains(&ThinkingForm::Adaptive));
    let wanted = (reasoning.effort.is_some() && adapts) || reasoning.enabled == Some(true);
    wanted.then(|| shown(Fields::one("type", "adaptive"), reasoning, rules))
}

/// Says whether thinking is to be shown, to models that else hide it.
fn shown(mut fields: Fields, reasoning: &Reasoning, rules: &Thinking) -> Json {
    if reasoning.visible == Some(false) {
        fields.put("display", "omitted");
    } else if rules.shown_on_request {
        fields.put("display", "summarized");
    }
    fields.to_json()
}
