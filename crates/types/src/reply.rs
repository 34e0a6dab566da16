use serde::Serialize;

use crate::{Extras, Message, Part, Role, ToolCall, Usage};

/// A model's whole answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ChatReply {
    /// The vendor's id of the answer.
    pub id: Option<String>,
    /// The model that answered, in the vendor's words.
    pub model: Option<String>,
    /// When it was made, in seconds since 1970 UTC, where the vendor says.
    pub created: Option<u64>,
    /// The answers; mostly one.
    pub choices: Vec<Choice>,
    /// The tokens used.
    pub usage: Option<Usage>,
    /// The vendor's processing tier that served, by its own name.
    pub service_tier: Option<String>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

impl ChatReply {
    /// Returns the text of the first choice, without thinking or refusal.
    pub fn text(&self) -> String {
        self.parts().filter_map(Part::as_text).collect()
    }

    /// Returns the thinking of the first choice, in words.
    pub fn reasoning(&self) -> String {
        let thoughts = self.parts().filter_map(|part| match part {
            Part::Thought(thought) => Some(thought.text.as_str()),
            _ => None,
        });
        thoughts.collect()
    }

    /// Returns the words of refusal of the first choice.
    pub fn refusal(&self) -> Option<String> {
        let words: Vec<&str> = self
            .parts()
            .filter_map(|part| match part {
                Part::Refusal(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        (!words.is_empty()).then(|| words.concat())
    }

    /// Iterates over the tool calls of the first choice.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts().filter_map(|part| match part {
            Part::ToolCall(call) => Some(call),
            _ => None,
        })
    }

    /// Returns why the first choice ended.
    pub fn finish(&self) -> Option<&Finish> {
        self.choices.first()?.finish.as_ref()
    }

    /// Returns the first choice as a message, to be sent back in the next turn.
    pub fn message(&self) -> Message {
        let mut message = Message::new(Role::Assistant, self.parts().cloned().collect());
        // What a vendor put on its answer beside our fields may be what it wants back.
        message.extras = self.choices.first().map(|choice| choice.extras.clone()).unwrap_or_default();
        message
    }

    /// Says whether a filter of the vendor's left nothing of any answer but thinking.
    pub fn is_filtered(&self) -> bool {
        let says_nothing = |part: &Part| match part {
            Part::Text(text) => text.text.is_empty(),
            Part::Thought(_) => true,
            _ => false,
        };
        let filtered = |choice: &Choice| {
            let reason = choice.finish.as_ref().map(|finish| &finish.reason);
            matches!(reason, Some(FinishReason::ContentFilter | FinishReason::Refusal))
                && choice.parts.iter().all(says_nothing)
        };
        !self.choices.is_empty() && self.choices.iter().all(filtered)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.choices.first().into_iter().flat_map(|choice| &choice.parts)
    }
}

/// One of the answers to a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Choice {
    /// Its number, from 0.
    pub index: u32,
    /// What it says, in order.
    pub parts: Vec<Part>,
    /// Why it ended; `None` if the vendor did not say.
    pub finish: Option<Finish>,
    /// The log-probability of each token, if asked for.
    pub logprobs: Option<LogProbs>,
    /// Fields of one protocol only.
    pub extras: Extras,
}

/// Says why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finish {
    /// The reason in our words.
    pub reason: FinishReason,
    /// The reason in the vendor's words.
    pub raw: Option<String>,
    /// The stop text that ended it.
    pub stop_sequence: Option<String>,
    /// The vendor's explanation.
    pub message: Option<String>,
}

impl Finish {
    /// Makes a finish with the vendor's own word.
    pub fn new(reason: FinishReason, raw: Option<String>) -> Self {
        Self { reason, raw, stop_sequence: None, message: None }
    }
}

/// The reasons for which answers end, over all vendors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// One of the request's stop texts appeared.
    StopSequence,
    /// The limit of the answer or of the context was reached.
    Length,
    /// The model waits for the results of tool calls.
    ToolCalls,
    /// The vendor's filter cut the answer.
    ContentFilter,
    /// The model refused.
    Refusal,
    /// The vendor paused a long turn; send the answer back to go on.
    Pause,
    /// The model wrote a tool call that the vendor could not read.
    MalformedToolCall,
    /// The vendor failed in the middle of the answer.
    Error,
    /// A vendor's own reason.
    #[serde(untagged)]
    Unknown(String),
}

/// The log-probabilities of an answer's tokens.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LogProbs {
    /// Of the text.
    pub content: Vec<TokenLogProb>,
    /// Of the refusal.
    pub refusal: Vec<TokenLogProb>,
}

/// The log-probability of one token and of its alternatives.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TokenLogProb {
    /// The token that was chosen.
    pub chosen: TopLogProb,
    /// The most likely tokens at this place.
    pub top: Vec<TopLogProb>,
}

/// One token with its log-probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TopLogProb {
    /// The token's text.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// The token's UTF-8 bytes, where the vendor gives them.
    pub bytes: Option<Vec<u8>>,
    /// The vendor's number of the token, where it gives one.
    pub id: Option<i64>,
}
