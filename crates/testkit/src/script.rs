use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;

use crate::refusal::Refusal;

/// What happens to one request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    pub(crate) effects: Vec<Effect>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Effect {
    Refuse(Refusal, Vec<(String, String)>),
    Delay(Duration),
    Reset,
    Stall,
    StallAfter(usize),
    CutAfter(usize),
    StreamError,
    Malformed,
    NeverEnds,
    Split(usize),
    Pace(Duration),
    Html,
    Empty,
    Truncated,
    WrongContentType,
    Huge(usize),
    NoUsage,
    Redirect(String),
    Canned(Canned),
}

/// An exact response, such as a recorded one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Canned {
    /// The status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Headers, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body as it is written, chunk by chunk.
    pub chunks: Vec<String>,
    /// Whether the connection breaks after the last of them.
    #[serde(default)]
    pub cut: bool,
}

fn ok() -> u16 {
    200
}

impl Step {
    /// Sends an exact response.
    pub fn canned(status: u16, headers: Vec<(String, String)>, chunks: Vec<String>) -> Self {
        Self { effects: vec![Effect::Canned(Canned { status, headers, chunks, cut: false })] }
    }

    /// Breaks the connection off after an exact response's last chunk.
    #[must_use]
    pub fn cut(mut self) -> Self {
        for effect in &mut self.effects {
            if let Effect::Canned(canned) = effect {
                canned.cut = true;
            }
        }
        self
    }

    /// Reads a step as the README writes it; effects join with `+`.
    ///
    /// # Errors
    /// For a word that is no effect.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let effects = text.split('+').map(str::trim).filter(|word| !word.is_empty() && *word != "ok").map(effect);
        Ok(Self { effects: effects.collect::<Result<_, _>>()? })
    }

    pub(crate) fn delay(&self) -> Duration {
        let delays = self
            .effects
            .iter()
            .filter_map(|effect| if let Effect::Delay(delay) = effect { Some(*delay) } else { None });
        delays.sum()
    }
}

fn effect(word: &str) -> Result<Effect, ScriptError> {
    let error = || ScriptError(word.to_owned());
    let (name, argument) = word.split_once(':').unwrap_or((word, ""));
    let number = || argument.parse::<usize>().map_err(|_| error());
    Ok(match name {
        "delay" => Effect::Delay(Duration::from_millis(number()? as u64)),
        "reset" => Effect::Reset,
        "stall" => Effect::Stall,
        "stall-after" => Effect::StallAfter(number()?),
        "cut-after" => Effect::CutAfter(number()?),
        "stream-error" => Effect::StreamError,
        "malformed" => Effect::Malformed,
        "never-ends" => Effect::NeverEnds,
        "pace" => Effect::Pace(Duration::from_millis(number()? as u64)),
        "split" => Effect::Split(number()?.max(1)),
        "html" => Effect::Html,
        "empty" => Effect::Empty,
        "truncated" => Effect::Truncated,
        "wrong-content-type" => Effect::WrongContentType,
        "huge" => Effect::Huge(number()?),
        "no-usage" => Effect::NoUsage,
        "redirect" => Effect::Redirect(argument.to_owned()),
        "context-length" => Effect::Refuse(Refusal::ContextLength, Vec::new()),
        "quota" => Effect::Refuse(Refusal::Quota, Vec::new()),
        "content-policy" => Effect::Refuse(Refusal::ContentPolicy, Vec::new()),
        "overloaded" => Effect::Refuse(Refusal::Overloaded, Vec::new()),
        _ => {
            let mut parts = word.split(';');
            let status =
                parts.next().and_then(|status| status.parse().ok()).filter(|status| (200..600).contains(status));
            let headers =
                parts.filter_map(|part| part.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned()));
            match status.ok_or_else(error)? {
                200 => Effect::Delay(Duration::ZERO),
                status => Effect::Refuse(Refusal::Status(status), headers.collect()),
            }
        }
    })
}

/// The steps of an upstream: a queue for whoever comes, and one for each value of the header.
#[derive(Clone, Debug, Default)]
pub struct Script {
    queue: VecDeque<Step>,
    by_header: HashMap<String, usize>,
}

impl Script {
    /// Reads `{"steps": […]}`, as `POST /__script` takes it: words, or exact responses.
    ///
    /// # Errors
    /// For JSON of another form, and for a word that is no step.
    pub fn read(text: &str) -> Result<Vec<Step>, ScriptError> {
        let body: ScriptBody = serde_json::from_str(text).map_err(|error| ScriptError(error.to_string()))?;
        body.steps.into_iter().map(StepBody::into_step).collect()
    }

    pub(crate) fn push(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.queue.extend(steps);
    }

    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Takes the step of the next request.
    pub(crate) fn next(&mut self, header: Option<&str>) -> Result<Step, ScriptError> {
        let Some(header) = header else { return Ok(self.queue.pop_front().unwrap_or_default()) };
        let steps: Vec<&str> = header.split(',').collect();
        let taken = self.by_header.entry(header.to_owned()).or_default();
        // The last step stays, as a script says how things end.
        let step = steps.get(*taken).or(steps.last()).copied().unwrap_or_default();
        *taken += 1;
        Step::parse(step)
    }
}

/// The body of `POST /__script`.
#[derive(Deserialize)]
pub(crate) struct ScriptBody {
    pub(crate) steps: Vec<StepBody>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum StepBody {
    Word(String),
    Canned(Canned),
}

impl StepBody {
    pub(crate) fn into_step(self) -> Result<Step, ScriptError> {
        match self {
            Self::Word(word) => Step::parse(&word),
            Self::Canned(canned) => Ok(Step { effects: vec![Effect::Canned(canned)] }),
        }
    }
}

impl Canned {
    pub(crate) fn bytes(&self) -> Vec<Bytes> {
        self.chunks.iter().map(|chunk| Bytes::from(chunk.clone())).collect()
    }
}

/// A word that is no step of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no step of a script; see the table in the test kit's documentation")]
pub struct ScriptError(pub(crate) String);
