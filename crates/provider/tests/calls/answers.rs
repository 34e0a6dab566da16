use tollbridge_core::{ErrorKind, ReplyBody, Retry};

use crate::wire::{Canned, Fake, chat, provider};

const GOOD: &str =
    r#"{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
const KINDS: [&str; 4] = ["openai", "anthropic", "gemini", "ollama"];

async fn failure(kind: &str, stream: bool, answer: Canned) -> tollbridge_core::Error {
    let fake = Fake::new([answer]);
    let error = chat(&provider(kind, &fake, |_| {}).unwrap(), "m", stream).await.unwrap_err();
    assert_eq!(error.provider(), Some(kind));
    assert_eq!(error.model(), Some("m"));
    error
}

#[tokio::test]
async fn a_whole_reply_keeps_status_headers_and_every_byte() {
    let spaced = format!("\n {GOOD} \n");
    let fake = Fake::new([Canned::pieces(&[&spaced[..20], &spaced[20..]]).status(201).header("x-request-id", "r1")]);
    let reply = chat(&provider("openai", &fake, |_| {}).unwrap(), "m", false).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.provider.as_str(), reply.model.as_str()), (201, "openai", "m"));
    assert_eq!(reply.headers["x-request-id"], "r1");
    assert_eq!(reply.sent, fake.last().body);
    let ReplyBody::Whole(body) = reply.body else { panic!("not whole") };
    assert_eq!(body, spaced);
}

#[tokio::test]
async fn garbage_with_a_success_is_a_decode_error_that_keeps_its_bytes_to_itself() {
    for (body, message) in [
        ("", "the reply is empty"),
        (" \n ", "the reply is empty"),
        ("<html><body>private page</body></html>", "the reply is not JSON"),
        ("\"private\"", "the reply is not JSON"),
        (r#"{"choices":[{"message":{"content":"private"#, "the reply is broken JSON"),
        (r#"{"choices":[]} private"#, "the reply is broken JSON"),
        (r#"[{"choices":"private""#, "the reply is broken JSON"),
    ] {
        for kind in KINDS {
            for stream in [false, true] {
                let error = failure(kind, stream, Canned::new(200, body)).await;
                assert_eq!(error.kind(), ErrorKind::Decode, "{kind} {stream} {body}");
                assert_eq!(error.message(), message, "{kind} {stream} {body}");
                let vendor = error.vendor().unwrap();
                assert_eq!((vendor.status, vendor.body.as_ref()), (Some(200), body.as_bytes()));
                assert!(!format!("{error} {error:?}").contains("private"), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_with_a_success_is_an_error_all_the_same() {
    let cases = [
        (r#"{"error":{"message":"slow down","code":429}}"#, ErrorKind::RateLimit),
        (r#"{"error":{"message":"no such key","code":401}}"#, ErrorKind::Auth),
        (r#"{"error":{"message":"it broke"}}"#, ErrorKind::Server),
        (r#"{"error":"it broke"}"#, ErrorKind::Server),
    ];
    for (body, kind) in cases {
        for stream in [false, true] {
            let error = failure("openai", stream, Canned::new(200, body)).await;
            assert_eq!(error.kind(), kind, "{body}");
        }
    }
    let none = format!("{},\"error\":null}}", GOOD.strip_suffix('}').unwrap());
    let fake = Fake::new([Canned::new(200, &none)]);
    assert!(chat(&provider("openai", &fake, |_| {}).unwrap(), "m", false).await.is_ok());
}

#[tokio::test]
async fn statuses_tell_what_to_do_next() {
    for (status, kind) in [
        (400, ErrorKind::InvalidRequest),
        (401, ErrorKind::Auth),
        (403, ErrorKind::Permission),
        (404, ErrorKind::ModelNotFound),
        (429, ErrorKind::RateLimit),
        (500, ErrorKind::Server),
        (503, ErrorKind::Overloaded),
    ] {
        for provider in KINDS {
            let body = r#"{"error":{"message":"no"}}"#;
            let error = failure(provider, false, Canned::new(status, body)).await;
            assert_eq!(error.kind(), kind, "{provider} {status}");
            assert_eq!(error.vendor().unwrap().status, Some(status));
        }
    }
}

#[tokio::test]
async fn an_error_page_keeps_only_its_beginning() {
    let error = failure("openai", false, Canned::new(502, &"<p>x</p>".repeat(100_000))).await;
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.vendor().unwrap().body.len(), 64 << 10);
}

#[tokio::test]
async fn a_redirect_is_an_error_of_the_configuration() {
    for status in [301, 302, 307, 308] {
        let answer = Canned::new(status, "").header("location", "https://elsewhere.test/");
        let error = failure("openai", true, answer).await;
        assert_eq!((error.kind(), error.retry()), (ErrorKind::Config, Retry::Never));
        assert_eq!(error.vendor().unwrap().status, Some(status));
        assert!(error.hint().unwrap().contains("`base_url`"), "{error}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_is_a_network_error() {
    let error = failure("openai", false, Canned::pieces(&[&GOOD[..30]]).broken()).await;
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_whole_reply_in_a_streams_place_is_handed_out_whole() {
    let fake = Fake::new([Canned::new(200, GOOD)]);
    let reply = chat(&provider("openai", &fake, |_| {}).unwrap(), "m", true).await.unwrap();
    assert!(matches!(reply.body, ReplyBody::Whole(body) if body == GOOD));
}
