//! How a chat completion asks for thinking: each vendor has a field of its own.

use tollbridge_core::Loss;
use tollbridge_profiles::{Thinking, ThinkingField};
use tollbridge_types::{Reasoning, ReasoningEffort};

use super::request_encode::effort;
use crate::object::Fields;

/// Writes what asks for thinking into the field that the vendor has.
pub(crate) fn ask(reasoning: &Reasoning, rules: &Thinking, body: &mut Fields, losses: &mut Vec<Loss>) {
    let field = rules.field.unwrap_or(ThinkingField::ReasoningEffort);
    if reasoning.visible.is_some() && field != ThinkingField::Reasoning {
        losses.push(Loss::dropped("reasoning.visible", "chat completions cannot be asked to show or hide thinking"));
    }
    let off = reasoning.enabled == Some(false)
        || reasoning.effort == Some(ReasoningEffort::None)
        || reasoning.budget == Some(0);
    let wanted = off || reasoning.enabled.is_some() || reasoning.effort.is_some() || reasoning.budget.is_some();
    if !wanted {
        return;
    }
    let level = reasoning.effort.as_ref().filter(|_| !off).map(ReasoningEffort::as_word);
    let budget = reasoning.budget.filter(|_| !off);
    match field {
        ThinkingField::Thinking => {
            let mut thinking = Fields::one("type", if off { "disabled" } else { "enabled" });
            thinking.put_some("budget_tokens", budget);
            body.put("thinking", &thinking).put_some("reasoning_effort", level);
        }
        ThinkingField::EnableThinking => {
            body.put("enable_thinking", &!off).put_some("thinking_budget", budget).put_some("reasoning_effort", level);
        }
        ThinkingField::Reasoning => {
            let mut thinking = Fields::new();
            match (off, level, budget) {
                (true, ..) => thinking.put("enabled", &false),
                (_, _, Some(budget)) => thinking.put("max_tokens", &budget),
                (_, Some(level), _) => thinking.put("effort", level),
                _ => thinking.put("enabled", &true),
            };
            thinking.put_some("exclude", reasoning.visible.filter(|_| !off).map(|visible| !visible));
            body.put("reasoning", &thinking);
        }
        ThinkingField::ChatTemplateKwargs => {
            body.put("chat_template_kwargs", &Fields::one("enable_thinking", &!off))
                .put_some("reasoning_effort", level);
        }
        ThinkingField::Think => match level {
            Some(level) => {
                body.put("think", level);
            }
            None => {
                body.put("think", &!off);
            }
        },
        ThinkingField::None => {
            losses.push(Loss::dropped("reasoning", "the vendor has no field that asks for thinking"))
        }
        _ => {
            body.put_some("reasoning_effort", effort(reasoning, losses));
        }
    }
}
