//! How tokens are fetched, kept, renewed and shared.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{join, join_all};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tollbridge_core::{CallContext, ErrorKind};

use crate::wire::{Fake, KEY, call, chat, header, options, provider, robot, service_account};

fn form(request: &http::Request<Bytes>) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(request.body()).into_owned().collect()
}

fn json_of(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_service_account_signs_its_request_for_a_token() {
    let fake = Fake::new();
    call(&robot(&fake), "m").await.unwrap();
    let fetch = fake.fetches().pop().unwrap();
    assert_eq!(fetch.uri(), "https://oauth2.test/token");
    let form = form(&fetch);
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (signed, signature) = form["assertion"].rsplit_once('.').unwrap();
    let pem: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = RsaKeyPair::from_pkcs8(&STANDARD.decode(pem).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public().as_ref());
    public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    assert_eq!(json_of(head), json!({"alg": "RS256", "typ": "JWT", "kid": "key-1"}));
    let claims = json_of(claims);
    assert_eq!(claims["iss"], "robot@from-file.iam.gserviceaccount.com");
    assert_eq!(claims["aud"], "https://oauth2.test/token");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let issued = claims["iat"].as_u64().unwrap();
    assert!(now - issued < 60 && claims["exp"] == issued + 3600, "{claims}");
    let sent = fake.last();
    assert!(sent.uri().path().starts_with("/v1/projects/from-file/"), "{}", sent.uri());
    assert_eq!(header(&sent, "authorization"), Some("Bearer token-1"));
    assert!(sent.headers()["authorization"].is_sensitive());
}

#[tokio::test]
async fn a_persons_login_is_renewed_and_its_project_charged() {
    let login = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "client-secret", "refresh_token": "refresh",
        "quota_project_id": "quota",
    });
    let fake = Fake::new();
    let provider = provider(&fake, options(&[("credentials", &login.to_string()), ("project", "p")])).unwrap();
    call(&provider, "claude").await.unwrap();
    let fetch = fake.fetches().pop().unwrap();
    assert_eq!(fetch.uri(), "https://oauth2.googleapis.com/token");
    let pairs = [
        ("client_id", "id"),
        ("client_secret", "client-secret"),
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh"),
    ];
    assert_eq!(form(&fetch), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    let sent = fake.last();
    assert_eq!(header(&sent, "authorization"), Some("Bearer token-1"));
    assert_eq!(header(&sent, "x-goog-user-project"), Some("quota"));
    // Where nobody says otherwise, that project is the one of the calls too.
    fake.token(400, json!({"error": "invalid_grant", "error_description": "refresh of client-secret is revoked"}));
    let other = crate::wire::provider(&fake, options(&[("credentials", &login.to_string())])).unwrap();
    let error = call(&other, "gemini").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(error.message(), "Google's token server answered 400: invalid_grant: *** of *** is revoked");
    assert!(!format!("{error} {error:?}").contains("client-secret"));
}

#[tokio::test]
async fn a_machine_asks_its_metadata_server() {
    for host in ["127.0.0.1:8080", "http://127.0.0.1:8080/"] {
        let fake = Fake::new();
        let provider = provider(&fake, options(&[("metadata_host", host), ("project", "p")])).unwrap();
        call(&provider, "m").await.unwrap();
        let fetch = fake.fetches().pop().unwrap();
        let url = "http://127.0.0.1:8080/computeMetadata/v1/instance/service-accounts/default/token?scopes=https://www.googleapis.com/auth/cloud-platform";
        assert_eq!((fetch.method().as_str(), fetch.uri().to_string().as_str()), ("GET", url));
        assert_eq!(header(&fetch, "metadata-flavor"), Some("Google"));
        fake.token(0, Value::Null);
    }
    let fake = Fake::new();
    fake.token(0, Value::Null);
    let provider = provider(&fake, options(&[("metadata_host", "h.test"), ("project", "p")])).unwrap();
    let error = call(&provider, "m").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    insta::assert_snapshot!(error.to_string());
}

#[tokio::test]
async fn calls_that_come_together_share_one_fetch() {
    let fake = Fake::gated(0);
    let provider = robot(&fake);
    let models = ["gemini", "claude", "gemini", "claude"];
    let calls = join_all(models.iter().map(|model| call(&provider, model)));
    let open = async { fake.open(100) };
    let (replies, ()) = join(calls, open).await;
    assert!(replies.iter().all(Result::is_ok));
    call(&provider, "gemini").await.unwrap();
    assert_eq!((fake.fetches().len(), fake.made().len()), (1, 5));
    assert!(fake.made().iter().all(|sent| header(sent, "authorization") == Some("Bearer token-1")));
}

#[tokio::test]
async fn one_failure_is_told_to_all_and_kept_for_nobody() {
    let fake = Fake::gated(0);
    let provider = robot(&fake);
    fake.token(503, json!({}));
    let calls = join_all((0..5).map(|_| call(&provider, "m")));
    let (replies, ()) = join(calls, async { fake.open(100) }).await;
    for reply in replies {
        let error = reply.unwrap_err();
        assert_eq!((error.kind(), error.provider()), (ErrorKind::Server, Some("vertex")), "{error}");
        assert_eq!(error.vendor().unwrap().status, Some(503));
    }
    assert_eq!((fake.fetches().len(), fake.made().len()), (1, 0));
    call(&provider, "m").await.unwrap();
    assert_eq!(fake.fetches().len(), 2);
}

#[tokio::test]
async fn who_leaves_breaks_nobody_elses_call() {
    let fake = Fake::gated(0);
    let provider = robot(&fake);
    let mut first = call(&provider, "m").boxed();
    let mut second = call(&provider, "m").boxed();
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    drop(first);
    let cx = CallContext::new("cancelled");
    let mut third = provider.call(chat("m"), &cx).boxed();
    assert!((&mut third).now_or_never().is_none());
    cx.cancellation.cancel();
    assert_eq!(third.await.unwrap_err().kind(), ErrorKind::Cancelled);
    fake.open(100);
    second.await.unwrap();
    assert_eq!(fake.fetches().len(), 1);
    // A fetch that nobody waits for any more is given up, and the next call starts its own.
    let fake = Fake::gated(0);
    let provider = robot(&fake);
    let mut alone = call(&provider, "m").boxed();
    assert!((&mut alone).now_or_never().is_none());
    drop(alone);
    fake.open(100);
    call(&provider, "m").await.unwrap();
    assert_eq!(fake.fetches().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_kept_until_shortly_before_their_end() {
    let fake = Fake::new();
    let provider = robot(&fake);
    fake.token(200, json!({"access_token": "short", "expires_in": 600, "token_type": "Bearer", "more": {}}));
    call(&provider, "m").await.unwrap();
    tokio::time::advance(Duration::from_secs(539)).await;
    call(&provider, "m").await.unwrap();
    assert_eq!(fake.fetches().len(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    call(&provider, "m").await.unwrap();
    assert_eq!(fake.fetches().len(), 2);
    let used: Vec<_> = fake.made().iter().map(|sent| header(sent, "authorization").unwrap().to_owned()).collect();
    assert_eq!(used, ["Bearer short", "Bearer short", "Bearer token-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_absurd_length_breaks_nothing() {
    let fake = Fake::new();
    let provider = robot(&fake);
    fake.token(200, json!({"access_token": "a", "expires_in": u64::MAX}));
    fake.token(200, json!({"access_token": "b", "expires_in": 0}));
    call(&provider, "m").await.unwrap();
    tokio::time::advance(Duration::from_secs(25 * 3600)).await;
    for _ in 0..2 {
        call(&provider, "m").await.unwrap();
    }
    assert_eq!(fake.fetches().len(), 3);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refusal = || json!({"error": {"code": 401, "message": "token token-2 is bad", "status": "UNAUTHENTICATED"}});
    let fake = Fake::new();
    let provider = robot(&fake);
    call(&provider, "gemini").await.unwrap();
    fake.call(401, refusal());
    call(&provider, "claude").await.unwrap();
    assert_eq!((fake.fetches().len(), fake.made().len()), (2, 3));
    assert_eq!(header(&fake.last(), "authorization"), Some("Bearer token-2"));
    // Where a new token is refused too, the refusal is the answer.
    fake.call(401, refusal());
    fake.call(401, refusal());
    let error = call(&provider, "gemini").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Auth, "token token-2 is bad"));
    assert_eq!((fake.fetches().len(), fake.made().len()), (3, 5));
}

#[tokio::test]
async fn a_token_fetched_for_the_call_is_not_renewed_and_never_shown() {
    let fake = Fake::new();
    fake.call(401, json!({"error": {"code": 401, "message": "token token-1 is bad", "status": "UNAUTHENTICATED"}}));
    let provider = robot(&fake);
    let error = call(&provider, "m").await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Auth, "token *** is bad"));
    assert_eq!((fake.fetches().len(), fake.made().len()), (1, 1));
    assert!(!format!("{provider:?}").contains("token-1"));
}

#[tokio::test]
async fn answers_without_a_token_are_told() {
    for body in [json!({"token": "x"}), json!([]), json!("x")] {
        let fake = Fake::new();
        fake.token(200, body);
        let error = call(&robot(&fake), "m").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert_eq!(error.message(), "Google's token server sent no `access_token`");
    }
    let fake = Fake::new();
    let mut account = service_account();
    account["token_uri"] = "http://127.0.0.1:1/token".into();
    fake.token(0, Value::Null);
    let provider = provider(&fake, options(&[("credentials", &account.to_string())])).unwrap();
    let error = call(&provider, "m").await.unwrap_err();
    assert_eq!(error.message(), "Google's token server did not answer: the server could not be reached");
}
