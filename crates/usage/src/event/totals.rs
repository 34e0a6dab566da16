use serde::Serialize;
use tollbridge_core::Money;

use super::{Event, Payload, usd};

/// What completed calls used and cost together, in whatever scope they are gathered: a task, a run, a process.
///
/// A part of the cost may be missing: `unavailable_count` says of how many calls.
///
/// ```
/// use tollbridge_usage::event::{Completed, Event, Payload, TokenUsage, Totals, Trace};
///
/// let mut call = Completed::new("planner", "main");
/// call.token_usage = TokenUsage::new(10, 5);
/// call.cost = Some("0.01".parse().unwrap());
/// let event = Event::new("1", 0, Trace::of_call("call-1", Some("task-1")), 1, Payload::Completed(call));
/// let totals: Totals = [&event].into_iter().collect();
/// assert_eq!((totals.total.to_string().as_str(), totals.calls), ("0.01 USD", 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// The cost of the calls whose price is known, in US dollars.
    #[serde(with = "usd")]
    pub total: Money,
    /// How many calls were completed.
    pub calls: u64,
    /// How many of them have no known price.
    pub unavailable_count: u64,
    /// Tokens of their prompts.
    pub prompt_tokens: u64,
    /// Tokens of their answers.
    pub completion_tokens: u64,
}

impl Totals {
    /// Adds up the calls of one task.
    pub fn of_task<'a>(events: impl IntoIterator<Item = &'a Event>, task_id: &str) -> Self {
        events.into_iter().filter(|event| event.task_id.as_deref() == Some(task_id)).collect()
    }
}

impl Default for Totals {
    fn default() -> Self {
        Self { total: Money::ZERO, calls: 0, unavailable_count: 0, prompt_tokens: 0, completion_tokens: 0 }
    }
}

impl<'a> Extend<&'a Event> for Totals {
    /// Adds completed calls; other events count nothing.
    fn extend<I: IntoIterator<Item = &'a Event>>(&mut self, events: I) {
        for event in events {
            let Payload::Completed(call) = &event.payload else { continue };
            self.calls += 1;
            match call.cost.and_then(|cost| self.total.checked_add(cost)) {
                Some(total) => self.total = total,
                None => self.unavailable_count += 1,
            }
            self.prompt_tokens = self.prompt_tokens.saturating_add(call.token_usage.prompt_tokens);
            self.completion_tokens = self.completion_tokens.saturating_add(call.token_usage.completion_tokens);
        }
    }
}

impl<'a> FromIterator<&'a Event> for Totals {
    fn from_iter<I: IntoIterator<Item = &'a Event>>(events: I) -> Self {
        let mut totals = Self::default();
        totals.extend(events);
        totals
    }
}
