//! Mistral's dialect of OpenAI's protocol: what goes out, what comes back, and what passes as it is.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tollbridge_core::{ErrorKind, Frame, Operation, Request};
use tollbridge_protocol::openai::{Chat, Embeddings, Quirks};
use tollbridge_protocol::{ChatCodec, FrameKind, Target, codec, errors, frame_kind, translate};
use tollbridge_types::{ChatAssembler, ChatRequest, Finish, FinishReason, Protocol, ToolChoice};

static MISTRAL: Chat = Chat::new(Quirks::MISTRAL);
static EMBED: Embeddings = Embeddings::new(Quirks::MISTRAL);

fn sent(body: &Value) -> (Value, Vec<String>) {
    let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "m", Bytes::from(body.to_string()));
    let encoded = translate::request(&request, &MISTRAL, false).unwrap();
    let told = encoded.losses.iter().map(|loss| format!("{} {}: {}", loss.kind.as_str(), loss.path, loss.reason));
    (serde_json::from_slice(&encoded.body).unwrap(), told.collect())
}

/// A conversation that began at another vendor.
fn history(id: &str) -> Value {
    json!([
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": id, "name": "f", "content": "sunny"},
    ])
}

#[test]
fn a_body_in_the_dialect_passes_byte_for_byte() {
    for body in [
        r#"{"model":"m", "messages":[{"role":"user","content":"hi"}],"max_tokens":1e1,"random_seed":7}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":"a","prefix":true}],"safe_prompt":true,"prompt_mode":"reasoning","brand_new":1.10}"#,
        r#"{"model":"m","messages":[{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"reference","reference_ids":[1]}],"tool_calls":[{"id":"g6fVbXS8K","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","name":"f","tool_call_id":"g6fVbXS8K","content":"x"}],"tool_choice":"any","seed":null}"#,
    ] {
        let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "m", Bytes::from(body));
        assert_eq!(translate::request(&request, &MISTRAL, false).unwrap().body, body);
    }
}

#[test]
fn what_openai_has_and_mistral_refuses_is_translated_or_told() {
    let (body, losses) = sent(&json!({
        "model": "m", "max_completion_tokens": 9, "seed": 7, "stream_options": {"include_usage": true}, "user": "u",
        "logit_bias": {"1": 2}, "store": false, "service_tier": "auto", "top_k": 3, "tool_choice": "required",
        "safe_prompt": true, "brand_new": 1, "metadata": {"a": "b"},
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "bob", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]},
            {"role": "assistant", "content": "so", "reasoning_content": "hm", "refusal": null, "annotations": []},
            {"role": "assistant", "content": null, "refusal": "no"},
            {"role": "assistant", "content": "{", "prefix": true},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": true}}],
    }));
    insta::assert_snapshot!(format!("{}\n{}", serde_json::to_string_pretty(&body).unwrap(), losses.join("\n")));
}

#[test]
fn ids_of_other_vendors_become_nine_letters_and_digits_the_same_each_time() {
    let (first, losses) = sent(&json!({"model": "m", "messages": history("call_PTLP8xhu3uwZk4l3nlnrrJha")}));
    assert_eq!(losses, [] as [String; 0]);
    let id = first["messages"][1]["tool_calls"][0]["id"].as_str().unwrap().to_owned();
    assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    assert_eq!(first["messages"][2]["tool_call_id"], id);
    assert_eq!(sent(&json!({"model": "m", "messages": history("call_PTLP8xhu3uwZk4l3nlnrrJha")})).0, first);
    assert_ne!(sent(&json!({"model": "m", "messages": history("call_other")})).0, first);
    let (own, _) = sent(&json!({"model": "m", "messages": history("g6fVbXS8K"), "seed": 1}));
    assert_eq!(own["messages"][2]["tool_call_id"], "g6fVbXS8K");
}

#[test]
fn requests_of_other_protocols_go_out_in_the_dialect() {
    let anthropic = json!({
        "model": "m", "max_tokens": 9, "metadata": {"user_id": "u"}, "stop_sequences": ["END"],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"},
        "messages": [
            {"role": "user", "content": [{"type": "document", "title": "t.pdf", "source": {"type": "url", "url": "https://x.example/t.pdf"}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01A", "name": "f", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01A", "content": "x"}]},
        ],
    });
    let typed = codec::ANTHROPIC_MESSAGES.decode_request(anthropic.to_string().as_bytes()).unwrap();
    let mut losses = Vec::new();
    let body = MISTRAL.encode_request(&typed, &Target::new("m", true), &mut losses).unwrap();
    insta::assert_snapshot!(String::from_utf8(body.to_vec()).unwrap());
    assert_eq!(losses.iter().map(|loss| loss.path.as_str()).collect::<Vec<_>>(), ["user"]);

    let mut some = ChatRequest::new("m").user("hi");
    some.tools = typed.tools;
    some.tool_choice = Some(ToolChoice::AnyOf(vec!["f".to_owned()]));
    let mut losses = Vec::new();
    let body = MISTRAL.encode_request(&some, &Target::new("m", false), &mut losses).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["tool_choice"], "any");
    assert_eq!(losses[0].path, "tool_choice");
}

fn assembled(chunks: &[Value]) -> tollbridge_types::ChatReply {
    let mut decoder = MISTRAL.stream_decoder();
    let mut events = Vec::new();
    for chunk in chunks {
        let frame = Frame::new(Bytes::new(), None, Bytes::from(chunk.to_string()));
        decoder.decode(&frame, &mut events).unwrap();
    }
    decoder.finish(&mut events).unwrap();
    let mut assembler = ChatAssembler::default();
    events.into_iter().for_each(|event| assembler.push(event));
    assembler.into_reply()
}

#[test]
fn thinking_and_references_are_read_and_go_back_as_they_came() {
    let thinking = |text: &str| json!({"type": "thinking", "thinking": [{"type": "text", "text": text}]});
    let signed = json!({"type": "thinking", "thinking": [{"type": "text", "text": "lo"}], "signature": "c2ln"});
    let text = |text: &str| json!({"type": "text", "text": text});
    let reference = json!({"type": "reference", "reference_ids": [0, 2]});
    let content = json!([thinking("hal"), signed, text("Paris"), reference, text(".")]);
    let whole = json!({"id": "1", "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}]});
    let whole = MISTRAL.decode_reply(whole.to_string().as_bytes()).unwrap();
    assert_eq!((whole.text(), whole.reasoning()), ("Paris.".to_owned(), "hallo".to_owned()));
    let chunk = |content: Value, finish: Value| json!({"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish}]});
    let pieces = content.as_array().unwrap().iter().map(|part| chunk(json!([part]), Value::Null));
    let streamed = assembled(&pieces.chain([chunk(json!(""), json!("stop"))]).collect::<Vec<_>>());
    assert_eq!(streamed, whole);
    let again = ChatRequest::new("m").user("capital?").message(whole.message()).user("sure?");
    let mut losses = Vec::new();
    let body = MISTRAL.encode_request(&again, &Target::new("m", false), &mut losses).unwrap();
    assert_eq!(losses, []);
    insta::assert_snapshot!(String::from_utf8(body.to_vec()).unwrap());
}

#[test]
fn reasons_for_an_end_are_known() {
    for (word, reason) in [
        ("model_length", FinishReason::Length),
        ("error", FinishReason::Error),
        ("tool_calls", FinishReason::ToolCalls),
    ] {
        let reply = json!({"choices": [{"index": 0, "message": {"content": "a"}, "finish_reason": word}]});
        let reply = MISTRAL.decode_reply(reply.to_string().as_bytes()).unwrap();
        assert_eq!(reply.finish().unwrap(), &Finish::new(reason, Some(word.to_owned())));
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    let table = [
        (
            400,
            r#"{"object":"error","message":"Tool call id was turn1_0 but must be a-z, A-Z, 0-9, with a length of 9.","type":"invalid_function_call","param":null,"code":"3280","raw_status_code":400}"#,
        ),
        (400, r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}"#),
        (401, r#"{"detail":"Invalid API Key"}"#),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":32000}]},"type":"invalid_request_error","param":null,"code":null}"#,
        ),
        (
            422,
            r#"{"detail":[{"type":"missing","loc":["body","model"],"msg":"Field required"},{"type":"extra_forbidden","loc":["body","messages",0,"user","name"],"msg":"Extra inputs are not permitted"}]}"#,
        ),
        (422, r#"{"object":"error","message":{"detail":"Unprocessable"},"type":"invalid_request_error"}"#),
        (
            429,
            r#"{"object":"error","message":"Requests rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}"#,
        ),
        (503, r#"{"object":"error","message":"Service unavailable.","type":"internal_server_error","code":"1000"}"#),
    ];
    let told = table.map(|(status, body)| {
        let status = StatusCode::from_u16(status).unwrap();
        let error = errors(Protocol::OPENAI_CHAT).decode_error(status, &HeaderMap::new(), &Bytes::from(body));
        format!("{}: {error}", error.kind())
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn an_error_in_a_stream_is_one() {
    let chunk = br#"{"object":"error","message":"Service unavailable.","type":"unavailable","code":"1000"}"#;
    let frame = Frame::new(Bytes::new(), None, Bytes::from_static(chunk));
    assert_eq!(frame_kind(Protocol::OPENAI_CHAT, &frame), FrameKind::Error);
    let error = MISTRAL.stream_decoder().decode(&frame, &mut Vec::new()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Overloaded, "Service unavailable."));
    assert_eq!(MISTRAL.decode_reply(chunk).unwrap_err().message(), "Service unavailable.");
}

#[test]
fn embeddings_name_their_length_as_mistral_does() {
    let wire = |body: &str| {
        Request::from_wire(Operation::Embed, Protocol::OPENAI_EMBEDDINGS, "m", Bytes::from(body.to_owned()))
    };
    let own = r#"{"model":"m","input":["a"],"output_dimension":8,"output_dtype":"float"}"#;
    assert_eq!(translate::embed_body(&wire(own), &EMBED).unwrap().body, own);
    let encoded = translate::embed_body(&wire(r#"{"model":"m","input":["a","b"],"dimensions":8,"user":"u"}"#), &EMBED);
    let encoded = encoded.unwrap();
    assert_eq!(encoded.body, r#"{"model":"m","input":["a","b"],"output_dimension":8}"#);
    assert_eq!(encoded.losses.iter().map(|loss| loss.path.as_str()).collect::<Vec<_>>(), ["user"]);
}

#[test]
fn a_client_that_means_openai_is_not_looked_through_for_other_vendors() {
    let body = json!({"model": "m", "messages": history("call_1"), "seed": 1, "user": "u"}).to_string();
    assert!(codec::OPENAI_CHAT.takes(body.as_bytes()));
    assert!(!MISTRAL.takes(body.as_bytes()));
}
