//! Ollama's own protocol: what is read and written, as bytes.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use serde_json::{Value, json};
use tollbridge_core::{ErrorKind, Frame, FrameStream, Operation, Reply, ReplyModel, Request};
use tollbridge_protocol::{
    ChatCodec, FrameDecoder, FrameKind, Framing, ReplyContext, Target, chat_reply, codec, errors, frame_kind,
    framing_of, translate,
};
use tollbridge_types::{
    ChatAssembler, ChatEvent, ChatReply, Choice, EmbedReply, EmbedRequest, Embedding, Finish, FinishReason, Part,
    Protocol, Thought, ToolCall, Usage,
};

const OLLAMA: &dyn ChatCodec = codec::OLLAMA_CHAT;
const OTHERS: [&dyn ChatCodec; 3] = [codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE];

fn context() -> ReplyContext<'static> {
    ReplyContext::new("id", "asked", 1_700_000_000)
}

/// A request with everything in it that Ollama knows, and things that it may know one day.
fn request() -> Value {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "look", "images": ["iVBORw0KGgo=", "/9j/4AAQ"]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [
                {"function": {"name": "weather", "arguments": {"city": "A"}}},
                {"id": "call_1", "function": {"index": 1, "name": "weather", "arguments": {"city": "B"}}},
            ]},
            {"role": "tool", "tool_name": "weather", "content": "sunny"},
            {"role": "tool", "tool_call_id": "call_1", "content": "rainy"},
            {"role": "User", "content": "and?", "later": 1.10},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "the weather", "parameters": schema, "later": 1}}],
        "format": schema,
        "options": {"num_predict": 100, "temperature": 0.5, "top_k": 5, "top_p": 0.9, "seed": 7, "stop": ["END"], "num_ctx": 4096},
        "think": "high",
        "logprobs": true,
        "top_logprobs": 2,
        "keep_alive": "5m",
        "stream": false,
    })
}

fn told(codec: &dyn ChatCodec, request: &tollbridge_types::ChatRequest) -> String {
    let mut losses = Vec::new();
    let encoded = codec.encode_request(request, &Target::new("model", true), &mut losses).unwrap();
    let encoded: Value = serde_json::from_slice(&encoded).unwrap();
    let mut told = format!("{}\n{}\n", codec.protocol(), serde_json::to_string_pretty(&encoded).unwrap());
    for loss in losses {
        told.push_str(&format!("{} {}: {}\n", loss.kind.as_str(), loss.path, loss.reason));
    }
    told
}

#[test]
fn requests_cross_with_their_losses_told() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let openai = json!({
        "model": "m", "max_completion_tokens": 100, "seed": 7, "reasoning_effort": "minimal", "logit_bias": {"1": 2},
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "name": "bob", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO", "detail": "low"}}]},
            {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema, "strict": true}}],
        "tool_choice": "required", "parallel_tool_calls": false, "n": 2, "logprobs": true, "user": "u",
        "response_format": {"type": "json_object"},
    });
    let mut all = String::new();
    let typed = codec::OPENAI_CHAT.decode_request(openai.to_string().as_bytes()).unwrap();
    all.push_str(&format!("{} → {}\n", Protocol::OPENAI_CHAT, told(OLLAMA, &typed)));
    let typed = OLLAMA.decode_request(request().to_string().as_bytes()).unwrap();
    for to in OTHERS {
        all.push_str(&format!("{} → {}\n", Protocol::OLLAMA_CHAT, told(to, &typed)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_request_comes_back_as_it_was() {
    let typed = OLLAMA.decode_request(request().to_string().as_bytes()).unwrap();
    let mut losses = Vec::new();
    let encoded = OLLAMA.encode_request(&typed, &Target::new("m", false), &mut losses).unwrap();
    assert_eq!(losses, []);
    let mut again: Value = serde_json::from_slice(&encoded).unwrap();
    let mut sent = request();
    // The name of the tool is found by the call; places and cases of letters are what they were by default.
    sent["messages"][4]["tool_name"] = json!("weather");
    sent["messages"][5]["role"] = json!("user");
    sent["messages"][2]["tool_calls"][1]["function"].as_object_mut().unwrap().remove("index");
    again["messages"][2]["tool_calls"][1]["function"].as_object_mut().unwrap().remove("index");
    assert_eq!(again, sent);
    assert_eq!(OLLAMA.decode_request(&encoded).unwrap().messages.len(), typed.messages.len());
}

#[test]
fn a_program_reaches_every_option() {
    let mut request = tollbridge_types::ChatRequest::new("m").user("hi").max_tokens(5);
    request.extras.insert(Protocol::OLLAMA_CHAT, "options", json!({"num_ctx": 8192, "num_predict": 9}));
    request.extras.insert(Protocol::OLLAMA_CHAT, "options.mirostat", json!(1));
    request.extras.insert(Protocol::OLLAMA_CHAT, "keep_alive", json!(0));
    let encoded = OLLAMA.encode_request(&request, &Target::new("m", true), &mut Vec::new()).unwrap();
    insta::assert_snapshot!(String::from_utf8(encoded.to_vec()).unwrap(), @r#"{"model":"m","messages":[{"role":"user","content":"hi"}],"options":{"num_predict":5,"mirostat":1,"num_ctx":8192},"stream":true,"keep_alive":0}"#);
}

#[test]
fn what_cannot_be_read_is_told() {
    let cases = [
        json!({"model": "m"}),
        json!({"model": "m", "messages": []}),
        json!({"messages": [{"content": "hi"}]}),
        json!({"messages": [{"role": "user", "content": ["hi"]}]}),
        json!({"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}]}),
        json!({"messages": [{"role": "user", "content": "hi"}], "format": "xml"}),
        json!({"messages": [{"role": "user", "content": "hi"}], "think": 3}),
        json!({"messages": [{"role": "user", "content": "hi"}], "options": {"stop": "END"}}),
    ];
    let told: Vec<String> =
        cases.iter().map(|case| OLLAMA.decode_request(case.to_string().as_bytes()).unwrap_err().to_string()).collect();
    insta::assert_snapshot!(told.join("\n"));
    let image = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]}]});
    let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "m", Bytes::from(image.to_string()));
    let error = translate::request(&request, OLLAMA, true).unwrap_err();
    assert_eq!((error.kind(), error.path()), (ErrorKind::InvalidRequest, Some("messages[0].content[0]")));
}

fn replies() -> Vec<(&'static str, ChatReply)> {
    let reply = |parts: Vec<Part>, reason| {
        let mut choice = Choice::default();
        choice.parts = parts;
        choice.finish = Some(Finish::new(reason, None));
        let mut usage = Usage::default();
        (usage.input, usage.output) = (Some(60), Some(7));
        let mut reply = ChatReply::default();
        (reply.model, reply.created) = (Some("m".to_owned()), Some(1_755_697_706));
        (reply.choices, reply.usage) = (vec![choice], Some(usage));
        reply
    };
    let call = |id: Option<&str>, arguments: &str| {
        let mut call = ToolCall::default();
        (call.id, call.name, call.arguments) = (id.map(str::to_owned), "weather".to_owned(), arguments.to_owned());
        Part::ToolCall(call)
    };
    let mut thought = Thought::default();
    thought.text = "let me see".to_owned();
    vec![
        ("text", reply(vec![Part::text("héllo 你好 🌍")], FinishReason::Stop)),
        ("calls", reply(vec![call(Some("a"), "{\"city\":\"A\"}"), call(Some("b"), "{}")], FinishReason::ToolCalls)),
        ("calls without ids", reply(vec![call(None, "{}"), call(None, "{}")], FinishReason::ToolCalls)),
        ("thinking", reply(vec![Part::Thought(thought), Part::text("so")], FinishReason::Stop)),
        ("length", reply(vec![Part::text("cut o")], FinishReason::Length)),
    ]
}

fn streamed(codec: &dyn ChatCodec, events: Vec<ChatEvent>) -> Vec<Frame> {
    let mut encoder = codec.stream_encoder(&context());
    let mut frames = Vec::new();
    events.into_iter().for_each(|event| encoder.encode(event, &mut frames));
    encoder.finish(&mut frames);
    frames
}

/// Reads a stream from its bytes, in chunks of a size.
fn read(bytes: &[u8], size: usize) -> Result<ChatReply, tollbridge_core::Error> {
    let mut splitter = FrameDecoder::new(framing_of(Protocol::OLLAMA_CHAT));
    let (mut frames, mut events) = (Vec::new(), Vec::new());
    for chunk in bytes.chunks(size) {
        splitter.push(chunk, &mut frames)?;
    }
    splitter.finish(&mut frames)?;
    let mut decoder = OLLAMA.stream_decoder();
    for frame in &frames {
        decoder.decode(frame, &mut events)?;
    }
    decoder.finish(&mut events)?;
    let mut assembler = ChatAssembler::default();
    events.into_iter().for_each(|event| assembler.push(event));
    Ok(assembler.into_reply())
}

#[test]
fn replies_are_written_whole_and_as_streams() {
    let mut told = String::new();
    for (name, reply) in replies() {
        let whole = OLLAMA.encode_reply(&reply, &context()).unwrap();
        told.push_str(&format!("{name}\n{}\n\n", String::from_utf8(whole.to_vec()).unwrap()));
        let frames = streamed(OLLAMA, reply.clone().into_events());
        let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        told.push_str(&format!("{}\n", String::from_utf8(bytes.clone()).unwrap()));
        let whole = OLLAMA.decode_reply(&whole).unwrap();
        for size in [1, 7, bytes.len()] {
            assert_eq!(read(&bytes, size).unwrap(), whole, "{name}, in pieces of {size}");
        }
    }
    insta::assert_snapshot!(told);
}

/// Keeps what an answer says, without which protocol said it.
fn essence(reply: &ChatReply) -> Value {
    let calls: Vec<_> = reply.tool_calls().map(|call| json!([call.id, call.name, call.arguments])).collect();
    let usage = reply.usage.as_ref().map(|usage| (usage.total_input(), usage.total_output()));
    json!([reply.text(), reply.reasoning(), calls, reply.finish().map(|finish| &finish.reason), usage, reply.model])
}

#[tokio::test]
async fn every_answer_crosses_whole_and_streamed() {
    let context = || context().with_reply_model(ReplyModel::Vendor);
    for other in OTHERS {
        for (from, to) in [(OLLAMA, other), (other, OLLAMA)] {
            for (name, reply) in replies().into_iter().filter(|(name, _)| *name != "calls without ids") {
                let whole = Reply::new(from.protocol(), "p", "m", from.encode_reply(&reply, &context()).unwrap());
                let whole = translate::reply(whole, to.protocol(), false, &context()).unwrap();
                let frames: Vec<_> = streamed(from, reply.clone().into_events()).into_iter().map(Ok).collect();
                let frames: FrameStream = Box::pin(futures_util::stream::iter(frames));
                let stream = Reply::new(from.protocol(), "p", "m", frames);
                let stream = translate::reply(stream, to.protocol(), true, &context()).unwrap();
                let what = format!("{} → {}, {name}", from.protocol(), to.protocol());
                assert_eq!(essence(&chat_reply(whole).await.unwrap()), essence(&reply), "{what}, whole");
                assert_eq!(essence(&chat_reply(stream).await.unwrap()), essence(&reply), "{what}, streamed");
            }
        }
    }
}

#[tokio::test]
async fn calls_without_ids_get_some_where_they_are_needed_and_lose_them_again() {
    let (_, reply) = replies().into_iter().find(|(name, _)| *name == "calls without ids").unwrap();
    let whole = Reply::new(Protocol::OLLAMA_CHAT, "p", "m", OLLAMA.encode_reply(&reply, &context()).unwrap());
    let whole = translate::reply(whole, Protocol::OPENAI_CHAT, false, &context()).unwrap();
    let message = chat_reply(whole).await.unwrap().message();
    let ids: Vec<_> = reply.tool_calls().map(|call| call.id.clone()).collect();
    assert_eq!(ids, [None, None]);
    let given: Vec<_> = message
        .parts
        .iter()
        .filter_map(|part| if let Part::ToolCall(call) = part { call.id.clone() } else { None })
        .collect();
    assert_eq!(given.len(), 2);
    assert_ne!(given[0], given[1]);
    let result = tollbridge_types::ToolResult::text(given[1].clone(), "rainy");
    let mut request = tollbridge_types::ChatRequest::new("m").user("hi").message(message);
    request.messages.push(tollbridge_types::Message::tool(result));
    let encoded = OLLAMA.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap();
    insta::assert_snapshot!(String::from_utf8(encoded.to_vec()).unwrap());
}

const LINES: &str = "{\"model\":\"m\",\"created_at\":\"2025-08-20T13:48:26.43+02:00\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"h\u{fc}m\"},\"done\":false}\r\n\r\n\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"你\"},\"done\":false}\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":{}}}]},\"done\":false}\n{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":3,\"eval_count\":2,\"total_duration\":9}";

#[test]
fn lines_read_the_same_at_every_split() {
    let cut = |chunks: &[&[u8]]| {
        let mut decoder = FrameDecoder::new(Framing::JsonLines);
        let mut frames = Vec::new();
        chunks.iter().for_each(|chunk| decoder.push(chunk, &mut frames).unwrap());
        decoder.finish(&mut frames).unwrap();
        frames
    };
    let whole = cut(&[LINES.as_bytes()]);
    for at in 0..=LINES.len() {
        let (first, second) = LINES.as_bytes().split_at(at);
        assert_eq!(cut(&[first, second]), whole, "cut at {at}");
    }
    let raw: Vec<u8> = whole.iter().flat_map(|frame| frame.raw.to_vec()).collect();
    assert_eq!(raw, LINES.as_bytes());
    let kinds: Vec<_> = whole.iter().map(|frame| frame_kind(Protocol::OLLAMA_CHAT, frame)).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == FrameKind::End).count(), 1);
    assert_eq!(kinds.last(), Some(&FrameKind::End));
    let long = FrameDecoder::new(Framing::JsonLines).with_limit(100).push(&LINES.as_bytes()[..120], &mut Vec::new());
    assert_eq!(long.unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn a_stream_reads_to_what_it_says() {
    let reply = read(LINES.as_bytes(), 3).unwrap();
    insta::assert_json_snapshot!(reply);
}

#[test]
fn streams_fail_where_they_break() {
    let cut = LINES.rsplit_once('\n').unwrap().0;
    let fail = |bytes: &str| {
        let error = read(bytes.as_bytes(), 5).unwrap_err();
        format!("{}: {error}", error.kind())
    };
    let told = [
        fail(cut),
        fail(&format!("{cut}\n{{\"error\":\"an error was encountered while running the model\"}}\n")),
        fail(&format!("{cut}\n{{\"error\":\"model 'm' not found\"}}\n")),
        fail(&format!("{cut}\n{{\"message\":")),
        fail(""),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_older_api_is_read_too() {
    let whole = br#"{"model":"m","created_at":"2025-08-20T13:48:21Z","response":"hi","thinking":"hm","done":true,"done_reason":"length","context":[1,2],"prompt_eval_count":3,"eval_count":2}"#;
    let stream = b"{\"model\":\"m\",\"created_at\":\"2025-08-20T13:48:21Z\",\"response\":\"\",\"thinking\":\"hm\",\"done\":false}\n{\"response\":\"hi\",\"done\":false}\n{\"response\":\"\",\"done\":true,\"done_reason\":\"length\",\"context\":[1,2],\"prompt_eval_count\":3,\"eval_count\":2}\n";
    let reply = OLLAMA.decode_reply(whole).unwrap();
    assert_eq!((reply.text(), reply.reasoning(), reply.created), ("hi".into(), "hm".into(), Some(1_755_697_701)));
    assert_eq!(reply.finish().unwrap().reason, FinishReason::Length);
    assert_eq!(reply.extras.get(Protocol::OLLAMA_CHAT, "context").unwrap().as_str(), "[1,2]");
    assert_eq!(read(stream, 9).unwrap(), reply);
}

#[test]
fn errors_keep_their_words_and_their_kind() {
    let cases = [
        (404, r#"{"error":"model 'x' not found"}"#),
        (400, r#"{"error":"registry.ollama.ai/library/gemma3:1b does not support tools"}"#),
        (400, r#"{"error":"the input length exceeds the context length"}"#),
        (503, r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#),
        (401, r#"{"error":"unauthorized"}"#),
        (500, r#"{"error":"model requires more system memory (9.5 GiB) than is available (3.1 GiB)"}"#),
    ];
    let told = cases.map(|(status, body)| {
        let status = http::StatusCode::from_u16(status).unwrap();
        let codec = errors(Protocol::OLLAMA_CHAT);
        let error = codec.decode_error(status, &http::HeaderMap::new(), &Bytes::from_static(body.as_bytes()));
        let (status, again) = codec.encode_error(&error, "id");
        assert_eq!(again, body);
        format!("{} {status} {error}", error.kind())
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn embeddings_are_read_in_both_forms() {
    let embed = codec::OLLAMA_EMBED;
    let request = EmbedRequest::new("p/m", ["one", "two"]);
    let encoded = embed.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap();
    assert_eq!(encoded, r#"{"model":"m","input":["one","two"]}"#);
    assert_eq!(embed.decode_request(&encoded).unwrap().input, request.input);
    let newer = br#"{"model":"m","embeddings":[[0.5,1],[0.25,-1]],"total_duration":5,"prompt_eval_count":4}"#;
    let reply: EmbedReply = embed.decode_reply(newer).unwrap();
    assert_eq!(reply.embeddings, [Embedding::Floats(vec![0.5, 1.0]), Embedding::Floats(vec![0.25, -1.0])]);
    assert_eq!(reply.usage.as_ref().unwrap().input, Some(4));
    let again = embed.decode_reply(&embed.encode_reply(&reply, false, &context()).unwrap()).unwrap();
    assert_eq!(again, reply);
    let older = embed.decode_reply(br#"{"embedding":[0.5,1]}"#).unwrap();
    assert_eq!(older.embeddings, [Embedding::Floats(vec![0.5, 1.0])]);
    let error = embed.decode_reply(br#"{"embeddings":[[1],["x"]]}"#).unwrap_err();
    assert_eq!(error.to_string(), "`embeddings[1]` of the reply is not a vector");
}

#[test]
fn the_model_list_says_what_models_can() {
    let list = br#"{"models":[{"name":"qwen3:4b","model":"qwen3:4b","modified_at":"2026-03-08T21:07:29.026636471-07:00","size":5,"details":{"family":"qwen3","context_length":40960},"capabilities":["completion","tools","thinking"]}]}"#;
    let models = codec::OLLAMA_MODELS.decode_reply(list).unwrap();
    insta::assert_json_snapshot!(models);
    let again = codec::OLLAMA_MODELS.decode_reply(&codec::OLLAMA_MODELS.encode_reply(&models).unwrap()).unwrap();
    assert_eq!(again, models);
}
