//! A transport that goes nowhere: it keeps each request and plays back what it was given.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use tollbridge_core::{
    ByteStream, CallContext, Error, ErrorKind, Frame, Operation, Protocol, Provider, ProviderSettings, Registration,
    Reply, ReplyBody, Request, RequestBody, Secret, Timeouts, Transport,
};

pub(crate) const KEY: &str = "sk-secret-1234";

/// Every kind of provider that sends requests.
pub(crate) fn kinds() -> Vec<Registration> {
    let natives = [
        tollbridge_openai::REGISTRATION,
        tollbridge_anthropic::REGISTRATION,
        tollbridge_gemini::REGISTRATION,
        tollbridge_azure::REGISTRATION,
        tollbridge_mistral::REGISTRATION,
        tollbridge_ollama::REGISTRATION,
    ];
    natives.into_iter().chain(tollbridge_openai_compatible::VENDORS.iter().copied()).collect()
}

/// Finds a kind by its name.
pub(crate) fn kind(name: &str) -> Registration {
    kinds().into_iter().find(|kind| kind.kind == name).unwrap()
}

/// Settings with a key and, where the kind has no base URL of its own, one of ours.
pub(crate) fn settings(kind: &Registration) -> ProviderSettings {
    let mut settings = ProviderSettings::new(kind.kind);
    settings.api_key = Some(Secret::new(KEY));
    settings.base_url = kind.base_url.is_none().then(|| "https://host.test".to_owned());
    settings
}

/// A canned answer, in the pieces in which it arrives.
pub(crate) struct Canned {
    status: u16,
    headers: HeaderMap,
    pieces: Vec<(Duration, Result<Bytes, ErrorKind>)>,
    endless: bool,
}

impl Canned {
    pub(crate) fn new(status: u16, body: &str) -> Self {
        Self::pieces(&[body]).status(status)
    }

    pub(crate) fn pieces(pieces: &[&str]) -> Self {
        let pieces =
            pieces.iter().map(|piece| (Duration::ZERO, Ok(Bytes::copy_from_slice(piece.as_bytes())))).collect();
        Self { status: 200, headers: HeaderMap::new(), pieces, endless: false }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// Adds a piece that comes after a pause.
    pub(crate) fn after(mut self, pause: Duration, piece: &str) -> Self {
        self.pieces.push((pause, Ok(Bytes::copy_from_slice(piece.as_bytes()))));
        self
    }

    /// Breaks the connection behind the pieces.
    pub(crate) fn broken(mut self) -> Self {
        self.pieces.push((Duration::ZERO, Err(ErrorKind::Network)));
        self
    }

    /// Keeps the connection open behind the pieces, for good.
    pub(crate) fn endless(mut self) -> Self {
        self.endless = true;
        self
    }

    fn play(self) -> http::Response<ByteStream> {
        let body = stream::iter(self.pieces).then(|(pause, piece)| async move {
            tokio::time::sleep(pause).await;
            piece.map_err(|kind| Error::new(kind, "the connection broke"))
        });
        let body: ByteStream = if self.endless { body.chain(stream::pending()).boxed() } else { body.boxed() };
        let mut response = http::Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        *response.headers_mut() = self.headers;
        response
    }
}

/// What was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Plays back answers in order, the last one for good.
pub(crate) struct Fake {
    answers: Mutex<VecDeque<Canned>>,
    sent: Mutex<Vec<Sent>>,
}

impl Fake {
    pub(crate) fn new(answers: impl IntoIterator<Item = Canned>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), sent: Mutex::default() })
    }

    /// Refuses every call, for tests that look only at what was sent.
    pub(crate) fn refusing() -> Arc<Self> {
        Self::new([])
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn last(&self) -> Sent {
        self.sent().pop().unwrap()
    }
}

#[async_trait]
impl Transport for Fake {
    async fn send(
        &self,
        request: http::Request<RequestBody>,
        _: Timeouts,
        _: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error> {
        let (head, body) = request.into_parts();
        self.sent.lock().unwrap().push(Sent {
            method: head.method.to_string(),
            url: head.uri.to_string(),
            headers: head.headers,
            body: String::from_utf8(body.into_whole().unwrap().to_vec()).unwrap(),
        });
        let answer = self.answers.lock().unwrap().pop_front();
        Ok(answer.unwrap_or_else(|| Canned::new(503, "{}")).play())
    }
}

/// Makes a provider that talks to the fake.
pub(crate) fn provider(
    name: &str,
    fake: &Arc<Fake>,
    set: impl FnOnce(&mut ProviderSettings),
) -> Result<Arc<dyn Provider>, Error> {
    let kind = kind(name);
    let mut settings = settings(&kind);
    set(&mut settings);
    (kind.build)(&kind, settings, Arc::clone(fake) as _)
}

/// Makes a call with the smallest body of OpenAI's protocol.
pub(crate) async fn chat(provider: &Arc<dyn Provider>, model: &str, stream: bool) -> Result<Reply, Error> {
    let body = serde_json::json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
    let body = Bytes::from(body.to_string());
    let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, model, body).with_stream(stream);
    provider.call(request, &CallContext::new("1")).await
}

/// Makes an embeddings call with the smallest body of OpenAI's protocol.
pub(crate) async fn embed(provider: &Arc<dyn Provider>, model: &str) -> Result<Reply, Error> {
    let body = Bytes::from(serde_json::json!({"model": model, "input": "hi"}).to_string());
    let request = Request::from_wire(Operation::Embed, Protocol::OPENAI_EMBEDDINGS, model, body);
    provider.call(request, &CallContext::new("1")).await
}

/// Reads a stream to its end: the data of its frames, and the error that ended it.
pub(crate) async fn frames(reply: Reply) -> (Vec<String>, Option<Error>) {
    let ReplyBody::Frames(mut stream) = reply.body else { panic!("not a stream: {reply:?}") };
    let mut frames = Vec::new();
    while let Some(next) = stream.next().await {
        match next {
            Ok(frame) => frames.push(data(&frame)),
            Err(error) => {
                assert!(stream.next().await.is_none(), "a stream ends at its error");
                return (frames, Some(error));
            }
        }
    }
    (frames, None)
}

fn data(frame: &Frame) -> String {
    String::from_utf8(frame.data.to_vec()).unwrap()
}
