//! How answers end: every vendor's words, those that nobody has seen, and calls that were cut, in every client's protocol,
//! whole and streamed.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what a test needs and cannot have fails it"
)]

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tollbridge_core::{ErrorKind, Frame, FrameStream, Reply, ReplyBody};
use tollbridge_protocol::{FrameDecoder, ReplyContext, UsageMeter, framing_of, translate};
use tollbridge_types::Protocol;

/// What a word means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Means {
    Stop,
    StopSequence,
    Length,
    Calls,
    Filter,
    Pause,
    /// A call that is none.
    Broken,
    Failure,
    /// A word that nobody has seen.
    Unknown,
}

use Means::{Broken, Calls, Failure, Filter, Length, Pause, Stop, StopSequence, Unknown};

const WORDS: &[(Protocol, Means, &[&str])] = &[
    (Protocol::OPENAI_CHAT, Stop, &["stop", "eos", "normal"]),
    (Protocol::OPENAI_CHAT, Length, &["length", "max_tokens", "model_length", "max_output"]),
    (Protocol::OPENAI_CHAT, Length, &["model_context_window_exceeded"]),
    (Protocol::OPENAI_CHAT, Calls, &["tool_calls", "tool_call", "function_call"]),
    (Protocol::OPENAI_CHAT, Filter, &["content_filter", "sensitive"]),
    (
        Protocol::OPENAI_CHAT,
        Failure,
        &["error", "abort", "insufficient_system_resource", "network_error", "time_limit"],
    ),
    (Protocol::OPENAI_CHAT, Unknown, &["a_word_of_tomorrow", "STOPPED", "stop?"]),
    // Proxies pass the words of other vendors on.
    (Protocol::OPENAI_CHAT, Stop, &["STOP", "end_turn", "COMPLETE"]),
    (Protocol::OPENAI_CHAT, Filter, &["SAFETY", "guardrail_intervened", "refusal"]),
    (Protocol::OPENAI_CHAT, Broken, &["MALFORMED_FUNCTION_CALL", "malformed_tool_use"]),
    (Protocol::OPENAI_COMPLETIONS, Stop, &["stop"]),
    (Protocol::OPENAI_COMPLETIONS, Length, &["length"]),
    (Protocol::OPENAI_COMPLETIONS, Filter, &["content_filter"]),
    (Protocol::OPENAI_COMPLETIONS, Failure, &["error", "abort"]),
    (Protocol::OPENAI_COMPLETIONS, Unknown, &["a_word_of_tomorrow"]),
    (Protocol::OPENAI_RESPONSES, Stop, &["completed"]),
    (Protocol::OPENAI_RESPONSES, Length, &["incomplete max_output_tokens", "incomplete"]),
    (Protocol::OPENAI_RESPONSES, Filter, &["incomplete content_filter"]),
    (Protocol::OPENAI_RESPONSES, Unknown, &["incomplete a_word_of_tomorrow", "incomplete stop", "a_word_of_tomorrow"]),
    (Protocol::OPENAI_RESPONSES, Failure, &["cancelled", "failed"]),
    (Protocol::ANTHROPIC_MESSAGES, Stop, &["end_turn"]),
    (Protocol::ANTHROPIC_MESSAGES, StopSequence, &["stop_sequence"]),
    (Protocol::ANTHROPIC_MESSAGES, Length, &["max_tokens", "model_context_window_exceeded"]),
    (Protocol::ANTHROPIC_MESSAGES, Calls, &["tool_use"]),
    (Protocol::ANTHROPIC_MESSAGES, Pause, &["pause_turn", "compaction"]),
    (Protocol::ANTHROPIC_MESSAGES, Filter, &["refusal"]),
    (Protocol::ANTHROPIC_MESSAGES, Unknown, &["a_word_of_tomorrow"]),
    (Protocol::GEMINI_GENERATE, Stop, &["STOP", "1"]),
    (Protocol::GEMINI_GENERATE, Length, &["MAX_TOKENS", "2"]),
    (
        Protocol::GEMINI_GENERATE,
        Filter,
        &["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"],
    ),
    (
        Protocol::GEMINI_GENERATE,
        Filter,
        &["MODEL_ARMOR", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"],
    ),
    (Protocol::GEMINI_GENERATE, Filter, &["3", "4", "7", "block SAFETY", "block OTHER", "block A_WORD_OF_TOMORROW"]),
    (Protocol::GEMINI_GENERATE, Broken, &["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"]),
    (Protocol::GEMINI_GENERATE, Failure, &["OTHER", "NO_IMAGE", "IMAGE_OTHER", "MISSING_THOUGHT_SIGNATURE", "5"]),
    (Protocol::GEMINI_GENERATE, Failure, &["MALFORMED_RESPONSE"]),
    (Protocol::GEMINI_GENERATE, Unknown, &["A_WORD_OF_TOMORROW", "99"]),
    (Protocol::BEDROCK_CONVERSE, Stop, &["end_turn"]),
    (Protocol::BEDROCK_CONVERSE, StopSequence, &["stop_sequence"]),
    (Protocol::BEDROCK_CONVERSE, Length, &["max_tokens", "model_context_window_exceeded"]),
    (Protocol::BEDROCK_CONVERSE, Calls, &["tool_use"]),
    (Protocol::BEDROCK_CONVERSE, Filter, &["guardrail_intervened", "content_filtered"]),
    (Protocol::BEDROCK_CONVERSE, Broken, &["malformed_tool_use"]),
    (Protocol::BEDROCK_CONVERSE, Failure, &["malformed_model_output"]),
    (Protocol::BEDROCK_CONVERSE, Unknown, &["a_word_of_tomorrow"]),
    (Protocol::COHERE_CHAT, Stop, &["COMPLETE"]),
    (Protocol::COHERE_CHAT, StopSequence, &["STOP_SEQUENCE"]),
    (Protocol::COHERE_CHAT, Length, &["MAX_TOKENS", "ERROR_LIMIT"]),
    (Protocol::COHERE_CHAT, Calls, &["TOOL_CALL"]),
    (Protocol::COHERE_CHAT, Filter, &["ERROR_TOXIC"]),
    (Protocol::COHERE_CHAT, Failure, &["ERROR", "TIMEOUT", "USER_CANCEL"]),
    (Protocol::COHERE_CHAT, Unknown, &["A_WORD_OF_TOMORROW"]),
    (Protocol::OLLAMA_CHAT, Stop, &["stop", "load", "unload"]),
    (Protocol::OLLAMA_CHAT, Length, &["length"]),
    (Protocol::OLLAMA_CHAT, Unknown, &["a_word_of_tomorrow"]),
];

const CLIENTS: [Protocol; 5] = [
    Protocol::OPENAI_CHAT,
    Protocol::OPENAI_COMPLETIONS,
    Protocol::OPENAI_RESPONSES,
    Protocol::ANTHROPIC_MESSAGES,
    Protocol::GEMINI_GENERATE,
];

/// Returns what a client is to see.
fn expected(client: Protocol, means: Means) -> &'static str {
    match (client, means) {
        (Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS, Stop | StopSequence) => "stop",
        (Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS, Length | Pause) => "length",
        (Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS, Filter) => "content_filter",
        (Protocol::OPENAI_CHAT, Calls) => "tool_calls",
        (Protocol::OPENAI_RESPONSES, Stop | StopSequence | Calls) => "completed",
        (Protocol::OPENAI_RESPONSES, Length | Pause) => "incomplete max_output_tokens",
        (Protocol::OPENAI_RESPONSES, Filter) => "incomplete content_filter",
        (Protocol::OPENAI_RESPONSES, _) => "failed server_error",
        (Protocol::ANTHROPIC_MESSAGES, Stop) => "end_turn",
        (Protocol::ANTHROPIC_MESSAGES, StopSequence) => "stop_sequence",
        (Protocol::ANTHROPIC_MESSAGES, Length) => "max_tokens",
        (Protocol::ANTHROPIC_MESSAGES, Pause) => "pause_turn",
        (Protocol::ANTHROPIC_MESSAGES, Calls) => "tool_use",
        (Protocol::ANTHROPIC_MESSAGES, Filter) => "refusal",
        (Protocol::GEMINI_GENERATE, Stop | StopSequence | Calls) => "STOP",
        (Protocol::GEMINI_GENERATE, Length | Pause) => "MAX_TOKENS",
        (Protocol::GEMINI_GENERATE, Filter) => "SAFETY",
        (Protocol::GEMINI_GENERATE, Broken) => "MALFORMED_FUNCTION_CALL",
        (Protocol::GEMINI_GENERATE, _) => "OTHER",
        _ => "error",
    }
}

/// Returns a vendor's whole reply that ends with a word, and the same as the bytes of a stream.
fn answers(vendor: Protocol, word: &str) -> (Value, Vec<Frame>) {
    let sse = |events: &[Value]| events.iter().map(|event| format!("data: {event}\n\n")).collect::<String>();
    let (first, second) = word.split_once(' ').unwrap_or((word, ""));
    let (whole, stream) = match vendor {
        Protocol::OPENAI_CHAT => {
            let whole =
                json!({"id": "i", "choices": [{"index": 0, "finish_reason": word, "message": {"content": "a"}}]});
            let chunk = json!({"id": "i", "choices": [{"index": 0, "finish_reason": null, "delta": {"content": "a"}}]});
            let last = json!({"id": "i", "choices": [{"index": 0, "finish_reason": word, "delta": {}}]});
            (whole, sse(&[chunk, last]) + "data: [DONE]\n\n")
        }
        Protocol::OPENAI_COMPLETIONS => {
            let whole = json!({"id": "i", "choices": [{"index": 0, "finish_reason": word, "text": "a"}]});
            (whole.clone(), sse(&[whole]) + "data: [DONE]\n\n")
        }
        Protocol::OPENAI_RESPONSES => {
            let details = (!second.is_empty()).then(|| json!({"reason": second}));
            let text = json!({"type": "output_text", "text": "a"});
            let output = json!([{"type": "message", "id": "m", "role": "assistant", "content": [text]}]);
            let whole = json!({"id": "i", "status": first, "incomplete_details": details, "output": output});
            let kind = if ["incomplete", "failed"].contains(&first) { first } else { "completed" };
            (whole.clone(), sse(&[json!({"type": format!("response.{kind}"), "response": whole})]))
        }
        Protocol::ANTHROPIC_MESSAGES => {
            let block = json!({"type": "text", "text": "a"});
            let whole = json!({"id": "i", "type": "message", "content": [block], "stop_reason": word});
            let start = json!({"type": "message_start", "message": {"id": "i", "content": [], "stop_reason": null}});
            let open = json!({"type": "content_block_start", "index": 0, "content_block": block});
            let close = json!({"type": "content_block_stop", "index": 0});
            let delta = json!({"type": "message_delta", "delta": {"stop_reason": word}});
            (whole, sse(&[start, open, close, delta, json!({"type": "message_stop"})]))
        }
        Protocol::GEMINI_GENERATE if first == "block" => {
            let whole = json!({"promptFeedback": {"blockReason": second}});
            (whole.clone(), sse(&[whole]))
        }
        Protocol::GEMINI_GENERATE => {
            let word: Value = word.parse::<u64>().map_or_else(|_| json!(word), |number| json!(number));
            let content = json!({"role": "model", "parts": [{"text": "a"}]});
            let whole = json!({"candidates": [{"index": 0, "content": content, "finishReason": word}]});
            (whole.clone(), sse(&[whole]))
        }
        Protocol::BEDROCK_CONVERSE => {
            let message = json!({"role": "assistant", "content": [{"text": "a"}]});
            let whole = json!({"output": {"message": message}, "stopReason": word});
            let event = |name: &str, data: Value| {
                Frame::new(Bytes::new(), Some(name.to_owned()), Bytes::from(data.to_string()))
            };
            let stream = vec![
                event("messageStart", json!({"role": "assistant"})),
                event("contentBlockDelta", json!({"contentBlockIndex": 0, "delta": {"text": "a"}})),
                event("messageStop", json!({"stopReason": word})),
                event("metadata", json!({"usage": {"inputTokens": 1, "outputTokens": 1}})),
            ];
            return (whole, stream);
        }
        Protocol::COHERE_CHAT => {
            let message = json!({"role": "assistant", "content": [{"type": "text", "text": "a"}]});
            let whole = json!({"id": "i", "message": message, "finish_reason": word});
            let text = json!({"message": {"content": {"text": "a"}}});
            let events = [
                json!({"type": "message-start", "id": "i"}),
                json!({"type": "content-delta", "index": 0, "delta": text}),
                json!({"type": "message-end", "delta": {"finish_reason": word}}),
            ];
            (whole, sse(&events))
        }
        _ => {
            let message = json!({"role": "assistant", "content": "a"});
            let whole = json!({"model": "m", "message": message, "done": true, "done_reason": word});
            (whole.clone(), format!("{whole}\n"))
        }
    };
    (whole, frames(vendor, &stream))
}

fn frames(protocol: Protocol, stream: &str) -> Vec<Frame> {
    let (mut decoder, mut frames) = (FrameDecoder::new(framing_of(protocol)), Vec::new());
    decoder.push(stream.as_bytes(), &mut frames).unwrap();
    decoder.finish(&mut frames).unwrap();
    frames
}

fn context() -> ReplyContext<'static> {
    ReplyContext::new("id", "m", 1)
}

/// Returns how an answer ends, as a client reads it.
fn ending(client: Protocol, body: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match client {
        _ if body["error"]["message"].is_string() && body.get("status").is_none() => Some("error".to_owned()),
        Protocol::OPENAI_CHAT | Protocol::OPENAI_COMPLETIONS => text(&body["choices"][0]["finish_reason"]),
        Protocol::OPENAI_RESPONSES => {
            let body = body.get("response").unwrap_or(body);
            let status = body["status"].as_str().filter(|status| *status != "in_progress")?;
            let detail = text(&body["incomplete_details"]["reason"]).or(text(&body["error"]["code"]));
            Some(detail.map_or(status.to_owned(), |detail| format!("{status} {detail}")))
        }
        Protocol::ANTHROPIC_MESSAGES => text(&body["stop_reason"]).or(text(&body["delta"]["stop_reason"])),
        _ => text(&body["candidates"][0]["finishReason"]),
    }
}

/// Translates a whole reply, and returns its ending and the body.
fn whole(vendor: Protocol, client: Protocol, body: &Value) -> (String, Value) {
    let reply = Reply::new(vendor, "p", "m", Bytes::from(body.to_string()));
    match translate::reply(reply, client, false, &context()) {
        Ok(Reply { body: ReplyBody::Whole(body), .. }) => {
            let body: Value = serde_json::from_slice(&body).unwrap();
            (ending(client, &body).unwrap_or_default(), body)
        }
        Ok(_) => panic!("a whole reply was asked for"),
        Err(error) => {
            assert!(
                matches!(
                    error.kind(),
                    ErrorKind::Server | ErrorKind::Unknown | ErrorKind::Timeout(_) | ErrorKind::Overloaded
                ),
                "{error:?}"
            );
            ("error".to_owned(), Value::Null)
        }
    }
}

/// Translates a stream, and returns its ending, which nothing may follow but usage and end marks, and the events.
fn streamed(vendor: Protocol, client: Protocol, frames: Vec<Frame>) -> (String, Vec<Value>) {
    let frames: FrameStream = Box::pin(futures_util::stream::iter(frames.into_iter().map(Ok)));
    let reply = translate::reply(Reply::new(vendor, "p", "m", frames), client, true, &context()).unwrap();
    let ReplyBody::Frames(frames) = reply.body else { panic!("a stream was asked for") };
    let items: Vec<_> = frames.collect::<Vec<_>>().now_or_never().unwrap();
    let failed = items.iter().any(Result::is_err);
    let events: Vec<Value> =
        items.iter().flatten().filter_map(|frame| serde_json::from_slice(&frame.data).ok()).collect();
    let endings: Vec<String> = events.iter().filter_map(|event| ending(client, event)).collect();
    assert!(endings.len() == 1, "{vendor} → {client}: {endings:?} in {events:?}");
    assert_eq!(failed, endings == ["error"], "{vendor} → {client}: an error is told to the log too");
    (endings[0].clone(), events)
}

#[test]
fn every_word_of_every_vendor_is_itself_in_every_clients_protocol() {
    for (vendor, means, words) in WORDS {
        for word in *words {
            let (body, frames) = answers(*vendor, word);
            for client in CLIENTS.into_iter().filter(|client| client != vendor) {
                // OpenAI's form of a failure is an error wherever it is read, and a response that refuses is complete.
                let expected = match (*vendor, *word) {
                    (Protocol::OPENAI_RESPONSES, "failed") => "error",
                    _ => expected(client, *means),
                };
                if (*vendor, *word) != (Protocol::OPENAI_RESPONSES, "failed") || client != Protocol::OPENAI_RESPONSES {
                    let what = format!("{vendor} `{word}` → {client}");
                    assert_eq!(whole(*vendor, client, &body).0, expected, "{what}, whole");
                    assert_eq!(streamed(*vendor, client, frames.clone()).0, expected, "{what}, streamed");
                }
            }
        }
    }
}

#[test]
fn a_vendors_own_clients_get_its_own_word() {
    for (vendor, _, words) in WORDS.iter().filter(|(vendor, ..)| CLIENTS.contains(vendor)) {
        for word in *words {
            let (body, frames) = answers(*vendor, word);
            let reply = Reply::new(*vendor, "p", "m", Bytes::from(body.to_string()));
            let passed = translate::reply(reply, *vendor, false, &context()).unwrap();
            let ReplyBody::Whole(passed) = passed.body else { panic!("a whole reply was asked for") };
            assert_eq!(passed, body.to_string(), "{vendor} `{word}`");
            let data: Vec<_> = frames.iter().map(|frame| frame.data.clone()).collect();
            let stream: FrameStream = Box::pin(futures_util::stream::iter(frames.into_iter().map(Ok)));
            let passed = translate::reply(Reply::new(*vendor, "p", "m", stream), *vendor, true, &context()).unwrap();
            let ReplyBody::Frames(passed) = passed.body else { panic!("a stream was asked for") };
            let passed: Vec<_> = passed.filter_map(|frame| async { frame.ok() }).collect().now_or_never().unwrap();
            assert_eq!(passed.iter().map(|frame| frame.data.clone()).collect::<Vec<_>>(), data, "{vendor} `{word}`");
        }
    }
}

#[test]
fn a_meter_takes_a_failure_for_one_whoever_reads_it() {
    for (vendor, means, words) in WORDS {
        for word in words.iter().filter(|word| **word != "failed") {
            let (body, frames) = answers(*vendor, word);
            for is_read in [false, true] {
                let start = || if is_read { UsageMeter::new(*vendor).read() } else { UsageMeter::new(*vendor) };
                // What passes unread is the client's to judge. Responses that fail in words of their own do so when read.
                let responses = *vendor == Protocol::OPENAI_RESPONSES;
                let fails = match means {
                    Broken | Failure => is_read || !responses,
                    Unknown => is_read,
                    _ => false,
                };
                let (mut meter, what) = (start(), format!("{vendor} `{word}`, read {is_read}"));
                meter.whole(body.to_string().as_bytes());
                let metered = meter.metered();
                assert_eq!((metered.error.is_some(), metered.finished), (fails, true), "{what}, whole");
                let mut meter = start();
                for frame in &frames {
                    meter.frame(frame);
                }
                let metered = meter.metered();
                if !responses || word.starts_with("incomplete") {
                    assert_eq!((metered.error.is_some(), metered.finished), (fails, true), "{what}, streamed");
                }
            }
        }
    }
}

/// Answers with a call whose arguments break off, whole and streamed.
fn cut(vendor: Protocol, word: &str, arguments: &str) -> (Value, Vec<Frame>) {
    let function = json!({"name": "f", "arguments": arguments});
    let call = json!({"index": 0, "id": "c", "type": "function", "function": function});
    let message = json!({"role": "assistant", "content": "a", "tool_calls": [call]});
    match vendor {
        Protocol::OPENAI_CHAT => {
            let choice = |name: &str, word: &Value| json!({"id": "i", "choices": [{"index": 0, "finish_reason": word, name: message}]});
            let end = json!({"id": "i", "choices": [{"index": 0, "finish_reason": word, "delta": {}}]});
            let stream = format!("data: {}\n\ndata: {end}\n\ndata: [DONE]\n\n", choice("delta", &Value::Null));
            (choice("message", &json!(word)), frames(vendor, &stream))
        }
        _ => {
            let item = json!({
                "type": "function_call", "status": "incomplete", "id": "fc", "call_id": "c", "name": "f",
                "arguments": arguments,
            });
            let (first, second) = word.split_once(' ').unwrap();
            let details = json!({"reason": second});
            let whole = json!({"id": "i", "status": first, "incomplete_details": details, "output": [item]});
            let stream = format!("data: {}\n\n", json!({"type": "response.incomplete", "response": whole}));
            (whole, frames(vendor, &stream))
        }
    }
}

#[test]
fn cut_arguments_are_never_mended_into_a_call() {
    let vendors = [
        (Protocol::OPENAI_CHAT, "length", Length),
        (Protocol::OPENAI_CHAT, "content_filter", Filter),
        (Protocol::OPENAI_RESPONSES, "incomplete max_output_tokens", Length),
    ];
    for (vendor, word, means) in vendors {
        for arguments in ["{\"city\": \"Par", "{\"a\": {\"b\": 1}", "{\"a\": [1, 2", "{", ""] {
            let (body, frames) = cut(vendor, word, arguments);
            for client in
                CLIENTS.into_iter().filter(|client| *client != vendor && *client != Protocol::OPENAI_COMPLETIONS)
            {
                let what = format!("{vendor} `{word}` `{arguments}` → {client}");
                let (end, body) = whole(vendor, client, &body);
                assert_eq!(end, expected(client, means), "{what}, whole");
                let (end, events) = streamed(vendor, client, frames.clone());
                assert_eq!(end, expected(client, means), "{what}, streamed");
                let calls = |text: &str| ["tool_use", "functionCall"].iter().any(|call| text.contains(call));
                match client {
                    // Where arguments are text, they stay as they came.
                    Protocol::OPENAI_CHAT => {
                        assert_eq!(body["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], arguments);
                    }
                    Protocol::OPENAI_RESPONSES => {
                        let call = body["output"].as_array().unwrap().last().unwrap();
                        assert_eq!(call["arguments"], arguments, "{what}");
                        let last =
                            events.last().unwrap()["response"]["output"].as_array().unwrap().last().unwrap().clone();
                        assert_eq!(last["arguments"], arguments, "{what}");
                        if !arguments.is_empty() {
                            assert_eq!(
                                (&call["status"], &last["status"]),
                                (&json!("incomplete"), &json!("incomplete"))
                            );
                        }
                    }
                    // In Anthropic's streams the pieces have gone before anybody knows, as they do at Anthropic.
                    Protocol::ANTHROPIC_MESSAGES => {
                        assert!(!calls(&body.to_string()), "{what}: {body}");
                        let pieces = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str());
                        assert_eq!(pieces.collect::<String>(), arguments, "{what}");
                    }
                    _ => {
                        assert!(!calls(&body.to_string()), "{what}: {body}");
                        assert!(!events.iter().any(|event| calls(&event.to_string())), "{what}: {events:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_call_that_breaks_off_in_a_whole_answer_is_a_broken_call() {
    for arguments in ["{\"city\": \"Par", "{"] {
        let (body, frames) = cut(Protocol::OPENAI_CHAT, "tool_calls", arguments);
        for client in CLIENTS.into_iter().filter(|client| *client != Protocol::OPENAI_CHAT) {
            assert_eq!(whole(Protocol::OPENAI_CHAT, client, &body).0, expected(client, Broken), "{client}, whole");
            assert_eq!(streamed(Protocol::OPENAI_CHAT, client, frames.clone()).0, expected(client, Broken), "{client}");
        }
    }
    // Words that are wrong in another way are the tool's to refuse.
    for arguments in ["{'city': 1}", "not json", "{}}", "\"\""] {
        let (body, frames) = cut(Protocol::OPENAI_CHAT, "tool_calls", arguments);
        let client = Protocol::ANTHROPIC_MESSAGES;
        assert_eq!(whole(Protocol::OPENAI_CHAT, client, &body).0, "tool_use", "{arguments}");
        assert_eq!(streamed(Protocol::OPENAI_CHAT, client, frames).0, "tool_use", "{arguments}");
    }
}

/// Answers of vendors that tell no word for why they ended, with a text or a call, whole and streamed.
fn wordless(vendor: Protocol, arguments: Option<&str>) -> Vec<(Value, String)> {
    let sse = |events: &[Value]| events.iter().map(|event| format!("data: {event}\n\n")).collect::<String>();
    match vendor {
        Protocol::OPENAI_CHAT => {
            let calls = arguments.map(|text| json!([{"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": text}}]));
            let message = json!({"role": "assistant", "content": "a", "tool_calls": calls});
            let told = json!({"id": "i", "choices": [{"index": 0, "message": message, "finish_reason": null}]});
            let silent = json!({"id": "i", "choices": [{"index": 0, "message": message}]});
            let chunk = json!({"id": "i", "choices": [{"index": 0, "delta": message, "finish_reason": null}]});
            let bare = json!({"id": "i", "choices": [{"index": 0, "delta": message}]});
            let empty = json!({"id": "i", "choices": [{"index": 0, "delta": {}, "finish_reason": ""}]});
            let done = "data: [DONE]\n\n";
            vec![(told, sse(&[chunk, empty]) + done), (silent, sse(&[bare]) + done)]
        }
        _ => {
            let block = match arguments {
                Some(_) => json!({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
                None => json!({"type": "text", "text": "a"}),
            };
            let piece = json!({"type": "input_json_delta", "partial_json": arguments.unwrap_or_default()});
            let mut events = vec![
                json!({"type": "message_start", "message": {"id": "i", "content": [], "stop_reason": null}}),
                json!({"type": "content_block_start", "index": 0, "content_block": block}),
                json!({"type": "content_block_delta", "index": 0, "delta": piece}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_stop"}),
            ];
            let missing = sse(&events);
            events.insert(4, json!({"type": "message_delta", "delta": {"stop_reason": null}}));
            let whole = |word: &str| -> Value {
                let text = format!(r#"{{"id": "i", "type": "message", "content": [{block}]{word}}}"#);
                serde_json::from_str(&text).unwrap()
            };
            vec![(whole(r#", "stop_reason": null"#), sse(&events)), (whole(""), missing)]
        }
    }
}

#[test]
fn a_call_that_breaks_off_without_a_word_is_a_broken_call() {
    for arguments in ["{\"city\": \"Par", "{\"a\": [1, 2", "{"] {
        for vendor in [Protocol::OPENAI_CHAT, Protocol::ANTHROPIC_MESSAGES] {
            for (body, stream) in wordless(vendor, Some(arguments)) {
                for client in CLIENTS.into_iter().filter(|client| *client != vendor) {
                    let (end, what) =
                        (expected(client, Broken), format!("{vendor} `{arguments}` → {client}: {stream}"));
                    assert_eq!(streamed(vendor, client, frames(vendor, &stream)).0, end, "{what}");
                    // Anthropic's whole answers have objects, which cannot break off.
                    if vendor == Protocol::OPENAI_CHAT {
                        assert_eq!(whole(vendor, client, &body).0, end, "{what}, whole");
                    }
                }
            }
        }
    }
}

#[test]
fn one_of_many_answers_that_breaks_off_without_a_word_is_broken() {
    let call = json!({"index": 0, "id": "c", "function": {"name": "f", "arguments": "{\"a\": \"b"}});
    let chunk = json!({"id": "i", "choices": [
        {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"},
        {"index": 1, "delta": {"tool_calls": [call]}},
    ]});
    let stream = format!("data: {chunk}\n\ndata: [DONE]\n\n");
    let vendor = Protocol::OPENAI_CHAT;
    let frames: FrameStream = Box::pin(futures_util::stream::iter(frames(vendor, &stream).into_iter().map(Ok)));
    let reply =
        translate::reply(Reply::new(vendor, "p", "m", frames), Protocol::GEMINI_GENERATE, true, &context()).unwrap();
    let ReplyBody::Frames(frames) = reply.body else { panic!("a stream was asked for") };
    let items: Vec<_> = frames.collect::<Vec<_>>().now_or_never().unwrap();
    let last: Value = serde_json::from_slice(&items.last().unwrap().as_ref().unwrap().data).unwrap();
    let ends: Vec<_> = last["candidates"].as_array().unwrap().iter().map(|one| &one["finishReason"]).collect();
    assert_eq!(ends, ["STOP", "MALFORMED_FUNCTION_CALL"]);
}

#[test]
fn an_end_without_a_word_is_unknown_where_the_protocol_always_has_one() {
    let vendor = Protocol::ANTHROPIC_MESSAGES;
    for (body, stream) in wordless(vendor, None) {
        for client in CLIENTS.into_iter().filter(|client| *client != vendor) {
            assert_eq!(whole(vendor, client, &body).0, expected(client, Unknown), "{client}: {body}");
            let (end, _) = streamed(vendor, client, frames(vendor, &stream));
            assert_eq!(end, expected(client, Unknown), "{client}: {stream}");
        }
    }
    let content = json!({"role": "model", "parts": [{"text": "a"}]});
    let message = json!({"role": "assistant", "content": [{"text": "a"}]});
    let others = [
        (Protocol::GEMINI_GENERATE, json!({"candidates": []})),
        (Protocol::GEMINI_GENERATE, json!({"candidates": [{"content": content}]})),
        (Protocol::GEMINI_GENERATE, json!({"candidates": [{"content": content, "finishReason": null}]})),
        (
            Protocol::GEMINI_GENERATE,
            json!({"candidates": [{"content": content, "finishReason": "FINISH_REASON_UNSPECIFIED"}]}),
        ),
        (Protocol::BEDROCK_CONVERSE, json!({"output": {"message": message}})),
        (
            Protocol::COHERE_CHAT,
            json!({"id": "i", "message": {"role": "assistant", "content": [{"type": "text", "text": "a"}]}}),
        ),
    ];
    for (vendor, body) in others {
        for client in CLIENTS.into_iter().filter(|client| *client != vendor) {
            assert_eq!(whole(vendor, client, &body).0, expected(client, Unknown), "{vendor} → {client}: {body}");
        }
        let mut meter = UsageMeter::new(vendor).read();
        meter.whole(body.to_string().as_bytes());
        assert!(meter.metered().error.is_some(), "{vendor}: {body}");
    }
    let reply = Reply::new(Protocol::GEMINI_GENERATE, "p", "m", Bytes::from_static(b"{\"candidates\": []}"));
    let error = translate::reply(reply, Protocol::OPENAI_CHAT, false, &context()).unwrap_err();
    assert_eq!(error.to_string(), "p: the answer ended without a word of why");
}

#[test]
fn servers_of_chat_completions_may_end_without_a_word() {
    let vendor = Protocol::OPENAI_CHAT;
    for arguments in [None, Some("{\"a\": 1}")] {
        for (body, stream) in wordless(vendor, arguments) {
            let (end, _) = streamed(vendor, Protocol::ANTHROPIC_MESSAGES, frames(vendor, &stream));
            assert_eq!(end, if arguments.is_some() { "tool_use" } else { "end_turn" }, "{stream}");
            for (client, end) in [(Protocol::OPENAI_RESPONSES, "completed"), (Protocol::ANTHROPIC_MESSAGES, "")] {
                assert_eq!(whole(vendor, client, &body).0, end, "{client}: {body}");
            }
            let (end, _) = streamed(vendor, Protocol::OPENAI_RESPONSES, frames(vendor, &stream));
            assert_eq!(end, "completed", "{stream}");
        }
    }
}

#[test]
fn a_call_whose_arguments_never_came_has_none_unless_the_answer_was_cut() {
    let block = json!({"type": "tool_use", "id": "t", "name": "f", "input": {}});
    for (word, arguments) in [("tool_use", "{}"), ("end_turn", "{}"), ("max_tokens", ""), ("refusal", "")] {
        let events = [
            json!({"type": "message_start", "message": {"id": "i", "content": []}}),
            json!({"type": "content_block_start", "index": 0, "content_block": block}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": ""}}),
            json!({"type": "content_block_stop", "index": 0}),
            json!({"type": "content_block_start", "index": 1, "content_block": block}),
            json!({"type": "content_block_stop", "index": 1}),
            json!({"type": "message_delta", "delta": {"stop_reason": word}}),
            json!({"type": "message_stop"}),
        ];
        let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        let (_, events) = streamed(
            Protocol::ANTHROPIC_MESSAGES,
            Protocol::OPENAI_CHAT,
            frames(Protocol::ANTHROPIC_MESSAGES, &stream),
        );
        let of = |index: u64| -> String {
            let calls = events.iter().filter_map(|event| event["choices"][0]["delta"]["tool_calls"].get(0));
            let own = calls.filter(|call| call["index"] == index);
            own.filter_map(|call| call["function"]["arguments"].as_str()).collect()
        };
        assert_eq!((of(0).as_str(), of(1).as_str()), ("{}", arguments), "{word}");
    }
}

#[test]
fn the_vendors_explanation_and_its_word_reach_the_client() {
    let told = "Malformed function call: print(x)";
    let body = json!({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL", "finishMessage": told, "index": 0}]});
    let reply = |client| {
        let reply = Reply::new(Protocol::GEMINI_GENERATE, "p", "m", Bytes::from(body.to_string()));
        translate::reply(reply, client, false, &context())
    };
    let error = reply(Protocol::OPENAI_CHAT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "p: the model's tool call is broken: the answer ended with `MALFORMED_FUNCTION_CALL`: Malformed function call: print(x)"
    );
    let ReplyBody::Whole(failed) = reply(Protocol::OPENAI_RESPONSES).unwrap().body else { panic!() };
    let failed: Value = serde_json::from_slice(&failed).unwrap();
    assert_eq!((&failed["status"], &failed["incomplete_details"]), (&json!("failed"), &Value::Null));
    assert!(failed["error"]["message"].as_str().unwrap().ends_with(told), "{failed}");
    // A word that Google's list hides stands in its explanation.
    let (body, _) = answers(Protocol::OPENAI_CHAT, "abort");
    let (_, body) = whole(Protocol::OPENAI_CHAT, Protocol::GEMINI_GENERATE, &body);
    assert_eq!(body["candidates"][0]["finishMessage"], "abort");
}

#[test]
fn a_stream_that_came_in_the_place_of_a_whole_answer_is_put_together() {
    for (vendor, _, words) in WORDS.iter().filter(|(vendor, ..)| CLIENTS.contains(vendor)) {
        for word in words.iter().filter(|word| **word != "failed" && !word.starts_with("block")) {
            let (body, frames) = answers(*vendor, word);
            let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.raw.to_vec()).collect();
            let gathered = translate::gathered(*vendor, &stream, &context()).unwrap();
            let gathered: Value = serde_json::from_slice(&gathered).unwrap();
            let client = CLIENTS.into_iter().find(|client| client != vendor).unwrap();
            let (one, other) = (whole(*vendor, client, &gathered), whole(*vendor, client, &body));
            assert_eq!(one.0, other.0, "{vendor} `{word}`");
            assert_eq!(one.1["choices"][0]["message"], other.1["choices"][0]["message"], "{vendor} `{word}`");
        }
    }
    for nothing in ["", "\n", ": ping\n\n", "upstream: timed out"] {
        let error = translate::gathered(Protocol::OPENAI_CHAT, nothing.as_bytes(), &context()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{nothing}");
    }
    let cut = b"data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":7}}\n\n";
    let error = translate::gathered(Protocol::OPENAI_CHAT, cut, &context()).unwrap_err();
    assert_eq!((error.kind(), error.partial().unwrap().usage.as_ref().unwrap().total()), (ErrorKind::Network, 7));
}

#[test]
fn the_form_of_a_failed_choice_is_read() {
    let error = json!({"code": 502, "message": "Provider returned error"});
    let choice = json!({"index": 0, "finish_reason": "error", "native_finish_reason": null, "error": error, "message": {"content": "a"}});
    let body = json!({"id": "i", "choices": [choice]});
    let reply = Reply::new(Protocol::OPENAI_CHAT, "p", "m", Bytes::from(body.to_string()));
    let error = translate::reply(reply, Protocol::ANTHROPIC_MESSAGES, false, &context()).unwrap_err();
    assert!(error.message().ends_with("Provider returned error"), "{error}");
}
