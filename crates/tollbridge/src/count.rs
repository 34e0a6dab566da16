//! Counts tokens here, for models whose provider has no call for it.

use tollbridge_core::{Error, Reply, Request};
use tollbridge_protocol::translate::needs_no_state;
use tollbridge_protocol::{chat_request, count};
use tollbridge_tokens::count_request;
use tollbridge_types::Protocol;

/// Answers a count of tokens in the protocol that it was asked in.
///
/// The model's own vocabulary counts where it is public; for others the count is an estimate, and says so.
pub(crate) fn answer(request: &Request, provider: &str) -> Result<Reply, Error> {
    let typed = chat_request(request)?;
    needs_no_state(&typed, Protocol::OPENAI_CHAT).map_err(|error| {
        error
            .with_provider(provider)
            .with_hint("leave it out, or count with a provider that keeps it and counts itself")
    })?;
    let protocol = request.wire().map_or(Protocol::ANTHROPIC_COUNT_TOKENS, |wire| wire.protocol);
    let counted = count_request(&request.model, &typed);
    let codec = count(protocol).unwrap_or(tollbridge_protocol::codec::ANTHROPIC_COUNT_TOKENS);
    Ok(Reply::new(codec.protocol(), provider, &request.model, codec.encode_reply(&counted)))
}
