//! Tools that a vendor does not know: what it is offered instead, and what the client gets back.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "what a test needs and cannot have fails it"
)]

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use tollbridge_core::{FrameStream, Operation, Reply, ReplyBody, Request};
use tollbridge_protocol::openai::{Chat, Quirks};
use tollbridge_protocol::translate::{self, Encoded};
use tollbridge_protocol::{ChatCodec, ReplyContext, chat_reply, codec};
use tollbridge_types::{
    ChatReply, ChatRequest, Choice, Finish, FinishReason, Grammar, Part, Protocol, Tool, ToolCall, ToolCallKind,
};

static COMPATIBLE: Chat = Chat::new(Quirks::COMPATIBLE);
static MISTRAL: Chat = Chat::new(Quirks::MISTRAL);

const CHAT: &dyn ChatCodec = codec::OPENAI_CHAT;
const RESPONSES: &dyn ChatCodec = codec::OPENAI_RESPONSES;
const ANTHROPIC: &dyn ChatCodec = codec::ANTHROPIC_MESSAGES;
const GEMINI: &dyn ChatCodec = codec::GEMINI_GENERATE;

/// The vendors that have functions and nothing else that is the client's.
fn vendors() -> [(&'static str, &'static dyn ChatCodec); 7] {
    [
        ("compatible", &COMPATIBLE),
        ("mistral", &MISTRAL),
        ("anthropic", ANTHROPIC),
        ("gemini", GEMINI),
        ("bedrock", codec::BEDROCK_CONVERSE),
        ("cohere", codec::COHERE_CHAT),
        ("ollama", codec::OLLAMA_CHAT),
    ]
}

fn encoded(from: Protocol, to: &dyn ChatCodec, body: &Value) -> Encoded {
    let request = Request::from_wire(Operation::Chat, from, "m", Bytes::from(body.to_string()));
    translate::request(&request, to, true).unwrap_or_else(|error| panic!("{error}: {body}"))
}

fn sent(encoded: &Encoded) -> Value {
    serde_json::from_slice(&encoded.body).unwrap()
}

fn told(encoded: &Encoded) -> Vec<String> {
    encoded.losses.iter().map(|loss| format!("{} {}: {}", loss.kind.as_str(), loss.path, loss.reason)).collect()
}

/// Returns the names of the functions that a vendor is offered, wherever its protocol has them.
fn offered(body: &Value) -> Vec<String> {
    fn walk(value: &Value, names: &mut Vec<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|one| walk(one, names)),
            Value::Object(fields) => match fields.get("name") {
                Some(Value::String(name)) => names.push(name.clone()),
                _ => fields.values().for_each(|one| walk(one, names)),
            },
            _ => {}
        }
    }
    let mut names = Vec::new();
    let tools = if body["toolConfig"]["tools"].is_array() { &body["toolConfig"]["tools"] } else { &body["tools"] };
    walk(tools, &mut names);
    names
}

/// Answers a request with calls, and returns what the client reads, whole and streamed.
async fn answered(
    encoded: &Encoded,
    vendor: &dyn ChatCodec,
    client: Protocol,
    calls: &[(&str, &str)],
) -> (Value, Vec<Value>) {
    let mut choice = Choice::default();
    choice.finish = Some(Finish::new(FinishReason::ToolCalls, None));
    for (number, (name, arguments)) in calls.iter().enumerate() {
        let mut call = ToolCall::default();
        call.id = Some(format!("call_{number}"));
        (*name).clone_into(&mut call.name);
        (*arguments).clone_into(&mut call.arguments);
        choice.parts.push(Part::ToolCall(call));
    }
    let mut reply = ChatReply::default();
    reply.choices = vec![choice];
    let context = ReplyContext::new("r1", "m", 1_700_000_000);
    // Nobody speaks Cohere's protocol as a client, so its answer is written by hand.
    let whole = match vendor.protocol() {
        Protocol::COHERE_CHAT => Bytes::from(cohere(calls).to_string()),
        _ => vendor.encode_reply(&reply, &context).unwrap(),
    };
    let mut answer = Reply::new(vendor.protocol(), "p", "m", whole);
    answer.tool_names = encoded.tool_names.clone();
    let answer = translate::reply(answer, client, false, &context).unwrap();
    let ReplyBody::Whole(body) = &answer.body else { panic!("not whole") };
    let whole = serde_json::from_slice(body).unwrap();
    if vendor.protocol() == Protocol::COHERE_CHAT {
        return (whole, Vec::new());
    }
    let mut encoder = vendor.stream_encoder(&context);
    let mut frames = Vec::new();
    reply.into_events().into_iter().for_each(|event| encoder.encode(event, &mut frames));
    encoder.finish(&mut frames);
    let frames: FrameStream = Box::pin(futures_util::stream::iter(frames.into_iter().map(Ok).collect::<Vec<_>>()));
    let mut answer = Reply::new(vendor.protocol(), "p", "m", frames);
    answer.tool_names = encoded.tool_names.clone();
    let ReplyBody::Frames(frames) = translate::reply(answer, client, true, &context).unwrap().body else {
        panic!("not a stream")
    };
    let frames: Vec<_> = frames.collect().await;
    let events = frames.into_iter().filter_map(|frame| serde_json::from_slice(&frame.unwrap().data).ok());
    (whole, events.collect())
}

fn cohere(calls: &[(&str, &str)]) -> Value {
    let calls: Vec<_> = calls
        .iter()
        .enumerate()
        .map(|(number, (name, arguments))| {
            json!({"id": format!("call_{number}"), "type": "function", "function": {"name": name, "arguments": arguments}})
        })
        .collect();
    json!({"id": "r1", "finish_reason": "TOOL_CALL", "message": {"role": "assistant", "tool_calls": calls}})
}

/// Leaves out what every item has and no test here is about.
fn bare(items: &Value) -> Vec<Value> {
    let mut items = items.as_array().unwrap().clone();
    for item in &mut items {
        item.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "status");
    }
    items
}

fn items_of(events: &[Value]) -> Value {
    events
        .iter()
        .filter(|event| event["type"] == "response.output_item.done")
        .map(|event| event["item"].clone())
        .collect()
}

/// What a coding agent sends: tools of every kind that its client runs, and a turn that called each.
fn agent() -> Value {
    json!({
        "model": "m", "instructions": "Be brief.",
        "input": [
            {"type": "additional_tools", "role": "developer", "tools": [
                {"type": "namespace", "name": "codex_app", "description": "The app.", "tools": [
                    {"type": "function", "name": "status", "parameters": {"type": "object", "properties": {}}},
                    {"type": "custom", "name": "note", "description": "Takes a note."},
                ]},
            ]},
            {"role": "user", "content": "status?"},
            {"type": "function_call", "call_id": "c1", "name": "status", "namespace": "mcp__burp__", "arguments": "{}"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin Patch\n\"x\"\n*** End Patch"},
            {"type": "local_shell_call", "id": "lsh_1", "call_id": "c3", "status": "completed", "action": {"type": "exec", "command": ["ls", "-l"], "env": {}}},
            {"type": "tool_search_call", "call_id": "c4", "execution": "client", "status": "completed", "arguments": {"query": "mail"}},
            {"type": "function_call_output", "call_id": "c1", "output": "up"},
            {"type": "custom_tool_call_output", "call_id": "c2", "name": "apply_patch", "output": "done"},
            {"type": "local_shell_call_output", "id": "lsho_1", "call_id": "c3", "output": "total 0"},
            {"type": "tool_search_output", "call_id": "c4", "execution": "client", "status": "completed", "tools": [
                {"type": "namespace", "name": "mail", "description": "", "tools": [
                    {"type": "function", "name": "send", "defer_loading": true, "parameters": {"type": "object", "properties": {}}},
                ]},
            ]},
        ],
        "tools": [
            {"type": "namespace", "name": "mcp__burp__", "description": "Burp", "tools": [
                {"type": "function", "name": "status", "description": "status", "strict": false, "parameters": {"type": "object", "properties": {}}},
                {"type": "function", "name": "scan", "parameters": {"type": "object", "properties": {"u": {"type": "string"}}}},
            ]},
            {"type": "function", "name": "status", "strict": false, "parameters": {"type": "object", "properties": {}}},
            {"type": "custom", "name": "apply_patch", "description": "Edits files.", "format": {"type": "grammar", "syntax": "lark", "definition": "start: \"x\""}},
            {"type": "local_shell"},
            {"type": "tool_search", "execution": "client", "description": "Finds tools.", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}},
        ],
        "tool_choice": "auto",
    })
}

const OFFERED: [&str; 9] = [
    "mcp__burp__status",
    "mcp__burp__scan",
    "status",
    "apply_patch",
    "local_shell",
    "tool_search",
    "codex_app__status",
    "codex_app__note",
    "mail__send",
];

#[tokio::test]
async fn an_agents_tools_are_functions_for_every_vendor_and_come_back_as_they_were() {
    let calls = [
        ("mcp__burp__scan", "{\"u\":\"a\"}"),
        ("status", "{}"),
        ("apply_patch", "{\"input\":\"*** Begin\\n\\\"é\\\"\"}"),
        ("local_shell", "{\"command\":[\"ls\"]}"),
        ("tool_search", "{\"query\":\"mail\"}"),
        ("codex_app__note", "{\"input\":\"n\"}"),
        ("mail__send", "{}"),
    ];
    let expected = json!([
        {"type": "function_call", "call_id": "call_0", "name": "scan", "namespace": "mcp__burp__", "arguments": "{\"u\":\"a\"}"},
        {"type": "function_call", "call_id": "call_1", "name": "status", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin\n\"é\""},
        {"type": "local_shell_call", "call_id": "call_3", "action": {"type": "exec", "command": ["ls"], "env": {}}},
        {"type": "tool_search_call", "call_id": "call_4", "execution": "client", "arguments": {"query": "mail"}},
        {"type": "custom_tool_call", "call_id": "call_5", "name": "note", "namespace": "codex_app", "input": "n"},
        {"type": "function_call", "call_id": "call_6", "name": "send", "namespace": "mail", "arguments": "{}"},
    ]);
    let mut wire = String::new();
    for (name, vendor) in vendors() {
        let encoded = encoded(RESPONSES.protocol(), vendor, &agent());
        let body = sent(&encoded);
        assert_eq!(offered(&body), OFFERED, "{name}");
        // The history has the calls under the names that are offered, and the text of a custom call as an argument.
        let text = body.to_string();
        assert!(!text.contains("additional_tools") && !text.contains("\"namespace\""), "{name}: {body}");
        let (whole, events) = answered(&encoded, vendor, RESPONSES.protocol(), &calls).await;
        let short = vendor.protocol() == Protocol::OLLAMA_CHAT;
        let mut output = bare(&whole["output"]);
        let mut expected = bare(&expected);
        if short {
            // Ollama gives no ids.
            output.iter_mut().chain(&mut expected).for_each(|item| item["call_id"] = json!("x"));
        }
        assert_eq!(output, expected, "{name}");
        if !events.is_empty() {
            let mut streamed = bare(&items_of(&events));
            if short {
                streamed.iter_mut().for_each(|item| item["call_id"] = json!("x"));
            }
            assert_eq!(streamed, expected, "{name}, streamed");
        }
        wire.push_str(&format!(
            "{name}\n{}\n{}\n\n",
            serde_json::to_string_pretty(&body).unwrap(),
            told(&encoded).join("\n")
        ));
    }
    insta::assert_snapshot!(wire);
}

/// The second turn: the client sends back what it was given, and the vendor sees its own calls again.
#[tokio::test]
async fn a_second_turn_tells_the_vendor_what_it_called() {
    let calls =
        [("mcp__burp__status", "{}"), ("apply_patch", "{\"input\":\"p\"}"), ("local_shell", "{\"command\":[\"ls\"]}")];
    for (name, vendor) in vendors().into_iter().filter(|(name, _)| *name != "ollama") {
        let first = encoded(RESPONSES.protocol(), vendor, &agent());
        let (whole, _) = answered(&first, vendor, RESPONSES.protocol(), &calls).await;
        let mut body = agent();
        let input = body["input"].as_array_mut().unwrap();
        input.extend(whole["output"].as_array().unwrap().iter().cloned());
        input.push(json!({"type": "function_call_output", "call_id": "call_0", "output": "up"}));
        input.push(json!({"type": "custom_tool_call_output", "call_id": "call_1", "output": "ok"}));
        input.push(json!({"type": "local_shell_call_output", "id": "call_2", "output": "a"}));
        let second = encoded(RESPONSES.protocol(), vendor, &body);
        assert_eq!(second.tool_names, first.tool_names, "{name}");
        let whole = RESPONSES.decode_request(body.to_string().as_bytes()).unwrap();
        assert_eq!(whole.messages.last().unwrap().parts.len(), 3);
        let text = sent(&second).to_string();
        for word in ["mcp__burp__status", "apply_patch", "local_shell"] {
            assert!(text.matches(word).count() >= 2, "{name}: {word} in {text}");
        }
        assert_eq!(told(&second), told(&first), "{name}");
    }
}

#[test]
fn what_the_vendor_knows_goes_as_it_is() {
    let body = agent();
    let request = Request::from_wire(Operation::Chat, RESPONSES.protocol(), "m", Bytes::from(body.to_string()));
    let passed = translate::request(&request, RESPONSES, true).unwrap();
    assert_eq!(sent(&passed), body);
    assert!(passed.tool_names.is_empty());
    // OpenAI's chat takes free text, and no namespaces.
    let chat = encoded(RESPONSES.protocol(), CHAT, &body);
    let tools = sent(&chat)["tools"].clone();
    let custom: Vec<_> = tools.as_array().unwrap().iter().filter(|tool| tool["type"] == "custom").collect();
    assert_eq!(custom[0]["custom"]["format"]["grammar"]["syntax"], "lark");
    assert_eq!(custom[1]["custom"]["name"], "codex_app__note");
    // A typed request has them as values.
    let tools = [
        Tool::custom("sh", None, Some(Grammar::new("regex", ".*"))),
        Tool::namespace("a", None, vec![Tool::function("b", "b", json!({}))]),
    ];
    let typed = tools.into_iter().fold(ChatRequest::new("m").user("hi"), ChatRequest::tool);
    let encoded = translate::request(&Request::chat(typed), RESPONSES, true).unwrap();
    let names: Vec<_> = sent(&encoded)["tools"].as_array().unwrap().iter().map(|tool| tool["type"].clone()).collect();
    assert_eq!(names, ["custom", "namespace"]);
}

#[tokio::test]
async fn a_program_reads_the_calls_of_its_own_tools() {
    let tools = [Tool::custom("sh", None, None), Tool::namespace("a", None, vec![Tool::function("b", "b", json!({}))])];
    let typed = tools.into_iter().fold(ChatRequest::new("m").user("hi"), ChatRequest::tool);
    let encoded = translate::request(&Request::chat(typed), ANTHROPIC, true).unwrap();
    let body = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use",
        "content": [
            {"type": "tool_use", "id": "t1", "name": "sh", "input": {"input": "ls"}},
            {"type": "tool_use", "id": "t2", "name": "a__b", "input": {}},
        ], "usage": {"input_tokens": 1, "output_tokens": 1}});
    let mut reply = Reply::new(ANTHROPIC.protocol(), "p", "m", Bytes::from(body.to_string()));
    reply.tool_names = encoded.tool_names;
    let reply = chat_reply(reply).await.unwrap();
    let calls: Vec<_> = reply.tool_calls().collect();
    assert_eq!((calls[0].kind, calls[0].arguments.as_str()), (ToolCallKind::Custom, "ls"));
    assert_eq!((calls[1].name.as_str(), calls[1].namespace().as_deref()), ("b", Some("a")));
}

#[tokio::test]
async fn a_custom_tools_text_is_what_the_model_wrote() {
    let body = json!({"model": "m", "input": "x", "tools": [{"type": "custom", "name": "sh"}]});
    let encoded = encoded(RESPONSES.protocol(), &COMPATIBLE, &body);
    for (written, read) in [
        ("{\"input\":\"a\"}", "a"),
        ("{\"command\":\"a\"}", "a"),
        ("\"a\"", "a"),
        ("plain words", "plain words"),
        ("{\"input\":\"cut of", "{\"input\":\"cut of"),
        ("{\"input\":1}", "{\"input\":1}"),
        ("{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\",\"b\":\"2\"}"),
    ] {
        let (whole, events) = answered(&encoded, &COMPATIBLE, RESPONSES.protocol(), &[("sh", written)]).await;
        let expected = json!({"type": "custom_tool_call", "call_id": "call_0", "name": "sh", "input": read});
        let expected = std::slice::from_ref(&expected);
        assert_eq!(bare(&whole["output"]), expected, "{written}");
        assert_eq!(bare(&items_of(&events)), expected, "{written}");
        let piece = |event: &&Value| event["type"] == "response.custom_tool_call_input.delta";
        let pieces: String = events.iter().filter(piece).filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(pieces, read, "{written}");
    }
    // A client of chat completions has it in its own form.
    let tools = json!([{"type": "custom", "custom": {"name": "sh"}}]);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools});
    let encoded = self::encoded(CHAT.protocol(), ANTHROPIC, &body);
    let (whole, events) = answered(&encoded, ANTHROPIC, CHAT.protocol(), &[("sh", "{\"input\":\"ls\"}")]).await;
    let call = &whole["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(call, &json!({"id": "call_0", "type": "custom", "custom": {"name": "sh", "input": "ls"}}));
    let piece =
        |event: &Value| event["choices"][0]["delta"]["tool_calls"][0]["custom"]["input"].as_str().map(str::to_owned);
    assert_eq!(events.iter().filter_map(piece).collect::<String>(), "ls");
    // An item that needs an object has none to show for what is no object.
    let body = json!({"model": "m", "input": "x", "tools": [{"type": "shell"}]});
    let encoded = self::encoded(RESPONSES.protocol(), &COMPATIBLE, &body);
    let (whole, events) = answered(&encoded, &COMPATIBLE, RESPONSES.protocol(), &[("shell", "{\"comm")]).await;
    assert_eq!(whole["output"][0]["type"], "function_call");
    assert_eq!(items_of(&events)[0]["arguments"], "{\"comm");
}

#[tokio::test]
async fn the_retired_form_of_functions_comes_back_in_it() {
    let body = json!({
        "model": "m",
        "functions": [{"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}],
        "function_call": {"name": "f"},
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
        ],
    });
    // A vendor of the same protocol that refuses no such field gets it as it is.
    for (name, vendor) in vendors().into_iter().skip(1) {
        let encoded = encoded(CHAT.protocol(), vendor, &body);
        assert_eq!(offered(&sent(&encoded)), ["f"], "{name}: {}", sent(&encoded));
        let (whole, events) = answered(&encoded, vendor, CHAT.protocol(), &[("f", "{\"a\":1}")]).await;
        let choice = &whole["choices"][0];
        assert_eq!(choice["message"]["function_call"], json!({"name": "f", "arguments": "{\"a\":1}"}), "{name}");
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["tool_calls"]),
            (&json!("function_call"), &Value::Null)
        );
        if !events.is_empty() {
            let pieces: String =
                events.iter().filter_map(|e| e["choices"][0]["delta"]["function_call"]["arguments"].as_str()).collect();
            assert_eq!(pieces, "{\"a\":1}", "{name}");
            assert!(events.iter().any(|e| e["choices"][0]["finish_reason"] == "function_call"), "{name}");
        }
    }
    let anthropic = sent(&encoded(CHAT.protocol(), ANTHROPIC, &body));
    assert_eq!(anthropic["tool_choice"], json!({"type": "tool", "name": "f", "disable_parallel_tool_use": true}));
    assert_eq!(anthropic["messages"][1]["content"][0]["id"], anthropic["messages"][2]["content"][0]["tool_use_id"]);
}

#[test]
fn a_choice_names_what_is_offered() {
    let choose = |choice: Value, to: &dyn ChatCodec| {
        let mut body = agent();
        body["tool_choice"] = choice;
        let encoded = encoded(RESPONSES.protocol(), to, &body);
        (sent(&encoded), told(&encoded))
    };
    for (choice, name) in [
        (json!({"type": "custom", "name": "apply_patch"}), "apply_patch"),
        (json!({"type": "function", "name": "scan"}), "mcp__burp__scan"),
        (json!({"type": "function", "name": "status"}), "status"),
        (json!({"type": "local_shell"}), "local_shell"),
    ] {
        assert_eq!(choose(choice.clone(), ANTHROPIC).0["tool_choice"]["name"], name, "{choice}");
        assert_eq!(choose(choice, &COMPATIBLE).0["tool_choice"]["function"]["name"], name);
    }
    let allowed = |mode: &str| json!({"type": "allowed_tools", "mode": mode, "tools": [{"type": "custom", "name": "apply_patch"}, {"type": "namespace", "name": "mail"}]});
    let (body, told) = choose(allowed("required"), ANTHROPIC);
    assert_eq!(
        (offered(&body), &body["tool_choice"]["type"]),
        (vec!["apply_patch".into(), "mail__send".into()], &json!("any"))
    );
    assert!(told.iter().any(|told| told.contains(" tool_choice: ")), "{told:?}");
    let (body, _) = choose(allowed("auto"), &COMPATIBLE);
    assert_eq!(
        (offered(&body), &body["tool_choice"]),
        (vec!["apply_patch".into(), "mail__send".into()], &json!("auto"))
    );
    let (body, _) = choose(allowed("required"), GEMINI);
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"],
        json!(["apply_patch", "mail__send"])
    );
    assert_eq!(offered(&body).len(), OFFERED.len());
    // In OpenAI's chat the kind goes with the name.
    let body = json!({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": [{"type": "custom", "custom": {"name": "sh"}}], "tool_choice": {"type": "custom", "custom": {"name": "sh"}}});
    assert_eq!(
        sent(&encoded(CHAT.protocol(), RESPONSES, &body))["tool_choice"],
        json!({"type": "custom", "name": "sh"})
    );
}

#[test]
fn losses_are_told_at_the_clients_places() {
    let mut body = agent();
    body["input"][0]["tools"][0]["tools"][1]["format"] =
        json!({"type": "grammar", "syntax": "regex", "definition": "a"});
    body["input"][0]["tools"][0]["tools"][0]["output_schema"] = json!({"type": "object"});
    body["input"][1]["odd"] = json!(1);
    let told = told(&encoded(RESPONSES.protocol(), &COMPATIBLE, &body));
    let paths: Vec<_> = told.iter().map(|told| told.split(": ").next().unwrap()).collect();
    for path in [
        "adapted tools[2].format",
        "adapted input[0].tools[0].tools[1].format",
        "dropped input[1].odd",
        "dropped input[0].tools[0].tools[0].output_schema",
    ] {
        assert!(paths.contains(&path), "{path} of {told:#?}");
    }
}

#[test]
fn anthropics_own_tools_that_the_client_runs_are_functions_elsewhere() {
    let body = json!({
        "model": "m", "max_tokens": 9,
        "tools": [
            {"type": "bash_20250124", "name": "bash"},
            {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 9},
            {"type": "memory_20250818", "name": "memory"},
            {"name": "late", "input_schema": {"type": "object"}, "defer_loading": true, "input_examples": [{}]},
        ],
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "bash", "input": {"command": "ls"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "tool_reference", "tool_name": "late"}]}]},
        ],
    });
    let encoded = encoded(ANTHROPIC.protocol(), &COMPATIBLE, &body);
    let body = sent(&encoded);
    assert_eq!(offered(&body), ["bash", "str_replace_based_edit_tool", "memory", "late"]);
    assert!(body["tools"][0]["function"]["parameters"]["properties"]["command"].is_object());
    assert_eq!(body["messages"][2]["content"], "The tool `late` can be called now.");
    let told = told(&encoded);
    assert!(
        told.iter().any(|told| told.starts_with("dropped tools[1]") && told.contains("max_characters")),
        "{told:#?}"
    );
    assert!(encoded.tool_names.is_empty(), "their calls are those of functions anyway");
}

#[test]
fn a_bare_tool_is_one_everywhere() {
    let bare = json!({"name": "f", "description": "d"});
    for (codec, field) in [(CHAT, "messages"), (RESPONSES, "input")] {
        for tools in [json!([bare]), bare.clone(), json!([{"type": "function", "function": bare}])] {
            let body = json!({"model": "m", field: [{"role": "user", "content": "x"}], "tools": tools});
            let other = if codec.protocol() == CHAT.protocol() { RESPONSES } else { CHAT };
            let chat = sent(&encoded(codec.protocol(), other, &body));
            let tool = if chat["tools"][0]["function"].is_object() {
                &chat["tools"][0]["function"]
            } else {
                &chat["tools"][0]
            };
            assert_eq!(
                (&tool["name"], &tool["parameters"]),
                (&json!("f"), &json!({"type": "object", "properties": {}}))
            );
            assert_eq!(
                sent(&encoded(codec.protocol(), ANTHROPIC, &body))["tools"][0]["input_schema"]["type"],
                "object"
            );
        }
        let body = json!({"model": "m", field: [{"role": "user", "content": "x"}], "tool_choice": "required"});
        let other: &dyn ChatCodec = if codec.protocol() == CHAT.protocol() { RESPONSES } else { &COMPATIBLE };
        for to in [other, ANTHROPIC, GEMINI] {
            let sent = sent(&encoded(codec.protocol(), to, &body));
            assert_eq!((&sent["tool_choice"], &sent["toolConfig"]), (&Value::Null, &Value::Null));
        }
    }
}

/// Each vendor's search, with the settings that the others have too, and those that they have not.
#[test]
fn a_search_of_the_web_is_the_vendors_own_and_its_settings_go_with_it() {
    let location = json!({"type": "approximate", "city": "Oslo", "country": "NO"});
    let user = json!([{"role": "user", "content": "x"}]);
    let responses = json!({"model": "m", "input": user, "tools": [{
        "type": "web_search", "external_web_access": true, "search_context_size": "low",
        "filters": {"allowed_domains": ["a.example"]}, "user_location": location,
    }], "tool_choice": {"type": "web_search"}});
    let anthropic = json!({"model": "m", "max_tokens": 9, "messages": user, "tools": [{
        "type": "web_search_20260209", "name": "web_search", "max_uses": 3, "blocked_domains": ["b.example"], "user_location": location,
    }], "tool_choice": {"type": "tool", "name": "web_search"}});
    let chat = json!({"model": "m", "messages": user, "web_search_options": {
        "search_context_size": "high", "user_location": {"type": "approximate", "approximate": {"city": "Oslo", "country": "NO"}},
    }});
    let gemini = json!({"contents": [{"role": "user", "parts": [{"text": "x"}]}], "tools": [{"google_search": {}}]});
    let bodies = [(RESPONSES, responses), (ANTHROPIC, anthropic), (CHAT, chat), (GEMINI, gemini)];
    let mut quirks = Quirks::NONE;
    quirks.search_models = &["m"];
    let searching = Chat::new(quirks);
    let mut wire = String::new();
    for (from, body) in &bodies {
        let to: [&dyn ChatCodec; 6] = [RESPONSES, ANTHROPIC, GEMINI, &searching, &COMPATIBLE, codec::BEDROCK_CONVERSE];
        for to in to.into_iter().filter(|to| to.protocol() != from.protocol()) {
            let encoded = encoded(from.protocol(), to, body);
            let sent = sent(&encoded);
            let found: Vec<_> = ["tools", "tool_choice", "toolConfig", "web_search_options"]
                .iter()
                .filter(|name| !sent[**name].is_null())
                .map(|name| format!("{name}: {}\n", sent[*name]))
                .collect();
            let told = told(&encoded);
            assert!(
                !found.is_empty() || !told.is_empty(),
                "lost without a word: {} → {}",
                from.protocol(),
                to.protocol()
            );
            wire.push_str(&format!(
                "{} → {}\n{}{}\n\n",
                from.protocol(),
                to.protocol(),
                found.concat(),
                told.join("\n")
            ));
        }
    }
    insta::assert_snapshot!(wire);
}

#[test]
fn what_else_vendors_run_is_mapped_where_both_have_it() {
    let user = json!([{"role": "user", "content": "x"}]);
    let tools = |from: &dyn ChatCodec, to: &dyn ChatCodec, tools: Value| {
        let field = if from.protocol() == RESPONSES.protocol() { "input" } else { "messages" };
        let encoded =
            encoded(from.protocol(), to, &json!({"model": "m", "max_tokens": 9, field: user, "tools": tools}));
        (sent(&encoded)["tools"].clone(), told(&encoded))
    };
    let code = json!([{"type": "code_interpreter", "container": {"type": "auto"}}]);
    let (sent_tools, told) = tools(RESPONSES, ANTHROPIC, code.clone());
    assert_eq!(sent_tools, json!([{"type": "code_execution_20250825", "name": "code_execution"}]));
    assert!(told.iter().all(|told| !told.contains("tools")), "{told:?}");
    assert_eq!(tools(RESPONSES, GEMINI, code).0, json!([{"codeExecution": {}}]));
    let fetch = json!([{"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 2}]);
    let (sent_tools, told) = tools(ANTHROPIC, GEMINI, fetch.clone());
    assert_eq!(sent_tools, json!([{"urlContext": {}}]));
    assert!(told.iter().any(|told| told.starts_with("dropped tools[0].max_uses")), "{told:?}");
    assert!(tools(ANTHROPIC, RESPONSES, fetch).1.iter().any(|told| told.starts_with("dropped tools[0]:")));
    // Beside functions most of Gemini's models take none of its own tools.
    let beside = json!([{"type": "web_search"}, {"type": "function", "name": "f"}]);
    let (sent_tools, told) = tools(RESPONSES, GEMINI, beside);
    assert_eq!(sent_tools[0]["functionDeclarations"][0]["name"], "f");
    assert!(sent_tools[1].is_null() && told.iter().any(|told| told.starts_with("dropped tools[0]:")), "{told:?}");
    // A function whose name a vendor's own tool has gets another, and comes back under its own.
    let body = json!({"model": "m", "input": user, "tools": [{"type": "web_search"}, {"type": "function", "name": "web_search"}]});
    let encoded = encoded(RESPONSES.protocol(), ANTHROPIC, &body);
    let names = offered(&sent(&encoded));
    assert!(names[0] == "web_search" && names[1] != "web_search", "{names:?}");
    assert_eq!(encoded.tool_names.get(&names[1]).unwrap().name, "web_search");
}

#[test]
fn servers_of_tools_are_called_by_the_vendor_only_if_nobody_wants_to_be_asked() {
    let user = json!([{"role": "user", "content": "x"}]);
    let mut tool = json!({"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example/", "authorization": "t", "allowed_tools": ["read"], "require_approval": "never"});
    let body = |tool: &Value| json!({"model": "m", "input": user, "tools": [tool]});
    let encoded = encoded(RESPONSES.protocol(), ANTHROPIC, &body(&tool));
    assert_eq!(
        sent(&encoded)["mcp_servers"],
        json!([{"type": "url", "name": "docs", "url": "https://mcp.example/", "authorization_token": "t"}])
    );
    assert_eq!(
        sent(&encoded)["tools"],
        json!([{"type": "mcp_toolset", "mcp_server_name": "docs", "default_config": {"enabled": false}, "configs": {"read": {"enabled": true}}}])
    );
    assert_eq!(encoded.headers.get("anthropic-beta").unwrap(), "mcp-client-2025-11-20");
    tool["require_approval"] = json!("always");
    let encoded = self::encoded(RESPONSES.protocol(), ANTHROPIC, &body(&tool));
    assert!(sent(&encoded)["mcp_servers"].is_null());
    assert!(told(&encoded).iter().any(|told| told.starts_with("dropped tools[0]:")), "{:?}", told(&encoded));
    let body = json!({"model": "m", "max_tokens": 9, "messages": user, "mcp_servers": [
        {"type": "url", "name": "docs", "url": "https://mcp.example/", "authorization_token": "t"}, {"type": "url", "name": "all", "url": "https://all.example/"},
    ], "tools": [{"type": "mcp_toolset", "mcp_server_name": "docs", "default_config": {"enabled": false}, "configs": {"read": {"enabled": true}}}]});
    let encoded = self::encoded(ANTHROPIC.protocol(), RESPONSES, &body);
    assert_eq!(
        sent(&encoded)["tools"],
        json!([
            {"type": "mcp", "server_label": "docs", "server_url": "https://mcp.example/", "authorization": "t", "allowed_tools": ["read"], "require_approval": "never"},
            {"type": "mcp", "server_label": "all", "server_url": "https://all.example/", "require_approval": "never"},
        ])
    );
    // Who has no such thing is told so, at the client's places.
    let told = told(&self::encoded(ANTHROPIC.protocol(), &COMPATIBLE, &body));
    for path in ["dropped tools[0]:", "dropped mcp_servers:"] {
        assert!(told.iter().any(|told| told.starts_with(path)), "{told:?}");
    }
}

/// A name as a client may have one: of any letters, of any length.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c_]{1,4}", "[a-b_.:/ é]{1,5}", "[a-b]{60,90}", "[0-9-]{1,3}"]
}

proptest! {
    #[test]
    fn any_tools_have_names_that_are_valid_unique_and_lead_back(
        names in prop::collection::vec((prop::option::of(name()), name(), any::<bool>()), 1..40),
    ) {
        let mut seen = HashSet::new();
        let names: Vec<_> = names.into_iter().filter(|(space, name, _)| seen.insert((space.clone(), name.clone()))).collect();
        let tools: Vec<_> = names
            .iter()
            .map(|(space, name, custom)| {
                let tool = json!({"type": if *custom { "custom" } else { "function" }, "name": name});
                match space {
                    Some(space) => json!({"type": "namespace", "name": space, "description": "", "tools": [tool]}),
                    None => tool,
                }
            })
            .collect();
        let body = json!({"model": "m", "input": "x", "tools": tools});
        for vendor in [&COMPATIBLE as &dyn ChatCodec, GEMINI] {
            let encoded = encoded(RESPONSES.protocol(), vendor, &body);
            let offered = offered(&sent(&encoded));
            prop_assert_eq!(offered.len(), names.len());
            prop_assert_eq!(offered.iter().collect::<HashSet<_>>().len(), names.len());
            for (sent, (space, name, custom)) in offered.iter().zip(&names) {
                prop_assert!((1..=64).contains(&sent.len()), "{}", sent);
                prop_assert!(sent.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{}", sent);
                prop_assert!(vendor.protocol() == CHAT.protocol() || !sent.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
                match encoded.tool_names.get(sent) {
                    Some(own) => {
                        prop_assert_eq!((&own.namespace, &own.name), (space, name));
                        prop_assert_eq!(own.kind == ToolCallKind::Custom, *custom);
                    }
                    None => prop_assert_eq!((&None, sent, false), (space, name, *custom)),
                }
            }
        }
    }
}
