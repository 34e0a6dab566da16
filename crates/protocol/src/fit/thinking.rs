//! Asks a model to think in a form that it takes.

use tollbridge_core::Loss;
use tollbridge_profiles::{ChatEffort, Off, Profile, Thinking, ThinkingForm};
use tollbridge_types::{Reasoning, ReasoningEffort};

/// What beside the wish to think decides its form.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beside {
    /// The limit of the answer, in tokens, if the request names one.
    pub(crate) max_tokens: Option<u64>,
    /// Whether a call of a tool is demanded.
    pub(crate) forced: bool,
}

/// Returns how to ask a model to think, in a form that it takes; what it cannot be asked for is told.
///
/// `None` asks for nothing.
pub(crate) fn settle(
    asked: Option<&Reasoning>,
    profile: &Profile,
    beside: Beside,
    losses: &mut Vec<Loss>,
) -> Option<Reasoning> {
    let asked = asked?;
    let Some(forms) = profile.thinking.forms.as_deref() else { return Some(asked.clone()) };
    let settling = Settling { asked, profile, rules: &profile.thinking, forms, beside, losses };
    settling.settle()
}

/// Switches thinking off where a tool call is demanded of a model that would think unasked, and does not take both.
///
/// Returns whether the demand has to go instead, since the model always thinks.
pub(crate) fn beside_demand(
    profile: &Profile,
    forced: bool,
    settled: &mut Option<Reasoning>,
    losses: &mut Vec<Loss>,
) -> bool {
    if !forced || profile.thinking.forced_tools != Some(false) || !thinks(settled.as_ref(), profile) {
        return false;
    }
    let mut off = Reasoning::default();
    match profile.thinking.off {
        Some(Off::Disabled) => off.enabled = Some(false),
        Some(Off::Effort) => off.effort = Some(ReasoningEffort::None),
        Some(Off::Zero) => off.budget = Some(0),
        _ => return true,
    }
    losses.push(Loss::adapted("reasoning", "off: the model does not think where a tool call is demanded"));
    *settled = Some(off);
    false
}

/// Leaves an effort out, or says `none`, where a chat completion with tools must.
pub(crate) fn beside_tools(profile: &Profile, settled: &mut Option<Reasoning>, losses: &mut Vec<Loss>) {
    let asks = settled.as_ref().is_some_and(|settled| *settled != Reasoning::default());
    let is_none = settled.as_ref().is_some_and(|settled| settled.effort == Some(ReasoningEffort::None));
    match profile.tools.chat_effort {
        Some(ChatEffort::Omit) if asks => {
            let reason = "chat completions of the model take no effort beside tools";
            losses.push(Loss::dropped("reasoning.effort", reason));
            *settled = None;
        }
        Some(ChatEffort::None) if !is_none => {
            let reason = "chat completions of the model take tools only without thinking: sent as `none`";
            losses.push(Loss::adapted("reasoning.effort", reason));
            let mut none = Reasoning::default();
            none.effort = Some(ReasoningEffort::None);
            *settled = Some(none);
        }
        _ => {}
    }
}

/// Says whether a model thinks on a request that was settled.
pub(crate) fn thinks(settled: Option<&Reasoning>, profile: &Profile) -> bool {
    match settled.map(Wish::of) {
        None | Some(Wish::Nothing) => profile.thinking.on_by_default == Some(true),
        Some(Wish::Off) => false,
        Some(_) => true,
    }
}

/// Returns the budget that stands for an effort, in tokens.
pub(crate) fn budget_of(effort: &ReasoningEffort) -> u64 {
    match effort {
        ReasoningEffort::None => 0,
        ReasoningEffort::Minimal => 512,
        ReasoningEffort::Low => 1024,
        ReasoningEffort::High | ReasoningEffort::ExtraHigh | ReasoningEffort::Max => 24_576,
        _ => 8192,
    }
}

/// Returns the effort that a budget stands for.
fn effort_of(budget: u64) -> ReasoningEffort {
    match budget {
        ..2048 => ReasoningEffort::Low,
        2048..12_288 => ReasoningEffort::Medium,
        _ => ReasoningEffort::High,
    }
}

/// What a request wants of thinking.
enum Wish<'a> {
    Nothing,
    Off,
    On,
    Effort(&'a ReasoningEffort),
    Budget(u64),
}

impl<'a> Wish<'a> {
    fn of(asked: &'a Reasoning) -> Self {
        match (asked.enabled, &asked.effort, asked.budget) {
            (Some(false), ..) | (_, Some(ReasoningEffort::None), _) | (.., Some(0)) => Self::Off,
            (.., Some(budget)) => Self::Budget(budget),
            (_, Some(effort), _) => Self::Effort(effort),
            (Some(true), ..) => Self::On,
            _ => Self::Nothing,
        }
    }
}

struct Settling<'a> {
    asked: &'a Reasoning,
    profile: &'a Profile,
    rules: &'a Thinking,
    forms: &'a [ThinkingForm],
    beside: Beside,
    losses: &'a mut Vec<Loss>,
}

impl Settling<'_> {
    fn settle(mut self) -> Option<Reasoning> {
        let wish = Wish::of(self.asked);
        let wants = !matches!(wish, Wish::Off | Wish::Nothing);
        if self.forms.is_empty() {
            if wants {
                self.losses.push(Loss::dropped("reasoning", "the model cannot be asked to think"));
            } else if matches!(wish, Wish::Off) && self.rules.off == Some(Off::Never) {
                self.losses.push(Loss::dropped("reasoning", "the model always thinks"));
            }
            return self.asked.visible.map(|_| self.anew());
        }
        if wants && self.beside.forced && self.rules.forced_tools == Some(false) {
            self.losses.push(Loss::dropped("reasoning", "the model does not think where a tool call is demanded"));
            return self.off(false);
        }
        match wish {
            Wish::Nothing => Some(self.asked.clone()),
            Wish::Off => self.off(true),
            Wish::On => self.on(),
            Wish::Effort(effort) => self.effort(effort),
            Wish::Budget(budget) => self.budget(budget),
        }
    }

    /// Starts over in another form: what the client's own protocol said of the form does not hold any more.
    fn anew(&self) -> Reasoning {
        let mut anew = Reasoning::default();
        anew.visible = self.asked.visible;
        anew
    }

    fn off(&mut self, tell: bool) -> Option<Reasoning> {
        let mut settled = self.anew();
        match self.rules.off {
            Some(Off::Effort) => settled.effort = Some(ReasoningEffort::None),
            Some(Off::Zero) => settled.budget = Some(0),
            Some(Off::Disabled) | None => settled.enabled = Some(false),
            Some(Off::Never) => {
                let least = self.rules.efforts.iter().flatten().find(|level| *level != "none");
                let sent = match (least, self.rules.budget) {
                    (Some(level), _) => {
                        settled.effort = Some(ReasoningEffort::from_word(level));
                        format!("the model always thinks: sent as the effort `{level}`")
                    }
                    (None, Some([least, _])) => {
                        settled.budget = Some(least);
                        format!("the model always thinks: sent as a budget of {least} tokens")
                    }
                    (None, None) => "the model always thinks".to_owned(),
                };
                if tell {
                    self.losses.push(Loss::adapted("reasoning", sent));
                }
            }
            Some(_) => return None,
        }
        Some(settled)
    }

    fn on(&mut self) -> Option<Reasoning> {
        match self.forms.first() {
            Some(ThinkingForm::Budget) => {
                self.with_budget(budget_of(&ReasoningEffort::Medium), "reasoning.enabled", None)
            }
            Some(ThinkingForm::Effort) => {
                let mut settled = self.anew();
                if self.rules.on_by_default != Some(true) {
                    let effort = self.level(&ReasoningEffort::Medium, false);
                    let sent = format!("sent as an effort: `{}`", effort.as_word());
                    self.losses.push(Loss::adapted("reasoning.enabled", sent));
                    settled.effort = Some(effort);
                }
                Some(settled)
            }
            _ => Some(self.asked.clone()),
        }
    }

    fn effort(&mut self, effort: &ReasoningEffort) -> Option<Reasoning> {
        let has_levels = self.rules.efforts.as_ref().is_none_or(|levels| !levels.is_empty());
        if self.forms.first() == Some(&ThinkingForm::Budget) {
            let beside = match has_levels && self.rules.efforts.is_some() {
                true => Some(self.level(effort, true)),
                false => None,
            };
            return self.with_budget(budget_of(effort), "reasoning.effort", beside);
        }
        if has_levels {
            let level = self.level(effort, true);
            if level == *effort {
                return Some(self.asked.clone());
            }
            let mut settled = self.anew();
            settled.enabled = self.asked.enabled;
            settled.effort = Some(level);
            return Some(settled);
        }
        let mut settled = self.anew();
        settled.enabled = Some(true);
        self.losses.push(Loss::adapted("reasoning.effort", "the model has no levels: sent as on"));
        Some(settled)
    }

    fn budget(&mut self, budget: u64) -> Option<Reasoning> {
        if self.forms.contains(&ThinkingForm::Budget) {
            let beside = match (&self.asked.effort, self.rules.efforts.as_deref()) {
                (Some(_), Some([])) => {
                    let reason = "the model has no levels beside a budget";
                    self.losses.push(Loss::dropped("reasoning.effort", reason));
                    None
                }
                (Some(effort), _) => Some(self.level(effort, true)),
                (None, _) => None,
            };
            return self.with_budget(budget, "reasoning.budget", beside);
        }
        let mut settled = self.anew();
        if self.rules.efforts.as_ref().is_none_or(|levels| !levels.is_empty()) {
            let wanted = self.asked.effort.clone().unwrap_or_else(|| effort_of(budget));
            let sent = self.level(&wanted, false);
            self.losses.push(Loss::adapted("reasoning.budget", format!("sent as an effort: `{}`", sent.as_word())));
            settled.effort = Some(sent);
        } else {
            settled.enabled = Some(true);
            self.losses.push(Loss::adapted("reasoning.budget", "the model has no budget: sent as on"));
        }
        Some(settled)
    }

    /// Asks for a budget within the model's bounds and below the limit of the answer; for none if there is no such.
    fn with_budget(&mut self, budget: u64, path: &str, effort: Option<ReasoningEffort>) -> Option<Reasoning> {
        let [least, most] = self.rules.budget.unwrap_or([1, u64::MAX]);
        let mut fit = budget.clamp(least, most);
        let limit = self.beside.max_tokens.or(self.profile.limits.output).filter(|_| self.rules.below_output);
        let mut settled = self.anew();
        settled.effort = effort;
        if let Some(limit) = limit.filter(|limit| fit >= *limit) {
            if limit <= least {
                let reason = format!(
                    "the model thinks with at least {least} tokens, and the answer may have {limit}: not asked for"
                );
                // What stands beside an effort goes with it.
                if path == "reasoning.effort" && self.asked.enabled.is_some() {
                    self.losses.push(Loss::dropped("reasoning.enabled", reason.clone()));
                }
                if path == "reasoning.effort" && settled.effort.is_none() && self.asked.visible.is_some() {
                    self.losses.push(Loss::dropped("reasoning.visible", reason.clone()));
                }
                self.losses.push(Loss::dropped(if path == "reasoning.enabled" { "reasoning" } else { path }, reason));
                return settled.effort.is_some().then_some(settled);
            }
            // Half of the answer is left for its words.
            fit = (limit / 2).max(least);
        }
        if path != "reasoning.budget" {
            self.losses.push(Loss::adapted(path, format!("sent as a budget of {fit} tokens")));
        } else if fit != budget {
            self.losses.push(Loss::adapted(path, format!("sent as {fit}, which the model takes here")));
        } else if settled.effort == self.asked.effort {
            // As it came, also in the words of its own protocol.
            return Some(self.asked.clone());
        }
        settled.budget = Some(fit);
        Some(settled)
    }

    /// Returns the level that the model takes for an effort, the nearest if it has not the very one.
    fn level(&mut self, effort: &ReasoningEffort, tell: bool) -> ReasoningEffort {
        let levels = self.rules.efforts.as_deref().unwrap_or_default();
        let word = effort.as_word();
        if levels.is_empty() || levels.iter().any(|level| level == word) {
            return effort.clone();
        }
        let rank = |word: &str| LEVELS.iter().position(|known| *known == word);
        // A word that nobody knows is meant for what is usual.
        let wanted = rank(word).or_else(|| rank("medium")).unwrap_or_default();
        let thinking = levels.iter().filter(|level| *level != "none");
        let near = thinking.min_by_key(|level| rank(level).map_or(usize::MAX, |place| place.abs_diff(wanted)));
        let near = near.map_or(word, String::as_str);
        if tell {
            let reason = format!("sent as `{near}`, the nearest that the model has");
            self.losses.push(Loss::adapted("reasoning.effort", reason));
        }
        ReasoningEffort::from_word(near)
    }
}

/// All levels that vendors have, from the least.
const LEVELS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];
