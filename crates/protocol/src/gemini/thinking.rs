//! How a Gemini is asked to think.

use tollbridge_core::Loss;
use tollbridge_profiles::{Thinking, ThinkingForm};
use tollbridge_types::{Json, Reasoning, ReasoningEffort};

use super::GENERATE_PROTOCOL as PROTOCOL;
use crate::fit::thinking::budget_of;
use crate::object::Fields;

/// Chooses how to ask for thinking: by a level where the model is known to take levels, else by a budget.
pub(crate) fn thinking(reasoning: &Reasoning, rules: &Thinking, losses: &mut Vec<Loss>) -> Option<Json> {
    if let Some(own) = reasoning.extras.get(PROTOCOL, "thinkingConfig") {
        return Some(own.clone());
    }
    let by_level = rules.forms.as_ref().is_some_and(|forms| forms.first() == Some(&ThinkingForm::Effort));
    if by_level && reasoning.budget.is_none() {
        let level = reasoning.effort.as_ref().map(ReasoningEffort::as_word);
        let mut config = Fields::new();
        config.put("includeThoughts", &reasoning.visible.unwrap_or(true)).put_some("thinkingLevel", level);
        return Some(config.to_json());
    }
    let budget = match (reasoning.budget, &reasoning.effort, reasoning.enabled) {
        (Some(budget), ..) => Some(i64::try_from(budget).unwrap_or(i64::MAX)),
        (None, _, Some(false)) => Some(0),
        (None, Some(effort), _) => {
            let budget = i64::try_from(budget_of(effort)).unwrap_or(i64::MAX);
            let sent = format!("sent as a budget of {budget} tokens");
            losses.push(Loss::adapted("reasoning.effort", sent));
            Some(budget)
        }
        (None, None, Some(true)) => Some(-1),
        (None, None, None) => None,
    };
    let mut config = Fields::new();
    config.put("includeThoughts", &reasoning.visible.unwrap_or(budget != Some(0))).put_some("thinkingBudget", budget);
    Some(config.to_json())
}
