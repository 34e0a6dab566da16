use serde::{Deserialize, Deserializer, Serialize, de};
use tollbridge_types::Json;

use super::fields::{Open, read};
use super::{Fields, Payload};

/// Something that happened, with where it belongs. Its JSON is stable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its id: a UUID of version 7, so that ids are in the order of time.
    pub id: String,
    /// When it happened, in milliseconds since 1970 UTC.
    pub at_ms: u64,
    /// The chain that it belongs to: all events of a task, or else of a call, have one.
    pub trace_id: String,
    /// The task, if the call is of one.
    pub task_id: Option<String>,
    /// The call, if it is about one.
    pub request_id: Option<String>,
    /// Its number in the chain, from 1.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub payload: Payload,
    /// Fields of later versions.
    #[serde(flatten)]
    pub rest: Fields,
}

impl Event {
    /// Numbers something that happened.
    pub fn new(id: impl Into<String>, at_ms: u64, trace: Trace<'_>, seq: u64, payload: Payload) -> Self {
        Self {
            id: id.into(),
            at_ms,
            trace_id: trace.id(),
            task_id: trace.task.map(str::to_owned),
            request_id: trace.request.map(str::to_owned),
            seq,
            payload,
            rest: Fields::default(),
        }
    }
}

/// The chain that an event belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trace<'a> {
    task: Option<&'a str>,
    request: Option<&'a str>,
}

impl<'a> Trace<'a> {
    /// Names the chain of a call's task, or of the call itself if it is of none.
    pub const fn of_call(request_id: &'a str, task_id: Option<&'a str>) -> Self {
        Self { task: task_id, request: Some(request_id) }
    }

    /// Names the one chain of what is about no call.
    pub const fn of_gateway() -> Self {
        Self { task: None, request: None }
    }

    /// Returns the id that the chain's events share, such as `trace-task-1`.
    pub fn id(self) -> String {
        format!("trace-{}", self.task.or(self.request).unwrap_or("gateway"))
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        let wire: Wire = read(&json).map_err(de::Error::custom)?;
        let payload = Payload::read(&wire.kind, &wire.payload).map_err(de::Error::custom)?;
        Ok(Self {
            id: wire.id,
            at_ms: wire.at_ms,
            trace_id: wire.trace_id,
            task_id: wire.task_id,
            request_id: wire.request_id,
            seq: wire.seq,
            payload,
            rest: wire.rest,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "empty")]
    payload: Json,
    #[serde(default)]
    id: String,
    #[serde(default)]
    at_ms: u64,
    #[serde(default)]
    trace_id: String,
    #[serde(default)]
    task_id: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
    #[serde(default)]
    seq: u64,
    #[serde(flatten, skip_deserializing)]
    rest: Fields,
}

impl Open for Wire {
    fn rest(&mut self) -> &mut Fields {
        &mut self.rest
    }
}

fn empty() -> Json {
    Json::from(serde_json::json!({}))
}
