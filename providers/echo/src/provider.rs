use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures_util::stream;
use tollbridge_core::{
    CallContext, Error, ErrorKind, FrameStream, Operation, Provider, ProviderInfo, ProviderSettings, Registration,
    Reply, ReplyBody, Request, Transport,
};
use tollbridge_protocol::{ReplyContext, chat_request, codec, embed_request, translate};
use tollbridge_types::{ModelInfo, Protocol};

use crate::answer;

/// The echo.
pub const REGISTRATION: Registration =
    Registration::new("echo", "Answers with the question, without a network", build).keyless().always_on();

fn build(_: &Registration, settings: ProviderSettings, _: Arc<dyn Transport>) -> Result<Arc<dyn Provider>, Error> {
    Ok(Arc::new(Echo::new(settings.name)))
}

/// Answers with the question, in the bytes of OpenAI's protocols.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), tollbridge_core::Error> {
/// use tollbridge_core::{CallContext, Provider, Request};
/// use tollbridge_types::ChatRequest;
///
/// let echo = tollbridge_echo::Echo::new("echo");
/// let request = Request::chat(ChatRequest::new("echo").user("Hello World"));
/// let reply = echo.call(request, &CallContext::new("1")).await?;
/// assert_eq!(tollbridge_protocol::chat_reply(reply).await?.text(), "Echo: Hello World");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Echo {
    info: ProviderInfo,
}

impl Echo {
    /// Makes an echo that is configured under a name.
    pub fn new(name: impl Into<String>) -> Self {
        let operations = [
            (Operation::Chat, Protocol::OPENAI_CHAT),
            (Operation::Embed, Protocol::OPENAI_EMBEDDINGS),
            (Operation::Models, Protocol::OPENAI_MODELS),
        ];
        Self { info: ProviderInfo::new(name, &operations) }
    }

    fn body(&self, request: &Request, cx: &CallContext) -> Result<(Protocol, ReplyBody), Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let context = ReplyContext::new(&cx.request_id, &request.model, now);
        match request.operation {
            Operation::Chat => {
                let typed = chat_request(request)?;
                translate::needs_no_state(&typed, Protocol::OPENAI_CHAT)?;
                let answer = answer::chat(&typed, &cx.request_id);
                let body = if request.stream {
                    ReplyBody::Frames(frames(answer::events(answer), &context))
                } else {
                    codec::OPENAI_CHAT.encode_reply(&answer, &context)?.into()
                };
                Ok((Protocol::OPENAI_CHAT, body))
            }
            Operation::Embed => {
                let typed = embed_request(request)?;
                let body = codec::OPENAI_EMBEDDINGS.encode_reply(&answer::embed(&typed), typed.base64, &context)?;
                Ok((Protocol::OPENAI_EMBEDDINGS, body.into()))
            }
            Operation::Models => {
                let body = codec::OPENAI_MODELS.encode_reply(&[ModelInfo::new("echo")])?;
                Ok((Protocol::OPENAI_MODELS, body.into()))
            }
            other => Err(Error::new(ErrorKind::Unsupported, format!("the echo has no operation `{other}`"))),
        }
    }
}

#[async_trait]
impl Provider for Echo {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        let (protocol, body) = self.body(&request, cx).map_err(|error| error.with_provider(&self.info.name))?;
        Ok(Reply::new(protocol, &self.info.name, &request.model, body))
    }
}

fn frames(events: Vec<tollbridge_types::ChatEvent>, context: &ReplyContext<'_>) -> FrameStream {
    let mut encoder = codec::OPENAI_CHAT.stream_encoder(context);
    let mut frames = Vec::new();
    for event in events {
        encoder.encode(event, &mut frames);
    }
    encoder.finish(&mut frames);
    Box::pin(stream::iter(frames.into_iter().map(Ok)))
}
