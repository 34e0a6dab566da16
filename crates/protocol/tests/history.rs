//! What was sealed for one vendor is taken out again on the way to another of the client's own protocol.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use bytes::Bytes;
use serde_json::{Value, json};
use tollbridge_core::{ErrorKind, Operation, Request};
use tollbridge_profiles::Book;
use tollbridge_protocol::{ChatCodec, codec, count, translate};
use tollbridge_types::Protocol;

/// Seals as earlier versions made them: of a signature on a call, on the call's id, and of a thought's field.
const ON_CALL: &str =
    "dG9sbHN0YXRlFxttnFt7ImsiOiJjYWxsIiwiaWQiOiJmYzEiLCJwIjoiZ2VtaW5pLmdlbmVyYXRlIiwicyI6IlNJR0FCQz09In1d";
const ON_ID: &str = "fc1--dG9sbHN0YXRlmNUcwFt7ImsiOiJjYWxsIiwicCI6ImdlbWluaS5nZW5lcmF0ZSIsInMiOiJTSUdBQkM9PSJ9XQ";
const THOUGHT: &str =
    "dG9sbHN0YXRlDJ+97lt7ImsiOiJ0aG91Z2h0IiwicCI6Im9wZW5haS5jaGF0IiwieCI6eyJmaWVsZCI6InJlYXNvbmluZ19jb250ZW50In19XQ==";

fn request(protocol: Protocol, body: &str, model: &str) -> Request {
    Request::from_wire(Operation::Chat, protocol, model, Bytes::from(body.to_owned()))
}

/// Sends a client's body to a vendor of its own protocol: what it gets, and what is told.
fn sent(codec: &dyn ChatCodec, vendor: &str, model: &str, body: &str) -> (String, Vec<String>) {
    let profile = Book::embedded().profile(vendor, codec.protocol().as_str(), model, None);
    let encoded = translate::request_for(&request(codec.protocol(), body, model), codec, &profile, false).unwrap();
    let losses = encoded.losses.iter().map(|loss| format!("{} {}: {}", loss.kind.as_str(), loss.path, loss.reason));
    (String::from_utf8(encoded.body.to_vec()).unwrap(), losses.collect())
}

fn calls(id: &str, more: &str) -> String {
    format!(
        r#"{{ "model":"gpt-4o","messages":[{{"role":"user","content":"w?"}},{{"role":"assistant","content":null{more},"tool_calls":[{{"id":"{id}","type":"function","function":{{"name":"f","arguments":"{{\"a\":1.0}}"}}}}]}},{{"role":"tool","tool_call_id":"{id}","content":"sunny"}}],"temperature":1.50}}"#
    )
}

#[test]
fn a_chat_completion_keeps_every_other_byte() {
    let bare = calls("fc1", "");
    let chat = |body: &str| sent(codec::OPENAI_CHAT, "openai", "gpt-4o", body);
    assert_eq!(chat(&bare), (bare.clone(), vec![]));
    let (body, losses) = chat(&calls(ON_ID, ""));
    assert_eq!(body, bare);
    assert_eq!(losses, ["dropped messages[1].tool_calls[0].id: only gemini.generate reads it"]);
    let details = |entries: &str| format!(r#","reasoning_details" : [{entries}]"#);
    let ours = format!(r#"{{"type":"reasoning.encrypted","data":"{ON_CALL}","format":"unknown","index":0}}"#);
    let (body, losses) = chat(&calls("fc1", &details(&ours)));
    assert_eq!(body, bare);
    assert_eq!(losses, ["dropped messages[1].reasoning_details[0]: only gemini.generate reads it"]);
    // What another maker put there is its vendor's.
    let theirs = r#"{"type":"reasoning.encrypted","data":"gAAA","index":1}"#;
    let (body, _) = chat(&calls("fc1", &details(&format!("{ours} , {theirs}"))));
    assert_eq!(body, calls("fc1", &details(theirs)));
    let (body, _) = chat(&calls("fc1", &details(&format!("{theirs} , {ours},{ours}"))));
    assert_eq!(body, calls("fc1", &details(theirs)));
    let on_call = bare.replace(
        r#""type":"function""#,
        &format!(r#""extra_content":{{"google":{{"thought_signature":"{ON_CALL}"}}}},"type":"function""#),
    );
    let (body, losses) = chat(&on_call);
    assert_eq!(body, bare);
    assert_eq!(losses.len(), 1, "{losses:?}");
    let own = on_call.replace(ON_CALL, "AbCd");
    assert_eq!(chat(&own), (own.clone(), vec![]));
}

#[test]
fn a_response_loses_the_items_that_were_made_of_foreign_thinking() {
    let body = |items: &str| {
        format!(
            r#"{{"model":"gpt-5","store":false,"input":[{{"role":"user","content":"w?"}},{items}{{"id":"fc_tb_r1_0_1","type":"function_call","status":"completed","arguments":"{{}}","call_id":"fc1","name":"f"}},{{"type":"function_call_output","call_id":"fc1","output":"sunny"}}]}}"#
        )
    };
    let bare = body("");
    for (item, told) in [
        (
            format!(
                r#"{{"id":"rs_tb_r1_0_0--{}","type":"reasoning","summary":[],"encrypted_content":"{ON_CALL}"}},"#,
                &ON_CALL[..40]
            ),
            "dropped input[1]: only gemini.generate reads it",
        ),
        (
            r#"{"id":"rs_tb_r1_0_0","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},"#.to_owned(),
            "dropped input[1]: another vendor's thinking cannot be sent back",
        ),
        (
            format!(r#"{{"type":"item_reference","id":"rs_tb_r1_0_0--{ON_CALL}"}},"#),
            "dropped input[1]: another vendor's thinking cannot be sent back",
        ),
    ] {
        let (got, losses) = sent(codec::OPENAI_RESPONSES, "openai", "gpt-5", &body(&item));
        assert_eq!((got, losses), (bare.clone(), vec![told.to_owned()]));
    }
    let own = body(r#"{"id":"rs_68","type":"reasoning","summary":[],"encrypted_content":"gAAAAAB"},"#);
    assert_eq!(sent(codec::OPENAI_RESPONSES, "openai", "gpt-5", &own), (own, vec![]));
}

fn anthropic(blocks: &str, thinking: &str) -> String {
    format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":2000,{thinking}"messages":[{{"role":"user","content":"w?"}},{{"role":"assistant","content":[{blocks}{{"type":"tool_use","id":"fc1","name":"f","input":{{"a":1.0}}}}]}},{{"role":"user","content":[{{"type":"tool_result","tool_use_id":"fc1","content":"sunny"}}]}}]}}"#
    )
}

#[test]
fn a_message_loses_thinking_that_anthropic_did_not_sign() {
    let foreign = format!(
        r#"{{"type":"thinking","thinking":"hm","signature":"{THOUGHT}"}},{{"type":"redacted_thinking","data":"{ON_CALL}"}},"#
    );
    let messages = |body: &str| sent(codec::ANTHROPIC_MESSAGES, "anthropic", "claude-sonnet-4-5", body);
    let asked = r#""thinking":{"type":"enabled","budget_tokens":1024},"#;
    let (body, losses) = messages(&anthropic(&foreign, asked));
    // In the middle of a turn, thinking that is switched on must have begun it.
    assert_eq!(body, anthropic("", ""));
    assert_eq!(
        losses,
        [
            "dropped messages[1].content[0]: only openai.chat reads it",
            "dropped messages[1].content[1]: only gemini.generate reads it",
            "adapted thinking: off until the next answer: the thinking that began it is not there",
        ]
    );
    let own = r#"{"type":"thinking","thinking":"hm","signature":"EqQB"},"#;
    let (body, losses) = messages(&anthropic(&format!("{own}{foreign}"), asked));
    assert_eq!(body, anthropic(own, asked));
    assert_eq!(losses.len(), 2, "{losses:?}");
    assert_eq!(messages(&anthropic(own, asked)), (anthropic(own, asked), vec![]));
    // A message of nothing else is gone as a whole.
    let alone = format!(
        r#"{{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{{"role":"user","content":"a"}},{{"role":"assistant","content":[{}]}},{{"role":"user","content":"b"}}]}}"#,
        foreign.trim_end_matches(',')
    );
    let (body, _) = messages(&alone);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["messages"], json!([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]));
}

#[test]
fn contents_lose_signatures_of_others_and_what_only_carried_them() {
    let body = |thought: &str, on_call: &str| {
        format!(
            r#"{{"contents":[{{"role":"user","parts":[{{"text":"w?"}}]}},{{"role":"model","parts":[{thought}{{"functionCall":{{"name":"f","args":{{"a":1.0}}}}{on_call}}}]}},{{"role":"user","parts":[{{"functionResponse":{{"name":"f","response":{{}}}}}}]}}]}}"#
        )
    };
    let generate = |model: &str, body: &str| sent(codec::GEMINI_GENERATE, "gemini", model, body);
    let seal = format!(r#","thoughtSignature":"{THOUGHT}""#);
    let thought = format!(r#"{{"text":"hm","thought":true{seal}}},"#);
    let (got, losses) = generate("gemini-2.5-pro", &body(&thought, &seal));
    assert_eq!(got, body("", ""));
    assert_eq!(losses.len(), 2, "{losses:?}");
    let own = body(r#"{"text":"hm","thought":true},"#, r#","thoughtSignature":"CiQB""#);
    assert_eq!(generate("gemini-2.5-pro", &own), (own.clone(), vec![]));
    // A model that refuses a call without a signature gets the placeholder that Google documents.
    let marked = body("", r#","thoughtSignature":"skip_thought_signature_validator""#);
    for on_call in [&seal, ""] {
        let (got, losses) = generate("gemini-3-pro-preview", &body("", on_call));
        assert_eq!((got, losses.len()), (marked.clone(), 1));
    }
    assert_eq!(generate("gemini-3-pro-preview", &own), (own.clone(), vec![]));
}

#[test]
fn counts_are_made_of_what_would_be_sent() {
    let foreign = format!(r#"{{"type":"redacted_thinking","data":"{ON_CALL}"}},"#);
    let body = anthropic(&foreign, "");
    let protocol = Protocol::ANTHROPIC_COUNT_TOKENS;
    let request = Request::from_wire(Operation::CountTokens, protocol, "claude-sonnet-4-5", Bytes::from(body));
    let profile = Book::embedded().profile("anthropic", protocol.as_str(), "claude-sonnet-4-5", None);
    let encoded = translate::count_body(&request, count(protocol).unwrap(), &profile).unwrap();
    assert_eq!(encoded.body, anthropic("", ""));
    assert_eq!(encoded.losses.len(), 1);
}

/// A body of each client with a seal in each place where one can stand.
fn sealed() -> Vec<(Protocol, String)> {
    let details = format!(r#","reasoning_details":[{{"type":"reasoning.encrypted","data":"{ON_CALL}"}}]"#);
    vec![
        (Protocol::OPENAI_CHAT, calls(ON_ID, "")),
        (Protocol::OPENAI_CHAT, calls("fc1", &details)),
        (
            Protocol::OPENAI_RESPONSES,
            format!(
                r#"{{"model":"m","input":[{{"role":"user","content":"w?"}},{{"id":"rs_tb_r1_0_0","type":"reasoning","summary":[],"encrypted_content":"{ON_CALL}"}},{{"type":"function_call","arguments":"{{}}","call_id":"fc1","name":"f"}},{{"type":"function_call_output","call_id":"fc1","output":"sunny"}}]}}"#
            ),
        ),
        (
            Protocol::ANTHROPIC_MESSAGES,
            anthropic(&format!(r#"{{"type":"redacted_thinking","data":"{ON_CALL}"}},"#), ""),
        ),
        (
            Protocol::ANTHROPIC_MESSAGES,
            anthropic(&format!(r#"{{"type":"thinking","thinking":"hm","signature":"{THOUGHT}"}},"#), ""),
        ),
        (
            Protocol::GEMINI_GENERATE,
            format!(
                r#"{{"contents":[{{"role":"user","parts":[{{"text":"w?"}}]}},{{"role":"model","parts":[{{"functionCall":{{"name":"f","args":{{}}}},"thoughtSignature":"{THOUGHT}"}}]}}]}}"#
            ),
        ),
    ]
}

#[test]
fn a_seal_that_was_cut_or_changed_is_left_out_and_told_and_refused_only_if_strict() {
    let targets = [
        codec::OPENAI_CHAT,
        codec::OPENAI_RESPONSES,
        codec::ANTHROPIC_MESSAGES,
        codec::GEMINI_GENERATE,
        codec::BEDROCK_CONVERSE,
    ];
    for (client, body) in sealed() {
        let seal = [ON_ID.strip_prefix("fc1--").unwrap(), ON_CALL, THOUGHT]
            .into_iter()
            .find(|seal| body.contains(seal))
            .unwrap();
        for length in [12, 13, 16, 20, 55, seal.len() - 5] {
            // One agent cuts ids at 64 and puts a hash behind what is left.
            for tail in ["", "_1a2b3c4d"] {
                let cut = body.replace(seal, &format!("{}{tail}", &seal[..length]));
                for target in targets {
                    let request = request(client, &cut, "m");
                    let sent = translate::request(&request, target, false);
                    let sent = sent.unwrap_or_else(|error| panic!("{client} → {}: {error}\n{cut}", target.protocol()));
                    let text = String::from_utf8_lossy(&sent.body);
                    assert!(!text.contains("dG9sbHN0YXRl"), "{client} → {}: {text}", target.protocol());
                    let told = sent.losses.iter().any(|loss| loss.reason.contains("changed on its way"));
                    assert!(told, "{client} → {}: {:?}", target.protocol(), sent.losses);
                    let refused = translate::request(&request.with_strict(true), target, false).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::InvalidRequest);
                }
            }
        }
    }
}

#[test]
fn a_seal_that_came_twice_or_stands_elsewhere_does_no_harm() {
    for (client, body) in sealed() {
        let twice = match client.as_str() {
            "anthropic.messages" => body.replace(r#"{"type":"redacted_thinking""#, &format!(r#"{{"type":"redacted_thinking","data":"{ON_CALL}"}},{{"type":"redacted_thinking""#)),
            "openai.responses" => body.replace(r#"{"type":"function_call","#, &format!(r#"{{"id":"rs_tb_r1_0_0","type":"reasoning","summary":[],"encrypted_content":"{ON_CALL}"}},{{"type":"function_call","#)),
            _ => body.clone(),
        };
        for text in [body, twice] {
            let sent = translate::request(&request(client, &text, "m"), codec::GEMINI_GENERATE, false).unwrap();
            let sent = String::from_utf8_lossy(&sent.body);
            assert!(sent.matches("SIGABC").count() <= 1, "{client}: {sent}");
            assert!(!sent.contains("dG9sbHN0YXRl"), "{client}: {sent}");
        }
    }
}
