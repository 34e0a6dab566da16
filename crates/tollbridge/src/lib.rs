#![doc = include_str!("../README.md")]

mod answer;
mod bare;
mod builder;
mod call;
mod client;
#[cfg(feature = "tokens")]
mod count;
#[cfg(feature = "schema")]
mod fitting;
mod listing;
mod media;
#[cfg(all(feature = "config", feature = "usage"))]
mod metering;
#[cfg(all(feature = "config", feature = "usage", feature = "http"))]
mod price_feed;
#[cfg(all(feature = "config", feature = "usage"))]
mod prices;
mod router;
#[cfg(feature = "schema")]
mod schema;
#[cfg(feature = "schema")]
mod type_expression;
#[cfg(feature = "schemars")]
mod typed;

pub use answer::{Answer, ChatStream, Embeddings};
pub use builder::ClientBuilder;
pub use call::{ChatCall, Prompt};
pub use client::Client;
pub use listing::ModelList;
pub use media::{LARGEST_FILE, image_file, media_file};
#[cfg(all(feature = "config", feature = "usage"))]
pub use metering::{budgets, metering};
#[cfg(all(feature = "config", feature = "usage"))]
pub use prices::prices;
#[cfg(feature = "schemars")]
pub use schemars;
pub use tollbridge_core as core;
pub use tollbridge_core::{
    Aliases, CallContext, Error, ErrorKind, Layer, Loss, Operation, Protocol, Provider, Registry, Reply, ReplyBody,
    ReplyModel, Request, Retry, Secret, Timeouts,
};
pub use tollbridge_profiles as profiles;
pub use tollbridge_protocol as protocol;
pub use tollbridge_types as types;
pub use tollbridge_types::{
    ChatReply, ChatRequest, EmbedRequest, Media, Message, RerankReply, RerankRequest, TokenCount, Tool, ToolChoice,
    ToolResult,
};

#[cfg(feature = "schema")]
pub use fitting::{AnswerSchema, Typed};

#[cfg(feature = "anthropic")]
pub use tollbridge_anthropic as anthropic;
#[cfg(feature = "azure")]
pub use tollbridge_azure as azure;
#[cfg(feature = "bedrock")]
pub use tollbridge_bedrock as bedrock;
#[cfg(feature = "cohere")]
pub use tollbridge_cohere as cohere;
#[cfg(feature = "config")]
pub use tollbridge_config as config;
#[cfg(feature = "echo")]
pub use tollbridge_echo as echo;
#[cfg(feature = "gemini")]
pub use tollbridge_gemini as gemini;
#[cfg(feature = "mistral")]
pub use tollbridge_mistral as mistral;
#[cfg(feature = "ollama")]
pub use tollbridge_ollama as ollama;
#[cfg(feature = "openai")]
pub use tollbridge_openai as openai;
#[cfg(feature = "openai-compatible")]
pub use tollbridge_openai_compatible as openai_compatible;
#[cfg(feature = "tokens")]
pub use tollbridge_tokens as tokens;
#[cfg(feature = "http")]
pub use tollbridge_transport as transport;
#[cfg(feature = "usage")]
pub use tollbridge_usage as usage;
#[cfg(feature = "vertex")]
pub use tollbridge_vertex as vertex;
