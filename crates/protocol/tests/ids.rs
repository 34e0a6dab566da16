//! Ids of tool calls: whatever a vendor made reaches the client as it is, and the next vendor in a form that it takes.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what a test needs and cannot have fails it")]

use std::collections::HashSet;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::{Operation, Request};
use tollbridge_profiles::Book;
use tollbridge_protocol::openai::{Chat, Quirks};
use tollbridge_protocol::{ChatCodec, ReplyContext, codec, translate};
use tollbridge_types::{ChatReply, Choice, Finish, FinishReason, Part, Protocol, ToolCall};

const CLIENTS: [&dyn ChatCodec; 4] =
    [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE];

/// Vendors, each with a model, and the rule for ids: letters, least and most.
const VENDORS: [(&str, &dyn ChatCodec, &str, Rule); 8] = [
    ("openai", codec::OPENAI_CHAT, "gpt-4o", (every, 1, 40)),
    ("openai", codec::OPENAI_RESPONSES, "gpt-5", (every, 1, 64)),
    ("anthropic", codec::ANTHROPIC_MESSAGES, "claude-sonnet-4-5", (plain, 1, 64)),
    ("bedrock", codec::BEDROCK_CONVERSE, "anthropic.claude-sonnet-4-5-v1:0", (plain, 1, 64)),
    ("gemini", codec::GEMINI_GENERATE, "gemini-2.5-pro", (every, 1, usize::MAX)),
    ("cohere", codec::COHERE_CHAT, "command-a", (every, 1, usize::MAX)),
    ("ollama", codec::OLLAMA_CHAT, "qwen3", (every, 1, usize::MAX)),
    ("mistral", &Chat::new(Quirks::MISTRAL), "mistral-large", (alphanumeric, 9, 9)),
];

type Rule = (fn(char) -> bool, usize, usize);

fn every(_: char) -> bool {
    true
}

fn plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

fn alphanumeric(letter: char) -> bool {
    letter.is_ascii_alphanumeric()
}

/// Two turns of calls with these ids, answered in this order, in a client's own form.
fn history(client: Protocol, turns: &[Vec<(String, Value)>], backwards: bool) -> Value {
    let mut items = vec![];
    let mut turn = |called: &[(String, Value)]| {
        let mut answered: Vec<_> = called.iter().collect();
        // The results of calls that have one id can only be told apart by their order.
        let ids: HashSet<_> = called.iter().map(|(id, _)| id).collect();
        if backwards && ids.len() == called.len() {
            answered.reverse();
        }
        match client.as_str() {
            "openai.chat" => {
                let calls = called.iter().map(|(id, place)| {
                    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": json!({"n": place}).to_string()}})
                });
                items.push(json!({"role": "user", "content": "go"}));
                items.push(json!({"role": "assistant", "content": null, "tool_calls": calls.collect::<Vec<_>>()}));
                items.extend(
                    answered
                        .iter()
                        .map(|(id, place)| json!({"role": "tool", "tool_call_id": id, "content": place.to_string()})),
                );
            }
            "openai.responses" => {
                items.push(json!({"role": "user", "content": "go"}));
                items.extend(called.iter().map(|(id, place)| {
                    json!({"type": "function_call", "call_id": id, "name": "f", "arguments": json!({"n": place}).to_string()})
                }));
                items.extend(answered.iter().map(
                    |(id, place)| json!({"type": "function_call_output", "call_id": id, "output": place.to_string()}),
                ));
            }
            "anthropic.messages" => {
                let calls = called
                    .iter()
                    .map(|(id, place)| json!({"type": "tool_use", "id": id, "name": "f", "input": {"n": place}}));
                let results = answered
                    .iter()
                    .map(|(id, place)| json!({"type": "tool_result", "tool_use_id": id, "content": place.to_string()}));
                items.push(json!({"role": "user", "content": "go"}));
                items.push(json!({"role": "assistant", "content": calls.collect::<Vec<_>>()}));
                items.push(json!({"role": "user", "content": results.collect::<Vec<_>>()}));
            }
            _ => {
                let calls = called
                    .iter()
                    .map(|(id, place)| json!({"functionCall": {"id": id, "name": "f", "args": {"n": place}}}));
                let results = answered.iter().map(|(id, place)| {
                    json!({"functionResponse": {"id": id, "name": "f", "response": {"result": place.to_string()}}})
                });
                items.push(json!({"role": "user", "parts": [{"text": "go"}]}));
                items.push(json!({"role": "model", "parts": calls.collect::<Vec<_>>()}));
                items.push(json!({"role": "user", "parts": results.collect::<Vec<_>>()}));
            }
        }
    };
    turns.iter().for_each(|called| turn(called));
    match client.as_str() {
        "openai.responses" => json!({"model": "m", "input": items}),
        "gemini.generate" => json!({"contents": items}),
        _ => json!({"model": "m", "max_tokens": 9, "messages": items}),
    }
}

/// Reads calls and results as the vendor does, in the order of the body: the id, and what was asked or answered.
fn read(vendor: Protocol, body: &Value) -> Vec<(bool, Option<String>, String)> {
    let mut found = Vec::new();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let number = |value: &Value| match value.as_str() {
        Some(text) => serde_json::from_str::<Value>(text).unwrap()["n"].to_string(),
        None => value["n"].to_string(),
    };
    let lists = [&body["messages"], &body["input"], &body["contents"]];
    for message in lists.into_iter().flat_map(|list| list.as_array().cloned().unwrap_or_default()) {
        match vendor.as_str() {
            "openai.responses" if message["type"] == "function_call" => {
                found.push((true, text(&message["call_id"]), number(&message["arguments"])));
            }
            "openai.responses" if message["type"] == "function_call_output" => {
                found.push((false, text(&message["call_id"]), text(&message["output"]).unwrap()));
            }
            "openai.responses" => {}
            "anthropic.messages" | "bedrock.converse" | "gemini.generate" => {
                for block in [&message["content"], &message["parts"]].into_iter().filter_map(Value::as_array).flatten()
                {
                    let call = [&block["toolUse"], &block["functionCall"], block]
                        .into_iter()
                        .find(|call| call.is_object())
                        .unwrap();
                    let arguments = [&call["input"], &call["args"]].into_iter().find(|input| input.is_object());
                    if let Some(arguments) = arguments {
                        found.push((true, text(&call["id"]).or(text(&call["toolUseId"])), number(arguments)));
                    } else if block["type"] == "tool_result" {
                        found.push((false, text(&block["tool_use_id"]), text(&block["content"]).unwrap()));
                    } else if block["toolResult"].is_object() {
                        let result = &block["toolResult"];
                        found.push((false, text(&result["toolUseId"]), text(&result["content"][0]["text"]).unwrap()));
                    } else if block["functionResponse"].is_object() {
                        let result = &block["functionResponse"];
                        found.push((false, text(&result["id"]), text(&result["response"]["result"]).unwrap()));
                    }
                }
            }
            _ => {
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    found.push((true, text(&call["id"]), number(&call["function"]["arguments"])));
                }
                if message["role"] == "tool" {
                    let content = text(&message["content"]).unwrap_or_default();
                    found.push((false, text(&message["tool_call_id"]), content));
                }
            }
        }
    }
    found
}

fn sent(client: Protocol, body: &Value, vendor: (&str, &dyn ChatCodec, &str)) -> Value {
    let (kind, codec, model) = vendor;
    let profile = Book::embedded().profile(kind, codec.protocol().as_str(), model, None);
    let request = Request::from_wire(Operation::Chat, client, model, Bytes::from(body.to_string()));
    let sent = translate::request_for(&request, codec, &profile, false).unwrap();
    serde_json::from_slice(&sent.body).unwrap()
}

/// Checks what a vendor would: the form of each id, each once, each result under its call's and in the order of calls.
fn check(client: Protocol, turns: &[Vec<(String, Value)>], backwards: bool) {
    let body = history(client, turns, backwards);
    for (kind, codec, model, (letters, least, most)) in VENDORS {
        let same = codec.protocol() == client;
        let got = read(codec.protocol(), &sent(client, &body, (kind, codec, model)));
        let names = format!("{client} → {kind} {}: {got:?}", codec.protocol());
        let (calls, results): (Vec<_>, Vec<_>) = got.iter().partition(|(call, ..)| *call);
        let expected: Vec<String> = turns.iter().flatten().map(|(_, place)| place.to_string()).collect();
        assert_eq!(calls.iter().map(|(.., said)| said.clone()).collect::<Vec<_>>(), expected, "{names}");
        if !same {
            assert_eq!(results.iter().map(|(.., said)| said.clone()).collect::<Vec<_>>(), expected, "{names}");
        }
        // Google and Ollama may be sent no ids; then the order tells.
        let ids: Vec<&String> = calls.iter().filter_map(|(_, id, _)| id.as_ref()).collect();
        if same && kind == "gemini" {
            continue;
        }
        assert!(
            ids.iter().all(|id| id.chars().all(letters) && (least..=most).contains(&id.chars().count())),
            "{names}"
        );
        // OpenAI's responses are not known to refuse an id that comes again, so a client's own body keeps it.
        if same && codec.protocol() == Protocol::OPENAI_RESPONSES {
            continue;
        }
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{names}");
        for (call, (_, id, said)) in calls.iter().zip(&expected).map(|(call, said)| (call, (0, &call.1, said))) {
            let result = results.iter().find(|(.., answered)| answered == said);
            assert_eq!(result.map(|(_, id, _)| id), Some(id), "{names}: {call:?}");
        }
    }
}

fn turns(ids: &[&[&str]]) -> Vec<Vec<(String, Value)>> {
    let mut place = 0;
    let mut numbered = |id: &&str| {
        place += 1;
        ((*id).to_owned(), json!(place))
    };
    ids.iter().map(|turn| turn.iter().map(&mut numbered).collect()).collect()
}

#[test]
fn ids_that_vendors_repeat_are_told_apart_by_their_order() {
    let long = "call_tb_".to_owned() + &"x".repeat(80);
    for ids in [
        &[&["functions.Bash:0", "functions.Bash:1"][..], &["functions.Bash:0"]][..],
        &[&["call_0", "call_0"], &["call_0", "call_0"]],
        &[&["f", "f", "f"]],
        &[&["a.b", "a_b", "a:b", "a_b_2"], &["a.b"]],
        &[&[&long, "toolu_01AbCdEfGhIjKlMnOpQrStUv"], &[&long]],
        &[&["g6fVbXS8K", "😀"], &["g6fVbXS8K"]],
        &[&["call_N7iYNRPXLl9czpXh3bDyMpIL|fc_0e76718634eca88f016a76fdc89aec81919763fa7858f67a0d"]],
    ] {
        for client in CLIENTS {
            check(client.protocol(), &turns(ids), false);
            check(client.protocol(), &turns(ids), true);
        }
    }
}

#[test]
fn the_maker_of_ids_gets_its_own_back_in_every_turn() {
    // A vendor may number its calls anew in each turn, and answers with broken calls to ids of another form.
    let turns = turns(&[&["functions.Bash:0", "functions.Read:1"], &["functions.Bash:0"]]);
    let moonshot = Chat::new(Quirks::COMPATIBLE);
    for client in CLIENTS {
        let body = history(client.protocol(), &turns, false);
        let got = read(Protocol::OPENAI_CHAT, &sent(client.protocol(), &body, ("moonshot", &moonshot, "kimi-k2")));
        let ids: Vec<_> = got.iter().map(|(_, id, _)| id.as_deref().unwrap()).collect();
        let turn = ["functions.Bash:0", "functions.Read:1"];
        let expected = [&turn[..], &turn, &["functions.Bash:0"], &["functions.Bash:0"]].concat();
        assert_eq!(ids, expected, "{}", client.protocol());
    }
}

#[test]
fn ids_that_a_vendor_lacks_are_short_enough_for_all() {
    for reply in ["", "r1", "chatcmpl-6f1ed002ab5595859014ebf0951522d9-6f1ed002ab55", "uPYJaPbTBe-1kdUPz5zy4Aw"] {
        let mut whole = ChatReply::default();
        whole.id = Some(reply.to_owned());
        let mut choice = Choice::default();
        for _ in 0..12 {
            let mut call = ToolCall::default();
            call.name = "f".to_owned();
            choice.parts.push(Part::ToolCall(call));
        }
        choice.finish = Some(Finish::new(FinishReason::ToolCalls, None));
        whole.choices = vec![choice];
        for client in [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES] {
            let body = client.encode_reply(&whole, &ReplyContext::new("id", "m", 1)).unwrap();
            let read = client.decode_reply(&body).unwrap();
            let ids: HashSet<String> = read.tool_calls().map(|call| call.id.clone().unwrap()).collect();
            assert_eq!(ids.len(), 12, "{ids:?}");
            assert!(ids.iter().all(|id| id.len() <= 40 && id.chars().all(plain)), "{ids:?}");
        }
    }
}

#[test]
fn ten_thousand_calls_under_one_id_take_no_longer_than_under_many() {
    let ids: Vec<&str> = std::iter::repeat_n("call_0", 10_000).collect();
    check(Protocol::OPENAI_CHAT, &turns(&[&ids]), false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_ids_are_valid_unique_and_matched(
        first in prop::collection::vec("[a-z.:_-]{1,3}|\\PC{1,70}", 1..4),
        second in prop::collection::vec("[a-z.:_-]{1,3}|call_[A-Za-z0-9]{24}", 1..4),
        backwards in any::<bool>(),
    ) {
        let texts: Vec<Vec<&str>> = [&first, &second].map(|ids| ids.iter().map(String::as_str).collect()).into();
        let turns = turns(&[&texts[0], &texts[1]]);
        for client in CLIENTS {
            check(client.protocol(), &turns, backwards);
        }
    }

    #[test]
    fn a_client_sees_the_vendors_own_ids(id in "\\PC{1,80}", stream in any::<bool>()) {
        let mut reply = ChatReply::default();
        reply.id = Some("r1".to_owned());
        let mut choice = Choice::default();
        let mut call = ToolCall::default();
        (call.id, call.name, call.arguments) = (Some(id.clone()), "f".to_owned(), "{}".to_owned());
        choice.parts = vec![Part::ToolCall(call)];
        choice.finish = Some(Finish::new(FinishReason::ToolCalls, None));
        reply.choices = vec![choice];
        let context = ReplyContext::new("id", "m", 1);
        for client in CLIENTS {
            let text = match stream {
                false => String::from_utf8(client.encode_reply(&reply, &context).unwrap().to_vec()).unwrap(),
                true => {
                    let (mut encoder, mut frames) = (client.stream_encoder(&context), Vec::new());
                    reply.clone().into_events().into_iter().for_each(|event| encoder.encode(event, &mut frames));
                    encoder.finish(&mut frames);
                    frames.iter().map(|frame| String::from_utf8_lossy(&frame.raw).into_owned()).collect()
                }
            };
            prop_assert!(text.contains(&json!(id).to_string()), "{}: {}", client.protocol(), text);
        }
    }
}
