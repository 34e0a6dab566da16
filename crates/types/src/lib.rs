//! Requests, replies and events as people write them, independent of any vendor.
//!
//! These are plain values: no IO, no clock, no wire format. A codec in `tollbridge-protocol` turns
//! them into a vendor's bytes and back. Whatever a vendor sends that has no field here rides along
//! as an [`Extras`] entry or an [`Opaque`] part under the name of its protocol, and goes back only
//! to a vendor that speaks that protocol.

mod assemble;
mod capability;
mod count;
mod embed;
mod event;
mod extras;
mod format;
mod json;
mod message;
mod model;
mod origin;
mod part;
mod protocol;
mod reply;
mod request;
mod rerank;
mod tool;
mod tool_names;
mod usage;
mod validate;

pub use assemble::ChatAssembler;
pub use capability::Capability;
pub use count::TokenCount;
pub use embed::{EmbedInput, EmbedReply, EmbedRequest, Embedding};
pub use event::{ChatEvent, MediaKind, Start};
pub use extras::Extras;
pub use format::{Reasoning, ReasoningEffort, ResponseFormat};
pub use json::Json;
pub use message::{Message, Role};
pub use model::ModelInfo;
pub use origin::Origin;
pub use part::{Citation, Media, MediaSource, Opaque, Part, Signature, Text, Thought};
pub use protocol::Protocol;
pub use reply::{ChatReply, Choice, Finish, FinishReason, LogProbs, TokenLogProb, TopLogProb};
pub use request::ChatRequest;
pub use rerank::{Ranked, RerankReply, RerankRequest};
pub use tool::{Grammar, Tool, ToolCall, ToolCallKind, ToolChoice, ToolResult};
pub use tool_names::{ToolName, ToolNames};
pub use usage::{Usage, UsageBasis};
pub use validate::Bounds;
