//! The form that a request has as JSON of ours, and everything that is wrong with one at once.

use serde_json::json;
use tollbridge_types::{
    Bounds, ChatRequest, Message, Part, Protocol, Reasoning, ResponseFormat, Role, Tool, ToolCall, ToolChoice,
    ToolResult,
};

fn whole() -> ChatRequest {
    let mut call = ToolCall::default();
    (call.id, call.name, call.arguments) = (Some("c1".to_owned()), "now".to_owned(), "{}".to_owned());
    let schema = json!({"type": "object", "properties": {}});
    let mut request = ChatRequest::new("openai/gpt-5").system("Be brief.").user("What time is it?");
    request = request.message(Message::new(Role::Assistant, vec![Part::ToolCall(call)]));
    request = request.message(Message::tool(ToolResult::text("c1", "noon")));
    request = request.tool(Tool::function("now", "the time", schema.clone()));
    request = request.tool_choice(ToolChoice::Function("now".to_owned())).max_tokens(100).temperature(0.5);
    request = request.response_format(ResponseFormat::json_schema(Some("a".to_owned()), None, schema.into(), None));
    request = request.reasoning(Reasoning::default());
    (request.top_p, request.seed, request.stop, request.stream) = (Some(0.9), Some(7), vec!["END".to_owned()], true);
    request.extras.insert(Protocol::OPENAI_CHAT, "verbosity", json!("low"));
    request
}

#[test]
fn a_request_comes_back_from_its_json_as_it_was() {
    let text = serde_json::to_string(&whole()).unwrap();
    assert_eq!(serde_json::from_str::<ChatRequest>(&text).unwrap(), whole(), "{text}");
    let short: ChatRequest = serde_json::from_value(json!({
        "model": "echo/any", "messages": [{"role": "user", "parts": [{"text": {"text": "hi"}}]}],
    }))
    .unwrap();
    assert_eq!(short, ChatRequest::new("echo/any").user("hi"));
}

#[test]
fn a_field_that_the_form_does_not_have_is_refused_by_its_name() {
    for wrong in [
        json!({"model": "m", "max_token": 9}),
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
        json!({"model": "m", "messages": [{"role": "user", "parts": [{"text": {"text": "hi", "colour": 1}}]}]}),
        json!({"model": "m", "reasoning": {"efort": "low"}}),
    ] {
        let error = serde_json::from_str::<ChatRequest>(&wrong.to_string()).unwrap_err().to_string();
        assert!(error.contains("unknown field"), "{wrong}: {error}");
    }
}

#[test]
fn eight_faults_are_eight_problems_with_their_places() {
    let mut wrong = ChatRequest::new(" ").max_tokens(0).temperature(2.5);
    (wrong.top_p, wrong.stop, wrong.choices) = (Some(-0.1), vec![String::new()], Some(0));
    wrong.tools = vec![Tool::function("", "", json!({}))];
    let problems = wrong.problems();
    let places: Vec<_> = problems.iter().map(|(path, _)| path.as_str()).collect();
    let all = ["model", "messages", "temperature", "top_p", "max_tokens", "choices", "stop", "tools[0].name"];
    assert_eq!(places, all);
}

#[test]
fn what_a_model_takes_narrows_the_bounds() {
    let request = ChatRequest::new("anthropic/m").user("hi").temperature(1.5).max_tokens(70_000);
    assert_eq!(request.problems(), []);
    let mut bounds = Bounds::default();
    (bounds.temperature, bounds.max_tokens) = (1.0, Some(64_000));
    let problems = request.problems_within(&bounds);
    let places: Vec<_> = problems.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(places, ["temperature", "max_tokens"]);
    // An answer that only calls says nothing.
    assert_eq!(whole().problems_within(&bounds), []);
}
