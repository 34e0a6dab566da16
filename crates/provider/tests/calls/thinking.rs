//! Thinking that a server leaves in the answer.

use tollbridge_core::{Protocol, Reply, ReplyBody, ThinkTags};
use tollbridge_protocol::{chat_events, chat_reply};
use tollbridge_types::{ChatAssembler, ChatReply};

use crate::wire::{Canned, Fake, chat, provider};
use futures_util::StreamExt;

/// What a model says, and the thinking and the answer that it holds.
const CASES: &[(&str, &str, &str)] = &[
    ("<think>a plan</think>rest", "a plan", "rest"),
    ("\n <think>a\nplan</think>\n\nrest", "a\nplan", "\n\nrest"),
    ("</think>rest", "", "rest"),
    ("a plan</think>rest", "a plan", "rest"),
    ("rest", "", "rest"),
    ("rest with <think>a tag</think> in it", "", "rest with <think>a tag</think> in it"),
    ("<think>cut of", "cut of", ""),
    ("< think", "", "< think"),
    ("<think></think>", "", ""),
    ("<think>1 </ 2 </think 3</think>4</think>", "1 </ 2 </think 3", "4</think>"),
];

async fn said(tags: ThinkTags, answer: Canned, stream: bool) -> ChatReply {
    let fake = Fake::new([answer]);
    let server = provider("vllm", &fake, |settings| settings.think_tags = tags).unwrap();
    let reply: Reply = chat(&server, "m", stream).await.unwrap();
    if !stream {
        return chat_reply(reply).await.unwrap();
    }
    let mut assembler = ChatAssembler::default();
    let mut events = chat_events(reply).unwrap();
    while let Some(event) = events.next().await {
        assembler.push(event.unwrap());
    }
    assembler.into_reply()
}

fn whole(text: &str) -> Canned {
    let message = serde_json::json!({"role": "assistant", "content": text});
    let choice = serde_json::json!({"index": 0, "message": message, "finish_reason": "stop"});
    Canned::new(200, &serde_json::json!({"id": "i", "model": "m", "choices": [choice]}).to_string())
}

fn streamed(text: &str, size: usize) -> Canned {
    let letters: Vec<char> = text.chars().collect();
    let chunk = |delta: serde_json::Value, finish: Option<&str>| {
        let choice = serde_json::json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!("data: {}\n\n", serde_json::json!({"id": "i", "model": "m", "choices": [choice]}))
    };
    let mut frames: Vec<String> = letters
        .chunks(size)
        .map(|letters| chunk(serde_json::json!({"content": letters.iter().collect::<String>()}), None))
        .collect();
    frames.push(chunk(serde_json::json!({}), Some("stop")));
    frames.push("data: [DONE]\n\n".to_owned());
    Canned::pieces(&frames.iter().map(String::as_str).collect::<Vec<_>>()).header("content-type", "text/event-stream")
}

#[tokio::test]
async fn thinking_is_parted_from_the_answer_whole_and_streamed() {
    for (text, thinking, answer) in CASES {
        let reply = said(ThinkTags::Closing, whole(text), false).await;
        assert_eq!((reply.reasoning().as_str(), reply.text().as_str()), (*thinking, *answer), "{text}");
        for size in 1..=text.chars().count() {
            let reply = said(ThinkTags::Closing, streamed(text, size), true).await;
            let read = (reply.reasoning(), reply.text());
            assert_eq!((read.0.as_str(), read.1.as_str()), (*thinking, *answer), "{text} by {size}");
            assert!(reply.finish().is_some());
        }
    }
}

#[tokio::test]
async fn only_an_opening_tag_counts_where_the_model_writes_it() {
    for (text, thinking, answer) in [
        ("<think>a plan</think>rest", "a plan", "rest"),
        ("a plan</think>rest", "", "a plan</think>rest"),
        ("rest <think>x</think>", "", "rest <think>x</think>"),
    ] {
        for stream in [false, true] {
            let canned = if stream { streamed(text, 3) } else { whole(text) };
            let reply = said(ThinkTags::Opening, canned, stream).await;
            assert_eq!((reply.reasoning().as_str(), reply.text().as_str()), (thinking, answer), "{text}");
        }
    }
}

#[tokio::test]
async fn without_tags_the_bytes_stay() {
    for tags in [ThinkTags::Off, ThinkTags::Opening, ThinkTags::Closing] {
        let body = r#"{ "choices":[{"index":0,"message":{"role":"assistant","content":"rest"},"finish_reason":"stop"}],"new":1.0 }"#;
        let fake = Fake::new([Canned::new(200, body)]);
        let server = provider("vllm", &fake, |settings| settings.think_tags = tags).unwrap();
        let reply = chat(&server, "m", false).await.unwrap();
        assert_eq!(reply.protocol, Protocol::OPENAI_CHAT);
        let ReplyBody::Whole(bytes) = reply.body else { panic!("not whole") };
        assert_eq!(bytes, body);
    }
}
