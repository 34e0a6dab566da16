//! Bodies that are sent while they arrive.

use std::time::Duration;

use crate::server::{Server, read_request, whole};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tollbridge_core::{ByteStream, CallContext, Error, ErrorKind, RequestBody, TimeoutPhase, Timeouts, Transport};
use tollbridge_transport::HttpTransport;

const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// Makes a body whose pieces come from a channel.
fn body() -> (mpsc::UnboundedSender<Result<&'static str, Error>>, ByteStream) {
    let (sender, mut pieces) = mpsc::unbounded_channel::<Result<&'static str, Error>>();
    let body = stream::poll_fn(move |cx| pieces.poll_recv(cx)).map(|piece| piece.map(Bytes::from));
    (sender, body.boxed())
}

async fn send(server: &Server, body: RequestBody, timeouts: Timeouts) -> Result<Vec<u8>, Error> {
    let transport = HttpTransport::new(Duration::from_secs(10)).unwrap();
    let request = server.request().map(|_| body);
    whole(transport.send(request, timeouts, &CallContext::new("1")).await?.into_body()).await
}

#[tokio::test]
async fn the_first_piece_is_sent_before_the_last_is_there() {
    let (arrived, mut seen) = mpsc::unbounded_channel();
    let server = Server::start(move |mut socket| {
        let arrived = arrived.clone();
        async move {
            let mut text = Vec::new();
            while !text.ends_with(b"0\r\n\r\n") {
                socket.read_buf(&mut text).await.unwrap();
                arrived.send(String::from_utf8(text.clone()).unwrap()).unwrap();
            }
            socket.write_all(EMPTY).await.unwrap();
        }
    })
    .await;
    let (pieces, body) = body();
    let feed = async {
        pieces.send(Ok("first")).unwrap();
        while !seen.recv().await.unwrap().contains("5\r\nfirst\r\n") {}
        pieces.send(Ok("last")).unwrap();
        drop(pieces);
    };
    let (answer, ()) = tokio::join!(send(&server, RequestBody::Stream(body, None), Timeouts::default()), feed);
    assert_eq!(answer.unwrap(), b"{}");
}

#[tokio::test]
async fn a_known_length_is_told() {
    let (sender, mut received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut socket| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut socket).await.unwrap()).unwrap();
            socket.write_all(EMPTY).await.unwrap();
        }
    })
    .await;
    let (pieces, body) = body();
    pieces.send(Ok("one")).unwrap();
    pieces.send(Ok("two")).unwrap();
    drop(pieces);
    send(&server, RequestBody::Stream(body, Some(6)), Timeouts::default()).await.unwrap();
    let text = received.recv().await.unwrap();
    assert!(text.contains("content-length: 6\r\n") && !text.contains("chunked"), "{text}");
    assert!(text.ends_with("\r\n\r\nonetwo"), "{text}");
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_the_rest() {
    let server = Server::start(|mut socket| async move {
        let mut head = Vec::new();
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            socket.read_buf(&mut head).await.unwrap();
        }
        socket.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno").await.unwrap();
        while socket.read_buf(&mut head).await.is_ok_and(|read| read > 0) {}
    })
    .await;
    // Nothing more ever comes.
    let (_pieces, body) = body();
    assert_eq!(send(&server, RequestBody::Stream(body, None), Timeouts::default()).await.unwrap(), b"no");
}

#[tokio::test]
async fn what_breaks_the_body_is_the_error_of_the_call() {
    let server = Server::start(|mut socket| async move { while read_request(&mut socket).await.is_some() {} }).await;
    let (pieces, body) = body();
    pieces.send(Ok("first")).unwrap();
    pieces.send(Err(Error::invalid("file", "too large"))).unwrap();
    let error = send(&server, RequestBody::Stream(body, None), Timeouts::default()).await.err().unwrap();
    assert_eq!((error.kind(), error.path()), (ErrorKind::InvalidRequest, Some("file")));
}

#[tokio::test(start_paused = true)]
async fn the_time_for_an_answer_begins_when_all_is_sent() {
    let server = Server::start(|mut socket| async move { while read_request(&mut socket).await.is_some() {} }).await;
    let (pieces, body) = body();
    let mut timeouts = Timeouts::default();
    timeouts.first_byte = Duration::from_secs(60);
    let slow = async {
        tokio::time::sleep(Duration::from_secs(600)).await;
        pieces.send(Ok("late")).unwrap();
        drop(pieces);
    };
    let (answer, ()) = tokio::join!(send(&server, RequestBody::Stream(body, Some(4)), timeouts), slow);
    assert_eq!(answer.err().unwrap().kind(), ErrorKind::Timeout(TimeoutPhase::FirstByte));
}
