use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::Money;
use tollbridge_types::Json;
use tollbridge_usage::event::{Completed, Event, Payload};

use crate::examples;

fn read(kind: &str, payload: &str) -> Payload {
    Payload::read(kind, &Json::from_text(payload).unwrap()).unwrap()
}

fn completed(payload: &str) -> Completed {
    match read("MODEL_CALL_COMPLETED", payload) {
        Payload::Completed(completed) => completed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn events_read_back_as_they_are_written() {
    for event in examples::all() {
        let text = serde_json::to_string(&event).unwrap();
        let again: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(again, event);
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
    }
}

#[test]
fn the_first_events_are_read_with_defaults() {
    let old = completed(
        r#"{"model_alias": "main", "response_summary": "Echo", "duration_ms": 5,
            "token_usage": {"prompt": 1, "completion": 2, "total": 3}}"#,
    );
    assert_eq!((old.token_usage.prompt_tokens, old.token_usage.completion_tokens), (1, 2));
    assert_eq!(old.token_usage.total_tokens, 3);
    assert!(old.token_usage.rest.is_empty() && old.rest.is_empty());
    assert_eq!((old.cost, old.fallback_reason.as_deref(), old.cached), (Some(Money::ZERO), None, false));
    let empty = completed(r#"{"token_usage": {}}"#);
    assert_eq!(empty.token_usage.total_tokens, 0);
    assert_eq!(completed(r#"{"is_fallback": true}"#).fallback_reason.as_deref(), Some("unknown"));
    let Payload::Failed(failed) = read("MODEL_CALL_FAILED", r#"{"model_alias": "main", "error_type": "model"}"#) else {
        panic!("another type");
    };
    assert_eq!((failed.error_type.as_str(), failed.provider.as_str(), failed.limit_s), ("model", "", None));
}

#[test]
fn what_later_versions_add_is_kept_digit_by_digit() {
    let text = r#"{"id":"x","at_ms":1,"type":"MODEL_CALL_COMPLETED","later":1.10,"seq":2,
        "payload":{"model_alias":"m","big":12345678901234567890123,"token_usage":{"total_tokens":3,"cached":1e400}}}"#;
    let event: Event = serde_json::from_str(text).unwrap();
    let again = serde_json::to_string(&event).unwrap();
    for kept in [r#""later":1.10"#, r#""big":12345678901234567890123"#, r#""cached":1e400"#, r#""total_tokens":3"#] {
        assert_eq!(again.matches(kept).count(), 1, "{kept} in {again}");
    }
    let unknown = r#"{"id":"x","at_ms":1,"trace_id":"t","task_id":null,"request_id":null,"seq":2,"type":"STATE","payload":{"to": 1.0}}"#;
    let event: Event = serde_json::from_str(unknown).unwrap();
    assert_eq!(event.payload.kind(), "STATE");
    assert_eq!(serde_json::to_string(&event).unwrap(), unknown);
}

#[test]
fn money_is_a_number_and_exact() {
    for (written, read) in [
        ("0.002763", "0.002763"),
        ("0.0", "0"),
        ("2.5e-6", "0.0000025"),
        ("0.30000000000000004", "0.3"),
        ("\"0.01\"", "0.01"),
        ("1.2345678901234e-5", "0.000012345678"),
    ] {
        let completed = completed(&format!(r#"{{"cost_usd": {written}}}"#));
        let text = serde_json::to_string(&completed).unwrap();
        assert!(text.contains(&format!(r#""cost_usd":{read},"#)), "{written} in {text}");
    }
}

proptest! {
    #[test]
    fn no_completed_call_contradicts_itself(
        usage in (any::<u32>(), any::<u32>()),
        cost in prop::option::of(0_u64..1_000_000_000),
        unavailable in any::<bool>(),
        fallback in any::<bool>(),
        reason in prop::option::of("[a-z]{0,3}"),
    ) {
        let mut wire = json!({
            "token_usage": {"prompt_tokens": usage.0, "completion_tokens": usage.1},
            "cost_unavailable": unavailable,
            "is_fallback": fallback,
            "fallback_reason": reason,
        });
        if let Some(micro) = cost {
            wire["cost_usd"] = serde_json::from_str(&format!("{micro}e-6")).unwrap();
        }
        let text = serde_json::to_string(&completed(&wire.to_string())).unwrap();
        let told: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(told["response_summary"].is_string());
        prop_assert!(told["cost_usd"].as_f64().unwrap() >= 0.0);
        prop_assert!(told["cost_unavailable"] == false || told["cost_usd"] == 0);
        prop_assert!(told["is_fallback"] == false || !told["fallback_reason"].as_str().unwrap().is_empty());
        let tokens = &told["token_usage"];
        let sum = tokens["prompt_tokens"].as_u64().unwrap() + tokens["completion_tokens"].as_u64().unwrap();
        prop_assert_eq!(tokens["total_tokens"].as_u64().unwrap(), sum);
    }

    #[test]
    fn any_object_is_read_and_written_without_loss(names in prop::collection::btree_set("[a-z]{1,6}", 0..8)) {
        let object: serde_json::Map<_, _> = names.iter().map(|name| (format!("x_{name}"), json!([1, name]))).collect();
        let text = serde_json::to_string(&object).unwrap();
        for kind in ["MODEL_CALL_STARTED", "MODEL_CALL_ATTEMPT", "MODEL_CALL_COMPLETED", "MODEL_CALL_FAILED", "ARTIFACT_CREATED", "BUDGET_ALERT", "COST_DISCREPANCY", "OTHER"] {
            let told = serde_json::to_value(read(kind, &text)).unwrap();
            for (name, value) in &object {
                prop_assert_eq!(&told["payload"][name], value);
            }
        }
    }
}
