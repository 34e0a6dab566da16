use std::time::Duration;

use futures_util::StreamExt;
use tollbridge_core::{ErrorKind, ReplyBody};
use tollbridge_protocol::chat_events;
use tollbridge_types::ChatAssembler;

use crate::wire::{Canned, Fake, chat, frames, provider};

const TEXT: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":null}]}\n\n";
const FINISH: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
const LATER: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":8,\"completion_tokens\":3}}\n\n";
const EXTRA: &str = "data: {\"choices\":[],\"x\":1}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const REFUSED: &str = r#"{"error":{"message":"Unknown parameter: stream_options","type":"invalid_request_error"}}"#;

async fn played(kind: &str, answer: Canned) -> (Vec<String>, Option<tollbridge_core::Error>) {
    let fake = Fake::new([answer]);
    frames(chat(&provider(kind, &fake, |_| {}).unwrap(), "m", true).await.unwrap()).await
}

fn whole() -> Canned {
    Canned::pieces(&[TEXT, FINISH, USAGE, DONE])
}

#[tokio::test]
async fn every_byte_of_a_stream_is_in_a_frame() {
    let all = format!(": hello\n\n{TEXT}{FINISH}{USAGE}{DONE}");
    for cut in 0..all.len() {
        let fake = Fake::new([Canned::pieces(&[&all[..cut], &all[cut..]])]);
        let reply = chat(&provider("openai", &fake, |_| {}).unwrap(), "m", true).await.unwrap();
        let ReplyBody::Frames(stream) = reply.body else { panic!("not a stream") };
        let raw: Vec<u8> = stream.map(|frame| frame.unwrap().raw).collect::<Vec<_>>().await.concat();
        assert_eq!(String::from_utf8(raw).unwrap(), all, "cut at {cut}");
    }
}

#[tokio::test]
async fn usage_is_asked_for_unless_the_caller_spoke() {
    for (options, sent) in [
        ("", Some(true)),
        (r#","stream_options":{"include_usage":false}"#, Some(false)),
        (r#","stream_options":{"include_usage":true}"#, Some(true)),
        (r#","stream_options":{"x":1}"#, Some(true)),
    ] {
        let fake = Fake::new([whole()]);
        let body = format!(r#"{{"model":"m","stream":true{options},"messages":[{{"role":"user","content":"hi"}}]}}"#);
        let request = tollbridge_core::Request::from_wire(
            tollbridge_core::Operation::Chat,
            tollbridge_core::Protocol::OPENAI_CHAT,
            "m",
            body.into(),
        );
        let openai = provider("openai", &fake, |_| {}).unwrap();
        openai.call(request.with_stream(true), &tollbridge_core::CallContext::new("1")).await.unwrap();
        let body: serde_json::Value = serde_json::from_str(&fake.last().body).unwrap();
        assert_eq!(body["stream_options"]["include_usage"].as_bool(), sent, "{options}");
        if options.contains('x') {
            assert_eq!(body["stream_options"]["x"], 1);
        }
    }
}

#[tokio::test]
async fn a_server_that_refuses_stream_options_is_asked_again_once_and_then_never() {
    let fake = Fake::new([Canned::new(400, REFUSED), whole(), whole(), whole()]);
    let server = provider("vllm", &fake, |_| {}).unwrap();
    let asked =
        |fake: &Fake| -> Vec<bool> { fake.sent().iter().map(|sent| sent.body.contains("stream_options")).collect() };
    assert!(frames(chat(&server, "m", true).await.unwrap()).await.1.is_none());
    assert_eq!(asked(&fake), [true, false]);
    assert!(chat(&server, "m", true).await.is_ok());
    assert_eq!(asked(&fake), [true, false, false]);
    assert!(chat(&server, "other", true).await.is_ok());
    assert_eq!(asked(&fake), [true, false, false, true], "another model is asked on its own");
}

#[tokio::test]
async fn other_refusals_are_not_sent_again() {
    let fake = Fake::new([Canned::new(400, r#"{"error":{"message":"no"}}"#), whole()]);
    let error = chat(&provider("vllm", &fake, |_| {}).unwrap(), "m", true).await.unwrap_err();
    assert_eq!((error.kind(), fake.sent().len()), (ErrorKind::InvalidRequest, 1));

    let fake = Fake::new([Canned::new(400, REFUSED), Canned::new(400, REFUSED), whole()]);
    chat(&provider("vllm", &fake, |_| {}).unwrap(), "m", true).await.unwrap_err();
    assert_eq!(fake.sent().len(), 2);
}

#[tokio::test]
async fn vendors_without_stream_options_are_not_asked() {
    let fake = Fake::new([whole(), whole()]);
    chat(&provider("perplexity", &fake, |_| {}).unwrap(), "m", true).await.unwrap();
    assert!(!fake.last().body.contains("stream_options"), "{}", fake.last().body);
    let custom = provider("custom", &fake, |settings| {
        settings.options.insert("stream_options".into(), "false".into());
    });
    chat(&custom.unwrap(), "m", true).await.unwrap();
    assert!(!fake.last().body.contains("stream_options"), "{}", fake.last().body);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_never_ends_is_over_after_its_grace() {
    let (frames, error) = played("openai", Canned::pieces(&[TEXT, FINISH]).endless()).await;
    assert_eq!((frames.len(), error.is_none()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn usage_within_the_grace_is_kept() {
    let late = Canned::pieces(&[TEXT, FINISH]).after(Duration::from_millis(900), USAGE).endless();
    let (frames, error) = played("openai", late).await;
    assert_eq!((frames.len(), error.is_none()), (3, true));

    let extra = Canned::pieces(&[TEXT, FINISH, EXTRA]).after(Duration::from_millis(900), USAGE).endless();
    let (frames, error) = played("openai", extra).await;
    assert_eq!((frames.len(), error.is_none()), (4, true));

    let too_late = Canned::pieces(&[TEXT, FINISH]).after(Duration::from_millis(1100), USAGE).endless();
    let (frames, error) = played("openai", too_late).await;
    assert_eq!((frames.len(), error.is_none()), (2, true));
}

#[tokio::test(start_paused = true)]
async fn the_grace_counts_from_the_finish_and_not_from_what_follows_it() {
    let mut drip = Canned::pieces(&[TEXT, FINISH]);
    for _ in 0..100 {
        drip = drip.after(Duration::from_millis(300), EXTRA);
    }
    let (frames, error) = played("openai", drip.endless()).await;
    assert_eq!((frames.len(), error.is_none()), (5, true));
}

#[tokio::test(start_paused = true)]
async fn before_the_finish_there_is_no_grace() {
    let slow = Canned::pieces(&[TEXT]).after(Duration::from_secs(40), FINISH).after(Duration::ZERO, DONE);
    let (frames, error) = played("openai", slow).await;
    assert_eq!((frames.len(), error.is_none()), (3, true));
}

#[tokio::test]
async fn later_usage_replaces_earlier_usage() {
    let fake = Fake::new([Canned::pieces(&[TEXT, FINISH, USAGE, LATER, DONE])]);
    let reply = chat(&provider("openai", &fake, |_| {}).unwrap(), "m", true).await.unwrap();
    let mut events = chat_events(reply).unwrap();
    let mut assembler = ChatAssembler::default();
    while let Some(event) = events.next().await {
        assembler.push(event.unwrap());
    }
    let usage = assembler.into_reply().usage.unwrap();
    assert_eq!((usage.total_input(), usage.total_output()), (8, 3));
}

#[tokio::test]
async fn a_stream_cut_short_is_an_error_behind_what_had_arrived() {
    let anthropic = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n";
    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\n\n";
    for (kind, beginning) in [("openai", TEXT), ("anthropic", anthropic), ("gemini", gemini)] {
        let (frames, error) = played(kind, Canned::pieces(&[beginning, beginning])).await;
        assert_eq!(frames.len(), 2, "{kind}");
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Network, "{kind}");
        assert_eq!(error.message(), "the stream ended before the answer was complete");

        let (frames, error) = played(kind, Canned::pieces(&[beginning]).broken()).await;
        assert_eq!((frames.len(), error.unwrap().kind()), (1, ErrorKind::Network), "{kind}");
    }
}

#[tokio::test]
async fn a_break_behind_the_end_mark_is_no_error() {
    let (frames, error) = played("openai", Canned::pieces(&[TEXT, FINISH, DONE]).broken()).await;
    assert_eq!((frames.len(), error.is_none()), (3, true));
}

#[tokio::test]
async fn a_last_event_without_its_blank_line_still_counts() {
    let (frames, error) = played("openai", Canned::pieces(&[TEXT, FINISH, DONE.trim_end()])).await;
    assert_eq!((frames.len(), error.is_none()), (3, true));
}

#[tokio::test]
async fn an_error_event_is_handed_out_as_it_came() {
    let failed = "data: {\"error\":{\"message\":\"overloaded\"}}\n\n";
    let (frames, error) = played("openai", Canned::pieces(&[TEXT, failed])).await;
    assert_eq!((frames.len(), error.is_none()), (2, true));
    assert!(frames[1].contains("overloaded"));
}

const LINE: &str = "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"hi\"},\"done\":false}\n";
const LAST: &str =
    "{\"model\":\"m\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n";

#[tokio::test]
async fn every_byte_of_a_stream_of_lines_is_in_a_frame() {
    let all = format!("{LINE}\r\n{LINE}{LAST}");
    for cut in 0..all.len() {
        let fake = Fake::new([Canned::pieces(&[&all[..cut], &all[cut..]])]);
        let reply = chat(&provider("ollama", &fake, |_| {}).unwrap(), "m", true).await.unwrap();
        let ReplyBody::Frames(stream) = reply.body else { panic!("not a stream") };
        let raw: Vec<u8> = stream.map(|frame| frame.unwrap().raw).collect::<Vec<_>>().await.concat();
        assert_eq!(String::from_utf8(raw).unwrap(), all, "cut at {cut}");
    }
}

#[tokio::test]
async fn the_first_line_tells_an_error_from_a_stream() {
    let refused = "{\"error\":\"model is busy\"}\n";
    for answer in [Canned::new(200, refused), Canned::pieces(&[&refused[..9], &refused[9..]])] {
        let answer = answer.header("content-type", "application/x-ndjson");
        let fake = Fake::new([answer]);
        let error = chat(&provider("ollama", &fake, |_| {}).unwrap(), "m", true).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Server, "model is busy"));
    }
    let spread = "{\n  \"error\": \"model is busy\"\n}\n";
    let fake = Fake::new([Canned::new(200, spread)]);
    let error = chat(&provider("ollama", &fake, |_| {}).unwrap(), "m", true).await.unwrap_err();
    assert_eq!(error.message(), "model is busy");
}

#[tokio::test]
async fn a_whole_reply_in_the_place_of_lines_is_read_as_one() {
    let whole = r#"{"model":"m","message":{"role":"assistant","content":"hi"},"done":true,"done_reason":"stop"}"#;
    for body in [whole.to_owned(), format!("{whole}\n")] {
        let fake = Fake::new([Canned::new(200, &body).header("content-type", "application/json")]);
        let reply = chat(&provider("ollama", &fake, |_| {}).unwrap(), "m", true).await.unwrap();
        assert_eq!(tollbridge_protocol::chat_reply(reply).await.unwrap().text(), "hi");
    }
}

#[tokio::test(start_paused = true)]
async fn lines_end_with_the_one_that_is_done() {
    let (frames, error) = played("ollama", Canned::pieces(&[LINE, LAST]).endless()).await;
    assert_eq!((frames.len(), error.is_none()), (2, true));
    let (frames, error) = played("ollama", Canned::pieces(&[LINE, LINE])).await;
    assert_eq!((frames.len(), error.unwrap().kind()), (2, ErrorKind::Network));
    let (frames, error) = played("ollama", Canned::pieces(&[LINE, "{\"error\":\"it broke\"}\n"])).await;
    assert_eq!((frames.len(), error.is_none()), (2, true));
    assert!(frames[1].contains("it broke"));
}
