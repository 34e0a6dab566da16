//! What goes over the wire: requests, replies, and the connections that carry them.

use std::time::Duration;

use crate::server::{Server, answer_all, read_request, whole};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tollbridge_core::{CallContext, ErrorKind, Timeouts, Transport};
use tollbridge_transport::HttpTransport;

const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

fn transport() -> HttpTransport {
    HttpTransport::new(Duration::from_secs(10)).unwrap()
}

fn context() -> CallContext {
    CallContext::new("1")
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made() {
    let (sender, mut received) = mpsc::unbounded_channel();
    let server = Server::start(move |mut socket| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut socket).await.unwrap()).unwrap();
            socket.write_all(EMPTY).await.unwrap();
        }
    })
    .await;
    let request = http::Request::builder()
        .method(Method::PUT)
        .uri(format!("{}/a%2Fb/c?alt=sse", server.url))
        .header("x-one", "1")
        .body(Bytes::from("héllo").into())
        .unwrap();
    transport().send(request, Timeouts::default(), &context()).await.unwrap();
    let text = received.recv().await.unwrap();
    assert!(text.starts_with("PUT /a%2Fb/c?alt=sse HTTP/1.1\r\n"), "{text}");
    assert!(text.contains("\r\nx-one: 1\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\nhéllo"), "{text}");
}

#[tokio::test]
async fn a_reply_arrives_with_status_headers_and_every_byte() {
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let sent = body.clone();
    let server = Server::start(move |mut socket| {
        let sent = sent.clone();
        async move {
            read_request(&mut socket).await.unwrap();
            let head = "HTTP/1.1 418 I'm a teapot\r\nx-id: 7\r\nset-cookie: a\r\nset-cookie: b\r\n\
                        content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n";
            socket.write_all(head.as_bytes()).await.unwrap();
            for piece in sent.chunks(7919) {
                socket.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await.unwrap();
                socket.write_all(piece).await.unwrap();
                socket.write_all(b"\r\n").await.unwrap();
            }
            socket.write_all(b"0\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let (head, stream) =
        transport().send(server.request(), Timeouts::default(), &context()).await.unwrap().into_parts();
    assert_eq!(head.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(head.headers["x-id"], "7");
    assert_eq!(head.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a", "b"]);
    assert!(whole(stream).await.unwrap() == body, "the body is not the one that was sent");
}

#[tokio::test]
async fn calls_in_sequence_share_one_connection() {
    let server = Server::start(|socket| answer_all(socket, EMPTY)).await;
    let transport = transport();
    for _ in 0..100 {
        let reply = transport.send(server.request(), Timeouts::default(), &context()).await.unwrap();
        whole(reply.into_body()).await.unwrap();
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test]
async fn calls_at_once_with_several_keys_share_a_pool() {
    let server = Server::start(|socket| answer_all(socket, EMPTY)).await;
    let transport = transport();
    for _ in 0..3 {
        let calls = (0..50).map(|number| {
            let mut request = server.request();
            let key = format!("Bearer key-{}", number % 3);
            request.headers_mut().insert("authorization", key.parse().unwrap());
            let transport = &transport;
            async move {
                let reply = transport.send(request, Timeouts::default(), &context()).await?;
                whole(reply.into_body()).await
            }
        });
        for body in join_all(calls).await {
            assert_eq!(body.unwrap(), b"{}");
        }
    }
    // A round may begin before the last connection of the one before is back in the pool.
    assert!(server.accepted() < 100, "{}", server.accepted());
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = elsewhere.local_addr().unwrap();
    for status in [301, 302, 303, 307, 308] {
        let answer = format!("HTTP/1.1 {status} Moved\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
        let server = Server::start(move |socket| {
            let answer = answer.clone();
            async move { answer_all(socket, answer.as_bytes()).await }
        })
        .await;
        let reply = transport().send(server.request(), Timeouts::default(), &context()).await.unwrap();
        assert_eq!(reply.status(), status);
        assert_eq!(reply.headers()["location"], format!("http://{target}/"));
        assert!(elsewhere.accept().now_or_never().is_none(), "status {status} was followed");
    }
}

#[tokio::test]
async fn a_refused_connection_is_a_network_error_that_names_no_address_and_no_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut request =
        http::Request::get(format!("http://{address}/path-of-mine?key=in-url")).body(Bytes::new().into()).unwrap();
    request.headers_mut().insert("authorization", "Bearer sk-secret".parse().unwrap());
    let error = transport().send(request, Timeouts::default(), &context()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Network);
    let told = format!("{error} {error:?}");
    assert!(told.contains("the server could not be reached"), "{told}");
    for secret in ["127.0.0.1", &address.port().to_string(), "path-of-mine", "in-url", "sk-secret"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_network_error() {
    let server = Server::start(|mut socket| async move {
        read_request(&mut socket).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await.unwrap();
    })
    .await;
    let reply = transport().send(server.request(), Timeouts::default(), &context()).await.unwrap();
    let error = whole(reply.into_body()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);

    let server = Server::start(|mut socket| async move {
        read_request(&mut socket).await.unwrap();
    })
    .await;
    let error = transport().send(server.request(), Timeouts::default(), &context()).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(!format!("{error} {error:?}").contains("127.0.0.1"), "{error:?}");
}
