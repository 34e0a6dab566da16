//! What a caller's address may lead to, and what not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tollbridge_core::{CallContext, Error, ErrorKind, Fetch, FetchedBytes};
use tollbridge_transport::{FetchOptions, Fetcher, Lookup, Networks};

use super::server::{Server, answer_all, closed, read_request};

/// Says that every name leads to the same addresses.
struct Says(Vec<&'static str>, Arc<AtomicUsize>);

#[async_trait]
impl Lookup for Says {
    async fn lookup(&self, _: &str) -> std::io::Result<Vec<SocketAddr>> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Ok(self.0.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect())
    }
}

/// Options that reach servers of this machine at one address.
fn here() -> FetchOptions {
    let mut options = FetchOptions::default();
    options.networks.add("127.0.0.1").unwrap();
    options
}

fn fetcher(options: FetchOptions, addresses: &[&'static str]) -> Fetcher {
    Fetcher::with_lookup(options, Arc::new(Says(addresses.to_vec(), Arc::default()))).unwrap()
}

async fn get(fetcher: &Fetcher, url: &str) -> Result<FetchedBytes, Error> {
    let found = fetcher.fetch(&[url.to_owned()], &CallContext::new("test")).await;
    found.map(|mut found| found.remove(0)).map_err(|(_, error)| error)
}

fn answer(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[test]
fn only_public_addresses_are_allowed() {
    let none = Networks::default();
    for address in [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "168.63.129.16",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2001::1",
        "2001:db8::1",
        "fe80::1",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "3fff::1",
        "::ffff:0:127.0.0.1",
        "4000::1",
    ] {
        assert!(!none.allow(address.parse().unwrap()), "{address}");
    }
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "93.184.216.34",
        "172.32.0.1",
        "100.128.0.1",
        "::ffff:8.8.8.8",
        "2606:4700::1111",
        "2a00:1450::1",
    ] {
        assert!(none.allow(address.parse().unwrap()), "{address}");
    }
    let mut some = Networks::default();
    for network in ["10.1.0.0/16", "127.0.0.1", "fd12::/16", "0.0.0.0/0", "::/0"] {
        some.add(network).unwrap();
    }
    for address in ["10.1.2.3", "127.0.0.1", "fd12::1", "::ffff:10.1.2.3"] {
        assert!(some.allow(address.parse::<IpAddr>().unwrap()), "{address}");
    }
    // No configuration opens these.
    for address in [
        "169.254.169.254",
        "100.100.100.200",
        "fe80::1",
        "fd00:ec2::254",
        "224.0.0.1",
        "0.0.0.0",
        "::ffff:169.254.169.254",
    ] {
        assert!(!some.allow(address.parse().unwrap()), "{address}");
    }
    for text in ["", "10.0.0.0/33", "::/129", "host", "10.0.0.0/x"] {
        assert_eq!(some.add(text).unwrap_err().message(), format!("`{text}` is no network"));
    }
}

#[tokio::test]
async fn bytes_come_without_credentials_and_with_the_type_that_the_server_says() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::start(move |mut socket| {
        let told = told.clone();
        async move {
            told.send(read_request(&mut socket).await.unwrap()).unwrap();
            let _ = socket.write_all(&answer("200 OK\r\ncontent-type: image/png\r\nset-cookie: a=b", "bytes")).await;
        }
    })
    .await;
    let fetcher = fetcher(here(), &["127.0.0.1"]);
    let url = server.url.replace("127.0.0.1", "images.example");
    let found = get(&fetcher, &format!("{url}/a.png?x=1#part")).await.unwrap();
    assert_eq!((&*found.bytes, found.content_type.as_deref()), (&b"bytes"[..], Some("image/png")));
    get(&fetcher, &url).await.unwrap();
    for _ in 0..2 {
        let head = heard.recv().await.unwrap().to_ascii_lowercase();
        for name in ["authorization", "cookie", "referer"] {
            assert!(!head.contains(name), "{head}");
        }
    }
}

#[tokio::test]
async fn what_may_not_be_reached_is_never_connected_to() {
    let server = Server::start(|socket| async move { answer_all(socket, &answer("200 OK", "secret")).await }).await;
    let port = server.url.rsplit(':').next().unwrap().to_owned();
    let strict = FetchOptions::default;
    let mut one_host = here();
    one_host.hosts = vec!["a.example".to_owned(), "*.b.example".to_owned()];
    let table = [
        // Names that lead inside, also only in part; and addresses in the place of names, however they are written.
        (strict(), vec!["127.0.0.1"], format!("http://evil.example:{port}/")),
        (strict(), vec!["93.184.216.34", "127.0.0.1"], format!("http://evil.example:{port}/")),
        (strict(), vec!["::ffff:127.0.0.1"], format!("http://evil.example:{port}/")),
        (strict(), vec![], format!("http://127.0.0.1:{port}/")),
        (strict(), vec![], format!("http://2130706433:{port}/")),
        (strict(), vec![], format!("http://0x7f.1:{port}/")),
        (strict(), vec![], format!("http://0177.0.0.1:{port}/")),
        (strict(), vec![], format!("http://[::1]:{port}/")),
        (strict(), vec![], format!("http://[::ffff:127.0.0.1]:{port}/")),
        (strict(), vec![], "http://169.254.169.254/latest/meta-data/".to_owned()),
        (strict(), vec!["127.0.0.1"], format!("http://localhost:{port}/")),
        (strict(), vec!["127.0.0.1"], format!("http://localhost.:{port}/")),
        (here(), vec!["127.0.0.1"], format!("http://user:word@h.example:{port}/")),
        (here(), vec!["127.0.0.1"], format!("http://user@h.example:{port}/")),
        (here(), vec!["127.0.0.1"], "file:///etc/passwd".to_owned()),
        (here(), vec!["127.0.0.1"], format!("ftp://h.example:{port}/")),
        (here(), vec!["127.0.0.1"], format!("gopher://h.example:{port}/")),
        (here(), vec!["127.0.0.1"], "/etc/passwd".to_owned()),
        (one_host.clone(), vec!["127.0.0.1"], format!("http://b.example:{port}/")),
        (one_host.clone(), vec!["127.0.0.1"], format!("http://a.example.evil:{port}/")),
        (one_host.clone(), vec!["127.0.0.1"], format!("http://xb.example:{port}/")),
    ];
    for (options, addresses, url) in table {
        let error = get(&fetcher(options, &addresses), &url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{url}");
        // Where a name leads is nobody's business.
        assert!(!error.to_string().contains("127.0.0.1"), "{error}");
        assert_eq!(server.accepted(), 0, "{url}");
    }
    for host in ["a.example", "A.EXAMPLE", "x.b.example"] {
        get(&fetcher(one_host.clone(), &["127.0.0.1"]), &format!("http://{host}:{port}/")).await.unwrap();
    }
}

#[tokio::test]
async fn every_redirect_is_checked_and_they_are_few() {
    // The path says where to go next.
    let server = Server::start(|mut socket| async move {
        let head = read_request(&mut socket).await.unwrap();
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let to = match path.split_once("/to/") {
            Some((_, to)) => to.to_owned(),
            None => {
                let _ = socket.write_all(&answer("200 OK", "there")).await;
                return;
            }
        };
        let _ = socket.write_all(&answer(&format!("302 Found\r\nlocation: {to}"), "")).await;
    })
    .await;
    let inside = Server::start(|socket| async move { answer_all(socket, &answer("200 OK", "secret")).await }).await;
    let port = inside.url.rsplit(':').next().unwrap().to_owned();
    let fetcher = fetcher(here(), &["127.0.0.1"]);
    let found = get(&fetcher, &format!("{}/to//to//to//end", server.url)).await.unwrap();
    assert_eq!(&*found.bytes, b"there");
    let many = get(&fetcher, &format!("{}/to//to//to//to//end", server.url)).await.unwrap_err();
    assert_eq!(many.message(), "the address redirects too often");
    for to in [
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::1]:{port}/"),
        "http://169.254.169.254/".to_owned(),
        "file:///etc/passwd".to_owned(),
        format!("http://u:p@127.0.0.1:{port}/"),
    ] {
        let error = get(&fetcher, &format!("{}/to/{to}", server.url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{to}: {error}");
        assert_eq!(inside.accepted(), 0, "{to}");
    }
}

#[tokio::test]
async fn what_is_read_is_bounded_whatever_the_server_announces() {
    let endless = Server::start(|mut socket| async move {
        read_request(&mut socket).await;
        let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while socket.write_all(b"400\r\n").await.is_ok()
            && socket.write_all(&[b'a'; 1024]).await.is_ok()
            && socket.write_all(b"\r\n").await.is_ok()
        {}
    })
    .await;
    let honest =
        Server::start(|socket| async move { answer_all(socket, &answer("200 OK", &"a".repeat(600))).await }).await;
    let mut options = here();
    options.max_bytes = 1000;
    let few = fetcher(options, &["127.0.0.1"]);
    assert_eq!(get(&few, &endless.url).await.unwrap_err().message(), "what is at the address is too large");
    get(&few, &honest.url).await.unwrap();
    // Together they are too large.
    let twice = few.fetch(&[format!("{}/1", honest.url), format!("{}/2", honest.url)], &CallContext::new("test")).await;
    assert_eq!(twice.unwrap_err().1.message(), "what is at the address is too large");
    let mut options = here();
    options.max_count = 1;
    let two = [honest.url.clone(), honest.url.clone()];
    let many = fetcher(options, &["127.0.0.1"]).fetch(&two, &CallContext::new("test")).await;
    assert_eq!(many.unwrap_err().1.message(), "at most 1 media of a call are fetched");
    for (head, message) in [
        ("404 Not Found", "the server of the address answered with status 404"),
        ("206 Partial Content", "the server of the address answered with status 206"),
        ("200 OK\r\ncontent-encoding: gzip", "the server of the address sends it compressed"),
        ("302 Found", "the address redirects to nowhere"),
    ] {
        let server = Server::start(move |socket| async move { answer_all(socket, &answer(head, "x")).await }).await;
        assert_eq!(get(&fetcher(here(), &["127.0.0.1"]), &server.url).await.unwrap_err().message(), message);
    }
    let empty = Server::start(|socket| async move { answer_all(socket, &answer("200 OK", "")).await }).await;
    assert_eq!(get(&few, &empty.url).await.unwrap_err().message(), "there is nothing at the address");
}

#[tokio::test]
async fn a_slow_server_and_a_caller_that_leaves_end_it() {
    let (gone, mut left) = tokio::sync::mpsc::unbounded_channel();
    let silent = Server::start(move |mut socket| {
        let gone = gone.clone();
        async move {
            read_request(&mut socket).await;
            closed(&mut socket).await;
            gone.send(()).unwrap();
        }
    })
    .await;
    let mut options = here();
    options.timeout = std::time::Duration::from_millis(50);
    let hasty = fetcher(options, &["127.0.0.1"]);
    assert_eq!(get(&hasty, &silent.url).await.unwrap_err().message(), "the media were not there in time");
    left.recv().await.unwrap();
    let cx = CallContext::new("test");
    let patient = fetcher(here(), &["127.0.0.1"]);
    let urls = [silent.url.clone()];
    let (found, ()) = tokio::join!(patient.fetch(&urls, &cx), async {
        while silent.accepted() < 2 {
            tokio::task::yield_now().await;
        }
        cx.cancellation.cancel();
    });
    assert_eq!(found.unwrap_err().1.kind(), ErrorKind::Cancelled);
    left.recv().await.unwrap();
}

#[tokio::test]
async fn no_more_are_fetched_at_once_than_may_be() {
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (Arc::clone(&open), Arc::clone(&most));
    let server = Server::start(move |mut socket| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            read_request(&mut socket).await;
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            let _ = socket.write_all(&answer("200 OK", "x")).await;
        }
    })
    .await;
    let mut options = here();
    options.parallel = 2;
    let fetcher = fetcher(options, &["127.0.0.1"]);
    let urls: Vec<_> = (0..10).map(|number| format!("{}/{number}", server.url)).collect();
    assert_eq!(fetcher.fetch(&urls, &CallContext::new("test")).await.unwrap().len(), 10);
    assert!(most.load(Ordering::SeqCst) <= 2);
}

/// The guard holds between the check and the connection: a name that changes its mind leads nowhere else.
#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_connected_to() {
    struct Rebinds(AtomicUsize);
    #[async_trait]
    impl Lookup for Rebinds {
        async fn lookup(&self, _: &str) -> std::io::Result<Vec<SocketAddr>> {
            let first = self.0.fetch_add(1, Ordering::SeqCst) == 0;
            let address = if first { "127.0.0.1" } else { "127.0.0.2" };
            Ok(vec![SocketAddr::new(address.parse().unwrap(), 0)])
        }
    }
    let other = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let server = Server::start(|socket| async move { answer_all(socket, &answer("200 OK", "x")).await }).await;
    let url = server.url.replace("127.0.0.1", "h.example");
    let lookup = Arc::new(Rebinds(AtomicUsize::new(0)));
    let fetcher = Fetcher::with_lookup(here(), Arc::clone(&lookup) as _).unwrap();
    get(&fetcher, &url).await.unwrap();
    assert_eq!(lookup.0.load(Ordering::SeqCst), 1);
    let port = other.local_addr().unwrap().port();
    let error = get(&fetcher, &format!("http://h.example:{port}/")).await.unwrap_err();
    assert_eq!(error.message(), "the address is not public");
}
