//! Forwarding to a server of OpenAI's protocol, over plain HTTP.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::answer::Ask;
use crate::capture::Recorded;
use crate::respond::{Body, json_body, streamed};
use crate::upstream::Shared;

/// How long a target may take to begin its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Passes a request on untouched, and the reply back, status and stream included.
pub(crate) async fn relay(shared: &Shared, recorded: &Recorded) -> Response<Body> {
    let reply = match send(shared, recorded.body.clone()).await {
        Ok(reply) => reply,
        Err(error) => return json_body(502, &json!({"error": format!("proxy_failed: {error}")})),
    };
    let (head, body) = reply.into_parts();
    let chunks = http_body_util::BodyStream::new(body).filter_map(|frame| async move {
        match frame {
            Ok(frame) => frame.into_data().ok().map(Ok),
            Err(error) => Some(Err(io::Error::other(error))),
        }
    });
    let mut response = streamed("application/json", chunks.boxed());
    *response.status_mut() = head.status;
    for name in [header::CONTENT_TYPE, header::RETRY_AFTER] {
        if let Some(value) = head.headers.get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

/// Asks the target in OpenAI's protocol, and returns its words, or its status if it refused.
pub(crate) async fn ask(shared: &Shared, ask: &Ask) -> Result<String, u16> {
    let messages: Vec<Value> = ask
        .messages
        .iter()
        .map(|(role, text)| {
            let role = if role == "model" { "assistant" } else { role };
            json!({"role": role, "content": text})
        })
        .collect();
    let mut body = json!({"model": shared.model, "messages": messages});
    if let Some(limit) = ask.limit {
        body["max_tokens"] = json!(limit);
    }
    let reply = send(shared, Bytes::from(body.to_string())).await.map_err(|_| 502_u16)?;
    let status = reply.status();
    let body = reply.into_body().collect().await.map_err(|_| 502_u16)?.to_bytes();
    if !status.is_success() {
        return Err(status.as_u16());
    }
    let body: Value = serde_json::from_slice(&body).map_err(|_| 502_u16)?;
    Ok(body["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned())
}

async fn send(shared: &Shared, body: Bytes) -> Result<Response<Incoming>, String> {
    let target = shared.target.as_deref().unwrap_or_default().trim_end_matches('/');
    let mut request =
        Request::post(format!("{target}/chat/completions")).header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = &shared.api_key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let request = request.body(Full::new(body)).map_err(|error| error.to_string())?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let reply = tokio::time::timeout(PATIENCE, client.request(request)).await;
    reply.map_err(|_| "the target did not answer in time".to_owned())?.map_err(|error| error.to_string())
}
