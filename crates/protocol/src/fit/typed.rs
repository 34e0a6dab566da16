use std::borrow::Cow;

use tollbridge_core::{Error, ErrorKind, Loss};
use tollbridge_profiles::{PastThinking, Profile};
use tollbridge_types::{ChatRequest, Json, Message, Part, Protocol, ResponseFormat, Role, Tool, ToolChoice};

use super::sampling::{self, Change, Setting, Value};
use super::{schema, thinking};

/// Returns the request as the model takes it, in the vendor's protocol `to`.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for what would mean something else without it, such as tools.
pub(crate) fn fit<'a>(
    request: &'a ChatRequest,
    profile: &Profile,
    to: Protocol,
    losses: &mut Vec<Loss>,
) -> Result<Cow<'a, ChatRequest>, Error> {
    let mut fitting = Fitting { request: Cow::Borrowed(request), profile, to, losses };
    fitting.usage();
    fitting.limit();
    fitting.tools()?;
    fitting.think();
    fitting.sample();
    fitting.format();
    fitting.schemas();
    fitting.roles();
    fitting.past_thinking();
    fitting.last_words();
    Ok(fitting.request)
}

struct Fitting<'a, 'r> {
    request: Cow<'r, ChatRequest>,
    profile: &'a Profile,
    to: Protocol,
    losses: &'a mut Vec<Loss>,
}

impl Fitting<'_, '_> {
    fn usage(&mut self) {
        if !self.request.stream && self.request.stream_usage.is_some() {
            self.losses.push(Loss::dropped("stream_usage", "only a stream is asked for its usage"));
            self.request.to_mut().stream_usage = None;
        }
    }

    fn limit(&mut self) {
        if let (Some(asked), Some(most)) = (self.request.max_tokens, self.profile.limits.output)
            && asked > most
        {
            self.losses
                .push(Loss::adapted("max_tokens", format!("the model answers with at most {most}: sent as {most}")));
            self.request.to_mut().max_tokens = Some(most);
        }
    }

    fn tools(&mut self) -> Result<(), Error> {
        let rules = &self.profile.tools;
        if self.request.tools.is_empty() {
            // To choose freely, or nothing, is what no tools mean anyway.
            if !matches!(self.request.tool_choice, None | Some(ToolChoice::Auto | ToolChoice::None)) {
                self.losses.push(Loss::dropped("tool_choice", "there are no tools to choose from"));
                self.request.to_mut().tool_choice = None;
            }
            return Ok(());
        }
        if rules.taken == Some(false) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("the model `{}` takes no tools", self.profile.name),
            )
            .with_path("tools")
            .with_hint("leave the tools out, or use another model"));
        }
        if rules.parallel == Some(false) && self.request.parallel_tool_calls.is_some() {
            self.losses.push(Loss::dropped("parallel_tool_calls", "the model has no such setting"));
            self.request.to_mut().parallel_tool_calls = None;
        }
        if rules.strict == Some(false) {
            let marked = |tool: &Tool| matches!(tool, Tool::Function { strict: Some(true), .. });
            let places: Vec<usize> =
                (0..).zip(&self.request.tools).filter(|(_, tool)| marked(tool)).map(|(place, _)| place).collect();
            for place in places {
                self.losses.push(Loss::dropped(format!("tools[{place}].strict"), "the model has no such mark"));
                if let Some(Tool::Function { strict, .. }) = self.request.to_mut().tools.get_mut(place) {
                    *strict = None;
                }
            }
        }
        let Some(choices) = &rules.choices else { return Ok(()) };
        let takes = |word: &str| choices.iter().any(|known| known == word);
        let (word, near) = match &self.request.tool_choice {
            Some(ToolChoice::Required) => ("required", None),
            Some(ToolChoice::Function(_)) => ("function", Some(ToolChoice::Required).filter(|_| takes("required"))),
            Some(ToolChoice::AnyOf(_)) => ("allowed", Some(ToolChoice::Required).filter(|_| takes("required"))),
            Some(ToolChoice::None) => ("none", None),
            _ => return Ok(()),
        };
        if !takes(word) {
            let loss = match &near {
                Some(_) => Loss::adapted("tool_choice", "the model cannot be told which: sent as any"),
                None => Loss::dropped("tool_choice", "the model has no such choice"),
            };
            self.losses.push(loss);
            self.request.to_mut().tool_choice = near;
        }
        Ok(())
    }

    fn think(&mut self) {
        let request = self.request.as_ref();
        let forced = !request.tools.is_empty()
            && matches!(
                request.tool_choice,
                Some(ToolChoice::Required | ToolChoice::Function(_) | ToolChoice::AnyOf(_))
            );
        let beside = thinking::Beside { max_tokens: request.max_tokens, forced };
        let mut settled = thinking::settle(request.reasoning.as_ref(), self.profile, beside, self.losses);
        let lets_go = thinking::beside_demand(self.profile, forced, &mut settled, self.losses);
        if self.to == Protocol::OPENAI_CHAT && !request.tools.is_empty() {
            thinking::beside_tools(self.profile, &mut settled, self.losses);
        }
        if settled != self.request.reasoning {
            self.request.to_mut().reasoning = settled;
        }
        if lets_go {
            self.losses
                .push(Loss::dropped("tool_choice", "the model always thinks, and takes no demand while it does"));
            self.request.to_mut().tool_choice = None;
        }
    }

    fn sample(&mut self) {
        let request = self.request.as_ref();
        let number = |name, value: Option<f64>| Some(Setting { name, value: Value::Number(value?) });
        let other = |name, set: bool| set.then_some(Setting { name, value: Value::Other });
        #[expect(clippy::cast_precision_loss, reason = "no rule looks at the digits of a count")]
        let settings: Vec<Setting> = [
            number("temperature", request.temperature),
            number("top_p", request.top_p),
            number("top_k", request.top_k.map(|count| count as f64)),
            number("presence_penalty", request.presence_penalty),
            number("frequency_penalty", request.frequency_penalty),
            other("seed", request.seed.is_some()),
            other("stop", !request.stop.is_empty()),
            number("choices", request.choices.map(f64::from)),
            request.logprobs.map(|flag| Setting { name: "logprobs", value: Value::Flag(flag) }),
            other("top_logprobs", request.top_logprobs.is_some()),
        ]
        .into_iter()
        .flatten()
        .collect();
        let thinks = thinking::thinks(request.reasoning.as_ref(), self.profile);
        for (name, change) in sampling::settle(&settings, self.profile, thinks, self.losses) {
            let request = self.request.to_mut();
            let value = match change {
                Change::Drop => None,
                Change::Set(value) => Some(value),
            };
            match name {
                "temperature" => request.temperature = value,
                "top_p" => request.top_p = value,
                "top_k" => request.top_k = None,
                "presence_penalty" => request.presence_penalty = value,
                "frequency_penalty" => request.frequency_penalty = value,
                "seed" => request.seed = None,
                "stop" => request.stop.clear(),
                "choices" => request.choices = None,
                "logprobs" => request.logprobs = None,
                _ => request.top_logprobs = None,
            }
        }
        if let Some(most) = self.profile.sampling.stops.filter(|most| self.request.stop.len() > *most) {
            self.losses.push(Loss::adapted("stop", format!("the model takes {most} sequences: the first are sent")));
            self.request.to_mut().stop.truncate(most);
        }
    }

    fn format(&mut self) {
        let (form, schema) = match &self.request.response_format {
            Some(ResponseFormat::JsonObject) => ("json_object", None),
            Some(ResponseFormat::JsonSchema { schema, .. }) => ("json_schema", Some(schema.clone())),
            _ => return,
        };
        if self.profile.takes_format(form) {
            return;
        }
        let object = form == "json_schema" && self.profile.takes_format("json_object");
        let words = match &schema {
            Some(schema) => format!(
                "Answer with one JSON object that fits this JSON schema, and nothing else:\n{}",
                schema.compact()
            ),
            None => crate::losses::JSON_INSTRUCTION.to_owned(),
        };
        let sent = match object {
            true => "the model takes no schema: sent as JSON of any form, and the schema in words",
            false => "the model knows no form of answers: asked for in words",
        };
        self.losses.push(Loss::adapted("response_format", sent));
        let request = self.request.to_mut();
        request.response_format = object.then_some(ResponseFormat::JsonObject);
        // Behind the instructions that stand first, so that they stay first.
        let place = request.messages.iter().take_while(|message| is_instructions(message)).count();
        request.messages.insert(place, Message::system(words));
    }

    fn schemas(&mut self) {
        if let Some(ResponseFormat::JsonSchema { schema, strict, .. }) = &self.request.response_format
            && let Some(subset) = self.profile.answer_subset()
            && (!subset.strict_only || *strict == Some(true))
            && let Some((small, told)) = schema::shrink(schema, subset)
        {
            self.losses.push(Loss::adapted("response_format", told));
            if let Some(ResponseFormat::JsonSchema { schema, .. }) = &mut self.request.to_mut().response_format {
                *schema = small;
            }
        }
        let shrunk: Vec<(usize, Json, String)> = (0..)
            .zip(&self.request.tools)
            .filter_map(|(place, tool)| {
                let Tool::Function { parameters: Some(parameters), strict, .. } = tool else { return None };
                let strict = *strict == Some(true);
                let subset = self.profile.tool_subset(strict).filter(|subset| strict || !subset.strict_only)?;
                let (small, told) = schema::shrink(parameters, subset)?;
                Some((place, small, told))
            })
            .collect();
        for (place, small, told) in shrunk {
            self.losses.push(Loss::adapted(format!("tools[{place}].parameters"), told));
            if let Some(Tool::Function { parameters, .. }) = self.request.to_mut().tools.get_mut(place) {
                *parameters = Some(small);
            }
        }
    }

    fn roles(&mut self) {
        let rules = &self.profile.roles;
        let sent = |role: &Role| {
            let (word, from) = match role {
                Role::Developer => (rules.developer.as_deref()?, "developer"),
                Role::System => (rules.system.as_deref()?, "system"),
                _ => return None,
            };
            let to = match word {
                "developer" => Role::Developer,
                "user" => Role::User,
                _ => Role::System,
            };
            (to != *role).then_some((to, from))
        };
        let changes: Vec<(usize, Role, &str)> = (0..)
            .zip(&self.request.messages)
            .filter_map(|(place, message)| sent(&message.role).map(|(to, from)| (place, to, from)))
            .collect();
        for (place, to, from) in changes {
            let path = format!("messages[{place}]");
            self.losses.push(Loss::adapted(path, format!("the model has no role `{from}`: sent as another")));
            if let Some(message) = self.request.to_mut().messages.get_mut(place) {
                message.role = to;
            }
        }
    }

    /// Asks a model that does not take the last word from the assistant to go on.
    fn last_words(&mut self) {
        let is_last = |message: &Message| {
            message.role == Role::Assistant && !message.parts.iter().any(|part| matches!(part, Part::ToolCall(_)))
        };
        if self.profile.roles.last_assistant != Some(false) || !self.request.messages.last().is_some_and(is_last) {
            return;
        }
        let place = self.request.messages.len() - 1;
        let reason = "the model does not go on with an answer that was begun: it is asked to, in words";
        self.losses.push(Loss::adapted(format!("messages[{place}]"), reason));
        self.request.to_mut().messages.push(Message::user(super::GO_ON));
    }

    /// Leaves the thinking of earlier answers out where the vendor refuses it.
    fn past_thinking(&mut self) {
        if self.profile.history.thinking != Some(PastThinking::Never) {
            return;
        }
        let is_thought = |part: &Part| matches!(part, Part::Thought(_));
        let places: Vec<usize> = (0..)
            .zip(&self.request.messages)
            .filter(|(_, message)| message.parts.iter().any(is_thought))
            .map(|(place, _)| place)
            .collect();
        for place in places {
            self.losses.push(Loss::dropped(format!("messages[{place}]"), "the model takes no earlier thinking back"));
            if let Some(message) = self.request.to_mut().messages.get_mut(place) {
                message.parts.retain(|part| !is_thought(part));
            }
        }
    }
}

fn is_instructions(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}
