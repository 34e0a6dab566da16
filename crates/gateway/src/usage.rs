//! The ledger over HTTP: what the command `usage` does, for those who may.

mod query;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{OriginalUri, Path, State as Shared};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tollbridge::usage::ledger::{ExportFormat, Reader, Upkeep};
use tollbridge::{Error, ErrorKind, Protocol};

use crate::server::State;
use crate::{failure, output};
use query::Query;

pub(crate) async fn summary(Shared(state): Shared<Arc<State>>, uri: OriginalUri) -> Response {
    answer(&state, move |state| {
        let query = Query::read(uri.query())?;
        query.allow(&["by"])?;
        let summary = open(state)?.summary(&query.filter, &query.by()?, &query.zone)?;
        Ok(match state.client.metering() {
            Some(metering) => summary.with_rates(metering.rates()),
            None => summary,
        })
    })
    .await
}

pub(crate) async fn records(Shared(state): Shared<Arc<State>>, uri: OriginalUri) -> Response {
    answer(&state, move |state| {
        let query = Query::read(uri.query())?;
        query.allow(&["limit"])?;
        let mut records = Vec::new();
        open(state)?.records(&query.filter, true, Some(query.limit()?), |attempt| {
            records.push(attempt);
            Ok(())
        })?;
        Ok(json!({"object": "list", "data": records}))
    })
    .await
}

pub(crate) async fn call(Shared(state): Shared<Arc<State>>, Path(id): Path<String>) -> Response {
    answer(&state, move |state| Ok(json!({"object": "list", "data": open(state)?.call(&id)?}))).await
}

pub(crate) async fn budgets(Shared(state): Shared<Arc<State>>) -> Response {
    answer(&state, |state| {
        let budgets = state.client.metering().and_then(|metering| metering.budgets());
        Ok(json!({"object": "list", "data": budgets.map(|budgets| budgets.status()).unwrap_or_default()}))
    })
    .await
}

pub(crate) async fn reprice(Shared(state): Shared<Arc<State>>, uri: OriginalUri) -> Response {
    answer(&state, move |state| {
        let query = Query::read(uri.query())?;
        query.allow(&[])?;
        let directory = directory(state)?;
        let book = state.client.metering().ok_or_else(off)?.prices();
        Upkeep::open(&directory)?.reprice(&query.filter, book.version(), |attempt| book.again(attempt))
    })
    .await
}

pub(crate) async fn cleanup(Shared(state): Shared<Arc<State>>, uri: OriginalUri) -> Response {
    answer(&state, move |state| {
        let query = Query::read(uri.query())?;
        query.allow(&["keep", "dry_run"])?;
        let (before, dry_run) = (query.before()?, query.flag("dry_run")?);
        let count = Upkeep::open(&directory(state)?)?.cleanup(before, dry_run)?;
        Ok(json!({"before": before, "deleted": if dry_run { 0 } else { count }, "found": count}))
    })
    .await
}

/// Streams records while they are read.
pub(crate) async fn export(Shared(state): Shared<Arc<State>>, uri: OriginalUri) -> Response {
    let request_id = state.client.context().request_id;
    let prepared = Query::read(uri.query()).and_then(|query| {
        query.allow(&["format"])?;
        let format = query.format()?;
        directory(&state)?;
        Ok((query, format))
    });
    let (query, format) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return failure::response(&error, Protocol::OPENAI_CHAT, &request_id),
    };
    let (sender, receiver) = mpsc::channel(8);
    tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe { sender, waiting: Vec::with_capacity(PIECE) };
        let written = open(&state).and_then(|reader| reader.export(&query.filter, format, &mut pipe));
        if let Err(error) = written {
            tracing::warn!(%error, "an export ended early");
            // The client must not take what it has for all. If it has left, nobody misses this.
            let _ = pipe.sender.blocking_send(Err(io::Error::other("the export ended early")));
        }
    });
    let body = stream::unfold(receiver, |mut receiver| async move {
        let piece = receiver.recv().await?;
        Some((piece, receiver))
    });
    let mut response = Response::new(Body::from_stream(body));
    let kind = if format == ExportFormat::Csv { "text/csv; charset=utf-8" } else { "application/jsonl" };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Does blocking work and writes what it brings as JSON.
async fn answer<T: Serialize + Send + 'static>(
    state: &Arc<State>,
    work: impl FnOnce(&State) -> Result<T, Error> + Send + 'static,
) -> Response {
    let request_id = state.client.context().request_id;
    let state = Arc::clone(state);
    let done = tokio::task::spawn_blocking(move || work(&state)).await;
    let done = done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Unknown, "an internal error; see the server's log")));
    match done.map(|value| serde_json::to_vec(&value).unwrap_or_default()) {
        Ok(body) => output::json(StatusCode::OK, body.into(), &request_id),
        Err(error) => {
            failure::log(&error, &request_id);
            failure::response(&error, Protocol::OPENAI_CHAT, &request_id)
        }
    }
}

/// Opens the ledger when what was settled until now is in it.
fn open(state: &State) -> Result<Reader, Error> {
    let directory = directory(state)?;
    let ledger = state.client.metering().and_then(|metering| metering.ledger()).ok_or_else(off)?;
    ledger.flush(PATIENCE);
    Reader::open(&directory)
}

fn directory(state: &State) -> Result<PathBuf, Error> {
    let ledger = state.client.metering().and_then(|metering| metering.ledger()).ok_or_else(off)?;
    Ok(ledger.database().parent().map_or_else(PathBuf::new, PathBuf::from))
}

fn off() -> Error {
    Error::new(ErrorKind::Unsupported, "calls are not recorded here").with_hint("switch `usage.enabled` on")
}

/// Sends what is written in pieces; it waits while the client is slow.
struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    waiting: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE));
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// How much of an export is sent at once, in bytes.
const PIECE: usize = 64 << 10;
/// How long a question waits for what was settled just before.
const PATIENCE: Duration = Duration::from_secs(2);
