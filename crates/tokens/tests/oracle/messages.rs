use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use tollbridge_protocol::chat;
use tollbridge_tokens::count_request;
use tollbridge_types::{ChatRequest, Protocol, UsageBasis};

use crate::rows;

#[test]
fn every_conversation_has_the_tokens_of_the_published_rules() {
    let (mut wrong, mut same) = (Vec::new(), 0);
    for line in rows::lines("message_token_vectors.jsonl") {
        let row: Value = serde_json::from_str(&line).unwrap();
        if differs(&row) {
            continue;
        }
        let expected = row["cookbook_count"].as_u64().or(row["litellm_count"].as_u64()).unwrap();
        let counted = count_request(row["model"].as_str().unwrap(), &request(&line));
        if counted.input == expected {
            same += 1;
        } else {
            wrong.push(format!("{} {}: {} for {expected}", row["id"], row["kind"], counted.input));
        }
        let published = matches!(row["kind"].as_str(), Some("text" | "text_parts")) || !row["cookbook_count"].is_null();
        if published {
            assert_eq!(counted.basis, UsageBasis::Counted, "{}", row["id"]);
        }
    }
    assert!(wrong.is_empty(), "{same} rows are right, {} are wrong: {wrong:#?}", wrong.len());
}

/// The reference takes an image of gpt-4o-mini for one of gpt-4o, and one that it does not look at for 250 tokens.
fn differs(row: &Value) -> bool {
    let kind = row["kind"].as_str().unwrap();
    kind == "image_default" || row["model"] == "gpt-4o-mini" && kind.starts_with("image_")
}

/// Reads a row as a request, with the fields of its tools in their order.
fn request(line: &str) -> ChatRequest {
    let mut body: BTreeMap<&str, &RawValue> = serde_json::from_str(line).unwrap();
    body.retain(|name, value| ["model", "messages", "tools", "tool_choice"].contains(name) && value.get() != "null");
    chat(Protocol::OPENAI_CHAT).unwrap().decode_request(&serde_json::to_vec(&body).unwrap()).unwrap()
}
