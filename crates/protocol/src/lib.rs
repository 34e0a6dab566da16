//! Sans-IO codecs between wire protocols and Tollbridge's types.
//!
//! One module for each family of protocols, each with the same files: `request`, `reply`, `stream`,
//! `error`, and what else the vendor has. [`chat`], [`embed`], [`models`] and [`errors`] find the
//! codec of a [`Protocol`](tollbridge_types::Protocol); [`translate`] moves whole calls between two of them. Nothing here does
//! IO, reads a clock or draws a random number.

pub mod anthropic;
pub mod bedrock;
pub mod codec;
mod eventstream;
mod frame_kind;
mod framing;
pub mod gemini;
mod losses;
mod object;
pub mod openai;
mod peek;
mod read;
mod status;
mod tool_id;
pub mod translate;
mod vendor_error;

pub use codec::{
    ChatCodec, ChatStreamDecoder, ChatStreamEncoder, EmbedCodec, ErrorCodec, ModelsCodec, ReplyContext, Target, chat,
    embed, errors, models,
};
pub use frame_kind::{FrameKind, frame_kind};
pub use framing::{FrameDecoder, Framing};
pub use peek::{Peek, peek};
pub use read::{ChatEvents, chat_events, chat_reply, chat_request, embed_reply, embed_request, models_reply};
pub use status::{Facts, classify, status_of};
