use std::collections::HashSet;

use crate::{ChatRequest, Part};

/// What of a request's settings a model takes; the default is what some model does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bounds {
    /// The highest temperature.
    pub temperature: f64,
    /// The most tokens of an answer, if that is known.
    pub max_tokens: Option<u64>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { temperature: 2.0, max_tokens: None }
    }
}

impl ChatRequest {
    /// Lists everything about the request that no vendor takes, each with its JSON path.
    ///
    /// ```
    /// use tollbridge_types::ChatRequest;
    /// let problems = ChatRequest::new("openai/gpt-5").temperature(9.0).problems();
    /// let paths: Vec<_> = problems.iter().map(|(path, _)| path.as_str()).collect();
    /// assert_eq!(paths, ["messages", "temperature"]);
    /// ```
    pub fn problems(&self) -> Vec<(String, &'static str)> {
        self.problems_within(&Bounds::default())
    }

    /// Lists everything about the request that a model with these bounds does not take, each with its JSON path.
    pub fn problems_within(&self, bounds: &Bounds) -> Vec<(String, &'static str)> {
        let mut problems = Vec::new();
        let mut check = |good: bool, path: &str, message| {
            if !good {
                problems.push((path.to_owned(), message));
            }
        };
        let within = |value: Option<f64>, low: f64, high: f64| value.is_none_or(|value| (low..=high).contains(&value));
        check(!self.model.trim().is_empty(), "model", "is empty");
        check(!self.messages.is_empty(), "messages", "is empty");
        check(within(self.temperature, 0.0, 2.0), "temperature", "is not between 0 and 2");
        let takes = self.temperature.is_none_or(|asked| asked <= bounds.temperature || asked > 2.0);
        check(takes, "temperature", "is above what the model takes");
        check(within(self.top_p, 0.0, 1.0), "top_p", "is not between 0 and 1");
        check(within(self.presence_penalty, -2.0, 2.0), "presence_penalty", "is not between -2 and 2");
        check(within(self.frequency_penalty, -2.0, 2.0), "frequency_penalty", "is not between -2 and 2");
        check(self.max_tokens != Some(0), "max_tokens", "is not above zero");
        let fits = self.max_tokens.is_none_or(|asked| bounds.max_tokens.is_none_or(|most| asked <= most));
        check(fits, "max_tokens", "is above what the model can answer");
        check(self.choices != Some(0), "choices", "is not above zero");
        check(self.stop.iter().all(|stop| !stop.is_empty()), "stop", "holds an empty text");
        for (place, tool) in self.tools.iter().enumerate() {
            check(tool.name().is_none_or(|name| !name.is_empty()), &format!("tools[{place}].name"), "is empty");
        }
        check(
            self.tool_choice.is_none() || !self.tools.is_empty() || !self.extras.is_empty(),
            "tool_choice",
            "stands without tools",
        );
        // Calls may be kept by the vendor, or stand in parts that only it knows.
        let kept = |name: &str| ["previous_response_id", "conversation"].contains(&name);
        let mut elsewhere = self.extras.iter().any(|(_, name, _)| kept(name));
        let mut called = HashSet::new();
        for (place, message) in self.messages.iter().enumerate() {
            for (part_place, part) in message.parts.iter().enumerate() {
                match part {
                    Part::Opaque(_) => elsewhere = true,
                    Part::ToolCall(call) => called.extend(call.id.as_deref()),
                    Part::ToolResult(result) => {
                        let known =
                            result.id.as_deref().is_none_or(|id| elsewhere || id.is_empty() || called.contains(id));
                        let path = format!("messages[{place}].parts[{part_place}].id");
                        check(known, &path, "is one that no earlier tool call has");
                    }
                    _ => {}
                }
            }
        }
        problems
    }
}
