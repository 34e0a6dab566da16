//! The peek reads a few fields, and the splice changes nothing else.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_protocol::peek;

fn spliced(body: &str, model: &str, usage: bool) -> String {
    let peeked = peek(body.as_bytes()).unwrap();
    String::from_utf8(peeked.splice(&Bytes::from(body.to_owned()), Some(model), usage).to_vec()).unwrap()
}

#[test]
fn the_model_alone_changes() {
    let body = "{ \"a\" : {\"model\": 1.10}, \"model\"\n:\t\"a\\u0062\" , \"b\":[12345678901234567890123] }\n";
    assert_eq!(spliced(body, "new", false), body.replace("\"a\\u0062\"", "\"new\""));
    assert_eq!(spliced(body, "ab", false), body, "the same model in another spelling stays");
    assert_eq!(spliced("{\"a\":1}", "m", false), "{\"a\":1,\"model\":\"m\"}");
    assert_eq!(spliced("{ }", "m", false), "{ \"model\":\"m\"}");
    assert_eq!(spliced("{\"model\":null}", "m\"", false), "{\"model\":\"m\\\"\"}");
}

#[test]
fn usage_is_asked_for_unless_the_body_says() {
    let ask = |body: &str| spliced(body, "m", true);
    assert_eq!(ask(r#"{"model":"m"}"#), r#"{"model":"m","stream_options":{"include_usage":true}}"#);
    assert_eq!(ask(r#"{"stream_options":{},"model":"m"}"#), r#"{"stream_options":{"include_usage":true},"model":"m"}"#);
    assert_eq!(
        ask(r#"{"stream_options":{"x":1},"model":"m"}"#),
        r#"{"stream_options":{"include_usage":true,"x":1},"model":"m"}"#
    );
    assert_eq!(
        ask(r#"{"stream_options":null,"model":"m"}"#),
        r#"{"stream_options":{"include_usage":true},"model":"m"}"#
    );
    let told = r#"{"stream_options":{"include_usage":false},"model":"m"}"#;
    assert_eq!(ask(told), told);
}

#[test]
fn what_cannot_be_read_is_told() {
    let bodies: [&[u8]; 7] = [
        b"",
        b"[]",
        b"{\"model\": ",
        b"{\"model\": {}}",
        b"{\"stream\": \"yes\"}",
        b"{\"stream_options\": 1}",
        b"{\"a\": \"\xff\"}",
    ];
    let told: Vec<_> = bodies.iter().map(|body| peek(body).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(told.join("\n"));
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z\"\\\\é]{0,8}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("(model|stream|[a-c]{1,3})", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    #[test]
    fn a_splice_equals_setting_the_field(rest in prop::collection::btree_map("[a-e]{1,4}", value(), 0..5), model in prop::option::of("[a-z/\"]{0,8}"), new in "[a-z/\"\\\\é]{1,8}", pretty: bool) {
        let mut body = json!(rest);
        if let Some(model) = &model {
            body["model"] = json!(model);
        }
        let text = if pretty { serde_json::to_string_pretty(&body).unwrap() } else { body.to_string() };
        body["model"] = json!(new);
        let after: Value = serde_json::from_str(&spliced(&text, &new, false)).unwrap();
        prop_assert_eq!(after, body);
    }
}
