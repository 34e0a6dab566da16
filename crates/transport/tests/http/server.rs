//! A server of bare sockets, so that a test sees each connection open, carry bytes and close.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tollbridge_core::{ByteStream, Error, RequestBody};

/// Where a server listens, and how many connections it has accepted.
pub(crate) struct Server {
    pub(crate) url: String,
    accepted: Arc<AtomicUsize>,
}

impl Server {
    /// Hands every connection to `serve`.
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket));
            }
        });
        Self { url, accepted }
    }

    /// Returns how many connections were made.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Makes a request to the server that carries a key.
    pub(crate) fn request(&self) -> http::Request<RequestBody> {
        let mut request = http::Request::post(format!("{}/v1/chat", self.url)).body(Bytes::from("{}").into()).unwrap();
        request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer sk-secret"));
        request
    }
}

/// Reads one request, head and body; `None` when the client has closed the connection.
pub(crate) async fn read_request(socket: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let end = text.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4);
        let head = String::from_utf8_lossy(&text[..end.unwrap_or(0)]).to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if end.is_some_and(|end| text.len() >= end + length.unwrap_or(0)) {
            return Some(String::from_utf8(text).unwrap());
        }
        if socket.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
}

/// Answers every request of a connection with the same bytes.
pub(crate) async fn answer_all(mut socket: TcpStream, answer: &[u8]) {
    while read_request(&mut socket).await.is_some() {
        socket.write_all(answer).await.unwrap();
    }
}

/// Waits until the client closes the connection.
pub(crate) async fn closed(socket: &mut TcpStream) {
    let mut rest = [0; 64];
    while socket.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

/// Reads a body to its end.
pub(crate) async fn whole(mut body: ByteStream) -> Result<Vec<u8>, Error> {
    let mut whole = Vec::new();
    while let Some(bytes) = body.next().await {
        whole.extend_from_slice(&bytes?);
    }
    Ok(whole)
}
