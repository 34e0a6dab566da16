//! Sans-IO codecs between wire protocols and Tollbridge's types.
//!
//! One module for each family of protocols, each with the same files: `request`, `reply`, `stream`,
//! `error`, and what else the vendor has. [`chat`], [`embed`], [`models`] and [`errors`] find the
//! codec of a [`Protocol`](tollbridge_types::Protocol); [`translate`] moves whole calls between two of them.
//! [`UsageMeter`] reads what a reply cost in tokens while it passes. Nothing here does
//! IO, reads a clock or draws a random number.

pub mod anthropic;
pub mod bedrock;
mod buckets;
mod client_path;
pub mod codec;
pub mod cohere;
mod embed_parts;
mod endings;
mod eventstream;
mod fit;
mod frame_kind;
mod framing;
pub mod gemini;
mod history;
mod ids;
mod losses;
pub mod media;
mod model_abilities;
pub mod multipart;
mod object;
pub mod ollama;
pub mod openai;
mod peek;
mod plain;
mod read;
mod remedy;
mod reply_name;
mod rerank;
pub mod responses;
mod service_tier;
mod state;
mod status;
mod stream_cost;
mod think_tags;
mod timestamp;
mod tools;
pub mod translate;
mod usage;
mod usage_facts;
mod usage_meter;
mod user_id;
mod vendor_error;
mod written;

pub use codec::{
    ChatCodec, ChatStreamDecoder, ChatStreamEncoder, CountCodec, EmbedCodec, ErrorCodec, ModelsCodec, ReplyContext,
    RerankCodec, Target, ToolForms, chat, count, embed, errors, models, rerank,
};
pub use embed_parts::{embed_parts, gathered, moved};
pub use frame_kind::{FrameKind, frame_kind};
pub use framing::{FrameDecoder, Framing, framing_of};
pub use ids::{IdForm, IdLetters};
pub use media::{MediaRules, extension_type, fit_media, media_type};
pub use peek::{Peek, peek};
pub use read::{
    ChatEvents, chat_events, chat_reply, chat_request, count_reply, embed_reply, embed_request, models_reply,
    rerank_reply, rerank_request,
};
pub use remedy::{Cure, Remedy};
pub use status::{Facts, classify, status_of};
pub use stream_cost::StreamCost;
pub use usage::read_usage;
pub use usage_meter::{Metered, UsageMeter};
pub use written::Written;
