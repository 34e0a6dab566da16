//! What a model takes of what its vendor's protocol has: requests are fitted to it, in the vendor's own protocol too.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use serde_json::{Value, json};
use tollbridge_core::{Error, Operation, Protocol, Request};
use tollbridge_profiles::{Book, Profiles};
use tollbridge_protocol::{ChatCodec, codec, translate};

/// Writes a client's body for a vendor's model, and returns what is sent and which places are told.
fn sent(vendor: &str, from: Protocol, to: &dyn ChatCodec, model: &str, body: &Value) -> (Value, Vec<String>) {
    let (body, losses) = tried(vendor, from, to, model, body, false).unwrap();
    (serde_json::from_str(&body).unwrap(), losses)
}

fn tried(
    vendor: &str,
    from: Protocol,
    to: &dyn ChatCodec,
    model: &str,
    body: &Value,
    strict: bool,
) -> Result<(String, Vec<String>), Error> {
    let body = body.to_string();
    let request = Request::from_wire(Operation::Chat, from, model, body.into()).with_strict(strict);
    let profile = Profiles::new(Book::embedded(), vendor).of(model, to.protocol().as_str());
    let encoded = translate::request_for(&request, to, &profile, false)?;
    let losses = encoded.losses.iter().map(|loss| loss.path.clone()).collect();
    Ok((String::from_utf8(encoded.body.to_vec()).unwrap(), losses))
}

fn chat(more: &Value) -> Value {
    with(json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}), more)
}

fn messages(more: &Value) -> Value {
    with(json!({"model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}]}), more)
}

fn contents(config: &Value) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": config})
}

fn with(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn function(parameters: &Value) -> Value {
    json!([{"type": "function", "function": {"name": "f", "parameters": parameters}}])
}

#[test]
fn an_effort_becomes_what_a_claude_thinks_by() {
    let claude = |model: &str, vendor: &str, more: Value| {
        sent(
            vendor,
            Protocol::OPENAI_CHAT,
            codec::ANTHROPIC_MESSAGES,
            model,
            &chat(&with(json!({"reasoning_effort": "high"}), &more)),
        )
    };
    for vendor in ["anthropic", "vertex", "bedrock"] {
        for model in ["claude-3-7-sonnet-20250219", "claude-sonnet-4-5-20250929", "claude-opus-4-1"] {
            let (body, told) = claude(model, vendor, json!({}));
            let budget = body["thinking"]["budget_tokens"].as_u64().unwrap();
            assert_eq!(body["thinking"]["type"], "enabled", "{model}");
            assert!(budget > 1024 && budget < body["max_tokens"].as_u64().unwrap(), "{model}: {body}");
            assert_eq!(body["output_config"], Value::Null, "{model}");
            assert!(told.contains(&"reasoning_effort".to_owned()), "{told:?}");
            // There is no budget of 1,024 tokens below an answer of 1,000.
            let (body, told) = claude(model, vendor, json!({"max_tokens": 1000}));
            assert_eq!((&body["thinking"], &body["output_config"]), (&Value::Null, &Value::Null), "{model}");
            assert!(told.contains(&"reasoning_effort".to_owned()), "{told:?}");
            let (body, _) = claude(model, vendor, json!({"max_tokens": 4000}));
            assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 2000}), "{model}");
        }
        let (body, told) = claude("claude-3-5-haiku-20241022", vendor, json!({}));
        assert_eq!((&body["thinking"], &body["output_config"]), (&Value::Null, &Value::Null));
        assert!(told.contains(&"reasoning_effort".to_owned()), "{told:?}");
        let (body, _) = claude("claude-opus-4-5", vendor, json!({}));
        assert_eq!(body["thinking"]["type"], "enabled");
        assert_eq!(body["output_config"], json!({"effort": "high"}));
        for model in ["claude-sonnet-4-6", "claude-opus-4-7", "claude-opus-9-1"] {
            let (body, _) = claude(model, vendor, json!({}));
            assert_eq!(body["thinking"]["type"], "adaptive", "{model}");
            assert_eq!(body["output_config"], json!({"effort": "high"}), "{model}");
        }
    }
}

#[test]
fn a_budget_keeps_its_bounds_or_becomes_an_effort() {
    let body =
        with(contents(&json!({"maxOutputTokens": 1500, "thinkingConfig": {"thinkingBudget": 2048}})), &json!({}));
    let translated = |model| sent("anthropic", Protocol::GEMINI_GENERATE, codec::ANTHROPIC_MESSAGES, model, &body);
    let place = "generationConfig.thinkingConfig.thinkingBudget".to_owned();
    let (written, told) = translated("claude-sonnet-4-5");
    assert_eq!(written["thinking"], json!({"type": "enabled", "budget_tokens": 1024}));
    assert!(told.contains(&place), "{told:?}");
    let (written, told) = translated("claude-opus-4-7");
    assert_eq!(written["thinking"]["type"], "adaptive");
    assert_eq!(written["output_config"]["effort"], "medium");
    assert!(told.contains(&place), "{told:?}");
    // The same in Anthropic's own protocol, in which everything else stays as it is.
    let own = |model: &str, more: &Value| {
        tried("anthropic", Protocol::ANTHROPIC_MESSAGES, codec::ANTHROPIC_MESSAGES, model, &messages(more), false)
            .unwrap()
    };
    let asked = json!({"thinking": {"type": "enabled", "budget_tokens": 2048}, "metadata": {"x": 1}});
    let (written, told) = own("claude-opus-4-7", &asked);
    assert!(written.contains(r#""thinking":{"type":"adaptive""#), "{written}");
    assert!(written.contains(r#""output_config":{"effort":"medium"}"#), "{written}");
    assert_eq!(told, ["thinking.budget_tokens"]);
    let (written, told) = own("claude-sonnet-4-5", &asked);
    assert_eq!(written, messages(&asked).to_string().replace("\"m\"", "\"claude-sonnet-4-5\""));
    assert_eq!(told, [""; 0]);
}

#[test]
fn what_stands_beside_an_effort_that_is_dropped_is_told() {
    let model = "claude-haiku-4-5";
    let both = json!({"max_tokens": 1000, "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}});
    let (written, told) =
        sent("anthropic", Protocol::ANTHROPIC_MESSAGES, codec::ANTHROPIC_MESSAGES, model, &messages(&both));
    assert_eq!((&written["thinking"], &written["output_config"]["effort"]), (&Value::Null, &Value::Null));
    assert_eq!(told, ["thinking.type", "output_config.effort"]);
    let summary = json!({"input": "hi", "max_output_tokens": 9, "reasoning": {"effort": "high", "summary": "auto"}});
    let (_, told) =
        sent("anthropic", Protocol::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, "claude-sonnet-4-5", &summary);
    assert_eq!(told, ["reasoning.summary", "reasoning.effort"]);
}

#[test]
fn settings_that_a_model_refuses_are_left_out() {
    let asked = chat(&json!({"temperature": 0.2, "top_p": 1, "max_tokens": 5}));
    for to in [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES] {
        for model in ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-nano"] {
            let from = if to.protocol() == Protocol::OPENAI_CHAT {
                Protocol::ANTHROPIC_MESSAGES
            } else {
                Protocol::OPENAI_CHAT
            };
            let asked = if from == Protocol::OPENAI_CHAT {
                asked.clone()
            } else {
                messages(&json!({"temperature": 0.2, "top_p": 1}))
            };
            let (body, told) = sent("openai", from, to, model, &asked);
            assert_eq!(body["temperature"], Value::Null, "{model}");
            assert_eq!(body["top_p"], 1.0, "what is the default may stay");
            assert!(told.contains(&"temperature".to_owned()), "{model}: {told:?}");
        }
        for model in ["gpt-4o", "gpt-5.1", "olmo-2"] {
            assert_eq!(
                sent("openai", Protocol::ANTHROPIC_MESSAGES, to, model, &messages(&json!({"temperature": 0.2}))).0["temperature"],
                0.2,
                "{model}"
            );
        }
    }
    let (body, told) = sent(
        "anthropic",
        Protocol::OPENAI_CHAT,
        codec::ANTHROPIC_MESSAGES,
        "claude-opus-4-7",
        &chat(&json!({"temperature": 0.0})),
    );
    assert_eq!(body["temperature"], Value::Null);
    assert!(told.contains(&"temperature".to_owned()));
    // Alone each is taken, together they are not.
    let both = chat(&json!({"temperature": 0.3, "top_p": 0.9}));
    let (body, told) = sent("anthropic", Protocol::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, "claude-sonnet-4-5", &both);
    assert_eq!((&body["temperature"], &body["top_p"]), (&json!(0.3), &Value::Null));
    assert!(told.contains(&"top_p".to_owned()));
}

#[test]
fn in_the_vendors_own_protocol_only_what_is_refused_is_changed() {
    let body =
        r#"{ "model" : "m", "temperature": 0, "messages": [{"role":"user","content":"hi"}],"logprobs":5 , "x": 1e400}"#;
    let request = || Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "gpt-5", body.into());
    let profile = Profiles::new(Book::embedded(), "openai").of("gpt-5", "openai.chat");
    let encoded = translate::request_for(&request(), codec::OPENAI_CHAT, &profile, false).unwrap();
    assert_eq!(
        std::str::from_utf8(&encoded.body).unwrap(),
        r#"{ "model" : "gpt-5", "messages": [{"role":"user","content":"hi"}] , "x": 1e400}"#
    );
    let told: Vec<_> = encoded.losses.iter().map(|loss| loss.path.as_str()).collect();
    assert_eq!(told, ["temperature", "logprobs"]);
    let error = translate::request_for(&request().with_strict(true), codec::OPENAI_CHAT, &profile, false).unwrap_err();
    assert_eq!(error.path(), Some("temperature"));
    // What nothing is known of passes as it is.
    let unknown = Profiles::new(Book::embedded(), "custom").of("m", "openai.chat");
    let encoded = translate::request_for(
        &Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "m", body.into()).with_strict(true),
        codec::OPENAI_CHAT,
        &unknown,
        false,
    );
    assert_eq!(encoded.unwrap().body, body);
}

#[test]
fn tools_and_effort_are_parted_where_chat_completions_take_only_one() {
    let asked = json!({"tools": function(&json!({"type": "object"})), "reasoning_effort": "high"});
    let own = |model: &str, more: &Value| sent("openai", Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, model, &chat(more));
    let (body, told) = own("gpt-5.4", &asked);
    assert_eq!((&body["reasoning_effort"], told), (&Value::Null, vec!["reasoning_effort".to_owned()]));
    let (body, told) = own("gpt-5.6", &asked);
    assert_eq!((&body["reasoning_effort"], told), (&json!("none"), vec!["reasoning_effort".to_owned()]));
    let (body, told) = own("gpt-5.6", &json!({"tools": function(&json!({"type": "object"}))}));
    assert_eq!((&body["reasoning_effort"], told), (&json!("none"), vec!["reasoning_effort".to_owned()]));
    // An effort alone, and tools with an older model, are taken.
    for (model, more) in [("gpt-5.4", json!({"reasoning_effort": "high"})), ("gpt-5.1", asked)] {
        let (body, told) = own(model, &more);
        assert_eq!((&body["reasoning_effort"], told), (&json!("high"), Vec::new()), "{model}");
    }
}

#[test]
fn a_schema_keeps_to_the_part_of_json_schema_that_the_model_takes() {
    let schema = json!({
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 0, "maximum": 150, "description": "In years."},
            "names": {"type": "array", "minItems": 2, "uniqueItems": true, "items": {"type": "string", "maxLength": 40}},
            "kind": {"oneOf": [{"const": "a"}, {"const": "b"}]},
            "inner": {"type": "object", "properties": {"x": {"type": "string"}}},
        },
        "required": ["age"],
    });
    let asked =
        chat(&json!({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}}));
    let (body, told) = sent("anthropic", Protocol::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, "claude-sonnet-5", &asked);
    assert!(told.iter().any(|path| path.starts_with("response_format")), "{told:?}");
    insta::assert_json_snapshot!(body["output_config"]["format"]["schema"]);
    let own = messages(&json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}));
    let (passed, told) =
        sent("anthropic", Protocol::ANTHROPIC_MESSAGES, codec::ANTHROPIC_MESSAGES, "claude-sonnet-5", &own);
    assert_eq!(passed["output_config"]["format"]["schema"], body["output_config"]["format"]["schema"]);
    assert!(told.iter().any(|path| path.starts_with("output_config.format")), "{told:?}");
    // One that holds itself is cut where it does.
    let tree = json!({"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}});
    let asked =
        chat(&json!({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": tree}}}));
    let (body, _) = sent("anthropic", Protocol::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, "claude-sonnet-5", &asked);
    assert!(!body["output_config"].to_string().contains("$ref"), "{body}");
    // One that is within it passes as it is.
    let small = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let asked =
        chat(&json!({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": small}}}));
    let (body, told) = sent("anthropic", Protocol::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, "claude-sonnet-5", &asked);
    assert_eq!(body["output_config"]["format"]["schema"], small);
    assert!(!told.iter().any(|path| path.starts_with("response_format")), "{told:?}");
}

#[test]
fn an_answer_may_be_as_long_as_the_model_can_make_it() {
    for (model, limit) in [("claude-opus-4-1", 32_000), ("claude-sonnet-4-5", 64_000), ("claude-opus-4-7", 128_000)] {
        let (body, told) =
            sent("anthropic", Protocol::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, model, &chat(&json!({})));
        assert_eq!(body["max_tokens"], limit, "{model}");
        assert!(
            told.contains(&"max_tokens".to_owned()) || told.contains(&"max_completion_tokens".to_owned()),
            "{told:?}"
        );
    }
}

#[test]
fn roles_are_those_of_the_model() {
    let asked = json!({"model": "m", "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hi"}], "logprobs": 5});
    let (body, told) = sent("deepseek", Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, "deepseek-chat", &asked);
    assert_eq!(body["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!(body["logprobs"], 5);
    assert_eq!(told, ["messages[0].role"]);
    let (body, told) = sent("openai", Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, "o1-mini", &asked);
    assert_eq!(body["messages"][0]["role"], "user");
    assert!(told.contains(&"messages[0].role".to_owned()), "{told:?}");
}

#[test]
fn thinking_goes_back_where_a_vendor_demands_it_beside_calls() {
    let call = json!({"type": "tool_use", "id": "c1", "name": "f", "input": {}});
    let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
    let result = json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "1"}]});
    let turn = |blocks: Value| {
        messages(
            &json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": blocks}, result]}),
        )
    };
    for (vendor, model) in [("deepseek", "deepseek-v4-pro"), ("moonshot", "kimi-k2-thinking")] {
        let to = |body: &Value| sent(vendor, Protocol::ANTHROPIC_MESSAGES, codec::OPENAI_CHAT, model, body);
        let (body, _) = to(&turn(json!([thought, call])));
        assert_eq!(body["messages"][1]["reasoning_content"], "hm", "{model}: {body}");
        let (body, told) = to(&turn(json!([call])));
        assert_eq!(body["messages"][1]["reasoning_content"], " ", "{model}");
        assert!(told.contains(&"messages[1]".to_owned()), "{told:?}");
        // In the vendor's own protocol too.
        let own = chat(&json!({"messages": [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "1"},
        ]}));
        let (body, told) = sent(vendor, Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, model, &own);
        assert_eq!(body["messages"][1]["reasoning_content"], " ", "{model}");
        assert_eq!(told, ["messages[1]"]);
        let off = with(own, &json!({"thinking": {"type": "disabled"}}));
        let (body, _) = sent(vendor, Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, model, &off);
        assert_eq!(body["messages"][1]["reasoning_content"], Value::Null, "{model}");
    }
}

#[test]
fn a_wish_not_to_think_is_told_in_the_vendors_own_field() {
    let own = |vendor: &str, model: &str, effort: &str| {
        sent(vendor, Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, model, &chat(&json!({"reasoning_effort": effort})))
    };
    for (vendor, model) in [("deepseek", "deepseek-v4-pro"), ("moonshot", "kimi-k2.5"), ("zhipu", "glm-4.6")] {
        let (body, _) = own(vendor, model, "none");
        assert_eq!(
            (&body["thinking"]["type"], &body["reasoning_effort"]),
            (&json!("disabled"), &Value::Null),
            "{model}"
        );
    }
    let (body, _) = own("dashscope", "qwen3-235b-a22b", "none");
    assert_eq!(body["enable_thinking"], false, "{body}");
    let (body, told) = own("dashscope", "qwen-plus", "high");
    assert_eq!(body["enable_thinking"], true, "{body}");
    assert_eq!(told, ["reasoning_effort"]);
}

#[test]
fn a_level_that_is_told_as_adapted_is_sent_as_another() {
    for vendor in ["gemini", "vertex"] {
        let body = contents(&json!({"thinkingConfig": {"thinkingLevel": "minimal", "includeThoughts": false}}));
        let (body, told) =
            sent(vendor, Protocol::GEMINI_GENERATE, codec::GEMINI_GENERATE, "gemini-3-pro-preview", &body);
        assert_eq!(
            body["generationConfig"]["thinkingConfig"],
            json!({"includeThoughts": false, "thinkingLevel": "low"})
        );
        assert_eq!(told, ["generationConfig.thinkingConfig.thinkingLevel"]);
    }
}

#[test]
fn a_demand_that_a_model_does_not_take_is_let_go_or_its_thinking_is() {
    let tools = json!({"tools": function(&json!({"type": "object"})), "tool_choice": "required"});
    let (body, told) = sent("deepseek", Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, "deepseek-reasoner", &chat(&tools));
    assert_eq!((&body["tool_choice"], told), (&Value::Null, vec!["tool_choice".to_owned()]));
    let (body, _) = sent("deepseek", Protocol::OPENAI_CHAT, codec::OPENAI_CHAT, "deepseek-v4-pro", &chat(&tools));
    assert!(body["thinking"]["type"] == "disabled" || body["tool_choice"] == Value::Null, "{body}");
    let own = messages(
        &json!({"tools": [{"name": "f", "input_schema": {"type": "object"}}], "tool_choice": {"type": "any"}}),
    );
    let (body, told) =
        sent("anthropic", Protocol::ANTHROPIC_MESSAGES, codec::ANTHROPIC_MESSAGES, "claude-opus-5-5", &own);
    assert_eq!((&body["tool_choice"], told), (&Value::Null, vec!["tool_choice".to_owned()]));
}

#[test]
fn a_model_that_takes_no_beginning_of_its_answer_is_asked_to_go_on() {
    let begun = json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "The"}]});
    for (from, body) in [(Protocol::OPENAI_CHAT, chat(&begun)), (Protocol::ANTHROPIC_MESSAGES, messages(&begun))] {
        let (body, told) = sent("anthropic", from, codec::ANTHROPIC_MESSAGES, "claude-opus-4-7", &body);
        assert_eq!(body["messages"][2]["role"], "user", "{body}");
        assert!(told.contains(&"messages[1]".to_owned()), "{told:?}");
    }
    let (body, told) = sent(
        "anthropic",
        Protocol::ANTHROPIC_MESSAGES,
        codec::ANTHROPIC_MESSAGES,
        "claude-sonnet-4-5",
        &messages(&begun),
    );
    assert_eq!((body["messages"].as_array().unwrap().len(), told), (2, Vec::new()));
}

#[test]
fn what_needs_thinking_goes_with_it() {
    let body = messages(&json!({
        "thinking": {"type": "adaptive"}, "max_tokens": 900,
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}, {"type": "clear_tool_uses_20250919"}]},
    }));
    let (body, told) =
        sent("anthropic", Protocol::ANTHROPIC_MESSAGES, codec::ANTHROPIC_MESSAGES, "claude-haiku-4-5", &body);
    assert_eq!(body["thinking"], Value::Null, "{body}");
    assert_eq!(body["context_management"], json!({"edits": [{"type": "clear_tool_uses_20250919"}]}));
    assert!(told.contains(&"context_management".to_owned()), "{told:?}");
}

#[test]
fn the_schema_of_a_tool_has_an_object_at_its_top() {
    let either = json!({"oneOf": [{"type": "object", "properties": {"a": {"type": "string"}}}, {"type": "object"}]});
    let asked = chat(&json!({"tools": function(&either)}));
    let (body, told) = sent("anthropic", Protocol::OPENAI_CHAT, codec::ANTHROPIC_MESSAGES, "claude-sonnet-4-5", &asked);
    let schema = &body["tools"][0]["input_schema"];
    assert_eq!((&schema["type"], &schema["oneOf"]), (&json!("object"), &Value::Null), "{schema}");
    assert!(schema["description"].as_str().unwrap().contains("oneOf"), "{schema}");
    assert!(told.iter().any(|path| path.starts_with("tools[0].function.parameters")), "{told:?}");
}

#[test]
fn schemas_with_many_references_are_read_in_linear_time() {
    // In a chain, beside each other, in a circle and doubling: sizes that would take hours if each looked through all.
    let chain = |from: usize, to: usize| {
        (format!("d{from}"), json!({"type": "object", "properties": {"n": {"$ref": format!("#/$defs/d{to}")}}}))
    };
    let lists: [Vec<(String, Value)>; 4] = [
        (0..4000).map(|number| chain(number, number + 1)).collect(),
        (0..4000).map(|number| chain(number, number)).collect(),
        (0..4000).map(|number| chain(number, (number + 1) % 4000)).collect(),
        (0..60)
            .map(|number| {
                let next = json!({"$ref": format!("#/$defs/d{}", number + 1)});
                (format!("d{number}"), json!({"type": "object", "properties": {"a": next, "b": next}}))
            })
            .collect(),
    ];
    for list in lists {
        let schema = json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": Value::Object(list.into_iter().collect())});
        for (vendor, model, to) in [
            ("anthropic", "claude-sonnet-5", codec::ANTHROPIC_MESSAGES),
            ("gemini", "gemini-2.5-pro", codec::GEMINI_GENERATE),
            ("openai", "gpt-5", codec::OPENAI_RESPONSES),
        ] {
            let format = json!({"type": "json_schema", "json_schema": {"name": "s", "strict": true, "schema": schema}});
            let tools = json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}}]);
            let asked = chat(&json!({"response_format": format, "tools": tools}));
            tried(vendor, Protocol::OPENAI_CHAT, to, model, &asked, false).unwrap();
        }
    }
}

#[test]
fn a_message_of_which_nothing_is_left_is_left_out() {
    let body = json!({"model": "m", "input": [
        {"role": "user", "content": "hi"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"role": "user", "content": "and?"},
    ]});
    let (body, told) = sent("mistral", Protocol::OPENAI_RESPONSES, codec::OPENAI_CHAT, "mistral-large-latest", &body);
    assert_eq!(body["messages"], json!([{"role": "user", "content": "hi"}, {"role": "user", "content": "and?"}]));
    assert!(told.contains(&"input[1]".to_owned()), "{told:?}");
}
