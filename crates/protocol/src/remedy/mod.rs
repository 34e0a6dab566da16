//! Reads from a vendor's refusal which field of a request it will not take, and how the request can do without.
//!
//! A refusal proves something only in the vendor's own words. Words that the request itself holds may be an echo of it,
//! so they prove nothing: a caller cannot teach what holds for others.

mod table;

use std::fmt;

use bytes::Bytes;
use serde_json::value::RawValue;
use tollbridge_core::{Error, Loss};

use crate::fit::splice::{Node, Splices};
use crate::object::json;
use table::{Answer, REFUSALS};

/// How a request can do without what a vendor refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remedy {
    /// The objects around the field, from the outermost, and the field: names of the vendor's protocol.
    pub path: Vec<String>,
    /// The value that was refused, as JSON; `None` if the field is, whatever it says.
    pub value: Option<String>,
    /// What becomes of it.
    pub cure: Cure,
}

/// What becomes of a refused field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cure {
    /// It is left out.
    LeaveOut,
    /// It is called otherwise.
    Rename(String),
    /// It says at most this.
    Clamp(u64),
    /// It says this instead, as JSON.
    Say(String),
    /// The call goes to the vendor's responses.
    Responses,
}

impl Remedy {
    /// Says whether a vendor refused a request for what it holds.
    pub fn is_refusal(error: &Error) -> bool {
        error.vendor().is_some_and(|vendor| matches!(vendor.status, Some(400 | 404 | 422)))
    }

    /// Finds what a refusal asks for, for a body that was sent; `None` for any other error.
    pub fn of(refusal: &Error, sent: &[u8]) -> Option<Self> {
        let vendor = refusal.vendor().filter(|_| Self::is_refusal(refusal))?;
        let said = vendor.message.clone().unwrap_or_else(|| String::from_utf8_lossy(&vendor.body).into_owned());
        let lower = said.to_ascii_lowercase();
        let body = std::str::from_utf8(sent).ok()?;
        let asked = words_of(body)?;
        let row = REFUSALS.iter().find(|row| {
            let says = |words: &&str| lower.contains(*words);
            row.words.iter().all(says)
                && (row.any.is_empty() || row.any.iter().any(says))
                && !row.except.iter().any(says)
        })?;
        // The name of a field stands in the request for its own sake; what is said of it does not.
        let echoed = |words: &&&str| asked.contains(**words) && !(row.field.is_some() && stands_as_name(&asked, words));
        let said_alone =
            row.any.is_empty() || row.any.iter().any(|words| lower.contains(words) && !asked.contains(words));
        if row.words.iter().any(|words| echoed(&words)) || !said_alone {
            return None;
        }
        let root = Node::read(body)?;
        if row.answer == Answer::Responses {
            return Some(Self { path: vec!["model".to_owned()], value: None, cure: Cure::Responses });
        }
        let named = field(&root, vendor.param.as_deref(), &said).filter(|_| row.field.is_none());
        let (path, raw) = named.or_else(|| find(&root, row.field?))?;
        let refused = (!row.whole_field).then(|| raw.get().to_owned());
        // What is learned is kept, and comes from callers.
        if refused.as_ref().is_some_and(|value| value.len() > MOST_LETTERS) {
            return None;
        }
        let cure = match row.answer {
            Answer::LeaveOut => Cure::LeaveOut,
            Answer::Rename => Cure::Rename(other_name(&said, path.last()?)?),
            Answer::Clamp => Cure::Clamp(least_bound(&said, raw)?),
            Answer::Nearest => Cure::Say(json(&nearest(&said, raw)?).as_str().to_owned()),
            Answer::Responses => return None,
        };
        Some(Self { path, value: refused.filter(|_| !matches!(cure, Cure::Clamp(_))), cure })
    }

    /// Returns a body that does without, and what that loses; `None` if the body has no such thing.
    pub fn apply(&self, body: &[u8]) -> Option<(Bytes, Loss)> {
        let text = std::str::from_utf8(body).ok()?;
        let (name, around) = self.path.split_last()?;
        let mut node = Node::read(text)?;
        for step in around {
            node = node.object(step)?;
        }
        let raw = node.get(name)?;
        if self.value.as_ref().is_some_and(|value| value != raw.get()) {
            return None;
        }
        let place = self.place();
        let mut splices = Splices::of(text);
        let loss = match &self.cure {
            Cure::LeaveOut => {
                splices.rewrite(&node, &[(name, None)]);
                Loss::dropped(place, "the vendor refused it for this model")
            }
            Cure::Rename(other) => {
                let value = raw.get().to_owned();
                splices.rewrite(&node, &[(name, None), (other, Some(value))]);
                Loss::adapted(place, format!("the vendor refused it for this model: sent as `{other}`"))
            }
            Cure::Clamp(most) => {
                if raw.get().parse::<u64>().is_ok_and(|asked| asked <= *most) {
                    return None;
                }
                splices.rewrite(&node, &[(name, Some(most.to_string()))]);
                Loss::adapted(place, format!("the vendor refused more for this model: sent as {most}"))
            }
            Cure::Say(value) => {
                splices.rewrite(&node, &[(name, Some(value.clone()))]);
                Loss::adapted(place, format!("the vendor refused the value for this model: sent as {value}"))
            }
            Cure::Responses => return None,
        };
        Some((splices.apply()?, loss))
    }

    /// Returns the field's place in the typed request.
    fn place(&self) -> String {
        let name = self.path.last().map_or("", String::as_str);
        let around = self.path.first().map_or("", String::as_str);
        let typed = TYPED.iter().find(|(names, _)| names.contains(&name)).map(|(_, typed)| *typed);
        match typed {
            Some(typed) => typed.to_owned(),
            None if around == name => format!("extras.{name}"),
            None => format!("extras.{}", self.path.join(".")),
        }
    }

    /// Says whether what one remedy knows is said by another.
    pub fn is_about(&self, other: &Self) -> bool {
        self.path == other.path && self.value == other.value
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.path.join(".");
        match &self.cure {
            Cure::LeaveOut => write!(f, "leave out `{field}`"),
            Cure::Rename(other) => write!(f, "call `{field}` `{other}`"),
            Cure::Clamp(most) => write!(f, "send at most {most} as `{field}`"),
            Cure::Say(value) => write!(f, "send {value} as `{field}`"),
            Cure::Responses => f.write_str("send it to responses"),
        }
    }
}

/// Says whether words stand in a body only as whole names or values.
fn stands_as_name(body: &str, words: &str) -> bool {
    body.match_indices(words).all(|(place, _)| {
        let before = body.get(..place).unwrap_or_default().ends_with('"');
        before && body.get(place + words.len()..).unwrap_or_default().starts_with('"')
    })
}

/// Returns all names and texts of a body as they are read, in lower case, each in quotes.
fn words_of(body: &str) -> Option<String> {
    fn gather(value: &serde_json::Value, words: &mut String) {
        let mut add = |text: &str| {
            words.push('"');
            words.extend(text.chars().map(|letter| letter.to_ascii_lowercase()));
            words.push_str("\"\n");
        };
        match value {
            serde_json::Value::String(text) => add(text),
            serde_json::Value::Array(list) => list.iter().for_each(|value| gather(value, words)),
            serde_json::Value::Object(fields) => {
                fields.keys().for_each(|name| add(name));
                fields.values().for_each(|value| gather(value, words));
            }
            _ => {}
        }
    }
    let value: serde_json::Value = serde_json::from_str(body).ok()?;
    let mut words = String::new();
    gather(&value, &mut words);
    Some(words)
}

/// Finds the field of the request that a refusal names.
fn field<'a>(root: &Node<'a>, param: Option<&str>, said: &str) -> Option<(Vec<String>, &'a RawValue)> {
    let named = param.into_iter().chain(names(said));
    named.filter_map(|name| find(root, name)).next()
}

/// Finds a field of a request by the name that a vendor calls it.
fn find<'a>(root: &Node<'a>, name: &str) -> Option<(Vec<String>, &'a RawValue)> {
    let steps: Vec<&str> = name.split('.').filter(|step| !step.is_empty()).collect();
    let last = *steps.last()?;
    // `reasoning.effort` names its place; `thinking.type.enabled` names a value within one.
    let mut path: Vec<String> = Vec::new();
    let mut node = root.clone();
    let mut found = None;
    for step in &steps {
        let Some(spelling) = spelled(&node, step) else { break };
        let raw = node.get(&spelling)?;
        path.push(spelling);
        found = Some((path.clone(), raw));
        match Node::read(raw.get()) {
            Some(inner) => node = inner,
            None => break,
        }
    }
    let found = found.or_else(|| {
        let holder =
            HOLDERS.iter().find(|holder| root.object(holder).is_some_and(|inner| spelled(&inner, last).is_some()))?;
        let inner = root.object(holder)?;
        let spelling = spelled(&inner, last)?;
        let raw = inner.get(&spelling)?;
        Some((vec![(*holder).to_owned(), spelling], raw))
    });
    found.filter(|(path, _)| path.first().is_some_and(|first| !KEPT.contains(&first.as_str())))
}

/// Returns the body's own spelling of a name that may be written in either of two ways.
fn spelled(node: &Node<'_>, name: &str) -> Option<String> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    node.names()
        .find(|known| *known == name)
        .or_else(|| node.names().find(|known| plain(known) == plain(name)))
        .map(str::to_owned)
}

/// Iterates over the words of a refusal that can be names of fields: quoted ones first, then those before a colon.
fn names(said: &str) -> impl Iterator<Item = &str> {
    let is_name = |word: &&str| {
        !word.is_empty()
            && word.len() <= 64
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']'))
    };
    let quoted = said.split(['\'', '"', '`']).skip(1).step_by(2).filter(is_name);
    let headed = said.split(|letter: char| letter.is_whitespace()).filter_map(|word| word.strip_suffix(':'));
    let bare = said.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '(' | ')'));
    let bare = bare.filter(|word| word.contains('_') || LONE.contains(word));
    quoted.chain(headed.filter(is_name)).chain(bare.filter(is_name))
}

/// Finds the other name of a field: `Use 'max_completion_tokens' instead`.
fn other_name(said: &str, name: &str) -> Option<String> {
    names(said).find(|other| *other != name && other.contains('_')).map(str::to_owned)
}

/// Finds the greatest number that a refusal allows: the greatest that is below what was asked for.
fn least_bound(said: &str, raw: &RawValue) -> Option<u64> {
    let asked: u64 = raw.get().parse().ok()?;
    let numbers = said.split(|letter: char| !letter.is_ascii_digit() && letter != ',');
    let numbers = numbers.filter_map(|digits| digits.trim_matches(',').replace(',', "").parse::<u64>().ok());
    numbers.filter(|number| *number < asked && *number >= 16).max()
}

/// Finds, among the values that a refusal lists, the one that is nearest to what was asked for.
fn nearest(said: &str, raw: &RawValue) -> Option<String> {
    let asked: String = serde_json::from_str(raw.get()).ok()?;
    let from =
        ["upported values", "ermitted values", "llowed values", "xpected one of", "must be one of", "Supported levels"]
            .iter()
            .find_map(|start| said.find(start))?;
    let list = said.get(from..)?;
    let words = list.split(|letter: char| !letter.is_ascii_alphanumeric());
    let levels: Vec<&str> = words.filter(|word| LEVELS.contains(word)).collect();
    let rank = |word: &str| LEVELS.iter().position(|known| *known == word);
    let wanted = rank(&asked).or_else(|| rank("medium"))?;
    let thinking = levels.iter().copied().filter(|level| *level != "none" || asked == "none");
    thinking.min_by_key(|level| rank(level).map_or(usize::MAX, |place| place.abs_diff(wanted))).map(str::to_owned)
}

/// All levels that vendors have, from the least.
const LEVELS: &[&str] = &["none", "minimal", "low", "medium", "high", "xhigh", "max"];

/// Names of settings in vendors' protocols, and their places in the typed request.
const TYPED: &[(&[&str], &str)] = &[
    (
        &["max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "num_predict"],
        "max_tokens",
    ),
    (&["temperature"], "temperature"),
    (&["top_p", "topP", "p"], "top_p"),
    (&["top_k", "topK", "k"], "top_k"),
    (&["presence_penalty", "presencePenalty"], "presence_penalty"),
    (&["frequency_penalty", "frequencyPenalty"], "frequency_penalty"),
    (&["seed", "random_seed"], "seed"),
    (&["stop", "stop_sequences", "stopSequences"], "stop"),
    (&["n", "candidateCount"], "choices"),
    (&["logprobs", "responseLogprobs"], "logprobs"),
    (&["top_logprobs"], "top_logprobs"),
    (&["response_format", "format", "responseSchema", "responseMimeType", "responseJsonSchema"], "response_format"),
    (&["reasoning_effort", "effort", "thinkingLevel"], "reasoning.effort"),
    (&["budget_tokens", "thinkingBudget", "thinking_budget"], "reasoning.budget"),
    (&["thinking", "reasoning", "thinkingConfig", "enable_thinking", "think"], "reasoning"),
    (&["parallel_tool_calls"], "parallel_tool_calls"),
    (&["tool_choice", "toolConfig", "toolChoice"], "tool_choice"),
    (&["user"], "user"),
    (&["service_tier"], "service_tier"),
];

/// The longest value that a lesson is about, in bytes.
const MOST_LETTERS: usize = 64;

/// Objects in which protocols keep their settings.
const HOLDERS: &[&str] =
    &["generationConfig", "generation_config", "output_config", "reasoning", "text", "inferenceConfig", "options"];

/// Names of settings that are common words.
const LONE: &[&str] = &["temperature", "seed", "stop", "logprobs", "thinking", "effort", "user", "store", "verbosity"];

/// What a call would not be the same without: it is never left out.
const KEPT: &[&str] = &[
    "model",
    "messages",
    "input",
    "contents",
    "system",
    "instructions",
    "prompt",
    "tools",
    "stream",
    "systemInstruction",
];
