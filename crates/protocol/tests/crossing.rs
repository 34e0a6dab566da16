//! What crosses from each protocol to each other, as bytes.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::{Error, ErrorKind, FrameStream, Operation, Reply, ReplyBody, ReplyModel, Request};
use tollbridge_protocol::{ChatCodec, ReplyContext, Target, chat_reply, codec, translate};
use tollbridge_types::{
    ChatAssembler, ChatEvent, ChatReply, ChatRequest, Choice, Finish, FinishReason, Part, Protocol, Signature, Start,
    Thought, ToolCall, Usage,
};

const CODECS: [&dyn ChatCodec; 4] =
    [codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE, codec::OPENAI_RESPONSES];

fn requests() -> [Value; 4] {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let openai = json!({
        "model": "m", "max_completion_tokens": 100, "temperature": 1.5, "stop": ["END"], "seed": 7, "reasoning_effort": "low",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"A\"}"}},
                {"id": "call:2", "type": "function", "function": {"name": "weather", "arguments": ""}},
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call:2", "content": [{"type": "text", "text": "{\"rain\": true}"}]},
            {"role": "user", "content": "and?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "the weather", "parameters": schema, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
        "verbosity": "low",
    });
    let anthropic = json!({
        "model": "m", "max_tokens": 100, "top_k": 5, "stop_sequences": ["END"], "metadata": {"user_id": "u1"},
        "thinking": {"type": "enabled", "budget_tokens": 2000},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "document", "title": "t", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "A"}},
                {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": true, "content": "broken"},
                {"type": "tool_result", "tool_use_id": "toolu_2", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}]},
                {"type": "text", "text": "and?"},
            ]},
        ],
        "tools": [{"name": "weather", "input_schema": schema}, {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
    });
    let gemini = json!({
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "weather", "args": {"city": "A"}}, "thoughtSignature": "c2ln"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "weather", "response": {"result": "sunny"}}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING", "nullable": true}}}}]}, {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
        "generationConfig": {"maxOutputTokens": 100, "stopSequences": ["END"], "thinkingConfig": {"thinkingBudget": 1024, "includeThoughts": true}, "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
        "safetySettings": [],
    });
    let responses = json!({
        "model": "m", "instructions": "Be brief.", "max_output_tokens": 100, "temperature": 0.5, "store": false,
        "reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "data:image/png;base64,iVBO", "detail": "low"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAA"},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [{"type": "output_text", "text": "I ask.", "annotations": []}]},
            {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "weather", "arguments": "{\"city\":\"A\"}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
            {"role": "user", "content": "and?"},
        ],
        "tools": [{"type": "function", "name": "weather", "parameters": schema, "strict": true}, {"type": "web_search"}],
        "tool_choice": {"type": "function", "name": "weather"}, "parallel_tool_calls": false,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema}, "verbosity": "low"},
        "metadata": {"a": "b"},
    });
    [openai, anthropic, gemini, responses]
}

#[test]
fn requests_cross_with_their_losses_told() {
    let mut told = String::new();
    for (from, body) in CODECS.iter().zip(requests()) {
        let typed = from.decode_request(body.to_string().as_bytes()).unwrap();
        for to in CODECS {
            let mut losses = Vec::new();
            let encoded = to.encode_request(&typed, &Target::new("model", true), &mut losses).unwrap();
            let encoded: Value = serde_json::from_slice(&encoded).unwrap();
            told.push_str(&format!(
                "{} → {}\n{}\n",
                from.protocol(),
                to.protocol(),
                serde_json::to_string_pretty(&encoded).unwrap()
            ));
            for loss in losses {
                told.push_str(&format!("{} {}: {}\n", loss.kind.as_str(), loss.path, loss.reason));
            }
            told.push('\n');
        }
    }
    insta::assert_snapshot!(told);
}

fn replies(protocol: Protocol) -> Vec<(&'static str, ChatReply)> {
    let reply = |parts: Vec<Part>, reason| {
        let mut choice = Choice::default();
        choice.parts = parts;
        choice.finish = Some(Finish::new(reason, None));
        let mut usage = Usage::default();
        (usage.input, usage.cache_read, usage.output, usage.reasoning) = (Some(60), Some(40), Some(7), Some(3));
        let mut reply = ChatReply::default();
        (reply.id, reply.model) = (Some("id-1".to_owned()), Some("m".to_owned()));
        (reply.choices, reply.usage) = (vec![choice], Some(usage));
        reply
    };
    let call = |id: &str, arguments: &str| {
        let mut call = ToolCall::default();
        (call.id, call.name, call.arguments) = (Some(id.to_owned()), "weather".to_owned(), arguments.to_owned());
        Part::ToolCall(call)
    };
    let mut thought = Thought::default();
    thought.text = "let me see".to_owned();
    if protocol == Protocol::ANTHROPIC_MESSAGES {
        thought.signature = Some(Signature::new(protocol, "c2ln"));
    }
    vec![
        ("text", reply(vec![Part::text("héllo 你好 🌍")], FinishReason::Stop)),
        ("calls", reply(vec![call("a", "{\"city\":\"A\"}"), call("b", "{}")], FinishReason::ToolCalls)),
        ("thinking", reply(vec![Part::Thought(thought), Part::text("so")], FinishReason::Stop)),
        ("length", reply(vec![Part::text("cut o")], FinishReason::Length)),
        ("refusal", reply(vec![Part::Refusal("no".to_owned())], FinishReason::Stop)),
    ]
}

fn context() -> ReplyContext<'static> {
    ReplyContext::new("fallback", "asked", 1_700_000_000)
}

fn streamed(codec: &dyn ChatCodec, events: Vec<ChatEvent>) -> Vec<tollbridge_core::Frame> {
    let mut encoder = codec.stream_encoder(&context());
    let mut frames = Vec::new();
    events.into_iter().for_each(|event| encoder.encode(event, &mut frames));
    encoder.finish(&mut frames);
    frames
}

fn assembled(codec: &dyn ChatCodec, frames: &[tollbridge_core::Frame]) -> ChatReply {
    let mut decoder = codec.stream_decoder();
    let mut events = Vec::new();
    for frame in frames {
        decoder.decode(frame, &mut events).unwrap();
    }
    decoder.finish(&mut events).unwrap();
    let mut assembler = ChatAssembler::default();
    events.into_iter().for_each(|event| assembler.push(event));
    assembler.into_reply()
}

/// Keeps what an answer says, without which protocol said it.
fn essence(reply: &ChatReply) -> Value {
    let calls: Vec<_> = reply.tool_calls().map(|call| json!([call.id, call.name, call.arguments])).collect();
    let usage = reply.usage.as_ref().map(|usage| (usage.total_input(), usage.total_output(), usage.cache_read));
    json!([
        reply.text(),
        reply.reasoning(),
        calls,
        reply.finish().map(|finish| &finish.reason),
        usage,
        reply.id,
        reply.model
    ])
}

#[test]
fn replies_are_written_whole_and_as_streams() {
    let mut told = String::new();
    for codec in CODECS {
        for (name, reply) in replies(codec.protocol()) {
            let whole = codec.encode_reply(&reply, &context()).unwrap();
            told.push_str(&format!("{} {name}\n{}\n\n", codec.protocol(), String::from_utf8(whole.to_vec()).unwrap()));
            for frame in streamed(codec, reply.clone().into_events()) {
                told.push_str(&String::from_utf8(frame.raw.to_vec()).unwrap().replace('\r', ""));
            }
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn whole_and_stream_of_one_answer_read_alike() {
    for codec in CODECS {
        for (name, reply) in replies(codec.protocol()) {
            let whole = codec.decode_reply(&codec.encode_reply(&reply, &context()).unwrap()).unwrap();
            let stream = assembled(codec, &streamed(codec, reply.clone().into_events()));
            assert_eq!(essence(&whole), essence(&stream), "{} {name}", codec.protocol());
            if name != "refusal" {
                assert_eq!(essence(&whole), essence(&reply), "{} {name}", codec.protocol());
            }
        }
    }
}

#[tokio::test]
async fn every_pair_crosses_whole_and_streamed() {
    let context = || context().with_reply_model(ReplyModel::Vendor);
    for from in CODECS {
        for to in CODECS {
            for (name, reply) in replies(from.protocol()).into_iter().filter(|(name, _)| *name != "refusal") {
                let whole = from.encode_reply(&reply, &context()).unwrap();
                let whole = Reply::new(from.protocol(), "p", "m", whole);
                let whole = translate::reply(whole, to.protocol(), false, &context()).unwrap();
                let frames: Vec<_> = streamed(from, reply.clone().into_events()).into_iter().map(Ok).collect();
                let frames: FrameStream = Box::pin(futures_util::stream::iter(frames));
                let stream = Reply::new(from.protocol(), "p", "m", frames);
                let stream = translate::reply(stream, to.protocol(), true, &context()).unwrap();
                let (whole, stream) = (chat_reply(whole).await.unwrap(), chat_reply(stream).await.unwrap());
                assert_eq!(essence(&whole), essence(&reply), "{} → {}, {name}, whole", from.protocol(), to.protocol());
                assert_eq!(
                    essence(&stream),
                    essence(&reply),
                    "{} → {}, {name}, streamed",
                    from.protocol(),
                    to.protocol()
                );
            }
        }
    }
}

#[tokio::test]
async fn a_failure_in_mid_stream_is_told_in_the_clients_protocol() {
    let mut told = String::new();
    for from in CODECS {
        for to in CODECS {
            let mut frames: Vec<_> = streamed(
                from,
                vec![ChatEvent::Start(Start::default()), ChatEvent::Text { choice: 0, text: "a".into() }],
            );
            frames.truncate(2);
            let broken = Error::new(ErrorKind::Overloaded, "the vendor fell over");
            let frames = frames.into_iter().map(Ok).chain([Err(broken)]);
            let frames: FrameStream = Box::pin(futures_util::stream::iter(frames.collect::<Vec<_>>()));
            let reply =
                translate::reply(Reply::new(from.protocol(), "p", "m", frames), to.protocol(), true, &context())
                    .unwrap();
            let ReplyBody::Frames(frames) = reply.body else { panic!("a stream was asked for") };
            let items: Vec<_> = frames.collect().await;
            assert_eq!(items.last().unwrap().as_ref().unwrap_err().kind(), ErrorKind::Overloaded);
            let last = items[items.len() - 2].as_ref().unwrap();
            told.push_str(&format!(
                "{} → {}: {}\n",
                from.protocol(),
                to.protocol(),
                String::from_utf8(last.raw.to_vec()).unwrap().trim()
            ));
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn interleaved_calls_become_one_block_after_another() {
    let start = |call, id: &str| ChatEvent::ToolCallStart {
        choice: 0,
        call,
        id: Some(id.to_owned()),
        name: "f".to_owned(),
        kind: Default::default(),
        signature: None,
        extras: Default::default(),
    };
    let piece = |call, text: &str| ChatEvent::ToolCallArguments { choice: 0, call, fragment: text.to_owned() };
    let events = vec![
        start(0, "a"),
        start(1, "b"),
        piece(1, "{\"x\":"),
        piece(0, "{}"),
        piece(1, "1}"),
        ChatEvent::ToolCallEnd { choice: 0, call: 1 },
        ChatEvent::ToolCallEnd { choice: 0, call: 0 },
        ChatEvent::Finish { choice: 0, finish: Finish::new(FinishReason::ToolCalls, None) },
    ];
    for codec in CODECS {
        let reply = assembled(codec, &streamed(codec, events.clone()));
        let mut calls: Vec<_> =
            reply.tool_calls().map(|call| (call.id.clone().unwrap(), call.arguments.clone())).collect();
        calls.sort();
        assert_eq!(
            calls,
            [("a".to_owned(), "{}".to_owned()), ("b".to_owned(), "{\"x\":1}".to_owned())],
            "{}",
            codec.protocol()
        );
    }
}

#[test]
fn a_path_is_told_in_the_clients_terms() {
    let image = json!([{"role": "user", "content": "x"}, {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "image", "source": {"type": "url", "url": "http://x.example/y.png"}}]}]);
    let body = json!({"model": "m", "max_tokens": 5, "system": "s", "messages": image});
    let request = Request::from_wire(Operation::Chat, Protocol::ANTHROPIC_MESSAGES, "m", Bytes::from(body.to_string()));
    let error = translate::request(&request, codec::GEMINI_GENERATE, true).unwrap_err();
    assert_eq!(error.path(), Some("messages[1].content[1]"));
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        "[a-zé你\\n ]{1,12}".prop_map(Part::text),
        ("[a-z]{1,6}", 0u32..99).prop_map(|(name, number)| {
            let mut call = ToolCall::default();
            (call.id, call.name, call.arguments) = (Some(format!("id_{name}")), name, format!("{{\"n\":{number}}}"));
            Part::ToolCall(call)
        }),
    ]
}

proptest! {
    #[test]
    fn any_answer_reads_back_as_it_was_written(parts in prop::collection::vec(part(), 1..6)) {
        let mut choice = Choice::default();
        choice.parts = parts;
        choice.finish = Some(Finish::new(FinishReason::Length, None));
        let mut reply = ChatReply::default();
        (reply.id, reply.model, reply.choices) = (Some("i".to_owned()), Some("m".to_owned()), vec![choice]);
        for codec in CODECS {
            let whole = codec.decode_reply(&codec.encode_reply(&reply, &context()).unwrap()).unwrap();
            let stream = assembled(codec, &streamed(codec, reply.clone().into_events()));
            prop_assert_eq!(whole.text(), reply.text());
            prop_assert_eq!(stream.text(), reply.text());
            prop_assert_eq!(essence(&whole)[2].clone(), essence(&reply)[2].clone());
            prop_assert_eq!(essence(&stream)[2].clone(), essence(&reply)[2].clone());
        }
    }

    #[test]
    fn a_reply_taken_apart_assembles_to_itself(parts in prop::collection::vec(part(), 0..6)) {
        let mut choice = Choice::default();
        choice.parts = parts;
        let mut reply = ChatReply::default();
        reply.choices = vec![choice];
        let mut assembler = ChatAssembler::default();
        reply.clone().into_events().into_iter().for_each(|event| assembler.push(event));
        prop_assert_eq!(assembler.into_reply(), reply);
    }

    #[test]
    fn decoders_never_panic(text in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
        for codec in CODECS {
            let _ = codec.decode_request(text.as_bytes());
            let _ = codec.decode_reply(text.as_bytes());
            let frame = tollbridge_core::Frame::new(Bytes::new(), None, Bytes::from(text.clone()));
            let _ = codec.stream_decoder().decode(&frame, &mut Vec::new());
        }
    }
}

#[test]
fn a_request_decodes_to_the_same_after_its_own_encoder() {
    for (codec, body) in CODECS.iter().zip(requests()) {
        let typed = codec.decode_request(body.to_string().as_bytes()).unwrap();
        let mut losses = Vec::new();
        let encoded = codec.encode_request(&typed, &Target::new(&typed.model, typed.stream), &mut losses).unwrap();
        let again: ChatRequest = codec.decode_request(&encoded).unwrap();
        // `m` stands in the URL of Gemini's requests.
        assert_eq!(again, typed, "{}", codec.protocol());
        assert_eq!(losses, [], "{}", codec.protocol());
    }
}

#[test]
fn unknown_fields_of_parts_are_kept_whole_and_streamed() {
    let whole = br#"{"id":"i","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"a","later":[1.10]},{"type":"thinking","thinking":"b","signature":"s","later":2}],"stop_reason":"end_turn","usage":{"input_tokens":1}}"#;
    let stream = [
        r#"{"type":"message_start","message":{"id":"i","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","later":[1.10]}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":"","signature":"","later":2}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"thinking_delta","thinking":"b"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"s"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#,
        r#"{"type":"message_stop"}"#,
    ];
    let frame = |data: &str| tollbridge_core::Frame::new(Bytes::new(), None, Bytes::from(data.to_owned()));
    let frames: Vec<_> = stream.into_iter().map(frame).collect();
    let codec = codec::ANTHROPIC_MESSAGES;
    assert_eq!(assembled(codec, &frames), codec.decode_reply(whole).unwrap());
}
