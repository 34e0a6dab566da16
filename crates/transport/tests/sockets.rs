//! The transport against servers of a few lines each.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tollbridge_core::{CallContext, Error, ErrorKind, TimeoutPhase, Timeouts, Transport};
use tollbridge_transport::HttpTransport;

/// A server that answers every request with these bytes, and tells when a client has gone.
struct Server {
    url: String,
    connections: Arc<AtomicUsize>,
    gone: mpsc::Receiver<()>,
}

async fn server(answer: &'static [&'static str]) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let (sender, gone) = mpsc::channel(100);
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, answer, sender.clone()));
        }
    });
    Server { url, connections, gone }
}

async fn serve(mut stream: TcpStream, answer: &'static [&'static str], gone: mpsc::Sender<()>) {
    let mut buffer = vec![0; 65536];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                for piece in answer {
                    stream.write_all(piece.as_bytes()).await.unwrap();
                    stream.flush().await.unwrap();
                }
            }
        }
    }
    let _ = gone.send(()).await;
}

async fn get(url: &str, timeouts: Timeouts, cx: &CallContext) -> Result<Vec<u8>, Error> {
    let transport = HttpTransport::new(Duration::from_secs(5))?;
    read(&transport, url, timeouts, cx).await
}

async fn read(transport: &HttpTransport, url: &str, timeouts: Timeouts, cx: &CallContext) -> Result<Vec<u8>, Error> {
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    let mut body = transport.send(request, timeouts, cx).await?.into_body();
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

fn short(change: impl FnOnce(&mut Timeouts)) -> Timeouts {
    let mut timeouts = Timeouts::default();
    change(&mut timeouts);
    timeouts
}

const WHOLE: &[&str] = &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"];
const HEAD: &[&str] = &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"];
const STALLED: &[&str] = &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"];

#[tokio::test]
async fn one_connection_serves_call_after_call() {
    let server = server(WHOLE).await;
    let transport = HttpTransport::new(Duration::from_secs(5)).unwrap();
    for _ in 0..100 {
        let body = read(&transport, &server.url, Timeouts::default(), &CallContext::new("1")).await.unwrap();
        assert_eq!(body, b"hello");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn each_limit_is_told_by_its_phase() {
    let cx = CallContext::new("1");
    let quick = Duration::from_millis(100);
    let silent = server(&[]).await;
    let head = server(HEAD).await;
    let stalled = server(STALLED).await;
    let cases = [
        (&silent.url, short(|timeouts| timeouts.first_byte = quick), TimeoutPhase::FirstByte),
        (&head.url, short(|timeouts| timeouts.first_byte = quick), TimeoutPhase::FirstByte),
        (&stalled.url, short(|timeouts| timeouts.idle = quick), TimeoutPhase::Idle),
        (&stalled.url, short(|timeouts| timeouts.total = Some(quick)), TimeoutPhase::Total),
    ];
    for (url, timeouts, phase) in cases {
        assert_eq!(get(url, timeouts, &cx).await.unwrap_err().kind(), ErrorKind::Timeout(phase));
    }
    let mut cx = CallContext::new("1");
    cx.deadline = Some(std::time::Instant::now() + quick);
    let error = get(&stalled.url, Timeouts::default(), &cx).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutPhase::Total));
}

#[tokio::test]
async fn the_idle_limit_is_not_one_on_the_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            stream.write_all(b"1\r\nx\r\n").await.unwrap();
        }
        stream.write_all(b"0\r\n\r\n").await.unwrap();
    });
    let timeouts = short(|timeouts| timeouts.idle = Duration::from_millis(600));
    assert_eq!(get(&url, timeouts, &CallContext::new("1")).await.unwrap(), b"xxxxxxxx");
}

#[tokio::test]
async fn leaving_closes_the_connection() {
    let mut server = server(STALLED).await;
    let transport = HttpTransport::new(Duration::from_secs(5)).unwrap();
    let request = || http::Request::get(&server.url).body(Bytes::new()).unwrap();
    let cx = CallContext::new("1");
    let mut body = transport.send(request(), Timeouts::default(), &cx).await.unwrap().into_body();
    assert_eq!(body.next().await.unwrap().unwrap(), "hello");
    drop(body);
    server.gone.recv().await.unwrap();
    // The switch does the same, and says so.
    let mut body = transport.send(request(), Timeouts::default(), &cx).await.unwrap().into_body();
    body.next().await.unwrap().unwrap();
    cx.cancellation.cancel();
    assert_eq!(body.next().await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(body.next().await.is_none());
    drop(body);
    server.gone.recv().await.unwrap();
}

#[tokio::test]
async fn redirects_and_refusals_come_as_they_are() {
    let server = server(&[
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\nx-a: b\r\ncontent-length: 0\r\n\r\n",
    ])
    .await;
    let transport = HttpTransport::new(Duration::from_secs(5)).unwrap();
    let request = http::Request::get(&server.url).body(Bytes::new()).unwrap();
    let response = transport.send(request, Timeouts::default(), &CallContext::new("1")).await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["x-a"].to_str().unwrap()), (307, "b"));
}

#[tokio::test]
async fn what_cannot_be_reached_is_a_network_error_without_its_address() {
    let error = get("http://127.0.0.1:9/?key=secret", Timeouts::default(), &CallContext::new("1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    let cut = server(&["HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhello"]).await;
    let (url, transport) = (cut.url.clone(), HttpTransport::new(Duration::from_secs(5)).unwrap());
    let timeouts = short(|timeouts| timeouts.idle = Duration::from_millis(200));
    let error = read(&transport, &url, timeouts, &CallContext::new("1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout(TimeoutPhase::Idle));
}
