#![doc = include_str!("../README.md")]

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use tollbridge_core::{
    CallContext, Error, ErrorKind, FrameStream, Operation, Provider, ProviderInfo, ProviderSettings, Registration,
    Reply, ReplyBody, Request, Secret, Timeouts, Transport,
};
use tollbridge_protocol::{ReplyContext, chat_request, codec};
use tollbridge_types::{ChatReply, Choice, Finish, FinishReason, Part, Protocol};

/// Acme's server.
pub const REGISTRATION: Registration = Registration::new("acme", "Acme's server", build)
    .base_url("http://127.0.0.1:9999")
    .base_env(&["ACME_BASE_URL"])
    .key_env(&["ACME_API_KEY"]);

tollbridge_core::register_provider!(REGISTRATION);

fn build(
    kind: &Registration,
    settings: ProviderSettings,
    transport: Arc<dyn Transport>,
) -> Result<Arc<dyn Provider>, Error> {
    let base = settings.base_url.as_deref().or(kind.base_url).unwrap_or_default();
    let key = settings.api_key.clone().ok_or_else(|| {
        Error::new(ErrorKind::Config, "the provider has no key").with_hint("set `api_key`, or ACME_API_KEY")
    })?;
    Ok(Arc::new(Acme {
        info: ProviderInfo::new(settings.name, &[(Operation::Chat, Protocol::OPENAI_CHAT)]),
        url: format!("{}/say", base.trim_end_matches('/')),
        key,
        timeouts: settings.timeouts,
        transport,
    }))
}

struct Acme {
    info: ProviderInfo,
    url: String,
    key: Secret,
    timeouts: Timeouts,
    transport: Arc<dyn Transport>,
}

#[derive(Deserialize)]
struct Said {
    answer: String,
}

#[async_trait]
impl Provider for Acme {
    fn info(&self) -> &ProviderInfo {
        &self.info
    }

    async fn call(&self, request: Request, cx: &CallContext) -> Result<Reply, Error> {
        if request.operation != Operation::Chat {
            return Err(Error::new(ErrorKind::Unsupported, "acme only chats").with_provider(&self.info.name));
        }
        let question = chat_request(&request)?.messages.last().map(|message| message.text()).unwrap_or_default();
        let said = self.say(&question, cx).await.map_err(|error| error.with_provider(&self.info.name))?;
        let context = ReplyContext::new(&cx.request_id, &request.model, 0);
        let mut choice = Choice::default();
        choice.parts = vec![Part::text(said.answer)];
        choice.finish = Some(Finish::new(FinishReason::Stop, None));
        let mut answer = ChatReply::default();
        answer.choices = vec![choice];
        let body: ReplyBody = if request.stream {
            frames(answer, &context).into()
        } else {
            codec::OPENAI_CHAT.encode_reply(&answer, &context)?.into()
        };
        Ok(Reply::new(Protocol::OPENAI_CHAT, &self.info.name, &request.model, body))
    }
}

impl Acme {
    async fn say(&self, question: &str, cx: &CallContext) -> Result<Said, Error> {
        let body = serde_json::json!({"question": question}).to_string();
        let request = http::Request::post(&self.url)
            .header("x-acme-key", self.key.header("")?)
            .body(Bytes::from(body))
            .map_err(|_| Error::new(ErrorKind::Config, "`base_url` is not a URL"))?;
        let (head, mut stream) = self.transport.send(request.map(Into::into), self.timeouts, cx).await?.into_parts();
        let mut body = Vec::new();
        while let Some(bytes) = stream.next().await {
            body.extend_from_slice(&bytes?);
        }
        if !head.status.is_success() {
            return Err(Error::new(ErrorKind::Server, format!("acme answered {}", head.status)));
        }
        serde_json::from_slice(&body).map_err(|_| Error::new(ErrorKind::Decode, "acme's answer cannot be read"))
    }
}

fn frames(answer: ChatReply, context: &ReplyContext<'_>) -> FrameStream {
    let mut encoder = codec::OPENAI_CHAT.stream_encoder(context);
    let mut frames = Vec::new();
    for event in answer.into_events() {
        encoder.encode(event, &mut frames);
    }
    encoder.finish(&mut frames);
    Box::pin(stream::iter(frames.into_iter().map(Ok)))
}
