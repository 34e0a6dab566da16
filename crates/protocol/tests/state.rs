//! What a vendor wants back reaches it through a client of any protocol.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]
#![expect(clippy::indexing_slicing, reason = "what a test needs and cannot have fails it")]

use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::{FrameStream, Reply, ReplyBody};
use tollbridge_protocol::{ChatCodec, FrameDecoder, Framing, ReplyContext, Target, chat_reply, codec, translate};
use tollbridge_types::{ChatRequest, Message, Part, ToolResult};

const CODECS: [&dyn ChatCodec; 4] =
    [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE];

const VENDORS: [&dyn ChatCodec; 5] = [
    codec::OPENAI_CHAT,
    codec::OPENAI_RESPONSES,
    codec::ANTHROPIC_MESSAGES,
    codec::GEMINI_GENERATE,
    codec::BEDROCK_CONVERSE,
];

/// A vendor's answer with everything in it that the vendor wants back, and where that stands in a request.
fn answers(vendor: &dyn ChatCodec) -> (Value, Vec<Value>) {
    match vendor.protocol().as_str() {
        "anthropic.messages" => {
            let content = json!([
                {"type": "thinking", "thinking": "let me see", "signature": "c2lnbmVk"},
                {"type": "redacted_thinking", "data": "aGlkZGVu"},
                {"type": "text", "text": "I ask."},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "A"}},
                {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {"city": "B"}},
            ]);
            let body = json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": content,
                "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 1, "output_tokens": 2},
            });
            (body, content.as_array().unwrap().clone())
        }
        "bedrock.converse" => {
            let content = json!([
                {"reasoningContent": {"reasoningText": {"text": "let me see", "signature": "c2lnbmVk"}}},
                {"reasoningContent": {"redactedContent": "aGlkZGVu"}},
                {"text": "I ask."},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "A"}}},
                {"toolUse": {"toolUseId": "tooluse_2", "name": "weather", "input": {"city": "B"}}},
            ]);
            let body = json!({
                "output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use",
                "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3},
            });
            (body, content.as_array().unwrap().clone())
        }
        "gemini.generate" => {
            let parts = json!([
                {"text": "let me see", "thought": true},
                {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "A"}}, "thoughtSignature": "c2lnbmVk"},
                {"functionCall": {"id": "c2", "name": "weather", "args": {"city": "B"}}},
            ]);
            let body = json!({
                "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}],
                "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
                "modelVersion": "gemini", "responseId": "r1",
            });
            // A thought that Google did not sign need not come back.
            (body, parts.as_array().unwrap()[1..].to_vec())
        }
        "openai.responses" => {
            let output = json!([
                {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "let me see"}], "encrypted_content": "gAAA"},
                {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "q"}},
                {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"A\"}"},
                {"id": "fc_2", "type": "function_call", "status": "completed", "call_id": "call_2", "name": "weather", "arguments": "{\"city\":\"B\"}"},
            ]);
            let body = json!({
                "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "gpt",
                "output": output, "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
            });
            (body, output.as_array().unwrap().clone())
        }
        _ => {
            let body = json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "deepseek",
                "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                    "role": "assistant", "content": null, "reasoning_content": "let me see",
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"A\"}"}},
                        {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"B\"}"}},
                    ],
                }}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
            });
            (body, vec![json!("let me see")])
        }
    }
}

fn context() -> ReplyContext<'static> {
    ReplyContext::new("fallback", "asked", 1)
}

/// Writes the vendor's answer as the stream that it would have been.
fn as_stream(vendor: &dyn ChatCodec, body: &Value) -> FrameStream {
    let reply = vendor.decode_reply(body.to_string().as_bytes()).unwrap();
    let mut encoder = vendor.stream_encoder(&context());
    let mut frames = Vec::new();
    reply.into_events().into_iter().for_each(|event| encoder.encode(event, &mut frames));
    encoder.finish(&mut frames);
    Box::pin(futures_util::stream::iter(frames.into_iter().map(Ok)))
}

/// Reads what the client got, as its SDK does, and sends it back with the results of the calls.
async fn second_turn(client: &dyn ChatCodec, reply: Reply, change: impl Fn(&mut Message)) -> Vec<u8> {
    let reply = chat_reply(reply).await.unwrap();
    let mut request = ChatRequest::new("m").user("weather?");
    request.max_tokens = Some(100);
    let mut message = reply.message();
    change(&mut message);
    let calls: Vec<String> = reply.tool_calls().map(|call| call.id.clone().unwrap_or_default()).collect();
    let names: Vec<String> = reply.tool_calls().map(|call| call.name.clone()).collect();
    request.messages.push(message);
    // Clients may answer calls in another order.
    for (id, name) in calls.into_iter().zip(names).rev() {
        let mut result = ToolResult::text(id, "sunny");
        result.name = Some(name);
        request.messages.push(Message::tool(result));
    }
    client.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap().to_vec()
}

/// Returns the assistant's turn of a request in the vendor's own form.
fn turn(vendor: &dyn ChatCodec, body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    match vendor.protocol().as_str() {
        "anthropic.messages" | "bedrock.converse" => body["messages"][1]["content"].as_array().unwrap().clone(),
        "gemini.generate" => body["contents"][1]["parts"].as_array().unwrap().clone(),
        "openai.responses" => body["input"].as_array().unwrap()[1..].to_vec(),
        _ => vec![body["messages"][1]["reasoning_content"].clone()],
    }
}

fn kept(wanted: &[Value], sent: &[Value]) -> bool {
    let bare = |item: &Value| {
        let mut item = item.clone();
        if let Some(fields) = item.as_object_mut() {
            // Responses need no status to be sent back, and calls are known by `call_id`.
            fields.remove("status");
            if fields.get("type").is_some_and(|kind| kind == "function_call") {
                fields.remove("id");
            }
        }
        item
    };
    let sent: Vec<Value> = sent.iter().map(bare).collect();
    let mut at = 0;
    wanted.iter().all(|item| match sent[at..].iter().position(|other| *other == bare(item)) {
        Some(place) => {
            at += place + 1;
            true
        }
        None => false,
    })
}

#[tokio::test]
async fn every_vendor_gets_its_own_back_through_every_client() {
    for vendor in VENDORS {
        let (body, wanted) = answers(vendor);
        for client in CODECS {
            for stream in [false, true] {
                let reply = match stream {
                    false => Reply::new(vendor.protocol(), "p", "m", bytes::Bytes::from(body.to_string())),
                    true => Reply::new(vendor.protocol(), "p", "m", as_stream(vendor, &body)),
                };
                let reply = translate::reply(reply, client.protocol(), stream, &context()).unwrap();
                let back = second_turn(client, reply, |_| {}).await;
                let typed = client.decode_request(&back).unwrap_or_else(|error| {
                    panic!("{} ← {}: {error}\n{}", vendor.protocol(), client.protocol(), String::from_utf8_lossy(&back))
                });
                let mut losses = Vec::new();
                let sent = vendor.encode_request(&typed, &Target::new("anthropic.claude", false), &mut losses).unwrap();
                let sent_turn = turn(vendor, &sent);
                assert!(
                    kept(&wanted, &sent_turn),
                    "{} through {}, stream {stream}:\nclient sent {}\nvendor got {}",
                    vendor.protocol(),
                    client.protocol(),
                    String::from_utf8_lossy(&back),
                    serde_json::to_string_pretty(&sent_turn).unwrap()
                );
                // Results find their calls by the vendor's own ids.
                let ids = String::from_utf8_lossy(&sent).contains("dG9sbHN0YXRl");
                assert!(!ids, "{} through {}: a seal reached the vendor", vendor.protocol(), client.protocol());
            }
        }
    }
}

#[tokio::test]
async fn another_vendor_gets_none_of_it_and_the_loss_is_told() {
    for issuer in CODECS {
        let (body, _) = answers(issuer);
        for client in CODECS {
            for other in CODECS.into_iter().filter(|other| other.protocol() != issuer.protocol()) {
                let reply = Reply::new(issuer.protocol(), "p", "m", bytes::Bytes::from(body.to_string()));
                let reply = translate::reply(reply, client.protocol(), false, &context()).unwrap();
                let back = second_turn(client, reply, |_| {}).await;
                let typed = client.decode_request(&back).unwrap();
                let mut losses = Vec::new();
                let sent = other.encode_request(&typed, &Target::new("m", false), &mut losses).unwrap();
                let sent = String::from_utf8_lossy(&sent).into_owned();
                for secret in ["c2lnbmVk", "aGlkZGVu", "gAAA", "dG9sbHN0YXRl"] {
                    let names = format!("{} → {} → {}", issuer.protocol(), client.protocol(), other.protocol());
                    assert!(!sent.contains(secret), "{names}: {secret} in {sent}");
                    assert!(!losses.is_empty(), "{names}: nothing is told");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_client_may_leave_state_out() {
    for vendor in CODECS {
        let (body, _) = answers(vendor);
        for client in CODECS {
            let reply = Reply::new(vendor.protocol(), "p", "m", bytes::Bytes::from(body.to_string()));
            let reply = translate::reply(reply, client.protocol(), false, &context()).unwrap();
            let back = second_turn(client, reply, |message| {
                message.parts.retain(|part| !matches!(part, Part::Thought(_)));
            })
            .await;
            let typed = client.decode_request(&back).unwrap();
            vendor.encode_request(&typed, &Target::new("m", false), &mut Vec::new()).unwrap();
        }
    }
}

#[tokio::test]
async fn seals_survive_sdks_that_write_bytes_their_own_way() {
    // Google's Python SDK holds signatures as bytes and writes them in the alphabet for URLs.
    let (body, wanted) = answers(codec::ANTHROPIC_MESSAGES);
    let reply = Reply::new(codec::ANTHROPIC_MESSAGES.protocol(), "p", "m", bytes::Bytes::from(body.to_string()));
    let reply = translate::reply(reply, codec::GEMINI_GENERATE.protocol(), false, &context()).unwrap();
    let back: Value = serde_json::from_slice(&second_turn(codec::GEMINI_GENERATE, reply, |_| {}).await).unwrap();
    let mut changed = back;
    for part in changed["contents"][1]["parts"].as_array_mut().unwrap() {
        if let Some(signature) = part["thoughtSignature"].as_str() {
            let url_safe = signature.replace('+', "-").replace('/', "_");
            part["thoughtSignature"] = url_safe.trim_end_matches('=').into();
        }
    }
    let typed = codec::GEMINI_GENERATE.decode_request(changed.to_string().as_bytes()).unwrap();
    let target = Target::new("m", false);
    let sent = codec::ANTHROPIC_MESSAGES.encode_request(&typed, &target, &mut Vec::new()).unwrap();
    assert!(kept(&wanted, &turn(codec::ANTHROPIC_MESSAGES, &sent)));
}

proptest! {
    #[test]
    fn any_signature_comes_back_as_it_was(signature in "\\PC{0,60}", thinking in "\\PC{1,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let block = json!({"type": "thinking", "thinking": thinking, "signature": format!("s{signature}")});
        let body = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude",
            "content": [block, {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}],
            "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 2},
        });
        for client in CODECS {
            let reply = Reply::new(codec::ANTHROPIC_MESSAGES.protocol(), "p", "m", bytes::Bytes::from(body.to_string()));
            let reply = translate::reply(reply, client.protocol(), false, &context()).unwrap();
            let back = runtime.block_on(second_turn(client, reply, |_| {}));
            let typed = client.decode_request(&back).unwrap();
            let target = Target::new("m", false);
            let sent = codec::ANTHROPIC_MESSAGES.encode_request(&typed, &target, &mut Vec::new()).unwrap();
            prop_assert!(kept(std::slice::from_ref(&block), &turn(codec::ANTHROPIC_MESSAGES, &sent)), "{}", client.protocol());
        }
    }
}

#[tokio::test]
async fn frames_of_translated_streams_are_whole_events() {
    for vendor in CODECS {
        let (body, _) = answers(vendor);
        for client in CODECS {
            let reply = Reply::new(vendor.protocol(), "p", "m", as_stream(vendor, &body));
            let reply = translate::reply(reply, client.protocol(), true, &context()).unwrap();
            let ReplyBody::Frames(frames) = reply.body else { panic!("a stream was asked for") };
            let frames: Vec<_> = frames.map(Result::unwrap).collect().await;
            let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
            let mut again = Vec::new();
            let mut decoder = FrameDecoder::new(Framing::Sse);
            decoder.push(&bytes, &mut again).unwrap();
            decoder.finish(&mut again).unwrap();
            assert_eq!(frames, again, "{} → {}", vendor.protocol(), client.protocol());
        }
    }
}
