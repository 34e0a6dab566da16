//! What fuzzing found, each with the input that showed it.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use serde_json::{Value, json};
use tollbridge_core::{ErrorKind, Frame};
use tollbridge_protocol::{ChatCodec, FrameDecoder, Framing, ReplyContext, Target, chat, codec, framing_of, peek};
use tollbridge_types::{ChatAssembler, ChatEvent, ChatReply, Citation, Part, Protocol, Text, ToolCallKind, Usage};

const CODECS: [&dyn ChatCodec; 3] = [codec::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE];

fn context() -> ReplyContext<'static> {
    ReplyContext::new("fallback", "asked", 0)
}

fn written(codec: &dyn ChatCodec, events: Vec<ChatEvent>) -> Vec<Frame> {
    let mut encoder = codec.stream_encoder(&context());
    let mut frames = Vec::new();
    events.into_iter().for_each(|event| encoder.encode(event, &mut frames));
    encoder.finish(&mut frames);
    frames
}

fn assembled(events: Vec<ChatEvent>) -> ChatReply {
    let mut assembler = ChatAssembler::default();
    events.into_iter().for_each(|event| assembler.push(event));
    assembler.into_reply()
}

fn rewritten(codec: &dyn ChatCodec, body: &Value) -> Value {
    let request = codec.decode_request(body.to_string().as_bytes()).unwrap();
    let body = codec.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap();
    serde_json::from_slice(&body).unwrap()
}

#[test]
fn a_model_and_the_wish_for_usage_fit_into_an_empty_body() {
    let body = Bytes::from_static(b"{ }");
    let spliced = peek(&body).unwrap().splice(&body, Some("m"), true);
    assert_eq!(spliced, "{ \"model\":\"m\",\"stream_options\":{\"include_usage\":true}}");
}

#[test]
fn usage_that_is_null_is_asked_for_in_its_place() {
    let body = Bytes::from_static(b"{\"model\":\"m\",\"stream_options\":{\"include_usage\": null, \"a\": 1}}");
    let spliced = peek(&body).unwrap().splice(&body, None, true);
    assert_eq!(spliced, "{\"model\":\"m\",\"stream_options\":{\"include_usage\": true, \"a\": 1}}");
    assert_eq!(peek(&spliced).unwrap().stream_usage, Some(true));
}

#[test]
fn arguments_on_several_lines_stay_in_one_event() {
    let reply = br#"{"choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "add", "arguments": "{\n  \"a\": 2\r}"}}]}}]}"#;
    let reply = codec::OPENAI_CHAT.decode_reply(reply).unwrap();
    for codec in CODECS {
        let frames = written(codec, reply.clone().into_events());
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        let mut read = Vec::new();
        FrameDecoder::new(Framing::Sse).push(&raw, &mut read).unwrap();
        let data = |frames: &[Frame]| frames.iter().map(|frame| frame.data.clone()).collect::<Vec<_>>();
        assert_eq!(data(&read), data(&frames), "{}", codec.protocol());
    }
}

#[test]
fn a_reply_on_several_lines_becomes_a_stream_of_its_own_protocol() {
    let reply = b"{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"hi\"}]}, \"finishReason\": \"STOP\"}],\n\"other\": {\n\"a\": 1}}";
    let reply = codec::GEMINI_GENERATE.decode_reply(reply).unwrap();
    for frame in written(codec::GEMINI_GENERATE, reply.into_events()) {
        assert!(!frame.data.contains(&b'\n'), "{frame:?}");
    }
}

#[test]
fn counts_too_large_to_add_stop_no_call() {
    let most = u64::MAX;
    let openai = json!({"choices": [], "usage": {"prompt_tokens": most, "completion_tokens": most,
        "prompt_tokens_details": {"cached_tokens": most, "audio_tokens": most},
        "completion_tokens_details": {"reasoning_tokens": most, "audio_tokens": most}}});
    let anthropic =
        json!({"content": [], "usage": {"input_tokens": most, "cache_read_input_tokens": most, "output_tokens": most}});
    let gemini = json!({"candidates": [], "usageMetadata": {"promptTokenCount": most, "cachedContentTokenCount": most,
        "candidatesTokenCount": most, "thoughtsTokenCount": most,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": most}, {"modality": "IMAGE", "tokenCount": most}]}});
    for (from, body) in CODECS.iter().zip([openai, anthropic, gemini]) {
        let reply = from.decode_reply(body.to_string().as_bytes()).unwrap();
        for to in CODECS {
            let body: Value = serde_json::from_slice(&to.encode_reply(&reply, &context()).unwrap()).unwrap();
            assert!(body.is_object());
        }
    }
    let mut usage = Usage::default();
    (usage.input, usage.cache_read) = (Some(most), Some(1));
    assert_eq!(usage.total(), most);
}

#[test]
fn a_citation_far_behind_its_text_is_written() {
    let mut citation = Citation::default();
    citation.span = Some((u64::MAX, u64::MAX));
    let (mut before, mut text) = (Text::default(), Text::default());
    before.text = "before".to_owned();
    text.citations.push(citation);
    let mut reply = ChatReply::default();
    reply.choices.push(Default::default());
    reply.choices[0].parts = vec![Part::Text(before), Part::Text(text)];
    let body = codec::OPENAI_CHAT.encode_reply(&reply, &context()).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body.pointer("/choices/0/message/annotations/0/url_citation/end_index").unwrap(), &json!(u64::MAX));
}

#[test]
fn a_path_into_arguments_makes_no_list_that_nobody_wrote() {
    let call = |path: &str| {
        let call = json!({"name": "f", "partialArgs": [
            {"jsonPath": "$.days[0]", "stringValue": "Mon"},
            {"jsonPath": path, "stringValue": "Tue"},
        ], "willContinue": false});
        let part = json!({"functionCall": call});
        let body = json!({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]});
        let reply = codec::GEMINI_GENERATE.decode_reply(body.to_string().as_bytes()).unwrap();
        match reply.choices[0].parts.first() {
            Some(Part::ToolCall(call)) => call.arguments.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(call("$.days[1]"), "{\"days\":[\"Mon\",\"Tue\"]}");
    assert_eq!(call("$.days[9999]"), "{\"days\":[\"Mon\"]}");
    assert!(call(&format!("$.days[1]{}", "[9999]".repeat(60))).len() < 200);
}

#[test]
fn calls_that_end_in_another_order_are_written_in_that_of_their_beginning() {
    let start = |call: u32| ChatEvent::ToolCallStart {
        choice: 0,
        call,
        id: None,
        name: format!("f{call}"),
        kind: ToolCallKind::Function,
        signature: None,
        extras: Default::default(),
    };
    let end = |call| ChatEvent::ToolCallEnd { choice: 0, call };
    let frames = written(codec::GEMINI_GENERATE, vec![start(0), start(1), end(1), end(0)]);
    let mut decoder = codec::GEMINI_GENERATE.stream_decoder();
    let mut events = Vec::new();
    frames.iter().for_each(|frame| decoder.decode(frame, &mut events).unwrap());
    let name = |part: &Part| if let Part::ToolCall(call) = part { call.name.clone() } else { String::new() };
    let names: Vec<_> = assembled(events).choices[0].parts.iter().map(name).collect();
    assert_eq!(names, ["f0", "f1"]);
}

#[test]
fn a_vector_of_what_json_cannot_write_is_an_error() {
    let infinite = json!({"data": [{"index": 0, "embedding": "AACAfw=="}]});
    let reply = codec::OPENAI_EMBEDDINGS.decode_reply(infinite.to_string().as_bytes()).unwrap();
    let error = codec::OPENAI_EMBEDDINGS.encode_reply(&reply, false, &context()).unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Decode, "a vector is not base64 of finite 32-bit floats"));
}

#[test]
fn nothing_to_embed_is_refused_in_every_form() {
    let error = codec::GEMINI_EMBED.decode_request(b"{\"requests\":[]}").unwrap_err();
    assert_eq!(error.path(), Some("requests"));
    for body in [&b"{\"input\":[[]]}"[..], b"{\"input\":[\"a\",[]]}"] {
        let error = codec::OPENAI_EMBEDDINGS.decode_request(body).unwrap_err();
        assert!(error.path().unwrap().starts_with("input["), "{error}");
    }
}

#[test]
fn a_reply_with_an_empty_list_of_candidates_is_a_reply() {
    let reply = codec::GEMINI_GENERATE.decode_reply(b"{\"candidates\":[]}").unwrap();
    assert!(reply.choices.is_empty());
    assert!(codec::GEMINI_GENERATE.decode_reply(b"{\"modelVersion\":\"m\"}").is_err());
}

#[test]
fn choices_of_one_number_are_numbered_by_their_places() {
    let choice = |text: &str, index: u32| json!({"index": index, "message": {"content": text}});
    for (first, second) in [(0, 0), (1, 0)] {
        let body = json!({"choices": [choice("a", first), choice("b", second)]});
        let reply = codec::OPENAI_CHAT.decode_reply(body.to_string().as_bytes()).unwrap();
        assert_eq!(reply.choices.iter().map(|choice| choice.index).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(assembled(reply.clone().into_events()), reply);
    }
}

#[test]
fn unknown_fields_of_messages_that_merge_and_of_responses_go_back() {
    let body = json!({
        "systemInstruction": {"parts": [{"text": "s"}], "a": 1},
        "contents": [
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {}}, "b": 2, "response": 4}]},
            {"role": "user", "parts": [{"text": "and"}], "c": 3},
        ],
    });
    let again = rewritten(codec::GEMINI_GENERATE, &body);
    assert_eq!(again.pointer("/systemInstruction/a"), Some(&json!(1)));
    assert_eq!(again.pointer("/contents/1/parts/0/b"), Some(&json!(2)));
    assert_eq!(again.pointer("/contents/1/parts/0/response"), Some(&json!(4)));
    assert_eq!(again.pointer("/contents/1/parts/0/functionResponse/response"), Some(&json!({})));
    assert_eq!(again.pointer("/contents/1/c"), Some(&json!(3)));
}

#[test]
fn of_an_unknown_name_that_stands_twice_the_last_counts_too() {
    let body = br#"{"candidates": [], "error": true, "error": null, "a": 1, "a": 2}"#;
    let reply = codec::GEMINI_GENERATE.decode_reply(body).unwrap();
    let body = codec::GEMINI_GENERATE.encode_reply(&reply, &context()).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((body.get("error"), body.get("a")), (None, Some(&json!(2))));
}

#[test]
fn fields_beside_a_tools_function_stay_beside_it() {
    let function = json!({"name": "f", "parameters": {}, "a": 1});
    let tool = json!({"type": "function", "function": function, "strict": 0, "cache_control": {"type": "ephemeral"}});
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "tools": [tool]});
    assert_eq!(rewritten(codec::OPENAI_CHAT, &body).pointer("/tools/0"), Some(&tool));
}

#[test]
fn an_uploaded_file_keeps_its_name_and_an_unknown_field_its_dot() {
    let file = json!({"type": "file", "file": {"file_id": "file-1", "filename": "a.pdf"}});
    let body = json!({"messages": [{"role": "user", "content": [file]}]});
    assert_eq!(rewritten(codec::OPENAI_CHAT, &body).pointer("/messages/0/content/0"), Some(&file));
    let body = json!({"contents": [{"parts": [{"text": "hi"}]}], "a.b": 1});
    assert_eq!(rewritten(codec::GEMINI_GENERATE, &body).get("a.b"), Some(&json!(1)));
}

#[test]
fn a_title_that_an_image_has_not_by_the_protocol_goes_back() {
    let image = json!({"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}, "title": "t"});
    let body = json!({"max_tokens": 1, "messages": [{"role": "user", "content": [image]}]});
    assert_eq!(rewritten(codec::ANTHROPIC_MESSAGES, &body).pointer("/messages/0/content/0"), Some(&image));
}

#[test]
fn an_empty_thought_stays_a_thought() {
    let part = json!({"thought": true, "text": ""});
    let body = json!({"contents": [{"role": "model", "parts": [part]}, {"role": "user", "parts": [{"text": "hi"}]}]});
    assert_eq!(rewritten(codec::GEMINI_GENERATE, &body).pointer("/contents/0/parts/0"), Some(&part));
}

/// Every codec whose replies clients read.
fn clients() -> impl Iterator<Item = &'static dyn ChatCodec> {
    let codecs = Protocol::ALL.iter().filter_map(|protocol| chat(*protocol));
    codecs.filter(|codec| codec.encode_reply(&ChatReply::default(), &context()).is_ok())
}

#[test]
fn caches_too_large_to_add_stop_no_call() {
    let most = u64::MAX;
    let creation = json!({"ephemeral_5m_input_tokens": most, "ephemeral_1h_input_tokens": most});
    let usage = json!({"input_tokens": most, "cache_creation_input_tokens": most, "cache_creation": creation});
    let body = json!({"content": [], "usage": usage}).to_string();
    let reply = codec::ANTHROPIC_MESSAGES.decode_reply(body.as_bytes()).unwrap();
    assert!(clients().count() >= 6);
    for to in clients() {
        assert!(to.encode_reply(&reply, &context()).is_ok(), "{}", to.protocol());
    }
}

#[test]
fn a_field_on_several_lines_stays_in_one_event_of_every_protocol() {
    let reply = codec::OPENAI_RESPONSES.decode_reply(b"{\"output\":[],\"\":{\n}}").unwrap();
    let completion = b"{\"choices\":[{\"index\":0,\"text\":\"hi\",\"finish_reason\":\"stop\"}],\"x\":[\n1]}";
    let completion = codec::OPENAI_COMPLETIONS.decode_reply(completion).unwrap();
    for (codec, reply) in clients().flat_map(|codec| [(codec, &reply), (codec, &completion)]) {
        let frames = written(codec, reply.clone().into_events());
        let raw: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
        let mut read = Vec::new();
        FrameDecoder::new(framing_of(codec.protocol())).push(&raw, &mut read).unwrap();
        let data = |frames: &[Frame]| frames.iter().map(|frame| frame.data.clone()).collect::<Vec<_>>();
        assert_eq!(data(&read), data(&frames), "{}", codec.protocol());
    }
}

#[test]
fn completions_with_one_number_are_numbered_by_their_places() {
    let reply = codec::OPENAI_COMPLETIONS
        .decode_reply(b"{\"choices\":[{\"text\":\"a\"},{\"index\":0,\"text\":\"b\"}]}")
        .unwrap();
    assert_eq!(reply.choices.iter().map(|choice| choice.index).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(assembled(reply.clone().into_events()), reply);
}

#[test]
fn a_request_that_says_nothing_is_refused_in_every_protocol() {
    let request = tollbridge_types::ChatRequest::new("m");
    for to in Protocol::ALL.iter().filter_map(|protocol| chat(*protocol)) {
        let error = to.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap_err();
        let refused = [ErrorKind::InvalidRequest, ErrorKind::Unsupported].contains(&error.kind());
        assert!(refused, "{}: {error}", to.protocol());
    }
}

#[test]
fn calls_of_ollama_come_in_the_order_in_which_they_began() {
    let mut events = Vec::new();
    for (call, name) in [(0, "first"), (1, "second")] {
        let (id, kind, extras) = (None, ToolCallKind::Function, Default::default());
        events.push(ChatEvent::ToolCallStart { choice: 0, call, id, name: name.into(), kind, signature: None, extras });
    }
    events.extend([1, 0].map(|call| ChatEvent::ToolCallEnd { choice: 0, call }));
    let lines: String = written(codec::OLLAMA_CHAT, events)
        .iter()
        .map(|frame| String::from_utf8_lossy(&frame.data).into_owned())
        .collect();
    assert!(lines.find("first").unwrap() < lines.find("second").unwrap(), "{lines}");
}

#[test]
fn what_follows_the_end_of_coheres_stream_belongs_to_no_answer() {
    let mut decoder = codec::COHERE_CHAT.stream_decoder();
    let mut events = Vec::new();
    for data in [
        r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}"#,
        r#"{"type":"tool-call-start","delta":{"message":{"tool_calls":{"function":{"name":"late"}}}}}"#,
    ] {
        let data = Bytes::from(data);
        decoder.decode(&Frame::new(data.clone(), None, data), &mut events).unwrap();
    }
    decoder.finish(&mut events).unwrap();
    assert!(!events.iter().any(|event| matches!(event, ChatEvent::ToolCallStart { .. })), "{events:?}");
}

#[test]
fn fields_beside_ollamas_results_and_in_bedrocks_merged_messages_stay() {
    let call =
        json!({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "a", "arguments": {}}}]});
    let result = json!({"role": "tool", "content": "1", "tool_name": "a", "name": "a"});
    let sent = rewritten(codec::OLLAMA_CHAT, &json!({"messages": [call, result]}));
    assert_eq!(sent.pointer("/messages/1/name"), Some(&json!("a")));
    let message = |name: &str| json!({"role": "user", "content": [{"text": "hi"}], name: 1});
    let sent = rewritten(codec::BEDROCK_CONVERSE, &json!({"messages": [message("one"), message("two")]}));
    let first = sent.pointer("/messages/0").unwrap();
    assert_eq!((first.get("one"), first.get("two")), (Some(&json!(1)), Some(&json!(1))));
}

#[test]
fn vectors_in_base64_are_not_gathered_as_numbers() {
    let reply = codec::OPENAI_EMBEDDINGS.decode_reply(b"{\"data\":[{\"embedding\":\"AACAPw==\"}]}").unwrap();
    let error = codec::BEDROCK_EMBED.encode_reply(&reply, false, &context()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
}

#[test]
fn a_schema_that_is_no_object_is_told_to_be_lost_on_ollama() {
    let format = json!({"type": "json_schema", "schema": "null"});
    let body = json!({"model": "m", "max_tokens": 1, "output_config": {"format": format},
        "messages": [{"role": "user", "content": "hi"}]});
    let request = codec::ANTHROPIC_MESSAGES.decode_request(body.to_string().as_bytes()).unwrap();
    let mut losses = Vec::new();
    codec::OLLAMA_CHAT.encode_request(&request, &Target::new("m", false), &mut losses).unwrap();
    assert!(losses.iter().any(|loss| loss.path == "response_format"), "{losses:?}");
}

#[test]
fn an_unknown_field_named_json_takes_no_text_of_bedrocks_away() {
    let block = json!({"text": "hi", "json": 1});
    let result = json!({"toolResult": {"toolUseId": "a", "content": [{"json": {"b": 2}}]}});
    let call = json!({"toolUse": {"toolUseId": "a", "name": "f", "input": {}}});
    let body = json!({"messages": [
        {"role": "user", "content": [block]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result]},
    ]});
    let sent = rewritten(codec::BEDROCK_CONVERSE, &body);
    assert_eq!(sent.pointer("/messages/0/content/0"), Some(&block));
    assert_eq!(sent.pointer("/messages/2/content/0"), Some(&result));
    let reply = json!({"output": {"message": {"role": "assistant", "content": [block]}}, "stopReason": "end_turn"});
    let reply = codec::BEDROCK_CONVERSE.decode_reply(reply.to_string().as_bytes()).unwrap();
    let written = codec::BEDROCK_CONVERSE.encode_reply(&reply, &context()).unwrap();
    let written: Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written.pointer("/output/message/content/0"), Some(&block));
}

#[test]
fn what_is_to_be_included_is_a_list_whose_words_are_read_alone() {
    let decode = |include: Value| {
        let body = json!({"input": "hi", "include": include});
        codec::OPENAI_RESPONSES.decode_request(body.to_string().as_bytes())
    };
    assert_eq!(decode(json!(0)).unwrap_err().path(), Some("include"));
    assert_eq!(decode(json!([{"type": "message.output_text.logprobs"}])).unwrap().logprobs, None);
    assert_eq!(decode(json!(["message.output_text.logprobs"])).unwrap().logprobs, Some(true));
}

#[test]
fn thinking_beside_a_result_of_ollamas_goes_back() {
    let call =
        json!({"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "a", "arguments": {}}}]});
    let result = json!({"role": "tool", "content": "1", "tool_name": "a", "thinking": "hm"});
    let sent = rewritten(codec::OLLAMA_CHAT, &json!({"messages": [call, result]}));
    assert_eq!(sent.pointer("/messages/1/thinking"), Some(&json!("hm")));
}

#[test]
fn a_part_of_a_message_that_names_its_direction_stays_in_it() {
    let part = json!({"type": "output_audio", "data": "UklG"});
    let said = json!({"role": "assistant", "content": [part]});
    let asked = json!({"role": "user", "content": [{"type": "input_new", "b": 1}]});
    let call = json!({"type": "x_call", "text": "\"input_"});
    let sent = rewritten(codec::OPENAI_RESPONSES, &json!({"input": [said, asked, call]}));
    assert_eq!(sent.get("input"), Some(&json!([said, asked, call])));
    let error = codec::OPENAI_RESPONSES.decode_request(b"{\"input\":[{\"type\":\"input_text\"}]}").unwrap_err();
    assert_eq!(error.path(), Some("input[0].type"));
}

#[test]
fn a_name_that_an_image_of_bedrocks_has_not_by_the_protocol_goes_back() {
    let image = json!({"image": {"format": "png", "source": {"bytes": "iVBO"}, "name": "a"}});
    let body = json!({"messages": [{"role": "user", "content": [image]}]});
    assert_eq!(rewritten(codec::BEDROCK_CONVERSE, &body).pointer("/messages/0/content/0"), Some(&image));
}

#[test]
fn a_sealed_part_that_is_no_object_is_none() {
    // Holds [{"k":"part","p":"openai.responses","j":1}].
    let seal = "dG9sbHN0YXRl+J7kGVt7ImsiOiJwYXJ0IiwicCI6Im9wZW5haS5yZXNwb25zZXMiLCJqIjoxfV0=";
    let said = json!({"role": "model", "parts": [{"text": "hi", "thoughtSignature": seal}]});
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}, said]}).to_string();
    let request = codec::GEMINI_GENERATE.decode_request(body.as_bytes()).unwrap();
    let sent = codec::OPENAI_RESPONSES.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap();
    let sent: Value = serde_json::from_slice(&sent).unwrap();
    assert!(sent["input"].as_array().unwrap().iter().all(Value::is_object), "{sent}");
}

#[test]
fn an_image_without_bytes_is_refused_and_not_sent_empty() {
    let image = json!({"type": "image", "source": {"type": "text", "data": "no picture"}});
    let body = json!({"max_tokens": 1, "messages": [{"role": "user", "content": [image]}]}).to_string();
    let request = codec::ANTHROPIC_MESSAGES.decode_request(body.as_bytes()).unwrap();
    for to in [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES] {
        let error = to.encode_request(&request, &Target::new("m", false), &mut Vec::new()).unwrap_err();
        assert_eq!(error.path(), Some("messages[0].parts[0]"), "{}: {error}", to.protocol());
    }
}

#[test]
fn a_result_in_bedrocks_answer_is_kept_whole() {
    let body = br#"{"output":{"message":{"content":[{"toolResult":{"toolUseId":"a","content":[]}}]}},"stopReason":"end_turn"}"#;
    let reply = codec::BEDROCK_CONVERSE.decode_reply(body).unwrap();
    assert_eq!(assembled(reply.clone().into_events()), reply);
    let again = codec::BEDROCK_CONVERSE.encode_reply(&reply, &context()).unwrap();
    assert!(String::from_utf8_lossy(&again).contains(r#"{"toolResult":{"toolUseId":"a","content":[]}}"#));
}

#[test]
fn an_unknown_part_of_a_users_message_stays_in_it() {
    let part = json!({"type": "computer_screenshot", "file_id": "a"});
    let body = json!({"model": "m", "input": [{"role": "user", "content": [part]}]});
    let sent = rewritten(codec::OPENAI_RESPONSES, &body);
    assert_eq!(sent.pointer("/input/0/content/0/type"), Some(&json!("computer_screenshot")), "{sent}");
}

#[test]
fn a_format_that_bedrock_may_add_goes_back_letter_by_letter() {
    let image = json!({"image": {"format": "a\"\u{0}", "source": {"bytes": "iVBO"}}});
    let body = json!({"messages": [{"role": "user", "content": [image]}]});
    assert_eq!(rewritten(codec::BEDROCK_CONVERSE, &body).pointer("/messages/0/content/0"), Some(&image));
}

#[test]
fn sources_of_what_the_user_says_are_told_to_be_lost_on_responses() {
    let part = json!({"type": "text", "text": "1", "annotations": [{"type": "url_citation", "url": "https://a.b"}]});
    let body = json!({"input": [{"role": "user", "content": [part]}]}).to_string();
    let request = codec::OPENAI_RESPONSES.decode_request(body.as_bytes()).unwrap();
    let mut losses = Vec::new();
    codec::OPENAI_RESPONSES.encode_request(&request, &Target::new("m", false), &mut losses).unwrap();
    assert!(losses.iter().any(|loss| loss.path == "messages[0].parts[0].citations"), "{losses:?}");
}
