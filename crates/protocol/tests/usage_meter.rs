//! The meter against the codecs: it reads the same usage out of recorded replies, and says what is missing of others.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "what a test needs and cannot have fails it")]

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use tollbridge_core::{ErrorKind, Frame};
use tollbridge_protocol::{FrameDecoder, Framing, Metered, UsageMeter, chat, embed, framing_of, read_usage, rerank};
use tollbridge_types::{ChatAssembler, Protocol, Usage, UsageBasis};

fn frames(protocol: Protocol, body: &[u8]) -> Vec<Frame> {
    let framing = match (framing_of(protocol), body.trim_ascii_start().first()) {
        (Framing::Sse, Some(b'[')) => Framing::JsonArray,
        (Framing::Sse, Some(b'{')) => Framing::JsonLines,
        (framing, _) => framing,
    };
    let mut decoder = FrameDecoder::new(framing);
    let mut frames = Vec::new();
    let _ = decoder.push(body, &mut frames).and_then(|()| decoder.finish(&mut frames));
    frames
}

fn metered(protocol: Protocol, frames: &[Frame]) -> Metered {
    let mut meter = UsageMeter::new(protocol);
    for frame in frames {
        meter.frame(frame);
    }
    meter.metered()
}

/// Decodes a stream: its usage, model and id, and whether it came to its end.
fn decoded(protocol: Protocol, frames: &[Frame]) -> (Option<Usage>, Option<String>, Option<String>, bool) {
    let mut decoder = chat(protocol).unwrap().stream_decoder();
    let mut assembler = ChatAssembler::default();
    let mut events = Vec::new();
    let outcome = frames.iter().try_for_each(|frame| decoder.decode(frame, &mut events));
    let outcome = outcome.and_then(|()| decoder.finish(&mut events));
    events.into_iter().for_each(|event| assembler.push(event));
    let reply = assembler.into_reply();
    (reply.usage, reply.model, reply.id, outcome.is_ok())
}

#[test]
fn recorded_replies_are_metered_as_they_are_decoded() {
    let (mut streams, mut wholes) = (0, 0);
    for exchange in recorded() {
        let Some(protocol) = protocol_of(&exchange) else { continue };
        let text = exchange["response_body"].as_str().unwrap_or_default();
        let body = match exchange["response_body_encoding"].as_str() {
            Some("base64") => STANDARD.decode(text).unwrap(),
            _ => text.as_bytes().to_vec(),
        };
        let id = &exchange["id"];
        if exchange["expected"]["stream"].is_null() {
            let mut meter = UsageMeter::new(protocol);
            meter.whole(&body);
            let usage = match (chat(protocol), embed(protocol), rerank(protocol)) {
                (Some(codec), ..) => codec.decode_reply(&body).map(|reply| reply.usage),
                (_, Some(codec), _) => codec.decode_reply(&body).map(|reply| reply.usage),
                (.., Some(codec)) => codec.decode_reply(&body).map(|reply| reply.usage),
                _ => continue,
            };
            let Ok(usage) = usage else { continue };
            assert_eq!(meter.metered().usage, usage, "{id}");
            wholes += 1;
        } else {
            let frames = frames(protocol, &body);
            let several = |name| frames.iter().filter(|frame| frame.event.as_deref() == Some(name)).count() > 1;
            if several("message_start") || several("response.created") {
                continue;
            }
            let (usage, model, response, complete) = decoded(protocol, &frames);
            if complete {
                let metered = metered(protocol, &frames);
                assert_eq!(metered.usage, usage, "{id}");
                assert_eq!(metered.model_served, model, "{id}");
                assert_eq!(metered.response_id, response, "{id}");
                assert!(metered.finished, "{id}");
                streams += 1;
            }
        }
    }
    eprintln!("{streams} streams and {wholes} whole replies are metered as they are decoded");
}

/// Reads the recordings that `TOLLBRIDGE_CORPUS` names, or those that stand beside the repository.
fn recorded() -> impl Iterator<Item = Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/dev");
    let folder = std::env::var_os("TOLLBRIDGE_CORPUS").map_or(beside, PathBuf::from);
    if !folder.is_dir() {
        eprintln!("skipped: TOLLBRIDGE_CORPUS names no folder of recordings");
    }
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    })
}

fn protocol_of(exchange: &Value) -> Option<Protocol> {
    let ollamas = exchange["provider"] == "ollama";
    Some(match exchange["api"].as_str()? {
        "chat_completions" => Protocol::OPENAI_CHAT,
        "responses" => Protocol::OPENAI_RESPONSES,
        "messages" => Protocol::ANTHROPIC_MESSAGES,
        "generateContent" | "streamGenerateContent" => Protocol::GEMINI_GENERATE,
        "converse" | "converse-stream" => Protocol::BEDROCK_CONVERSE,
        "invoke" | "invoke-with-response-stream" => Protocol::BEDROCK_INVOKE,
        "cohere_chat_v2" => Protocol::COHERE_CHAT,
        "cohere_chat_v1" | "cohere_generate" => Protocol::TEXT_GENERATION,
        "ollama_chat" | "ollama_generate" => Protocol::OLLAMA_CHAT,
        "completions" => Protocol::OPENAI_COMPLETIONS,
        "embeddings" if exchange["provider"] == "cohere" => Protocol::COHERE_EMBED,
        "embeddings" if ollamas => Protocol::OLLAMA_EMBED,
        "embeddings" if exchange["provider"] == "gemini" => Protocol::GEMINI_EMBED,
        "embeddings" => Protocol::OPENAI_EMBEDDINGS,
        "predict" => Protocol::VERTEX_PREDICT,
        "rerank" => Protocol::COHERE_RERANK,
        _ => return None,
    })
}

fn sse(events: &[&str]) -> Vec<Frame> {
    let text: String = events.iter().map(|event| format!("data: {}\n\n", event.replace('\n', ""))).collect();
    frames(Protocol::OPENAI_CHAT, text.as_bytes())
}

#[test]
fn usage_of_a_stream_cut_short_is_partial() {
    let frames = sse(&[
        r#"{"type":"message_start","message":{"id":"m1","model":"claude-opus-4-5","usage":{"input_tokens":9,"output_tokens":1}}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
    ]);
    let metered = metered(Protocol::ANTHROPIC_MESSAGES, &frames);
    let usage = metered.usage.unwrap();
    assert_eq!((usage.input, usage.output, usage.basis), (Some(9), Some(1), UsageBasis::VendorPartial));
    assert_eq!((metered.finished, metered.written.text()), (false, "Hello".into()));
    assert_eq!(metered.model_served.as_deref(), Some("claude-opus-4-5"));
}

#[test]
fn the_last_word_on_usage_counts() {
    let frames = sse(&[
        r#"{"id":"c","model":"m","choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#,
        r#"{"id":"c","model":"m","choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"completion_tokens":3}}"#,
        r#"{"id":"c","model":"m","choices":[{"delta":{"content":"\"usage\": {}"}}],"usage":null}"#,
    ]);
    let metered = metered(Protocol::OPENAI_CHAT, &frames);
    let usage = metered.usage.unwrap();
    assert_eq!((usage.total_input(), usage.total_output(), usage.basis), (8, 3, UsageBasis::VendorFinal));
    assert!(metered.finished);
}

#[test]
fn failures_and_silence_are_told() {
    let frames = sse(&[
        r#"{"choices":[{"delta":{"content":"four"}}],"usage":null}"#,
        r#"{"error":{"message":"Overloaded","type":"overloaded_error"}}"#,
    ]);
    let failed = metered(Protocol::OPENAI_CHAT, &frames);
    assert_eq!((failed.error, failed.usage, failed.finished), (Some(ErrorKind::Overloaded), None, false));
    assert_eq!(failed.written.text(), "four");

    let mut meter = UsageMeter::new(Protocol::OPENAI_SPEECH);
    meter.whole(&Bytes::from_static(b"ID3\x04 sound"));
    let sound = meter.metered();
    assert_eq!((sound.usage, sound.finished), (None, true));
}

proptest! {
    #[test]
    fn whatever_comes_is_passed_over(bytes in any::<Vec<u8>>(), text in "[{}\\[\\]\":,a0nul\\\\]{0,40}") {
        for protocol in Protocol::ALL {
            for data in [bytes.clone(), text.clone().into_bytes(), format!("{{\"usage\":{text}}}").into_bytes()] {
                let mut meter = UsageMeter::new(*protocol);
                meter.frame(&Frame::new(Bytes::new(), None, data.clone().into()));
                meter.metered();
                meter.whole(&data);
                meter.metered();
                let _ = read_usage(*protocol, &String::from_utf8_lossy(&data));
            }
        }
    }
}

#[test]
fn pictures_and_sound_are_counted_as_such() {
    let mut meter = UsageMeter::new(Protocol::OPENAI_IMAGES);
    meter.whole(
        br#"{"data":[],"usage":{"input_tokens":30,"output_tokens":200,"total_tokens":230,
        "input_tokens_details":{"text_tokens":10,"image_tokens":20}}}"#,
    );
    let usage = meter.metered().usage.unwrap();
    assert_eq!(
        (usage.input, usage.input_image, usage.output, usage.output_image),
        (Some(10), Some(20), None, Some(200))
    );

    let frames = sse(&[
        r#"{"type":"transcript.text.delta","delta":"Hello"}"#,
        r#"{"type":"transcript.text.done","text":"Hello","usage":{"type":"tokens","input_tokens":14,
            "input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":5,"total_tokens":19}}"#,
    ]);
    let metered = metered(Protocol::OPENAI_TRANSCRIPTIONS, &frames);
    let usage = metered.usage.unwrap();
    assert_eq!((usage.input, usage.input_audio, usage.output, metered.finished), (Some(0), Some(14), Some(5), true));
}
