use std::sync::Arc;

use tollbridge_core::Request;
use tollbridge_types::UsageBasis;

/// Counts tokens before a vendor does, or where none does.
///
/// Each count comes with its basis: [`Counted`](UsageBasis::Counted) by the model's own vocabulary, or
/// [`Estimated`](UsageBasis::Estimated).
pub trait CountTokens: Send + Sync {
    /// Counts the input of a request to its model; `None` for what is neither a conversation nor texts to embed.
    fn input(&self, request: &Request) -> Option<(u64, UsageBasis)>;

    /// Counts a text that a model wrote.
    fn output(&self, model: &str, text: &str) -> (u64, UsageBasis);
}

/// Returns what counts unless a program brings its own.
#[cfg(not(feature = "tokens"))]
pub(super) fn usual() -> Option<Arc<dyn CountTokens>> {
    None
}

/// Returns what counts unless a program brings its own.
#[cfg(feature = "tokens")]
pub(super) fn usual() -> Option<Arc<dyn CountTokens>> {
    Some(Arc::new(tokenizers::Tokenizers))
}

#[cfg(feature = "tokens")]
mod tokenizers {
    use tollbridge_core::{Operation, Request};
    use tollbridge_protocol::{chat_request, embed_request};
    use tollbridge_tokens::{Tokenizer, count, count_request};
    use tollbridge_types::{EmbedInput, UsageBasis};

    use super::CountTokens;

    /// Counts by the vocabularies that are public, and estimates for the others.
    pub(super) struct Tokenizers;

    impl CountTokens for Tokenizers {
        fn input(&self, request: &Request) -> Option<(u64, UsageBasis)> {
            match request.operation {
                Operation::Chat => {
                    let counted = count_request(&request.model, &*chat_request(request).ok()?);
                    Some((counted.input, counted.basis))
                }
                Operation::Embed => {
                    let tokenizer = Tokenizer::for_model(&request.model);
                    let embed = embed_request(request).ok()?;
                    let tokens = embed.input.iter().map(|input| match input {
                        EmbedInput::Text(text) => tokenizer.count(text),
                        EmbedInput::Tokens(tokens) => tokens.len() as u64,
                        _ => 0,
                    });
                    Some((tokens.sum(), tokenizer.basis()))
                }
                _ => None,
            }
        }

        fn output(&self, model: &str, text: &str) -> (u64, UsageBasis) {
            count(model, text)
        }
    }
}
