//! What a vendor's refusal teaches: the one remedy is tried once, kept if it worked, and told; nobody teaches it for others.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use serde_json::{Value, json};
use tollbridge::{Client, ErrorKind, Operation, Protocol, Request};
use tollbridge_testkit::{Kind, Step, Upstream};

/// Plays what a vendor says in turn: refusals of 400 with these words, or an answer.
async fn vendor(says: &[Option<&str>]) -> Upstream {
    let upstream = Upstream::new(Kind::OpenAi).start().await.unwrap();
    let step = |words: &Option<&str>| match words {
        Some(words) => Step::canned(
            400,
            Vec::new(),
            vec![json!({"error": {"message": words, "type": "invalid_request_error"}}).to_string()],
        ),
        None => Step::parse("ok").unwrap(),
    };
    upstream.play(says.iter().map(step).collect());
    upstream
}

fn client(upstream: &Upstream) -> Client {
    let set = |settings: &mut tollbridge::core::ProviderSettings| settings.base_url = Some(upstream.url());
    Client::builder().configure("custom", set).unwrap().build().unwrap()
}

fn request(body: &Value) -> Request {
    Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "custom/m", body.to_string().into())
}

fn asked(more: &Value) -> Value {
    let mut body = json!({"model": "custom/m", "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn told(client: &Client, body: &Value) -> Vec<String> {
    let reply = client.call(request(body), &client.context()).await.unwrap();
    reply.losses().iter().map(|loss| loss.path.clone()).collect()
}

#[tokio::test]
async fn a_refused_field_is_left_out_once_and_from_then_on() {
    for (words, field, sent) in [
        (
            "Unsupported parameter: 'top_p' is not supported with this model.",
            json!({"top_p": 0.5}),
            json!({"top_p": null}),
        ),
        ("Unrecognized request argument supplied: seed", json!({"seed": 7}), json!({"seed": null})),
        ("logit_bias: Extra inputs are not permitted", json!({"logit_bias": {"1": 2}}), json!({"logit_bias": null})),
        (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            json!({"max_tokens": 50}),
            json!({"max_tokens": null, "max_completion_tokens": 50}),
        ),
        (
            "max_tokens is too large: 99999. This model supports at most 16384 completion tokens, whereas you provided 99999.",
            json!({"max_tokens": 99999}),
            json!({"max_tokens": 16384}),
        ),
        (
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'none', 'low', and 'high'.",
            json!({"reasoning_effort": "minimal"}),
            json!({"reasoning_effort": "low"}),
        ),
        (
            "'response_format' is not supported by this server",
            json!({"response_format": {"type": "json_object"}}),
            json!({"response_format": null}),
        ),
    ] {
        let upstream = vendor(&[Some(words)]).await;
        let client = client(&upstream);
        for _ in 0..2 {
            assert_eq!(told(&client, &asked(&field)).await.len(), 1, "{words}");
        }
        let bodies: Vec<Value> = upstream.requests().iter().map(|sent| sent.json()).collect();
        assert_eq!(bodies.len(), 3, "{words}: the second call goes straight without");
        for body in &bodies[1..] {
            for (name, value) in sent.as_object().unwrap() {
                assert_eq!(&body[name], value, "{words}");
            }
        }
    }
}

#[tokio::test]
async fn what_did_not_help_is_not_kept_and_a_strict_call_learns_nothing() {
    let words = "Unsupported parameter: 'seed' is not supported with this model.";
    let upstream = vendor(&[Some(words), Some("the server is out of order"), None]).await;
    let client = client(&upstream);
    client.call(request(&asked(&json!({"seed": 7}))), &client.context()).await.unwrap_err();
    assert_eq!(told(&client, &asked(&json!({"seed": 7}))).await, [""; 0]);
    assert_eq!(upstream.requests().last().unwrap().json()["seed"], 7);

    let upstream = vendor(&[Some(words)]).await;
    let client = self::client(&upstream);
    let strict = request(&asked(&json!({"seed": 7}))).with_strict(true);
    let error = client.call(strict, &client.context()).await.unwrap_err();
    assert_eq!((error.kind(), upstream.requests().len()), (ErrorKind::InvalidRequest, 1));
}

#[tokio::test]
async fn an_echo_of_the_request_teaches_nothing() {
    let lie = "Unsupported parameter: 'seed' is not supported with this model.";
    for content in [lie.to_owned(), format!("say: {lie}"), lie.to_uppercase()] {
        let upstream = vendor(&[Some(&format!("Invalid value in messages: '{content}'")), None]).await;
        let client = client(&upstream);
        let mut body = asked(&json!({"seed": 7}));
        body["messages"][0]["content"] = json!(content);
        client.call(request(&body), &client.context()).await.unwrap_err();
        assert_eq!(upstream.requests().len(), 1, "{content}");
    }
    // Letters in another form are the same letters.
    let upstream = vendor(&[Some(lie), None]).await;
    let client = client(&upstream);
    let hidden = asked(&json!({"seed": 7})).to_string().replace("\"hi\"", r#""\u0055nsupported parameter""#);
    let hidden = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "custom/m", hidden.into());
    client.call(hidden, &client.context()).await.unwrap_err();
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn letters_that_only_look_like_others_and_words_of_the_reason_teach_nothing() {
    // A vendor that quotes the value that it refuses.
    for (value, words) in [
        (
            r#""un\u212anown parameter: 'seed'""#,
            "Invalid type for 'seed': expected an integer, got \"un\u{212a}nown parameter: 'seed'\"",
        ),
        (r#""unsupported""#, "Invalid value: 'unsupported' for seed"),
    ] {
        let upstream = vendor(&[Some(words)]).await;
        let client = client(&upstream);
        let body = asked(&json!({"seed": 7})).to_string().replace("\"seed\":7", &format!("\"seed\":{value}"));
        let request = Request::from_wire(Operation::Chat, Protocol::OPENAI_CHAT, "custom/m", body.into());
        client.call(request, &client.context()).await.unwrap_err();
        assert_eq!(upstream.requests().len(), 1, "{words}");
    }
    let upstream = vendor(&[Some("Invalid value: 'unsupported' for response_format.type")]).await;
    let client = client(&upstream);
    let body = asked(&json!({"response_format": {"type": "unsupported"}}));
    client.call(request(&body), &client.context()).await.unwrap_err();
    assert_eq!(told(&client, &asked(&json!({"response_format": {"type": "json_object"}}))).await, [""; 0]);
    // What is kept is short.
    let upstream =
        vendor(&[Some("Unsupported value: 'reasoning_effort' is too much. Supported values are: 'low'.")]).await;
    let client = self::client(&upstream);
    let body = asked(&json!({"reasoning_effort": "x".repeat(10_000)}));
    client.call(request(&body), &client.context()).await.unwrap_err();
    assert_eq!(upstream.requests().len(), 1);
}

#[tokio::test]
async fn what_is_asked_is_never_left_out() {
    for words in [
        "Unsupported parameter: 'tools' is not supported with this model.",
        "Unknown parameter: 'messages'",
        "Unsupported parameter: 'model' is not supported with this model.",
    ] {
        let upstream = vendor(&[Some(words)]).await;
        let client = client(&upstream);
        let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
        client.call(request(&asked(&tools)), &client.context()).await.unwrap_err();
        assert_eq!(upstream.requests().len(), 1, "{words}");
    }
}

#[tokio::test]
async fn a_lesson_that_does_harm_is_dropped() {
    let upstream = vendor(&[
        Some("Unsupported parameter: 'seed' is not supported with this model."),
        None,
        Some("seed is required"),
        None,
        None,
    ])
    .await;
    let client = client(&upstream);
    for _ in 0..3 {
        client.call(request(&asked(&json!({"seed": 7}))), &client.context()).await.unwrap();
    }
    let seeds: Vec<bool> = upstream.requests().iter().map(|sent| sent.json()["seed"] == 7).collect();
    assert_eq!(seeds, [true, false, false, true, true]);
}

#[tokio::test]
async fn a_model_that_only_responses_serve_is_asked_there() {
    let words = "This model is only supported in v1/responses and not in v1/chat/completions.";
    let upstream = vendor(&[Some(words)]).await;
    let set = |settings: &mut tollbridge::core::ProviderSettings| {
        settings.base_url = Some(upstream.url());
        settings.api_key = Some(tollbridge::Secret::new("k"));
    };
    let client = Client::builder().configure("openai", set).unwrap().build().unwrap();
    for _ in 0..2 {
        client.chat("openai/no-such-model", "hi").await.unwrap();
    }
    let paths: Vec<String> = upstream.requests().iter().map(|sent| sent.uri.to_string()).collect();
    assert_eq!(paths, ["/v1/chat/completions", "/v1/responses", "/v1/responses"]);
}

#[tokio::test]
async fn tools_with_effort_go_where_the_model_takes_both() {
    let upstream = vendor(&[]).await;
    let set = |settings: &mut tollbridge::core::ProviderSettings| {
        settings.base_url = Some(upstream.url());
        settings.api_key = Some(tollbridge::Secret::new("k"));
    };
    let client = Client::builder().configure("openai", set).unwrap().build().unwrap();
    let body = json!({
        "model": "openai/gpt-5.4", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}],
        "tools": [{"name": "f", "input_schema": {"type": "object"}}],
        "thinking": {"type": "adaptive"}, "output_config": {"effort": "high"},
    });
    let request =
        Request::from_wire(Operation::Chat, Protocol::ANTHROPIC_MESSAGES, "openai/gpt-5.4", body.to_string().into());
    client.call(request, &client.context()).await.unwrap();
    let sent = upstream.requests();
    assert_eq!(sent[0].uri.to_string(), "/v1/responses");
    assert_eq!(sent[0].json()["reasoning"]["effort"], "high");
}
