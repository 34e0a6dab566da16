use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde_json::{Map, Value, json};

use crate::answered::Answered;

/// A request that an upstream received.
#[derive(Debug)]
#[non_exhaustive]
pub struct Recorded {
    /// Its number, from 1.
    pub sequence: u64,
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers, keys included: mind what you print.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When it came, in milliseconds since 1970 UTC.
    pub arrived: u128,
    pub(crate) disconnected: AtomicBool,
    answer: Mutex<Option<Answered>>,
}

impl Recorded {
    pub(crate) fn new(sequence: u64, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Self {
        let arrived = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self {
            sequence,
            method,
            uri,
            headers,
            body,
            arrived,
            disconnected: AtomicBool::new(false),
            answer: Mutex::default(),
        }
    }

    /// Returns a header as a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Reads the body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Says whether the client went away before its reply ended.
    pub fn disconnected(&self) -> bool {
        self.disconnected.load(Ordering::Acquire)
    }

    /// Returns what was answered until now; `None` if no answer has begun.
    pub fn answer(&self) -> Option<Answered> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn answering(&self, status: u16) {
        let answered = Answered { status, ..Answered::default() };
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answered);
    }

    pub(crate) fn answered(&self, bytes: &[u8]) {
        self.change(|answer| answer.body.extend_from_slice(bytes));
    }

    pub(crate) fn answer_ended(&self) {
        self.change(|answer| answer.ended = true);
    }

    fn change(&self, change: impl FnOnce(&mut Answered)) {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(change);
    }

    /// Shows the request with its keys masked.
    pub(crate) fn to_json(&self) -> Value {
        let headers: Map<String, Value> = self
            .headers
            .iter()
            .map(|(name, value)| {
                let secret = matches!(
                    name.as_str(),
                    "authorization" | "x-api-key" | "api-key" | "x-goog-api-key" | "x-amz-security-token"
                );
                let text = if secret { "***".into() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
                (name.to_string(), Value::from(text))
            })
            .collect();
        let body: Value =
            serde_json::from_slice(&self.body).unwrap_or_else(|_| String::from_utf8_lossy(&self.body).into());
        json!({
            "sequence": self.sequence,
            "method": self.method.as_str(),
            "path": self.uri.path(),
            "query": self.uri.query(),
            "headers": headers,
            "body": body,
            "arrived": u64::try_from(self.arrived).unwrap_or(u64::MAX),
            "disconnected": self.disconnected(),
        })
    }
}
