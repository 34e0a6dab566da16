//! Vendors' errors by kind, and ours in the clients' forms.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tollbridge_core::{Error, ErrorKind, TimeoutPhase, VendorError};
use tollbridge_protocol::{errors, status_of};
use tollbridge_types::Protocol;

#[test]
fn bodies_tell_their_kind() {
    let table = [
        (400, r#"{"error":{"message":"Invalid 'x'","type":"invalid_request_error","param":"x","code":null}}"#),
        (400, r#"{"error":{"message":"too long","type":"invalid_request_error","code":"context_length_exceeded"}}"#),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"The input token count (1) exceeds the maximum number of tokens allowed (0).","status":"INVALID_ARGUMENT"}}"#,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
        ),
        (400, r#"{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter"}}"#),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}"#,
        ),
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#,
        ),
        (401, r#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#),
        (401, r#"{"detail":"Unauthorized"}"#),
        (402, r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#),
        (403, r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","code":"model_not_found"}}"#,
        ),
        (404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: x"}}"#),
        (408, ""),
        (413, r#"{"type":"error","error":{"type":"request_too_large","message":"too large"}}"#),
        (422, r#"{"detail":[{"loc":["body","x"],"msg":"field required"}]}"#),
        (429, r#"{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}"#),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        ),
        (
            429,
            r#"[{"error":{"code":429,"message":"slow down","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}]"#,
        ),
        (500, r#"{"error":{"message":"The server had an error","type":"server_error"}}"#),
        (500, "<html>oops</html>"),
        (502, ""),
        (503, r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#),
        (504, ""),
        (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        (400, r#"{"error":"model is required"}"#),
        (
            400,
            r#"{"code":"3051","message":"Logprobs are not enabled","object":"error","type":"invalid_request_invalid_args"}"#,
        ),
    ];
    let mut told = String::new();
    for (status, body) in table {
        let status = StatusCode::from_u16(status).unwrap();
        let error = errors(Protocol::OPENAI_CHAT).decode_error(status, &HeaderMap::new(), &Bytes::from(body));
        told.push_str(&format!("{} {} {:?} — {error}\n", status.as_u16(), error.kind(), error.retry()));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn each_kind_has_a_form_in_each_protocol() {
    let kinds = [
        ErrorKind::Network,
        ErrorKind::Timeout(TimeoutPhase::Idle),
        ErrorKind::Auth,
        ErrorKind::Permission,
        ErrorKind::RateLimit,
        ErrorKind::Quota,
        ErrorKind::ContextLength,
        ErrorKind::ContentPolicy,
        ErrorKind::ModelNotFound,
        ErrorKind::InvalidRequest,
        ErrorKind::Server,
        ErrorKind::Overloaded,
        ErrorKind::Cancelled,
        ErrorKind::Budget,
        ErrorKind::Unsupported,
        ErrorKind::Decode,
        ErrorKind::Config,
        ErrorKind::Unknown,
    ];
    let mut told = String::new();
    for kind in kinds {
        let error = Error::new(kind, "words").with_path("a[0].b").with_hint("do this");
        for protocol in [Protocol::OPENAI_CHAT, Protocol::ANTHROPIC_MESSAGES, Protocol::GEMINI_GENERATE] {
            let (status, body) = errors(protocol).encode_error(&error, "id");
            told.push_str(&format!(
                "{kind}, {protocol}: {} {}\n",
                status.as_u16(),
                String::from_utf8(body.to_vec()).unwrap()
            ));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_broken_upstreams_bytes_reach_no_client() {
    let mut vendor = VendorError::default();
    (vendor.status, vendor.body) = (Some(200), Bytes::from("secret bytes"));
    let error = Error::new(ErrorKind::Decode, "the reply is not JSON").with_vendor(vendor);
    assert_eq!(status_of(&error), 502);
    for protocol in [Protocol::OPENAI_CHAT, Protocol::ANTHROPIC_MESSAGES, Protocol::GEMINI_GENERATE] {
        let (_, body) = errors(protocol).encode_error(&error, "id");
        assert!(!String::from_utf8(body.to_vec()).unwrap().contains("secret"));
    }
    assert!(!format!("{error:?} {error}").contains("secret"));
}
