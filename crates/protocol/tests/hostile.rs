//! Bodies made to hurt: a typed error or a right answer, in bounded memory, never a panic or an overflow of the stack.
//!
//! Each body is one that the codec wrote itself, with one thing in it gone wrong; so a new protocol is tested as
//! soon as it stands in `PROTOCOLS`.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]
#![expect(unsafe_code, reason = "only an allocator can tell how much is allocated")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Range;

use tollbridge_core::{Error, ErrorKind};
use tollbridge_protocol::{ChatCodec, PROTOCOLS, ReplyContext, Target, chat, embed, models};
use tollbridge_types::{
    ChatReply, ChatRequest, Choice, Finish, FinishReason, Message, Part, Protocol, Role, Tool, ToolCall, ToolResult,
    Usage,
};

/// Counts what this thread has allocated, now and at its most.
struct Meter;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(more: usize, less: usize) {
    let _ = LIVE.try_with(|live| {
        live.set(live.get().saturating_add(more).saturating_sub(less));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

// SAFETY: every call goes to the system's allocator as it came; counting allocates nothing.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller keeps the contract of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the contract of the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: the caller keeps the contract of the system's allocator.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static METER: Meter = Meter;

/// Does something, and holds what it allocates to `times` the length of the input.
fn within<T>(times: usize, length: usize, what: &str, work: impl FnOnce() -> T) -> T {
    let before = LIVE.get();
    PEAK.set(before);
    let done = work();
    let used = PEAK.get().saturating_sub(before);
    assert!(used <= times * length + (1 << 20), "{what}: {length} bytes took {used}");
    done
}

fn codecs() -> impl Iterator<Item = &'static dyn ChatCodec> {
    PROTOCOLS.iter().filter_map(|protocol| chat(*protocol))
}

fn call() -> Part {
    let mut call = ToolCall::default();
    (call.id, call.name) = (Some("a".to_owned()), "weather".to_owned());
    call.arguments = "{\"city\":\"A\"}".to_owned();
    Part::ToolCall(call)
}

fn request() -> ChatRequest {
    let schema = serde_json::json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let mut result = ToolResult::text("a", "sunny");
    result.name = Some("weather".to_owned());
    let request = ChatRequest::new("model").max_tokens(100).temperature(0.5).system("Be brief.").user("weather?");
    let request = request.message(Message::new(Role::Assistant, vec![call()])).message(Message::tool(result));
    let mut request = request.tool(Tool::function("weather", "the weather", schema));
    (request.top_p, request.seed, request.stop) = (Some(0.9), Some(7), vec!["END".to_owned()]);
    request
}

fn reply(text: &str) -> ChatReply {
    let mut choice = Choice::default();
    choice.parts = vec![Part::text(text), call()];
    choice.finish = Some(Finish::new(FinishReason::ToolCalls, None));
    let mut usage = Usage::default();
    (usage.input, usage.output, usage.cache_read) = (Some(60), Some(7), Some(40));
    let mut reply = ChatReply::default();
    (reply.choices, reply.usage) = (vec![choice], Some(usage));
    reply
}

fn encoded_request(codec: &dyn ChatCodec, request: &ChatRequest) -> Vec<u8> {
    codec.encode_request(request, &Target::new("model", false), &mut Vec::new()).unwrap().to_vec()
}

fn encoded_reply(codec: &dyn ChatCodec, reply: &ChatReply) -> Vec<u8> {
    codec.encode_reply(reply, &ReplyContext::new("id", "model", 1)).unwrap().to_vec()
}

fn assert_typed(error: &Error, request: bool) {
    assert!(!error.message().is_empty());
    assert!(!request || error.kind() == ErrorKind::InvalidRequest, "{error}");
}

/// Reads a body as a request and as a reply, and writes again what was read.
fn survive(codec: &dyn ChatCodec, body: &[u8]) {
    let what = format!("{}: {}", codec.protocol(), String::from_utf8_lossy(body.get(..200).unwrap_or(body)));
    match within(32, body.len(), &what, || codec.decode_request(body)) {
        Ok(request) => {
            let encoded = codec.encode_request(&request, &Target::new("model", false), &mut Vec::new());
            assert!(
                encoded.is_err() || serde_json::from_slice::<&serde_json::value::RawValue>(&encoded.unwrap()).is_ok()
            );
        }
        Err(error) => assert_typed(&error, true),
    }
    match within(32, body.len(), &what, || codec.decode_reply(body)) {
        Ok(reply) => assert!(
            serde_json::from_slice::<&serde_json::value::RawValue>(&encoded_reply(codec, &reply)).is_ok(),
            "{what}"
        ),
        Err(error) => assert_typed(&error, false),
    }
}

/// Puts something in the place of each value of both bodies, one after another.
fn in_each_place(wanted: impl Fn(&str) -> bool, by: &str) {
    for codec in codecs() {
        for body in [encoded_request(codec, &request()), encoded_reply(codec, &reply("hi"))] {
            let text = String::from_utf8(body).unwrap();
            for place in values(&text).into_iter().filter(|place| wanted(&text[place.clone()])) {
                let mut changed = text.clone();
                changed.replace_range(place, by);
                survive(codec, changed.as_bytes());
            }
        }
    }
}

/// Finds every value in a JSON text, from the outermost in.
fn values(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(byte) = text.as_bytes().get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' | b'[' => open.push(start),
            b'}' | b']' => found.push(open.pop().unwrap()..at),
            b'"' => {
                let mut escaped = false;
                let end = text[at..].find(|letter| {
                    let ends = letter == '"' && !escaped;
                    escaped = letter == '\\' && !escaped;
                    ends
                });
                at += end.unwrap() + 1;
                if !text[at..].starts_with(':') {
                    found.push(start..at);
                }
            }
            b',' | b':' => {}
            _ => {
                at += text[at..].find([',', '}', ']']).unwrap_or_default();
                found.push(start..at);
            }
        }
    }
    found
}

#[test]
fn ten_thousand_levels() {
    in_each_place(|_| true, &format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)));
    in_each_place(|_| true, &format!("{}1{}", "{\"parts\":".repeat(10_000), "}".repeat(10_000)));
    // Never closed.
    in_each_place(|_| true, &"[{\"content\":".repeat(10_000));
}

#[test]
fn odd_numbers() {
    let number = |text: &str| text.parse::<f64>().is_ok();
    let odd =
        ["1e400", "-1e400", "99999999999999999999", "-99999999999999999999", "18446744073709551615", "1.5", "-0.0"];
    for by in odd {
        in_each_place(number, by);
    }
    in_each_place(number, &"9".repeat(100_000));
}

#[test]
fn lone_surrogates() {
    let text = |text: &str| text.starts_with('"');
    for by in ["\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud83d\"", "\"\\u0000\""] {
        in_each_place(text, by);
    }
}

#[test]
fn names_that_stand_twice() {
    for codec in codecs() {
        for body in [encoded_request(codec, &request()), encoded_reply(codec, &reply("hi"))] {
            let text = String::from_utf8(body).unwrap();
            let objects = values(&text).into_iter().filter(|place| text[place.clone()].starts_with('{'));
            for place in objects {
                let inner = &text[place.start + 1..place.end - 1];
                let mut changed = text.clone();
                if !inner.is_empty() {
                    changed.replace_range(place.clone(), &format!("{{{inner},{inner}}}"));
                }
                survive(codec, changed.as_bytes());
                // Of names that stand twice the last counts, so the same again changes nothing.
                assert_eq!(codec.decode_reply(changed.as_bytes()).is_ok(), codec.decode_reply(text.as_bytes()).is_ok());
            }
        }
    }
}

#[test]
fn fields_without_end() {
    let unknown: String = (0..20_000).map(|number| format!("\"unknown{number}\":0,")).collect();
    let same = "\"unknown\":0,".repeat(20_000);
    for (codec, fields) in codecs().flat_map(|codec| [(codec, &unknown), (codec, &same)]) {
        for body in [encoded_request(codec, &request()), encoded_reply(codec, &reply("hi"))] {
            let text = String::from_utf8(body).unwrap();
            survive(codec, format!("{{{fields}{}", &text[1..]).as_bytes());
        }
    }
}

#[test]
fn a_hundred_thousand_tools() {
    let schema = serde_json::json!({"type": "object", "properties": {}});
    let mut request = request();
    request.tools = (0..100_000).map(|number| Tool::function(format!("t{number}"), "", schema.clone())).collect();
    for codec in codecs() {
        let body = encoded_request(codec, &request);
        let read = within(32, body.len(), codec.protocol().as_str(), || codec.decode_request(&body));
        assert_eq!(read.unwrap().tools.len(), 100_000);
    }
}

#[test]
fn tens_of_thousands_of_calls() {
    let calls = |number: u32| {
        let mut call = ToolCall::default();
        (call.id, call.name) = (Some(format!("call_{number}")), format!("t{number}"));
        call.arguments = "{}".to_owned();
        let mut result = ToolResult::text(format!("call_{number}"), "");
        result.name = Some(format!("t{number}"));
        (Part::ToolCall(call), Part::ToolResult(result))
    };
    let (calls, results): (Vec<_>, Vec<_>) = (0..30_000).map(calls).unzip();
    // The last is answered first: looking for each call from the start would take hours.
    let results = results.into_iter().rev().collect();
    let mut request = ChatRequest::new("model").max_tokens(1).user("go");
    request.messages.push(Message::new(Role::Assistant, calls));
    request.messages.push(Message::new(Role::Tool, results));
    for codec in codecs() {
        let body = encoded_request(codec, &request);
        let mut read = within(32, body.len(), codec.protocol().as_str(), || codec.decode_request(&body)).unwrap();
        // In some protocols it stands in the URL.
        read.model = "model".to_owned();
        assert_eq!(read.problems().first(), None, "{}", codec.protocol());
    }
}

#[test]
fn sixty_four_megabytes_of_text() {
    let text = "long ".repeat((64 << 20) / 5);
    let filled = |body: Vec<u8>| String::from_utf8(body).unwrap().replacen("short", &text, 1).into_bytes();
    for codec in codecs() {
        let body = filled(encoded_request(codec, &ChatRequest::new("model").max_tokens(1).user("short")));
        let read = within(8, body.len(), codec.protocol().as_str(), || codec.decode_request(&body)).unwrap();
        assert!(read.messages[0].text() == text);
        let body = filled(encoded_reply(codec, &reply("short")));
        let read = within(8, body.len(), codec.protocol().as_str(), || codec.decode_reply(&body)).unwrap();
        assert!(read.text() == text);
    }
}

#[test]
fn the_list_of_protocols_is_whole() {
    let source = include_str!("../../types/src/protocol.rs");
    let names = source.split("Self::new(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for protocol in names.map(Protocol::new) {
        let known = chat(protocol).is_some() || embed(protocol).is_some() || models(protocol).is_some();
        assert_eq!(PROTOCOLS.contains(&protocol), known, "{protocol}");
    }
}
