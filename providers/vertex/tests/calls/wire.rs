//! A transport that goes nowhere, and plays both Vertex AI and the token server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tollbridge_core::{
    ByteStream, CallContext, Error, ErrorKind, Operation, Protocol, Provider, ProviderSettings, Reply, Request,
    RequestBody, Secret, Timeouts, Transport,
};
use tollbridge_vertex::REGISTRATION;

pub(crate) const KEY: &str = include_str!("key.pem");

/// Keeps what is sent. Answers stand ready in order; where none does, calls succeed.
pub(crate) struct Fake {
    sent: Mutex<Vec<http::Request<Bytes>>>,
    tokens: Mutex<VecDeque<(u16, Value)>>,
    calls: Mutex<VecDeque<(u16, Value)>>,
    /// How many more tokens may be handed out.
    gate: Semaphore,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Self::gated(Semaphore::MAX_PERMITS)
    }

    /// Lets only so many requests for tokens through, until it is opened further.
    pub(crate) fn gated(tokens: usize) -> Arc<Self> {
        let (sent, queue) = (Mutex::default(), || Mutex::new(VecDeque::new()));
        Arc::new(Self { sent, tokens: queue(), calls: queue(), gate: Semaphore::new(tokens) })
    }

    pub(crate) fn open(&self, more: usize) {
        self.gate.add_permits(more);
    }

    /// Answers the next request for a token.
    pub(crate) fn token(&self, status: u16, body: Value) {
        self.tokens.lock().unwrap().push_back((status, body));
    }

    /// Answers the next call.
    pub(crate) fn call(&self, status: u16, body: Value) {
        self.calls.lock().unwrap().push_back((status, body));
    }

    pub(crate) fn sent(&self) -> Vec<http::Request<Bytes>> {
        self.sent.lock().unwrap().clone()
    }

    /// Returns the requests for tokens.
    pub(crate) fn fetches(&self) -> Vec<http::Request<Bytes>> {
        self.sent().into_iter().filter(is_fetch).collect()
    }

    /// Returns the requests to Vertex AI.
    pub(crate) fn made(&self) -> Vec<http::Request<Bytes>> {
        self.sent().into_iter().filter(|request| !is_fetch(request)).collect()
    }

    pub(crate) fn last(&self) -> http::Request<Bytes> {
        self.made().pop().unwrap()
    }
}

fn is_fetch(request: &http::Request<Bytes>) -> bool {
    request.uri().path().ends_with("/token")
}

#[async_trait]
impl Transport for Fake {
    async fn send(
        &self,
        request: http::Request<RequestBody>,
        _: Timeouts,
        _: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error> {
        let request = request.map(|body| body.into_whole().unwrap());
        let path = request.uri().path().to_owned();
        self.sent.lock().unwrap().push(request.clone());
        let (status, body) = if is_fetch(&request) {
            self.gate.acquire().await.unwrap().forget();
            let number = self.fetches().len();
            let usual = json!({"access_token": format!("token-{number}"), "expires_in": 3600, "token_type": "Bearer"});
            self.tokens.lock().unwrap().pop_front().unwrap_or((200, usual))
        } else {
            self.calls.lock().unwrap().pop_front().unwrap_or((200, answer(&path)))
        };
        if status == 0 {
            return Err(Error::new(ErrorKind::Network, "the server could not be reached"));
        }
        let body: ByteStream = Box::pin(stream::iter([Ok(Bytes::from(body.to_string()))]));
        let mut response = http::Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        Ok(response)
    }
}

fn answer(path: &str) -> Value {
    if path.ends_with("count-tokens:rawPredict") {
        return json!({"input_tokens": 1});
    }
    match path.rsplit(':').next().unwrap() {
        "rawPredict" | "streamRawPredict" => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
            "stop_reason": "end_turn", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 1},
        }),
        "predict" => json!({
            "predictions": [
                {"embeddings": {"values": [0.5, -1], "statistics": {"token_count": 2, "truncated": false}}},
                {"embeddings": {"values": [0.25, 1], "statistics": {"token_count": 3, "truncated": false}}},
            ],
            "metadata": {"billableCharacterCount": 9},
        }),
        "countTokens" => json!({"totalTokens": 1}),
        _ => json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}),
    }
}

/// Makes a provider that talks to the fake.
pub(crate) fn provider(fake: &Arc<Fake>, set: impl FnOnce(&mut ProviderSettings)) -> Result<Arc<dyn Provider>, Error> {
    let mut settings = ProviderSettings::new("vertex");
    set(&mut settings);
    (REGISTRATION.build)(&REGISTRATION, settings, Arc::clone(fake) as _)
}

/// Sets options.
pub(crate) fn options<'a>(list: &'a [(&'a str, &'a str)]) -> impl FnOnce(&mut ProviderSettings) + 'a {
    move |settings| settings.options.extend(list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

/// Sets a token of one's own, and a project.
pub(crate) fn keyed(settings: &mut ProviderSettings) {
    settings.api_key = Some(Secret::new("own-token"));
    options(&[("project", "p")])(settings);
}

/// The JSON of a service account's key.
pub(crate) fn service_account() -> Value {
    json!({
        "type": "service_account",
        "project_id": "from-file",
        "private_key_id": "key-1",
        "private_key": KEY,
        "client_email": "robot@from-file.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.test/token",
    })
}

/// Makes a provider with the key of a service account.
pub(crate) fn robot(fake: &Arc<Fake>) -> Arc<dyn Provider> {
    provider(fake, options(&[("credentials", &service_account().to_string())])).unwrap()
}

/// Makes a request of the bytes of a protocol.
pub(crate) fn wire(operation: Operation, protocol: Protocol, model: &str, body: impl Into<Bytes>) -> Request {
    Request::from_wire(operation, protocol, model, body.into())
}

/// Makes a chat request of OpenAI's protocol.
pub(crate) fn chat(model: &str) -> Request {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    wire(Operation::Chat, Protocol::OPENAI_CHAT, model, body)
}

/// Calls a model with the smallest of requests.
pub(crate) async fn call(provider: &Arc<dyn Provider>, model: &str) -> Result<Reply, Error> {
    provider.call(chat(model), &CallContext::new("1")).await
}

pub(crate) fn header<'a>(request: &'a http::Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).map(|value| value.to_str().unwrap())
}
