//! Bedrock's protocols: what crosses to them and from them, their binary streams, and the families of InvokeModel.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tollbridge_core::{Error, ErrorKind, Frame, FrameStream, Operation, Reply, ReplyBody, Request};
use tollbridge_protocol::bedrock::Invoke;
use tollbridge_protocol::{
    ChatCodec, ChatStreamDecoder, FrameDecoder, FrameKind, Framing, ReplyContext, Target, chat_reply, codec, errors,
    frame_kind, translate,
};
use tollbridge_types::{ChatAssembler, ChatReply, FinishReason, Part, Protocol};

const CONVERSE: &dyn ChatCodec = codec::BEDROCK_CONVERSE;
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

/// A message of the event stream encoding, made without the code under test.
fn message(kind: &str, name: &str, payload: &Value) -> Vec<u8> {
    let key = if kind == "event" { ":event-type" } else { ":exception-type" };
    let mut headers = Vec::new();
    for (name, value) in [(":message-type", kind), (key, name), (":content-type", "application/json")] {
        headers.push(name.len() as u8);
        headers.extend(name.bytes());
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.bytes());
    }
    let payload = payload.to_string();
    let mut bytes = ((16 + headers.len() + payload.len()) as u32).to_be_bytes().to_vec();
    bytes.extend((headers.len() as u32).to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload.bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn event(name: &str, payload: &Value) -> Vec<u8> {
    message("event", name, payload)
}

fn frames(chunks: &[&[u8]]) -> Result<Vec<Frame>, Error> {
    let mut decoder = FrameDecoder::new(Framing::AwsEventStream);
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut frames)?;
    }
    decoder.finish(&mut frames)?;
    Ok(frames)
}

fn read(mut decoder: Box<dyn ChatStreamDecoder>, frames: &[Frame]) -> (ChatReply, Result<(), Error>) {
    let mut assembler = ChatAssembler::default();
    let mut events = Vec::new();
    let outcome = frames.iter().try_for_each(|frame| decoder.decode(frame, &mut events));
    let outcome = outcome.and_then(|()| decoder.finish(&mut events));
    events.into_iter().for_each(|event| assembler.push(event));
    (assembler.into_reply(), outcome)
}

fn context() -> ReplyContext<'static> {
    ReplyContext::new("fallback", "asked", 1_700_000_000)
}

fn request() -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [
            {"role": "user", "content": [
                {"text": "look"},
                {"image": {"format": "png", "source": {"bytes": "iVBO"}}},
                {"document": {"format": "pdf", "name": "my-pdf", "source": {"bytes": "JVBE"}, "citations": {"enabled": true}}},
                {"document": {"format": "txt", "name": "notes", "source": {"text": "n"}, "context": "c"}},
                {"document": {"format": "md", "name": "parts", "source": {"content": [{"text": "p"}]}}},
                {"video": {"format": "three_gp", "source": {"s3Location": {"uri": "s3://b/v.3gp", "bucketOwner": "1"}}}},
                {"video": {"format": "mpg", "source": {"bytes": "AAAA"}}},
                {"audio": {"format": "wav", "source": {"bytes": "UklG"}}},
                {"guardContent": {"text": {"text": "q", "qualifiers": ["query"]}}},
                {"cachePoint": {"type": "default", "ttl": "1h"}},
            ]},
            {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "c2ln"}}},
                {"reasoningContent": {"redactedContent": "eHl6"}},
                {"citationsContent": {"content": [{"text": "cited"}], "citations": [
                    {"title": "t", "sourceContent": [{"text": "s"}], "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 3}}},
                ]}},
                {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "A", "big": 12345678901234567890_u64}}},
                {"toolUse": {"toolUseId": "tooluse_2", "name": "weather", "input": {}}},
            ]},
            {"role": "user", "content": [
                {"toolResult": {"toolUseId": "tooluse_1", "status": "error", "content": [{"text": "broken"}, {"json": {"code": 1}}]}},
                {"toolResult": {"toolUseId": "tooluse_2", "status": "success", "content": [{"image": {"format": "jpeg", "source": {"bytes": "/9j/"}}}]}},
                {"text": "and?"},
            ]},
        ],
        "inferenceConfig": {"maxTokens": 4000, "temperature": 1.0, "topP": 0.5, "stopSequences": ["END"]},
        "toolConfig": {
            "tools": [
                {"toolSpec": {"name": "weather", "description": "the weather", "inputSchema": {"json": schema}, "strict": true}},
                {"systemTool": {"name": "nova_grounding"}},
                {"cachePoint": {"type": "default"}},
            ],
            "toolChoice": {"tool": {"name": "weather"}},
        },
        "additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2000}, "anthropic_beta": ["x"]},
        "additionalModelResponseFieldPaths": ["/stop_sequence"],
        "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{\"type\": \"object\"}", "name": "answer"}}}},
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1", "trace": "enabled"},
        "performanceConfig": {"latency": "optimized"},
        "serviceTier": {"type": "priority"},
        "requestMetadata": {"team": "a"},
    })
}

fn told(to: &dyn ChatCodec, from: &dyn ChatCodec, body: &Value, model: &str) -> String {
    let typed = from.decode_request(body.to_string().as_bytes()).unwrap();
    let mut losses = Vec::new();
    let encoded = to.encode_request(&typed, &Target::new(model, true), &mut losses).unwrap();
    let encoded: Value = serde_json::from_slice(&encoded).unwrap();
    let mut told = format!("{} → {} ({model})\n", from.protocol(), to.protocol());
    told.push_str(&serde_json::to_string_pretty(&encoded).unwrap());
    for loss in losses {
        told.push_str(&format!("\n{} {}: {}", loss.kind.as_str(), loss.path, loss.reason));
    }
    told + "\n\n"
}

#[test]
fn every_field_of_a_request_comes_back() {
    let typed = CONVERSE.decode_request(request().to_string().as_bytes()).unwrap();
    let mut losses = Vec::new();
    let encoded = CONVERSE.encode_request(&typed, &Target::new(CLAUDE, false), &mut losses).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&encoded).unwrap(), request());
    assert_eq!(losses, []);
    assert_eq!(typed.reasoning.as_ref().unwrap().budget, Some(2000));
    assert_eq!(typed.service_tier.as_deref(), Some("priority"));
}

#[test]
fn requests_cross_with_their_losses_told() {
    let openai = json!({
        "model": "m", "max_completion_tokens": 100, "temperature": 1.5, "stop": ["END"], "seed": 7, "reasoning_effort": "minimal",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,iVBO"}},
                {"type": "file", "file": {"filename": "my_report.v2.pdf", "file_data": "data:application/pdf;base64,JVBE"}}]},
            {"role": "assistant", "content": " ", "tool_calls": [
                {"id": "call:1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"A\"}"}},
                {"id": "call_2", "type": "function", "function": {"name": "time", "arguments": ""}},
            ]},
            {"role": "user", "content": "meanwhile"},
            {"role": "tool", "tool_call_id": "call:1", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
        ],
        "user": "u1",
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
    });
    let anthropic = json!({
        "model": "m", "max_tokens": 100, "top_k": 5, "temperature": 1.0,
        "thinking": {"type": "enabled", "budget_tokens": 512},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}, {"type": "text", "text": "yes?"}]},
            {"role": "user", "content": "go on"},
        ],
        "tools": [{"name": "weather", "input_schema": {"type": "object"}, "cache_control": {"type": "ephemeral"}}, {"type": "web_search_20250305", "name": "web_search"}],
        "tool_choice": {"type": "none"},
    });
    let nova = "amazon.nova-lite-v1:0";
    let profile = "arn:aws:bedrock:us-east-1:000000000000:application-inference-profile/abc";
    let bedrock = json!({
        "messages": [{"role": "user", "content": [{"text": "hi"}, {"cachePoint": {"type": "default"}}]}],
        "inferenceConfig": {"maxTokens": 5},
        "toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {"type": "object"}}}}], "toolChoice": {"any": {}}},
        "additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
        "guardrailConfig": {"guardrailIdentifier": "g"},
    });
    let crossings = [
        told(CONVERSE, codec::OPENAI_CHAT, &openai, nova),
        told(CONVERSE, codec::ANTHROPIC_MESSAGES, &anthropic, CLAUDE),
        told(CONVERSE, codec::ANTHROPIC_MESSAGES, &anthropic, profile),
        told(codec::OPENAI_CHAT, CONVERSE, &bedrock, "m"),
    ];
    let told = crossings.concat();
    insta::assert_snapshot!(told);
}

#[test]
fn what_bedrock_cannot_take_is_refused() {
    let cases = [
        json!([{"type": "image_url", "image_url": {"url": "https://h/x.png"}}]),
        json!([{"type": "image_url", "image_url": {"url": "data:image/tiff;base64,SUkq"}}]),
    ];
    let refused = cases.map(|content| {
        let body = json!({"model": "m", "messages": [{"role": "user", "content": content}]});
        let typed = codec::OPENAI_CHAT.decode_request(body.to_string().as_bytes()).unwrap();
        let error = CONVERSE.encode_request(&typed, &Target::new("m", false), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        format!("{}: {error}", error.path().unwrap())
    });
    insta::assert_debug_snapshot!(refused);
    let unread = [
        json!({}),
        json!({"messages": []}),
        json!({"messages": [{"role": "tool", "content": []}]}),
        json!({"messages": [{"role": "user", "content": "hi"}]}),
        json!({"messages": [{"role": "user", "content": [{"toolUse": {"toolUseId": "a"}}]}]}),
    ];
    let unread = unread.map(|body| CONVERSE.decode_request(body.to_string().as_bytes()).unwrap_err().to_string());
    insta::assert_debug_snapshot!(unread);
}

fn whole() -> Value {
    json!({
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "let me see", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "eHl6"}},
            {"text": "héllo 你好 🌍"},
            {"citationsContent": {"content": [{"text": "cited"}], "citations": [{"title": "t", "location": {"web": {"url": "https://h"}}}]}},
            {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use", "input": {"query": "q"}}},
            {"toolResult": {"toolUseId": "s", "type": "nova_grounding_result", "status": "success", "content": [{"text": "r"}]}},
            {"toolUse": {"toolUseId": "a", "name": "weather", "input": {"city": "A"}}},
            {"toolUse": {"toolUseId": "b", "name": "time", "input": {}}},
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 121, "totalTokens": 2072, "cacheReadInputTokens": 1712, "cacheWriteInputTokens": 236,
            "cacheDetails": [{"ttl": "5m", "inputTokens": 200}, {"ttl": "1h", "inputTokens": 36}]},
        "metrics": {"latencyMs": 5},
        "trace": {"guardrail": {"modelOutput": ["x"]}},
    })
}

fn streamed() -> Vec<Vec<u8>> {
    let delta = |index: u32, delta: Value| {
        event("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta, "p": "abcd"}))
    };
    let start =
        |index: u32, start: Value| event("contentBlockStart", &json!({"contentBlockIndex": index, "start": start}));
    let stop = |index: u32| event("contentBlockStop", &json!({"contentBlockIndex": index, "p": "a"}));
    let whole = whole();
    vec![
        event("messageStart", &json!({"role": "assistant", "p": "abc"})),
        delta(0, json!({"reasoningContent": {"text": "let me "}})),
        delta(0, json!({"reasoningContent": {"text": "see"}})),
        delta(0, json!({"reasoningContent": {"signature": "c2ln"}})),
        stop(0),
        delta(1, json!({"reasoningContent": {"redactedContent": "eHl6"}})),
        stop(1),
        delta(2, json!({"text": "héllo "})),
        event("somethingNew", &json!({"x": 1})),
        delta(2, json!({"text": "你好 🌍"})),
        stop(2),
        delta(3, json!({"text": "cited"})),
        delta(3, json!({"citation": {"title": "t", "location": {"web": {"url": "https://h"}}}})),
        stop(3),
        start(4, json!({"toolUse": {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}})),
        delta(4, json!({"toolUse": {"input": "{\"query\":"}})),
        delta(4, json!({"toolUse": {"input": "\"q\"}"}})),
        stop(4),
        start(5, json!({"toolResult": {"toolUseId": "s", "type": "nova_grounding_result", "status": "success"}})),
        delta(5, json!({"toolResult": [{"text": "r"}]})),
        stop(5),
        start(6, json!({"toolUse": {"toolUseId": "a", "name": "weather"}})),
        delta(6, json!({"toolUse": {"input": "{\"city\": "}})),
        delta(6, json!({"toolUse": {"input": "\"A\"}"}})),
        stop(6),
        start(7, json!({"toolUse": {"toolUseId": "b", "name": "time"}})),
        stop(7),
        event("messageStop", &json!({"stopReason": "tool_use", "p": "abcde"})),
        event(
            "metadata",
            &json!({"usage": whole.get("usage"), "metrics": whole.get("metrics"), "trace": whole.get("trace"), "p": "ab"}),
        ),
    ]
}

/// Brings the places where a block of Bedrock's own was put together to one order of fields.
fn comparable(reply: &ChatReply) -> Value {
    let mut reply = reply.clone();
    for part in reply.choices.iter_mut().flat_map(|choice| &mut choice.parts) {
        if let Part::Opaque(opaque) = part {
            opaque.json = opaque.json.parse::<Value>().unwrap().into();
        }
    }
    serde_json::to_value(&reply).unwrap()
}

#[test]
fn a_stream_assembles_to_the_whole_reply_wherever_it_is_cut() {
    let bytes = streamed().concat();
    let expected = CONVERSE.decode_reply(whole().to_string().as_bytes()).unwrap();
    let usage = expected.usage.clone().unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (Some(3), Some(1712), Some(121)));
    assert_eq!((usage.cache_write, usage.cache_write_1h, usage.total()), (Some(200), Some(36), 2072));
    assert_eq!(expected.tool_calls().count(), 2, "what Bedrock runs itself is no call of ours");
    let together = frames(&[&bytes]).unwrap();
    let (reply, outcome) = read(CONVERSE.stream_decoder(), &together);
    outcome.unwrap();
    assert_eq!(comparable(&reply), comparable(&expected));
    for at in 0..=bytes.len() {
        let (first, second) = bytes.split_at(at);
        assert_eq!(frames(&[first, second]).unwrap(), together, "cut at {at}");
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(frames(&single).unwrap(), together);
    assert_eq!(together.iter().map(|frame| frame.raw.as_ref()).collect::<Vec<_>>().concat(), bytes);
}

#[test]
fn replies_are_written_as_they_are_read() {
    let expected = CONVERSE.decode_reply(whole().to_string().as_bytes()).unwrap();
    let mut told = CONVERSE.decode_reply(&CONVERSE.encode_reply(&expected, &context()).unwrap()).unwrap();
    // The vendor's own spelling of usage is not ours to keep, and it tells no lifetimes.
    told.usage.clone_from(&expected.usage);
    assert_eq!(comparable(&told), comparable(&expected));
    let mut encoder = CONVERSE.stream_encoder(&context());
    let mut written = Vec::new();
    expected.clone().into_events().into_iter().for_each(|event| encoder.encode(event, &mut written));
    encoder.finish(&mut written);
    let bytes: Vec<u8> = written.iter().flat_map(|frame| frame.raw.to_vec()).collect();
    let cut = frames(&[&bytes]).unwrap();
    assert_eq!(cut, written, "what is written is what is read");
    let (mut reply, outcome) = read(CONVERSE.stream_decoder(), &cut);
    outcome.unwrap();
    (reply.usage, reply.extras) = (expected.usage.clone(), expected.extras.clone());
    assert_eq!(comparable(&reply), comparable(&expected));
}

#[tokio::test]
async fn other_protocols_read_and_write_it() {
    let body = whole().to_string();
    let mut told = String::new();
    for to in [codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE] {
        let reply = Reply::new(CONVERSE.protocol(), "p", "m", Bytes::from(body.clone()));
        let whole = translate::reply(reply, to.protocol(), false, &context()).unwrap();
        let whole = chat_reply(whole).await.unwrap();
        let stream = frames(&[&streamed().concat()]).unwrap().into_iter().map(Ok::<_, Error>).collect::<Vec<_>>();
        let stream: FrameStream = Box::pin(futures_util::stream::iter(stream));
        let reply = Reply::new(CONVERSE.protocol(), "p", "m", ReplyBody::Frames(stream));
        let reply = translate::reply(reply, to.protocol(), true, &context()).unwrap();
        let streamed = chat_reply(reply).await.unwrap();
        assert_eq!((whole.text(), whole.reasoning()), (streamed.text(), streamed.reasoning()), "{}", to.protocol());
        let usage = whole.usage.as_ref().unwrap();
        told.push_str(&format!("{}: {} in, {} out\n", to.protocol(), usage.total_input(), usage.total_output()));
        // And the way back, to a client that speaks Bedrock's protocol.
        let reply = Reply::new(to.protocol(), "p", "m", to.encode_reply(&whole, &context()).unwrap());
        let back = translate::reply(reply, CONVERSE.protocol(), false, &context()).unwrap();
        let ReplyBody::Whole(back) = back.body else { panic!("a whole reply was asked for") };
        let back: Value = serde_json::from_slice(&back).unwrap();
        told.push_str(&serde_json::to_string_pretty(&back).unwrap());
        told.push('\n');
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_request_in_the_same_protocol_passes_byte_for_byte() {
    let body = Bytes::from(" {\"messages\": [ ], \"x\":1.10 }");
    let request = Request::from_wire(Operation::Chat, CONVERSE.protocol(), "m", body.clone()).with_stream(true);
    assert_eq!(translate::request(&request, CONVERSE, true).unwrap().body, body);
}

#[test]
fn stop_reasons_have_their_meaning() {
    let reasons = [
        ("end_turn", FinishReason::Stop),
        ("tool_use", FinishReason::ToolCalls),
        ("max_tokens", FinishReason::Length),
        ("model_context_window_exceeded", FinishReason::Length),
        ("stop_sequence", FinishReason::StopSequence),
        ("guardrail_intervened", FinishReason::ContentFilter),
        ("content_filtered", FinishReason::ContentFilter),
        ("malformed_tool_use", FinishReason::MalformedToolCall),
        ("new", FinishReason::Unknown("new".to_owned())),
    ];
    for (word, reason) in reasons {
        let body = json!({
            "output": {"message": {"role": "assistant", "content": []}},
            "stopReason": word,
            "additionalModelResponseFields": {"stop_sequence": "END"},
        });
        let reply = CONVERSE.decode_reply(body.to_string().as_bytes()).unwrap();
        let finish = reply.finish().unwrap();
        assert_eq!((&finish.reason, finish.raw.as_deref()), (&reason, Some(word)));
        assert_eq!(finish.stop_sequence.as_deref(), Some("END"));
    }
}

#[test]
fn exceptions_in_a_stream_have_their_kind() {
    let exceptions = [
        ("throttlingException", "Too many tokens, please wait before trying again.", ErrorKind::RateLimit),
        ("serviceUnavailableException", "", ErrorKind::Overloaded),
        ("internalServerException", "oops", ErrorKind::Server),
        ("modelStreamErrorException", "oops", ErrorKind::Server),
        ("validationException", "Input is too long for requested model.", ErrorKind::ContextLength),
        ("validationException", "no", ErrorKind::InvalidRequest),
        ("somethingNewException", "no", ErrorKind::Server),
    ];
    for (name, words, kind) in exceptions {
        let start = event("messageStart", &json!({"role": "assistant"}));
        let delta = event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": "par"}}));
        let exception = message("exception", name, &json!({"message": words}));
        let frames = frames(&[&start, &delta, &exception]).unwrap();
        assert_eq!(frame_kind(CONVERSE.protocol(), frames.last().unwrap()), FrameKind::Error, "{name}");
        let (reply, outcome) = read(CONVERSE.stream_decoder(), &frames);
        let error = outcome.unwrap_err();
        assert_eq!((error.kind(), reply.text().as_str()), (kind, "par"), "{name}");
        assert_eq!(error.vendor().unwrap().error_type.as_deref(), Some(name));
    }
}

#[test]
fn a_stream_without_its_end_is_an_error() {
    let messages = streamed();
    for count in 0..messages.len() - 2 {
        let frames = frames(&[&messages[..count].concat()]).unwrap();
        let (_, outcome) = read(CONVERSE.stream_decoder(), &frames);
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Network, "after {count} messages");
    }
    let kinds: Vec<FrameKind> =
        frames(&[&messages.concat()]).unwrap().iter().map(|frame| frame_kind(CONVERSE.protocol(), frame)).collect();
    assert!(kinds.ends_with(&[FrameKind::Other, FrameKind::Finish, FrameKind::End]));
}

#[test]
fn a_failure_is_told_to_a_client_as_an_exception() {
    let mut encoder = CONVERSE.stream_encoder(&context());
    let mut written = Vec::new();
    encoder.fail(&Error::new(ErrorKind::RateLimit, "slow down"), &mut written);
    let frame = frames(&[&written[0].raw]).unwrap().remove(0);
    assert_eq!(
        (frame.event.as_deref(), frame.data.as_ref()),
        (Some("throttlingException"), &br#"{"message":"slow down"}"#[..])
    );
    let (status, body) = errors(CONVERSE.protocol()).encode_error(&Error::new(ErrorKind::Auth, "who?"), "id");
    assert_eq!(status, 401);
    assert_eq!(body.as_ref(), br#"{"__type":"UnrecognizedClientException","message":"who?"}"#);
}

/// Messages that AWS publishes as test vectors of the encoding.
#[test]
fn published_messages_are_read() {
    let empty = [0, 0, 0, 16, 0, 0, 0, 0, 5, 194, 72, 235, 125, 152, 200, 255];
    let read = frames(&[&empty]).unwrap();
    assert_eq!((read.len(), read[0].event.as_deref(), read[0].is_comment()), (1, None, true));
    let mut header = vec![0, 0, 0, 61, 0, 0, 0, 32, 7, 253, 131, 150, 12];
    header.extend(b"content-type\x07\x00\x10application/json{'foo':'bar'}");
    header.extend([141, 156, 8, 177]);
    assert_eq!(frames(&[&header]).unwrap()[0].data.as_ref(), b"{'foo':'bar'}");
}

#[test]
fn a_wrong_byte_anywhere_is_an_error() {
    let good = event("contentBlockDelta", &json!({"contentBlockIndex": 0, "delta": {"text": "x"}}));
    for at in 0..good.len() {
        for bit in [1, 128] {
            let mut bad = good.clone();
            bad[at] ^= bit;
            let error = frames(&[&bad]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode, "byte {at}: {error}");
        }
    }
    let cut = frames(&[&good[..good.len() - 1]]).unwrap_err();
    assert_eq!(cut.kind(), ErrorKind::Network, "{cut}");
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_kept() {
    let prelude = |total: u32, headers: u32| {
        let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
        bytes
    };
    for (total, headers) in [(u32::MAX, 0), (15, 0), (0, 0), (16, 1), (100, u32::MAX), (1 << 20, 0)] {
        let mut decoder = FrameDecoder::new(Framing::AwsEventStream).with_limit(1 << 19);
        let error = decoder.push(&prelude(total, headers), &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode, "{total} {headers}: {error}");
    }
}

#[test]
fn errors_are_named_in_a_header() {
    let cases = [
        (
            400,
            "ValidationException:http://internal.amazon.com/",
            r#"{"message":"The provided model identifier is invalid."}"#,
        ),
        (400, "ServiceQuotaExceededException", r#"{"message":"no"}"#),
        (403, "AccessDeniedException:http://x/", r#"{"Message":"You don't have access to the model"}"#),
        (403, "ExpiredTokenException", r#"{"message":"The security token included in the request is expired"}"#),
        (403, "", r#"{"message":"Authentication failed: Please make sure your API Key is valid."}"#),
        (404, "ResourceNotFoundException", r#"{"message":"end of its life"}"#),
        (408, "ModelTimeoutException", "{}"),
        (424, "ModelErrorException", r#"{"message":"the model failed"}"#),
        (429, "ThrottlingException", r#"{"message":"Too many tokens, please wait before trying again."}"#),
        (429, "ModelNotReadyException", "{}"),
        (503, "ServiceUnavailableException", r#"{"message":"Model is getting throttled."}"#),
        (400, "", r#"{"__type":"com.amazon.coral.service#ThrottlingException","message":"Rate exceeded"}"#),
    ];
    let mut told = String::new();
    for (status, name, body) in cases {
        let mut headers = HeaderMap::new();
        if !name.is_empty() {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(name));
        }
        headers.insert("x-amzn-requestid", HeaderValue::from_static("id-1"));
        let status = StatusCode::from_u16(status).unwrap();
        let error = errors(CONVERSE.protocol()).decode_error(status, &headers, &Bytes::from(body));
        let vendor = error.vendor().unwrap();
        assert_eq!(vendor.request_id.as_deref(), Some("id-1"));
        told.push_str(&format!("{status} {:?} {:?} — {error}\n", vendor.error_type, error.kind()));
    }
    insta::assert_snapshot!(told);
}

fn chunks(list: &[Value]) -> Vec<Frame> {
    let wrap = |json: &Value| event("chunk", &json!({"bytes": STANDARD.encode(json.to_string()), "p": "abc"}));
    frames(&[&list.iter().flat_map(wrap).collect::<Vec<u8>>()]).unwrap()
}

#[test]
fn every_family_of_invoke_is_read_whole() {
    let bodies = [
        json!({"type": "message", "id": "a", "model": "c", "content": [{"type": "text", "text": "hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 3, "output_tokens": 2}}),
        json!({"output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}}, "stopReason": "end_turn", "usage": {"inputTokens": 3, "outputTokens": 2}}),
        json!({"id": "a", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
        json!({"inputTextTokenCount": 3, "results": [{"tokenCount": 2, "outputText": "hi", "completionReason": "FINISH"}]}),
        json!({"generation": "hi", "prompt_token_count": 3, "generation_token_count": 2, "stop_reason": "stop"}),
        json!({"outputs": [{"text": "hi", "stop_reason": "stop"}]}),
        json!({"id": "a", "generations": [{"id": "b", "text": "hi", "finish_reason": "COMPLETE"}, {"id": "c", "text": "ho", "finish_reason": "MAX_TOKENS"}]}),
        json!({"id": 1234, "completions": [{"data": {"text": "hi"}, "finishReason": {"reason": "endoftext"}}]}),
        json!({"type": "completion", "completion": "hi", "stop_reason": "stop_sequence", "stop": "\n\nHuman:"}),
    ];
    let mut told = String::new();
    for body in bodies {
        let reply = Invoke::default().decode_reply(body.to_string().as_bytes()).unwrap();
        assert_eq!(reply.text(), "hi");
        let usage = reply.usage.as_ref().map(|usage| (usage.total_input(), usage.total_output()));
        told.push_str(&format!("{:?} {usage:?} {}\n", reply.finish().unwrap(), reply.choices.len()));
    }
    insta::assert_snapshot!(told);
    assert_eq!(Invoke::default().decode_reply(b"{\"x\": 1}").unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn every_family_of_invoke_is_read_as_a_stream() {
    let metrics = json!({"inputTokenCount": 3, "outputTokenCount": 2, "invocationLatency": 5});
    let last = |mut chunk: Value| {
        chunk["amazon-bedrock-invocationMetrics"] = metrics.clone();
        chunk
    };
    let streams = [
        vec![
            json!({"type": "message_start", "message": {"id": "a", "model": "c", "usage": {"input_tokens": 3, "output_tokens": 1}}}),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}),
            last(json!({"type": "message_stop"})),
        ],
        vec![
            json!({"messageStart": {"role": "assistant"}}),
            json!({"contentBlockDelta": {"delta": {"text": "hi"}, "contentBlockIndex": 0}}),
            json!({"messageStop": {"stopReason": "end_turn"}}),
            last(json!({"metadata": {"usage": {"inputTokens": 3, "outputTokens": 2}}})),
        ],
        vec![
            json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": null}]}),
            json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
            last(
                json!({"id": "a", "model": "m", "choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}}),
            ),
        ],
        vec![
            json!({"outputText": "h", "index": 0, "completionReason": null, "inputTextTokenCount": 3}),
            last(json!({"outputText": "i", "index": 0, "completionReason": "FINISH"})),
        ],
        vec![
            json!({"generation": "h", "prompt_token_count": 3, "stop_reason": null}),
            last(json!({"generation": "i", "prompt_token_count": null, "stop_reason": "stop"})),
        ],
        vec![
            json!({"outputs": [{"text": "hi", "stop_reason": null}]}),
            last(json!({"outputs": [{"text": "", "stop_reason": "stop"}]})),
        ],
        vec![
            json!({"is_finished": false, "text": "hi"}),
            last(json!({"is_finished": true, "finish_reason": "COMPLETE"})),
        ],
        vec![
            json!({"completion": "h", "stop_reason": null}),
            last(json!({"completion": "i", "stop_reason": "stop_sequence", "stop": "x"})),
        ],
    ];
    for stream in streams {
        let (reply, outcome) = read(Invoke::default().stream_decoder(), &chunks(&stream));
        outcome.unwrap();
        assert_eq!(reply.text(), "hi", "{stream:?}");
        let usage = reply.usage.as_ref().unwrap();
        assert_eq!((usage.total_input(), usage.total_output()), (3, 2), "{stream:?}");
        assert!(reply.extras.get(Protocol::BEDROCK_INVOKE, "amazon-bedrock-invocationMetrics").is_some());
        let (_, outcome) = read(Invoke::default().stream_decoder(), &chunks(&stream[..1]));
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Network, "{stream:?}");
    }
    let bad = frames(&[&event("chunk", &json!({"bytes": "!"}))]).unwrap();
    assert_eq!(read(Invoke::default().stream_decoder(), &bad).1.unwrap_err().kind(), ErrorKind::Decode);
    let thrown = frames(&[&message("exception", "throttlingException", &json!({"message": "slow"}))]).unwrap();
    assert_eq!(read(Invoke::default().stream_decoder(), &thrown).1.unwrap_err().kind(), ErrorKind::RateLimit);
}
