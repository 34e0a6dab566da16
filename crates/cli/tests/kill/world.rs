use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use http::Request;
use tokio::sync::Notify;
use tollbridge::core::Transport;
use tollbridge::transport::HttpTransport;
use tollbridge::{CallContext, Timeouts};
use tollbridge_testkit::{Kind, Upstream};

use crate::call::Call;
use crate::gateway::Gateway;
use crate::random::Random;

/// Mock upstreams that live on while gateways die, a data directory, and what clients have seen.
pub(crate) struct World {
    pub(crate) upstreams: Vec<Upstream>,
    folder: tempfile::TempDir,
    arguments: Vec<String>,
    http: HttpTransport,
    calls: AtomicU64,
    pub(crate) seen: Mutex<Vec<Seen>>,
}

/// What a client saw of its call.
pub(crate) struct Seen {
    pub(crate) marker: String,
    /// The status; `None` if no head came.
    pub(crate) status: Option<u16>,
    /// Whether the answer came to its end.
    pub(crate) over: bool,
}

impl World {
    /// Starts the upstreams. The arguments are for every gateway.
    pub(crate) async fn start(arguments: &[&str]) -> Arc<Self> {
        let mut all: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut upstreams = Vec::new();
        for (name, kind) in [("openai", Kind::OpenAi), ("anthropic", Kind::Anthropic), ("gemini", Kind::Google)] {
            let upstream = Upstream::new(kind).numbered(true).start().await.unwrap();
            let url = upstream.url();
            for setting in [format!("providers.{name}.base_url={url}"), format!("providers.{name}.api_key=k")] {
                all.extend(["--set".to_owned(), setting]);
            }
            upstreams.push(upstream);
        }
        Arc::new(Self {
            upstreams,
            folder: tempfile::tempdir().unwrap(),
            arguments: all,
            http: HttpTransport::new(Duration::from_secs(5)).unwrap(),
            calls: AtomicU64::new(0),
            seen: Mutex::default(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn directory(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.directory().join("ledger.db")
    }

    /// Returns the file that the gateways write their errors to.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder().join("log")
    }

    pub(crate) fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Scripts what goes wrong at the vendors next, and what is slow.
    pub(crate) fn script(&self, random: &mut Random) {
        for upstream in &self.upstreams {
            let steps: Vec<_> = (0..random.below(12)).map(|_| *random.one(STEPS)).collect();
            upstream.script(steps).unwrap();
        }
    }

    /// Chooses the next call.
    pub(crate) fn next_call(&self, random: &mut Random) -> Call {
        Call::random(random, self.calls.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes calls one after the other, of which each must be answered to its end.
    pub(crate) async fn answered_calls(&self, gateway: &Gateway, random: &mut Random, count: usize) {
        let events = Events::until(0);
        for _ in 0..count {
            let call = self.next_call(random).patient();
            let marker = call.marker.clone();
            self.make(call, &gateway.url(), &events).await;
            let seen = self.seen.lock().unwrap();
            let last = seen.last().unwrap();
            assert!(last.marker == marker && last.status == Some(200) && last.over, "{marker}: {:?}", last.status);
        }
    }

    /// Makes a call as its client does, and keeps what it saw.
    pub(crate) async fn make(&self, call: Call, url: &str, events: &Events) {
        let mut seen = Seen { marker: call.marker.clone(), status: None, over: false };
        let request = Request::post(format!("{url}{}", call.path))
            .header("content-type", "application/json")
            .header("x-tollbridge-task", &call.marker)
            .body(Bytes::from(call.body.to_string()).into())
            .unwrap();
        let answer = self.http.send(request, Timeouts::default(), &CallContext::new("test")).await;
        events.count();
        if let Ok(answer) = answer {
            let (head, mut body) = answer.into_parts();
            seen.status = Some(head.status.as_u16());
            let (mut received, mut pieces) = (Vec::new(), 0);
            while call.leaves_after.is_none_or(|limit| pieces < limit) {
                match body.next().await {
                    Some(Ok(bytes)) => {
                        received.extend_from_slice(&bytes);
                        // Several events of a stream may come in one piece.
                        let ends = bytes.windows(2).filter(|two| two == b"\n\n").count();
                        (0..ends.max(1)).for_each(|_| events.count());
                    }
                    ended => {
                        seen.over = call.is_over(&received, ended.is_none());
                        break;
                    }
                }
                seen.over = call.is_over(&received, false);
                pieces += 1;
            }
        }
        self.seen.lock().unwrap().push(seen);
    }
}

/// Counts what clients see happen, until the moment that was chosen.
pub(crate) struct Events {
    left: AtomicU64,
    reached: Notify,
}

impl Events {
    /// Reaches its moment after so many events.
    pub(crate) fn until(count: u64) -> Self {
        Self { left: AtomicU64::new(count), reached: Notify::new() }
    }

    pub(crate) fn count(&self) {
        let one_less = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) == Ok(1) {
            self.reached.notify_one();
        }
    }

    /// Waits for the moment.
    pub(crate) async fn reached(&self) {
        if self.left.load(Ordering::Relaxed) > 0 {
            self.reached.notified().await;
        }
    }
}

/// What vendors do, as the test kit writes it.
const STEPS: &[&str] = &[
    "ok",
    "ok",
    "ok",
    "429;retry-after=1",
    "500",
    "overloaded",
    "reset",
    "delay:15",
    "delay:40",
    "pace:2",
    "pace:5",
    "pace:10",
    "pace:2+split:40",
    "cut-after:3",
    "stream-error",
    "malformed",
    "truncated",
];
