//! Bodies made to hurt: a typed error or a right answer, in bounded memory, never a panic or an overflow of the stack.
//!
//! Each body is one that the codec wrote itself, with one thing in it gone wrong; so a new protocol is tested as
//! soon as it stands in `Protocol::ALL`.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]
#![expect(unsafe_code, reason = "only an allocator can tell how much is allocated")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Range;

use tollbridge_core::{Error, ErrorKind};
use tollbridge_protocol::{ChatCodec, ReplyContext, Target, chat};
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
    Protocol::ALL.iter().filter_map(|protocol| chat(*protocol))
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

/// Writes a request; `None` for a protocol that cannot carry it, or that nothing is sent in any more.
fn encoded_request(codec: &dyn ChatCodec, request: &ChatRequest) -> Option<Vec<u8>> {
    let written = codec.encode_request(request, &Target::new("model", false), &mut Vec::new());
    written.map(|body| body.to_vec()).ok()
}

/// Writes a reply; `None` for a protocol that no client speaks.
fn encoded_reply(codec: &dyn ChatCodec, reply: &ChatReply) -> Option<Vec<u8>> {
    match codec.encode_reply(reply, &ReplyContext::new("id", "model", 1)) {
        Ok(body) => Some(body.to_vec()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            None
        }
    }
}

/// Samples of what is read in a protocol: a request and a reply.
fn samples(codec: &dyn ChatCodec) -> Vec<String> {
    let plain = ChatRequest::new("model").max_tokens(100).user("weather?");
    let asked = encoded_request(codec, &request()).or_else(|| encoded_request(codec, &plain));
    let said = encoded_reply(codec, &reply("hi")).or_else(|| vendors_reply(codec.protocol()));
    let samples: Vec<_> = asked.into_iter().chain(said).map(|body| String::from_utf8(body).unwrap()).collect();
    assert!(!samples.is_empty(), "nothing to try {} with", codec.protocol());
    samples
}

/// Replies in protocols that only vendors write.
fn vendors_reply(protocol: Protocol) -> Option<Vec<u8>> {
    let reply = match protocol {
        Protocol::COHERE_CHAT => serde_json::json!({
            "id": "i",
            "finish_reason": "TOOL_CALL",
            "message": {
                "role": "assistant",
                "content": [{"type": "text", "text": "hi"}],
                "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
                "citations": [{"start": 0, "end": 2, "text": "hi", "sources": [{"type": "tool", "id": "a:0"}]}],
            },
            "usage": {"billed_units": {"input_tokens": 3}, "tokens": {"input_tokens": 9, "output_tokens": 2}},
        }),
        Protocol::BEDROCK_INVOKE => serde_json::json!({
            "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5},
        }),
        Protocol::TEXT_GENERATION => serde_json::json!({
            "inputTextTokenCount": 3,
            "results": [{"tokenCount": 2, "outputText": "hi", "completionReason": "FINISH"}],
        }),
        _ => return None,
    };
    Some(reply.to_string().into_bytes())
}

fn assert_typed(error: &Error, request: bool) {
    assert!(!error.message().is_empty());
    let refused = [ErrorKind::InvalidRequest, ErrorKind::Unsupported].contains(&error.kind());
    assert!(!request || refused, "{error}");
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
        Ok(reply) => {
            let written = encoded_reply(codec, &reply);
            let sound = |body: Vec<u8>| serde_json::from_slice::<&serde_json::value::RawValue>(&body).is_ok();
            assert!(written.is_none_or(sound), "{what}");
        }
        Err(error) => assert_typed(&error, false),
    }
}

/// Puts something in the place of each value of both bodies, one after another.
fn in_each_place(wanted: impl Fn(&str) -> bool, by: &str) {
    for codec in codecs() {
        for text in samples(codec) {
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

/// Returns what was read of a client's request; `None` in a protocol that no client speaks.
fn clients(read: Result<ChatRequest, Error>) -> Option<ChatRequest> {
    match read {
        Err(error) if error.kind() == ErrorKind::Unsupported => None,
        read => Some(read.unwrap()),
    }
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
        for text in samples(codec) {
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
        for text in samples(codec) {
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
        let Some(body) = encoded_request(codec, &request) else { continue };
        let read = within(32, body.len(), codec.protocol().as_str(), || codec.decode_request(&body));
        if let Some(read) = clients(read) {
            assert_eq!(read.tools.len(), 100_000);
        }
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
        let Some(body) = encoded_request(codec, &request) else { continue };
        let read = within(32, body.len(), codec.protocol().as_str(), || codec.decode_request(&body));
        let Some(mut read) = clients(read) else { continue };
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
        let name = codec.protocol().as_str();
        if let Some(body) = encoded_request(codec, &ChatRequest::new("model").max_tokens(1).user("short")) {
            let body = filled(body);
            let read = clients(within(8, body.len(), name, || codec.decode_request(&body)));
            assert!(read.is_none_or(|read| read.messages[0].text() == text));
        }
        if let Some(body) = encoded_reply(codec, &reply("short")) {
            let body = filled(body);
            let read = within(8, body.len(), name, || codec.decode_reply(&body)).unwrap();
            assert!(read.text() == text);
        }
    }
}
