#![doc = include_str!("../README.md")]
#![expect(clippy::indexing_slicing, reason = "a JSON value has null at every key that is missing")]

mod answer;
mod answered;
mod anthropic;
mod bedrock;
mod capture;
mod cohere;
mod environment;
mod forward;
mod google;
mod kind;
mod mistral;
mod ollama;
mod openai;
mod others;
mod refusal;
mod respond;
mod responses;
mod schema;
mod script;
mod tokens;
mod upstream;
mod watch;
mod wire;

pub use answered::Answered;
pub use capture::Recorded;
pub use kind::Kind;
pub use script::{Canned, Script, ScriptError, Step};
pub use upstream::{Builder, StartError, Upstream, UsageMode};
