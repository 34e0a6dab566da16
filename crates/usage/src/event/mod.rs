//! What happens to calls, as typed events with stable JSON.
//!
//! An [`Event`] says where it belongs, its [`Payload`] what happened. The [`EventBus`] numbers events and gives them to
//! whoever listens, without ever holding up a call. What the user said and what was answered is in none of them unless
//! [`Summaries`] lets it in.

mod artifact;
mod attempt;
mod budget_alert;
mod bus;
mod completed;
mod cost_discrepancy;
mod envelope;
mod failed;
mod fields;
mod json_lines;
mod last_numbers;
mod payload;
mod signature;
mod started;
mod subscription;
mod summary;
mod token_usage;
mod totals;
mod usd;
mod webhook;

pub use artifact::{Artifact, ArtifactCreated};
pub use attempt::Attempt;
pub use budget_alert::BudgetAlert;
pub use bus::EventBus;
pub use completed::Completed;
pub use cost_discrepancy::CostDiscrepancy;
pub use envelope::{Event, Trace};
pub use failed::Failed;
pub use fields::Fields;
pub use json_lines::{JsonLines, Written};
pub use last_numbers::last_numbers;
pub use payload::Payload;
pub use signature::Signer;
pub use started::Started;
pub use subscription::{Closer, Item, Subscription};
pub use summary::{Summaries, Summary};
pub use token_usage::TokenUsage;
pub use totals::Totals;
pub use webhook::{Post, Webhook, WebhookCounts};

/// Returns the reason of a fallback, which old events leave out.
fn reason(is_fallback: bool, reason: Option<String>) -> Option<String> {
    is_fallback.then(|| reason.filter(|reason| !reason.is_empty()).unwrap_or_else(|| "unknown".to_owned()))
}
