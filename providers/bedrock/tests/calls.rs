//! What the provider sends: where, with which credentials, and signed as AWS's published example.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, StatusCode};
use tollbridge_bedrock::{REGISTRATION, SigV4};
use tollbridge_core::{
    ByteStream, CallContext, Error, ErrorKind, Provider, ProviderSettings, Request, RequestBody, Secret, Timeouts,
    Transport,
};
use tollbridge_protocol::embed_reply;
use tollbridge_types::{ChatRequest, EmbedRequest, Embedding};

/// Keeps each request, and answers them all with a refusal that repeats a secret.
#[derive(Default)]
struct Fake(Mutex<Vec<http::Request<Bytes>>>);

#[async_trait]
impl Transport for Fake {
    async fn send(
        &self,
        request: http::Request<RequestBody>,
        _: Timeouts,
        _: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error> {
        self.0.lock().unwrap().push(request.map(|body| body.into_whole().unwrap()));
        let body = r#"{"message":"The Canonical String should have been 'x-amz-security-token:session-token'"}"#;
        let body: ByteStream = stream::iter([Ok(Bytes::from(body))]).boxed();
        let mut response = http::Response::new(body);
        *response.status_mut() = StatusCode::FORBIDDEN;
        let name = "InvalidSignatureException:http://internal.amazon.com/";
        response.headers_mut().insert("x-amzn-errortype", name.parse().unwrap());
        Ok(response)
    }
}

fn provider(fake: &Arc<Fake>, set: impl FnOnce(&mut ProviderSettings)) -> Result<Arc<dyn Provider>, Error> {
    let mut settings = ProviderSettings::new("bedrock");
    set(&mut settings);
    (REGISTRATION.build)(&REGISTRATION, settings, Arc::clone(fake) as _)
}

fn keyed(settings: &mut ProviderSettings) {
    settings.options.insert("access_key_id".into(), "AKIDEXAMPLE".into());
    settings.options.insert("secret_access_key".into(), "secret-key".into());
}

async fn call(set: impl FnOnce(&mut ProviderSettings), request: Request) -> (http::Request<Bytes>, Error) {
    let fake = Arc::new(Fake::default());
    let error = provider(&fake, set).unwrap().call(request, &CallContext::new("id")).await.unwrap_err();
    let sent = fake.0.lock().unwrap().pop().unwrap();
    (sent, error)
}

fn chat(model: &str, stream: bool) -> Request {
    let mut request = ChatRequest::new(model).user("hi");
    request.stream = stream;
    Request::chat(request)
}

async fn url(set: impl FnOnce(&mut ProviderSettings), request: Request) -> String {
    call(set, request).await.0.uri().to_string()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn models_stand_in_the_path_as_one_segment() {
    let bearer = |settings: &mut ProviderSettings| settings.api_key = Some(Secret::new("key"));
    let host = "https://bedrock-runtime.us-east-1.amazonaws.com";
    let cases = [
        ("amazon.nova-lite-v1:0", "amazon.nova-lite-v1%3A0"),
        (
            "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/a_b~c",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A000000000000%3Aapplication-inference-profile%2Fa_b~c",
        ),
        ("../x?y#z%3A", "..%2Fx%3Fy%23z%253A"),
    ];
    for (model, path) in cases {
        assert_eq!(url(bearer, chat(model, false)).await, format!("{host}/model/{path}/converse"));
        assert_eq!(url(bearer, chat(model, true)).await, format!("{host}/model/{path}/converse-stream"));
    }
    for model in ["", ".", "..", "a\nb"] {
        let fake = Arc::new(Fake::default());
        let error = provider(&fake, bearer).unwrap().call(chat(model, false), &CallContext::new("id")).await;
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidRequest, "{model:?}");
        assert!(fake.0.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_region_or_the_base_url_chooses_the_host() {
    let at = |region: &'static str, base: &'static str| {
        move |settings: &mut ProviderSettings| {
            keyed(settings);
            settings.base_url = (!base.is_empty()).then(|| base.to_owned());
            if !region.is_empty() {
                settings.options.insert("region".into(), region.into());
            }
        }
    };
    let cases = [
        ("", "", "bedrock-runtime.us-east-1.amazonaws.com", "bedrock.us-east-1.amazonaws.com", "us-east-1"),
        ("eu-west-1", "", "bedrock-runtime.eu-west-1.amazonaws.com", "bedrock.eu-west-1.amazonaws.com", "eu-west-1"),
        (
            "cn-north-1",
            "",
            "bedrock-runtime.cn-north-1.amazonaws.com.cn",
            "bedrock.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
        ),
        (
            "",
            "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            "bedrock-runtime-fips.us-gov-west-1.amazonaws.com",
            "bedrock-fips.us-gov-west-1.amazonaws.com",
            "us-gov-west-1",
        ),
        ("eu-west-1", "https://host.test/base/", "host.test", "host.test", "eu-west-1"),
    ];
    for (region, base, runtime, control, signed) in cases {
        let (sent, _) = call(at(region, base), chat("m", false)).await;
        assert_eq!(sent.uri().host(), Some(runtime));
        let scope = format!("/{signed}/bedrock/aws4_request");
        assert!(header(sent.headers(), "authorization").unwrap().contains(&scope), "{region} {base}");
        let (sent, _) = call(at(region, base), Request::models("bedrock")).await;
        assert_eq!(sent.uri().host(), Some(control));
        assert!(sent.uri().path().ends_with("/foundation-models"), "{}", sent.uri());
        assert_eq!(sent.method(), "GET");
    }
    for region in ["us-east-1.evil.test/", "a b", "x@y"] {
        let error = provider(&Arc::new(Fake::default()), at(region, "")).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config, "{region}");
    }
}

#[tokio::test]
async fn a_bearer_key_wins_over_an_access_key() {
    let set = |settings: &mut ProviderSettings| {
        keyed(settings);
        settings.api_key = Some(Secret::new("bearer-key"));
    };
    let (sent, _) = call(set, chat("m", false)).await;
    let value = sent.headers().get("authorization").unwrap();
    assert_eq!((value.to_str().unwrap(), value.is_sensitive()), ("Bearer bearer-key", true));
    assert_eq!(header(sent.headers(), "x-amz-date"), None);
}

#[tokio::test]
async fn access_keys_sign_and_never_show() {
    let set = |settings: &mut ProviderSettings| {
        keyed(settings);
        settings.options.insert("session_token".into(), "session-token".into());
        settings.headers.insert("x-own", "1".parse().unwrap());
        assert!(!format!("{settings:?}").contains("secret-key"));
    };
    let (sent, error) = call(set, chat("m", true)).await;
    let authorization = header(sent.headers(), "authorization").unwrap();
    let signed = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{authorization}");
    assert!(authorization.contains(signed), "{authorization}");
    assert_eq!(header(sent.headers(), "x-amz-security-token"), Some("session-token"));
    for name in ["authorization", "x-amz-security-token"] {
        assert!(sent.headers().get(name).unwrap().is_sensitive(), "{name}");
    }
    assert!(!format!("{sent:?}").contains("secret-key"));
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert!(!error.to_string().contains("session-token"), "{error}");
}

#[test]
fn half_a_key_is_no_key() {
    let fake = Arc::new(Fake::default());
    let told = [&["access_key_id"][..], &["secret_access_key"], &[]].map(|options| {
        let built = provider(&fake, |settings| {
            settings.options.extend(options.iter().map(|name| ((*name).to_owned(), "x".to_owned())));
        });
        let error = built.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Config);
        error.to_string()
    });
    insta::assert_debug_snapshot!(told);
}

/// `get-vanilla`, `post-vanilla` and `post-sts-header-before` of AWS's Signature Version 4 test suite.
#[test]
fn signatures_are_those_that_aws_publishes() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    let sign = |method: &str, token: Option<&str>| {
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let signer = SigV4::new("AKIDEXAMPLE", secret, token.map(Secret::new), "us-east-1", "service");
        let mut request = http::Request::builder().method(method).uri("https://example.amazonaws.com/");
        request.headers_mut().unwrap().insert("user-agent", "not signed".parse().unwrap());
        let mut request = request.body(Bytes::new()).unwrap();
        signer.sign_at(&mut request, time).unwrap();
        assert_eq!(header(request.headers(), "x-amz-date"), Some("20150830T123600Z"));
        header(request.headers(), "authorization").unwrap().to_owned()
    };
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request";
    assert_eq!(
        sign("GET", None),
        format!(
            "{scope}, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        )
    );
    assert_eq!(
        sign("POST", None),
        format!(
            "{scope}, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        )
    );
    let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
    assert_eq!(
        sign("POST", Some(token)),
        format!(
            "{scope}, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
        )
    );
}

/// Answers each text with a vector of its length, the first text last.
#[derive(Default)]
struct Vectors(Mutex<Vec<(String, serde_json::Value)>>);

#[async_trait]
impl Transport for Vectors {
    async fn send(
        &self,
        request: http::Request<RequestBody>,
        _: Timeouts,
        _: &CallContext,
    ) -> Result<http::Response<ByteStream>, Error> {
        let path = request.uri().path().to_owned();
        let body: serde_json::Value = serde_json::from_slice(&request.into_body().into_whole().unwrap()).unwrap();
        self.0.lock().unwrap().push((path, body.clone()));
        let text = body.pointer("/inputText").or(body.pointer("/singleEmbeddingParams/text/value"));
        let answer = match text.and_then(serde_json::Value::as_str) {
            Some(text) => {
                for _ in text.len()..3 {
                    tokio::task::yield_now().await;
                }
                match body.get("inputText").is_some() {
                    true => serde_json::json!({"embedding": [text.len()], "inputTextTokenCount": 2}),
                    false => serde_json::json!({"embeddings": [{"embeddingType": "TEXT", "embedding": [text.len()]}]}),
                }
            }
            None => {
                let lengths =
                    body.get("texts").unwrap().as_array().unwrap().iter().map(|text| [text.as_str().unwrap().len()]);
                serde_json::json!({"embeddings": {"float": lengths.collect::<Vec<_>>()}, "response_type": "x"})
            }
        };
        let body: ByteStream = stream::iter([Ok(Bytes::from(answer.to_string()))]).boxed();
        Ok(http::Response::new(body))
    }
}

#[tokio::test]
async fn texts_are_embedded_in_their_order_one_by_one_where_the_model_takes_one() {
    for (model, calls) in
        [("amazon.titan-embed-text-v2:0", 3), ("amazon.nova-2-multimodal-embeddings-v1:0", 3), ("cohere.embed-v4:0", 1)]
    {
        let fake = Arc::new(Vectors::default());
        let mut settings = ProviderSettings::new("bedrock");
        keyed(&mut settings);
        let server = (REGISTRATION.build)(&REGISTRATION, settings, Arc::clone(&fake) as _).unwrap();
        let mut request = EmbedRequest::new(model, ["a", "bb", "ccc"]);
        request.dimensions = Some(256);
        let reply = server.call(Request::embed(request), &CallContext::new("1")).await.unwrap();
        let reply = embed_reply(&reply).unwrap();
        let vectors = [1.0, 2.0, 3.0].map(|length| Embedding::Floats(vec![length]));
        assert_eq!(reply.embeddings, vectors, "{model}");
        assert_eq!(reply.usage.and_then(|usage| usage.input), model.contains("titan").then_some(6), "{model}");
        let sent = fake.0.lock().unwrap();
        assert_eq!(sent.len(), calls, "{model}");
        assert!(sent[0].0.ends_with("/invoke"), "{}", sent[0].0);
        assert!(sent[0].1.to_string().contains("256"), "{}", sent[0].1);
    }
}
