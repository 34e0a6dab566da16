//! Settings of sampling: their other names, and models and vendors that refuse them.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use serde_json::{Value, json};
use tollbridge_core::LossKind;
use tollbridge_protocol::{ChatCodec, Target, codec};

fn crossed(body: &Value, to: &dyn ChatCodec, model: &str) -> (Value, Vec<(LossKind, String)>) {
    let request = codec::OPENAI_CHAT.decode_request(body.to_string().as_bytes()).unwrap();
    let mut losses = Vec::new();
    let written = to.encode_request(&request, &Target::new(model, false), &mut losses).unwrap();
    let losses = losses.into_iter().map(|loss| (loss.kind, loss.path)).collect();
    (serde_json::from_slice(&written).unwrap(), losses)
}

fn asked(more: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[test]
fn names_of_open_models_libraries_are_known() {
    let body = asked(&json!({"max_new_tokens": 8, "stop_sequences": ["END"], "num_samples": 2}));
    let (sent, _) = crossed(&body, codec::GEMINI_GENERATE, "m");
    let config = json!({"maxOutputTokens": 8, "stopSequences": ["END"], "candidateCount": 2});
    assert_eq!(sent["generationConfig"], config);
}

#[test]
fn the_protocols_own_names_win() {
    let body = asked(&json!({
        "max_tokens": 9, "max_completion_tokens": 10, "max_new_tokens": 8,
        "stop": "A", "stop_sequences": ["B"], "n": 3, "num_samples": 2,
    }));
    let (sent, losses) = crossed(&body, codec::GEMINI_GENERATE, "m");
    let config = json!({"maxOutputTokens": 10, "stopSequences": ["A"], "candidateCount": 3});
    assert_eq!(sent["generationConfig"], config);
    let told: Vec<_> = losses.iter().map(|(_, path)| path.as_str()).collect();
    assert_eq!(told, ["extras.max_new_tokens", "extras.num_samples", "extras.stop_sequences"]);
}

#[test]
fn anthropic_gets_no_blank_stops() {
    let (sent, losses) = crossed(&asked(&json!({"stop": ["END", " ", "\n"]})), codec::ANTHROPIC_MESSAGES, "m");
    assert_eq!(sent["stop_sequences"], json!(["END"]));
    assert!(losses.contains(&(LossKind::Adapted, "stop".to_owned())), "{losses:?}");
    let (sent, _) = crossed(&asked(&json!({"stop": [" "]})), codec::ANTHROPIC_MESSAGES, "m");
    assert_eq!(sent["stop_sequences"], Value::Null);
}

#[test]
fn where_there_is_no_json_mode_json_is_asked_for_in_words() {
    let body = asked(&json!({"response_format": {"type": "json_object"}}));
    for to in [codec::ANTHROPIC_MESSAGES, codec::BEDROCK_CONVERSE] {
        let (sent, losses) = crossed(&body, to, "m");
        assert!(sent["system"].to_string().contains("one JSON object"), "{sent}");
        assert!(losses.contains(&(LossKind::Adapted, "response_format".to_owned())), "{losses:?}");
    }
}
