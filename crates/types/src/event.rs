use serde::Serialize;

use crate::{Citation, Extras, Finish, Media, Opaque, Signature, TokenLogProb, ToolCallKind, Usage};

/// One step of a streamed answer, the same sequence for every vendor.
///
/// Parts of a choice arrive one after another: [`Text`](Self::Text), [`Refusal`](Self::Refusal) and
/// [`Thought`](Self::Thought) extend the part in progress or begin a new one of their kind;
/// [`PartEnd`](Self::PartEnd) closes it, so that the next begins anew. Tool calls are addressed by
/// number and may interleave. [`ChatAssembler`](crate::ChatAssembler) builds the whole reply.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChatEvent {
    /// The answer begins.
    Start(Start),
    /// More text.
    Text {
        /// The number of the choice.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// More words of refusal.
    Refusal {
        /// The number of the choice.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// More thinking.
    Thought {
        /// The number of the choice.
        choice: u32,
        /// The piece.
        text: String,
    },
    /// Fields of one protocol only on the text or thought in progress.
    PartExtras {
        /// The number of the choice.
        choice: u32,
        /// The fields.
        extras: Extras,
    },
    /// A signature on the part in progress; on an empty text part if there is none.
    Signature {
        /// The number of the choice.
        choice: u32,
        /// The signature.
        signature: Signature,
    },
    /// Thinking that the vendor encrypted, whole.
    RedactedThought {
        /// The number of the choice.
        choice: u32,
        /// The encrypted thinking.
        data: Signature,
    },
    /// A tool call begins.
    ToolCallStart {
        /// The number of the choice.
        choice: u32,
        /// The number of the call within the choice, from 0 in order of appearance.
        call: u32,
        /// The vendor's id of the call.
        id: Option<String>,
        /// The name of the tool.
        name: String,
        /// How the tool is described.
        kind: ToolCallKind,
        /// The vendor's signature on the call.
        signature: Option<Signature>,
        /// Fields of one protocol only.
        extras: Extras,
    },
    /// More of a tool call's arguments.
    ToolCallArguments {
        /// The number of the choice.
        choice: u32,
        /// The number of the call within the choice.
        call: u32,
        /// The piece.
        fragment: String,
    },
    /// A tool call is complete.
    ToolCallEnd {
        /// The number of the choice.
        choice: u32,
        /// The number of the call within the choice.
        call: u32,
    },
    /// A source for the text in progress.
    Citation {
        /// The number of the choice.
        choice: u32,
        /// The source.
        citation: Citation,
    },
    /// A picture, sound or file that the model made, whole.
    Media {
        /// The number of the choice.
        choice: u32,
        /// What kind of part it is.
        kind: MediaKind,
        /// The medium.
        media: Media,
    },
    /// A part that only its own protocol knows, whole.
    Opaque {
        /// The number of the choice.
        choice: u32,
        /// The part.
        part: Opaque,
    },
    /// Log-probabilities of tokens that the text pieces hold.
    LogProbs {
        /// The number of the choice.
        choice: u32,
        /// Of text tokens.
        content: Vec<TokenLogProb>,
        /// Of refusal tokens.
        refusal: Vec<TokenLogProb>,
    },
    /// The part in progress is complete.
    PartEnd {
        /// The number of the choice.
        choice: u32,
    },
    /// Fields that only one protocol knows; `choice` is `None` for those of the whole reply.
    Extras {
        /// The number of the choice that they belong to.
        choice: Option<u32>,
        /// The fields.
        extras: Extras,
    },
    /// The tokens used so far; a later one replaces an earlier one.
    Usage(Usage),
    /// A choice is complete.
    Finish {
        /// The number of the choice.
        choice: u32,
        /// Why it ended.
        finish: Finish,
    },
}

/// What is known when an answer begins.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Start {
    /// The vendor's id of the answer.
    pub id: Option<String>,
    /// The model that answers, in the vendor's words.
    pub model: Option<String>,
    /// When it was made, in seconds since 1970 UTC, where the vendor says.
    pub created: Option<u64>,
    /// The vendor's processing tier that serves, by its own name.
    pub service_tier: Option<String>,
}

/// Says what kind of part a [`Media`] in a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaKind {
    /// An image.
    Image,
    /// Recorded sound.
    Audio,
    /// A moving picture.
    Video,
    /// A document.
    Document,
}
