//! How a call ends before its reply does: time limits, the caller's will, a body that is dropped.

use std::time::{Duration, Instant};

use crate::server::{Server, closed, read_request, whole};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tollbridge_core::{CallContext, ErrorKind, TimeoutPhase, Timeouts, Transport};
use tollbridge_transport::HttpTransport;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
const CHUNK: &[u8] = b"1\r\nx\r\n";
const END: &[u8] = b"0\r\n\r\n";

fn transport() -> HttpTransport {
    HttpTransport::new(Duration::from_secs(10)).unwrap()
}

fn context() -> CallContext {
    CallContext::new("1")
}

fn limits(set: impl FnOnce(&mut Timeouts)) -> Timeouts {
    let mut timeouts = Timeouts::default();
    set(&mut timeouts);
    timeouts
}

/// Starts a server that writes a beginning and then nothing, and tells when its client is gone.
async fn silent_after(beginning: &'static [u8]) -> (Server, mpsc::UnboundedReceiver<&'static str>) {
    let (sender, events) = mpsc::unbounded_channel();
    let server = Server::start(move |mut socket: TcpStream| {
        let sender = sender.clone();
        async move {
            read_request(&mut socket).await.unwrap();
            socket.write_all(beginning).await.unwrap();
            sender.send("answering").unwrap();
            closed(&mut socket).await;
            sender.send("closed").unwrap();
        }
    })
    .await;
    (server, events)
}

#[tokio::test]
async fn an_answer_that_does_not_begin_is_a_first_byte_timeout() {
    let timeouts = limits(|timeouts| timeouts.first_byte = Duration::from_millis(50));
    let (server, mut events) = silent_after(b"").await;
    let error = transport().send(server.request(), timeouts, &context()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutPhase::FirstByte));
    assert_eq!(error.to_string(), "no answer began within 50ms");
    assert_eq!((events.recv().await, events.recv().await), (Some("answering"), Some("closed")));
}

#[tokio::test]
async fn a_head_without_a_body_is_a_first_byte_timeout() {
    let (server, mut events) = silent_after(HEAD).await;
    let mut body = transport().send(server.request(), Timeouts::default(), &context()).await.unwrap().into_body();
    tokio::time::pause();
    let error = body.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutPhase::FirstByte));
    assert!(body.next().await.is_none());
    assert_eq!((events.recv().await, events.recv().await), (Some("answering"), Some("closed")));
}

#[tokio::test]
async fn the_idle_limit_is_between_pieces_and_not_over_the_whole() {
    let server = Server::start(|mut socket| async move {
        read_request(&mut socket).await.unwrap();
        socket.write_all(HEAD).await.unwrap();
        for _ in 0..40 {
            socket.write_all(CHUNK).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        socket.write_all(END).await.unwrap();
    })
    .await;
    let timeouts = limits(|timeouts| timeouts.idle = Duration::from_secs(5));
    let reply = transport().send(server.request(), timeouts, &context()).await.unwrap();
    // From here on, time is the test's: forty seconds pass in an instant.
    tokio::time::pause();
    assert_eq!(whole(reply.into_body()).await.unwrap().len(), 40);
}

#[tokio::test]
async fn a_stall_is_an_idle_timeout_after_what_had_arrived() {
    let (server, mut events) = silent_after(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let mut body = transport().send(server.request(), Timeouts::default(), &context()).await.unwrap().into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "x");
    tokio::time::pause();
    let error = body.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutPhase::Idle));
    assert_eq!(error.to_string(), "the answer stalled for 60s");
    assert!(body.next().await.is_none());
    assert_eq!((events.recv().await, events.recv().await), (Some("answering"), Some("closed")));
}

#[tokio::test]
async fn the_total_limit_ends_an_answer_that_still_flows() {
    for by_context in [false, true] {
        let server = Server::start(|mut socket| async move {
            read_request(&mut socket).await.unwrap();
            socket.write_all(HEAD).await.unwrap();
            while socket.write_all(CHUNK).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let (mut timeouts, mut cx) = (Timeouts::default(), context());
        if by_context {
            cx.deadline = Some(Instant::now() + Duration::from_millis(300));
        } else {
            timeouts.total = Some(Duration::from_millis(300));
        }
        let call = async { whole(transport().send(server.request(), timeouts, &cx).await?.into_body()).await };
        let error = call.await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutPhase::Total), "by context: {by_context}");
        assert_eq!(error.to_string(), "the call was not over at its deadline");
    }
}

#[tokio::test]
async fn cancelling_before_the_answer_closes_the_socket() {
    let (server, mut events) = silent_after(b"").await;
    let cx = context();
    let cancellation = cx.cancellation.clone();
    let request = server.request();
    let call = tokio::spawn(async move { transport().send(request, Timeouts::default(), &cx).await.err() });
    assert_eq!(events.recv().await, Some("answering"));
    cancellation.cancel();
    assert_eq!(call.await.unwrap().unwrap().kind(), ErrorKind::Cancelled);
    assert_eq!(events.recv().await, Some("closed"));
}

#[tokio::test]
async fn cancelling_within_the_answer_ends_the_body_and_closes_the_socket() {
    let (server, mut events) = silent_after(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let cx = context();
    let mut body = transport().send(server.request(), Timeouts::default(), &cx).await.unwrap().into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "x");
    cx.cancellation.cancel();
    assert_eq!(body.next().await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(body.next().await.is_none());
    assert_eq!((events.recv().await, events.recv().await), (Some("answering"), Some("closed")));
}

#[tokio::test]
async fn a_call_that_was_cancelled_before_sends_nothing() {
    let (server, _events) = silent_after(b"").await;
    let cx = context();
    cx.cancellation.cancel();
    let error = transport().send(server.request(), Timeouts::default(), &cx).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(server.accepted(), 0);
}

#[tokio::test]
async fn dropping_the_body_closes_the_socket() {
    let (server, mut events) = silent_after(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    let mut body = transport().send(server.request(), Timeouts::default(), &context()).await.unwrap().into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "x");
    drop(body);
    assert_eq!((events.recv().await, events.recv().await), (Some("answering"), Some("closed")));
}

#[tokio::test]
async fn dropping_the_call_closes_the_socket() {
    let (server, mut events) = silent_after(b"").await;
    let request = server.request();
    let call = tokio::spawn(async move { transport().send(request, Timeouts::default(), &context()).await.err() });
    assert_eq!(events.recv().await, Some("answering"));
    call.abort();
    assert_eq!(events.recv().await, Some("closed"));
}
