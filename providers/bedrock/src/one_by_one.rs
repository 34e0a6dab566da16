//! Several texts for models that embed one in a call.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use tollbridge_core::{CallContext, Error, Operation, Protocol, Provider, ProviderInfo, Reply, Request};
use tollbridge_protocol::{ReplyContext, bedrock, codec, embed_reply, embed_request};
use tollbridge_types::EmbedReply;

/// How many calls are open at a time.
const AT_A_TIME: usize = 8;

/// Makes a call for each text where the model takes no more, and one reply of all.
#[derive(Debug)]
pub(crate) struct OneByOne {
    inner: Arc<dyn Provider>,
}

impl OneByOne {
    pub(crate) fn new(inner: Arc<dyn Provider>) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl Provider for OneByOne {
    fn info(&self) -> &ProviderInfo {
        self.inner.info()
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        if request.operation != Operation::Embed || bedrock::takes_many(&request.model) {
            return self.inner.call(request, cx).await;
        }
        let whole = embed_request(&request)?;
        if whole.input.len() < 2 {
            return self.inner.call(request, cx).await;
        }
        let each = whole.input.iter().map(|input| {
            let mut one = whole.as_ref().clone();
            (one.model, one.input) = (request.model.clone(), vec![input.clone()]);
            self.inner.call(Request::embed(one).with_strict(request.strict), cx)
        });
        // The first error ends the call, and drops what is still open.
        let replies: Vec<Reply> = stream::iter(each.collect::<Vec<_>>()).buffered(AT_A_TIME).try_collect().await?;
        gather(replies)
    }
}

/// Makes one reply of several, whose order is that of the texts.
fn gather(replies: Vec<Reply>) -> Result<Reply, Error> {
    let mut whole = EmbedReply::default();
    let mut last = None;
    for reply in replies {
        let part = embed_reply(&reply)?;
        whole.embeddings.extend(part.embeddings);
        let input = |usage: &Option<tollbridge_types::Usage>| usage.as_ref().and_then(|usage| usage.input);
        let sum = input(&whole.usage).unwrap_or_default().saturating_add(input(&part.usage).unwrap_or_default());
        if let Some(mut usage) = part.usage {
            usage.input = Some(sum);
            whole.usage = Some(usage);
        }
        last = Some(reply);
    }
    let last = last.ok_or_else(|| Error::invalid("input", "`input` is empty"))?;
    let body = codec::BEDROCK_EMBED.encode_reply(&whole, false, &ReplyContext::new("", "", 0))?;
    Ok(last.with_body(Protocol::BEDROCK_EMBED, body))
}
