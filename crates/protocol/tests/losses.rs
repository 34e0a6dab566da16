//! What each protocol can carry of each other one: the table in `docs/losses.md` is made here.
#![expect(clippy::unwrap_used, reason = "what a test needs and cannot have fails it")]

use std::fmt::Write;

use serde_json::{Value, json};
use tollbridge_core::{LossKind, Operation, Request};
use tollbridge_protocol::{ChatCodec, codec, translate};

const CODECS: [&dyn ChatCodec; 4] =
    [codec::OPENAI_CHAT, codec::OPENAI_RESPONSES, codec::ANTHROPIC_MESSAGES, codec::GEMINI_GENERATE];

/// What is spoken to vendors.
const TARGETS: [&dyn ChatCodec; 7] = [
    codec::OPENAI_CHAT,
    codec::OPENAI_RESPONSES,
    codec::ANTHROPIC_MESSAGES,
    codec::GEMINI_GENERATE,
    codec::BEDROCK_CONVERSE,
    codec::COHERE_CHAT,
    codec::OLLAMA_CHAT,
];

/// A client's request that asks for nothing special.
fn base(protocol: &str) -> Value {
    match protocol {
        "openai.chat" => {
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 9})
        }
        "openai.responses" => json!({"model": "m", "input": "hi", "max_output_tokens": 9}),
        "anthropic.messages" => json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9}),
        _ => {
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "generationConfig": {"maxOutputTokens": 9}})
        }
    }
}

const PNG: &str = "iVBORw0KGgo=";

/// Fields of a protocol's requests: a name for people, and the fields to set.
fn features(protocol: &str) -> Vec<(&'static str, Value)> {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    let arguments = "{\"city\":\"A\"}";
    match protocol {
        "openai.chat" => {
            let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
            let tool = json!({"type": "function", "function": {"name": "f", "description": "d", "parameters": schema}});
            let with_tool = |more: Value| merged(json!({"tools": [tool]}), more);
            let call = json!({"id": "call_1", "type": "function", "function": {"name": "f", "arguments": arguments}});
            let called = |result: Value| json!({"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": null, "tool_calls": [call]}, result]});
            vec![
                (
                    "system message",
                    json!({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]}),
                ),
                (
                    "developer message",
                    json!({"messages": [{"role": "developer", "content": "s"}, {"role": "user", "content": "hi"}]}),
                ),
                (
                    "instructions in mid-conversation",
                    json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]}),
                ),
                ("speaker's `name`", json!({"messages": [{"role": "user", "content": "hi", "name": "bob"}]})),
                (
                    "image bytes",
                    user(json!([{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}")}}])),
                ),
                ("image URL", user(json!([{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]))),
                (
                    "image `detail`",
                    user(
                        json!([{"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}"), "detail": "low"}}]),
                    ),
                ),
                ("sound", user(json!([{"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}}]))),
                (
                    "file bytes",
                    user(
                        json!([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}]),
                    ),
                ),
                ("file id", user(json!([{"type": "file", "file": {"file_id": "file-1"}}]))),
                (
                    "cache mark on a part",
                    user(json!([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}])),
                ),
                (
                    "assistant text",
                    json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "hi"}]}),
                ),
                (
                    "`reasoning_content`",
                    json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "reasoning_content": "r"}, {"role": "user", "content": "hi"}]}),
                ),
                (
                    "`refusal` sent back",
                    json!({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "refusal": "no"}, {"role": "user", "content": "hi"}]}),
                ),
                ("tool call and result", called(json!({"role": "tool", "tool_call_id": "call_1", "content": "sunny"}))),
                ("tools", with_tool(json!({}))),
                (
                    "`strict` of a tool",
                    json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": schema, "strict": true}}]}),
                ),
                ("custom tool", json!({"tools": [{"type": "custom", "custom": {"name": "c"}}]})),
                ("`tool_choice: none`", with_tool(json!({"tool_choice": "none"}))),
                ("`tool_choice: required`", with_tool(json!({"tool_choice": "required"}))),
                (
                    "`tool_choice` of a function",
                    with_tool(json!({"tool_choice": {"type": "function", "function": {"name": "f"}}})),
                ),
                ("`parallel_tool_calls: false`", with_tool(json!({"parallel_tool_calls": false}))),
                ("`temperature` above 1", json!({"temperature": 1.5})),
                ("`temperature`", json!({"temperature": 0.5})),
                ("`top_p`", json!({"top_p": 0.5})),
                ("`presence_penalty`", json!({"presence_penalty": 0.5})),
                ("`frequency_penalty`", json!({"frequency_penalty": 0.5})),
                ("`logit_bias`", json!({"logit_bias": {"50256": -100}})),
                ("`seed`", json!({"seed": 7})),
                ("`stop`", json!({"stop": ["END"]})),
                ("`n`", json!({"n": 2})),
                ("`logprobs`", json!({"logprobs": true})),
                ("`top_logprobs`", json!({"logprobs": true, "top_logprobs": 3})),
                ("`response_format: json_object`", json!({"response_format": {"type": "json_object"}})),
                (
                    "`response_format: json_schema`",
                    json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema, "strict": true}}}),
                ),
                ("`reasoning_effort`", json!({"reasoning_effort": "high"})),
                ("`verbosity`", json!({"verbosity": "low"})),
                ("`user`", json!({"user": "u"})),
                ("`service_tier`", json!({"service_tier": "flex"})),
                ("`metadata`", json!({"metadata": {"a": "b"}})),
                ("`store`", json!({"store": true})),
                ("`prompt_cache_key`", json!({"prompt_cache_key": "k"})),
                ("`safety_identifier`", json!({"safety_identifier": "k"})),
                ("`prediction`", json!({"prediction": {"type": "content", "content": "x"}})),
                (
                    "`modalities` and `audio`",
                    json!({"modalities": ["text", "audio"], "audio": {"voice": "a", "format": "wav"}}),
                ),
                ("`web_search_options`", json!({"web_search_options": {}})),
                ("a field that is not known yet", json!({"brand_new": 1})),
            ]
        }
        "openai.responses" => {
            let user = |content: Value| json!({"input": [{"role": "user", "content": content}]});
            let tool = json!({"type": "function", "name": "f", "description": "d", "parameters": schema});
            let with_tool = |more: Value| merged(json!({"tools": [tool]}), more);
            let hi = json!({"role": "user", "content": "hi"});
            vec![
                ("`instructions`", json!({"instructions": "s"})),
                ("developer message", json!({"input": [{"role": "developer", "content": "s"}, hi]})),
                (
                    "image bytes",
                    user(json!([{"type": "input_image", "image_url": format!("data:image/png;base64,{PNG}")}])),
                ),
                ("image URL", user(json!([{"type": "input_image", "image_url": "https://example.com/a.png"}]))),
                (
                    "image `detail`",
                    user(
                        json!([{"type": "input_image", "image_url": format!("data:image/png;base64,{PNG}"), "detail": "low"}]),
                    ),
                ),
                ("image file id", user(json!([{"type": "input_image", "file_id": "file-1"}]))),
                (
                    "file bytes",
                    user(
                        json!([{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}]),
                    ),
                ),
                ("file URL", user(json!([{"type": "input_file", "file_url": "https://example.com/a.pdf"}]))),
                (
                    "assistant text",
                    json!({"input": [hi, {"role": "assistant", "content": [{"type": "output_text", "text": "b"}]}, hi]}),
                ),
                (
                    "reasoning item",
                    json!({"input": [hi, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}, hi]}),
                ),
                (
                    "function call and output",
                    json!({"input": [hi, {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}, {"type": "function_call_output", "call_id": "c", "output": "sunny"}]}),
                ),
                (
                    "image in an output",
                    json!({"input": [hi, {"type": "function_call", "call_id": "c", "name": "f", "arguments": arguments}, {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": format!("data:image/png;base64,{PNG}")}]}]}),
                ),
                (
                    "custom tool call",
                    json!({"input": [hi, {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}, {"type": "custom_tool_call_output", "call_id": "c", "output": "y"}]}),
                ),
                (
                    "web search item",
                    json!({"input": [hi, {"type": "web_search_call", "id": "ws_1", "status": "completed"}, hi]}),
                ),
                ("item reference", json!({"input": [{"type": "item_reference", "id": "msg_1"}, hi]})),
                ("tools", with_tool(json!({}))),
                (
                    "`strict` of a tool",
                    json!({"tools": [{"type": "function", "name": "f", "parameters": schema, "strict": true}]}),
                ),
                ("built-in tool", json!({"tools": [{"type": "web_search"}]})),
                ("`tool_choice: required`", with_tool(json!({"tool_choice": "required"}))),
                ("`tool_choice` of a function", with_tool(json!({"tool_choice": {"type": "function", "name": "f"}}))),
                (
                    "`allowed_tools`",
                    with_tool(
                        json!({"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}}),
                    ),
                ),
                ("`parallel_tool_calls: false`", with_tool(json!({"parallel_tool_calls": false}))),
                ("`temperature`", json!({"temperature": 0.5})),
                ("`top_p`", json!({"top_p": 0.5})),
                ("`top_logprobs`", json!({"top_logprobs": 3, "include": ["message.output_text.logprobs"]})),
                ("`text.format: json_object`", json!({"text": {"format": {"type": "json_object"}}})),
                (
                    "`text.format: json_schema`",
                    json!({"text": {"format": {"type": "json_schema", "name": "a", "schema": schema}}}),
                ),
                ("`text.verbosity`", json!({"text": {"verbosity": "low"}})),
                ("`reasoning.effort`", json!({"reasoning": {"effort": "high"}})),
                ("`reasoning.summary`", json!({"reasoning": {"effort": "high", "summary": "auto"}})),
                ("`user`", json!({"user": "u"})),
                ("`metadata`", json!({"metadata": {"a": "b"}})),
                ("`store`", json!({"store": false})),
                ("`truncation`", json!({"truncation": "auto"})),
                ("`max_tool_calls`", json!({"max_tool_calls": 2})),
                ("`service_tier`", json!({"service_tier": "flex"})),
                ("`prompt_cache_key`", json!({"prompt_cache_key": "k"})),
                ("`previous_response_id`", json!({"previous_response_id": "resp_1"})),
                ("`conversation`", json!({"conversation": "conv_1"})),
                ("`background`", json!({"background": true})),
                ("a field that is not known yet", json!({"brand_new": 1})),
            ]
        }
        "anthropic.messages" => {
            let user = |content: Value| json!({"messages": [{"role": "user", "content": content}]});
            let tool = json!({"name": "f", "description": "d", "input_schema": schema});
            let with_tool = |more: Value| merged(json!({"tools": [tool]}), more);
            let hi = json!({"role": "user", "content": "hi"});
            let called = |block: Value| json!({"messages": [hi, {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"city": "A"}}]}, {"role": "user", "content": [block]}]});
            let said = |block: Value| json!({"messages": [hi, {"role": "assistant", "content": [block, {"type": "text", "text": "b"}]}, hi]});
            vec![
                ("`system`", json!({"system": "s"})),
                (
                    "cache mark on `system`",
                    json!({"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]}),
                ),
                (
                    "cache mark on a block",
                    user(json!([{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral", "ttl": "1h"}}])),
                ),
                (
                    "cache mark on a tool",
                    json!({"tools": [{"name": "f", "input_schema": schema, "cache_control": {"type": "ephemeral"}}]}),
                ),
                (
                    "cache mark on a result",
                    called(
                        json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "x", "cache_control": {"type": "ephemeral"}}),
                    ),
                ),
                (
                    "image bytes",
                    user(
                        json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]),
                    ),
                ),
                (
                    "image URL",
                    user(json!([{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}])),
                ),
                (
                    "cache mark on an image",
                    user(
                        json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}, "cache_control": {"type": "ephemeral"}}]),
                    ),
                ),
                ("image file id", user(json!([{"type": "image", "source": {"type": "file", "file_id": "file_1"}}]))),
                (
                    "document bytes",
                    user(
                        json!([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}]),
                    ),
                ),
                (
                    "document text",
                    user(
                        json!([{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}]),
                    ),
                ),
                (
                    "document URL",
                    user(json!([{"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}}])),
                ),
                (
                    "`title`, `context`, `citations` of a document",
                    user(
                        json!([{"type": "document", "title": "t", "context": "c", "citations": {"enabled": true}, "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}]),
                    ),
                ),
                (
                    "search result",
                    user(
                        json!([{"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}]),
                    ),
                ),
                ("thinking sent back", said(json!({"type": "thinking", "thinking": "r", "signature": "c2ln"}))),
                ("redacted thinking sent back", said(json!({"type": "redacted_thinking", "data": "ZGF0"}))),
                (
                    "citations sent back",
                    json!({"messages": [hi, {"role": "assistant", "content": [{"type": "text", "text": "b", "citations": [{"type": "char_location", "cited_text": "x", "document_index": 0, "start_char_index": 0, "end_char_index": 1}]}]}, hi]}),
                ),
                (
                    "server tool's result sent back",
                    said(json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []})),
                ),
                (
                    "tool use and result",
                    called(json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"})),
                ),
                (
                    "`is_error` of a result",
                    called(
                        json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": "broken", "is_error": true}),
                    ),
                ),
                (
                    "image in a result",
                    called(
                        json!({"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}]}),
                    ),
                ),
                ("tools", with_tool(json!({}))),
                ("server tool", json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
                ("`tool_choice: any`", with_tool(json!({"tool_choice": {"type": "any"}}))),
                ("`tool_choice` of a tool", with_tool(json!({"tool_choice": {"type": "tool", "name": "f"}}))),
                (
                    "`disable_parallel_tool_use`",
                    with_tool(json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}})),
                ),
                ("`temperature`", json!({"temperature": 0.5})),
                ("`top_p`", json!({"top_p": 0.5})),
                ("`top_k`", json!({"top_k": 5})),
                ("`stop_sequences`", json!({"stop_sequences": ["END"]})),
                (
                    "`thinking` with a budget",
                    json!({"max_tokens": 4000, "thinking": {"type": "enabled", "budget_tokens": 2000}}),
                ),
                ("adaptive `thinking`", json!({"thinking": {"type": "adaptive"}})),
                ("`output_config.effort`", json!({"output_config": {"effort": "high"}})),
                (
                    "`output_config.format`",
                    json!({"output_config": {"format": {"type": "json_schema", "schema": schema}}}),
                ),
                ("`metadata.user_id`", json!({"metadata": {"user_id": "u"}})),
                ("`service_tier`", json!({"service_tier": "auto"})),
                ("`mcp_servers`", json!({"mcp_servers": [{"type": "url", "url": "https://example.com", "name": "n"}]})),
                ("`container`", json!({"container": "c"})),
                ("`context_management`", json!({"context_management": {"edits": []}})),
                ("a field that is not known yet", json!({"brand_new": 1})),
            ]
        }
        _ => {
            let user = |part: Value| json!({"contents": [{"role": "user", "parts": [part]}]});
            let config = |field: Value| json!({"generationConfig": merged(json!({"maxOutputTokens": 9}), field)});
            let tool = json!({"functionDeclarations": [{"name": "f", "description": "d", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]});
            let with_tool = |more: Value| merged(json!({"tools": [tool]}), more);
            let hi = json!({"role": "user", "parts": [{"text": "hi"}]});
            let call = json!({"functionCall": {"name": "f", "args": {"city": "A"}}});
            vec![
                ("`systemInstruction`", json!({"systemInstruction": {"parts": [{"text": "s"}]}})),
                ("image bytes", user(json!({"inlineData": {"mimeType": "image/png", "data": PNG}}))),
                (
                    "file URI",
                    user(json!({"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}})),
                ),
                ("sound", user(json!({"inlineData": {"mimeType": "audio/wav", "data": "UklG"}}))),
                ("video", user(json!({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}))),
                ("document bytes", user(json!({"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}}))),
                (
                    "`videoMetadata`",
                    user(
                        json!({"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}, "videoMetadata": {"fps": 1}}),
                    ),
                ),
                ("model's text", json!({"contents": [hi, {"role": "model", "parts": [{"text": "b"}]}, hi]})),
                (
                    "thought sent back",
                    json!({"contents": [hi, {"role": "model", "parts": [{"text": "r", "thought": true, "thoughtSignature": "c2ln"}, {"text": "b"}]}, hi]}),
                ),
                (
                    "signed text sent back",
                    json!({"contents": [hi, {"role": "model", "parts": [{"text": "b", "thoughtSignature": "c2ln"}]}, hi]}),
                ),
                (
                    "code execution sent back",
                    json!({"contents": [hi, {"role": "model", "parts": [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"text": "b"}]}, hi]}),
                ),
                (
                    "call and response",
                    json!({"contents": [hi, {"role": "model", "parts": [call]}, {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "sunny"}}}]}]}),
                ),
                (
                    "signed call sent back",
                    json!({"contents": [hi, {"role": "model", "parts": [merged(call, json!({"thoughtSignature": "c2ln"}))]}, {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"result": "sunny"}}}]}]}),
                ),
                ("tools", with_tool(json!({}))),
                ("built-in tool", json!({"tools": [{"googleSearch": {}}]})),
                ("mode `ANY`", with_tool(json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}}))),
                (
                    "`allowedFunctionNames`",
                    with_tool(
                        json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}}),
                    ),
                ),
                ("`temperature`", config(json!({"temperature": 0.5}))),
                ("`topP`", config(json!({"topP": 0.5}))),
                ("`topK`", config(json!({"topK": 5}))),
                ("`presencePenalty`", config(json!({"presencePenalty": 0.5}))),
                ("`frequencyPenalty`", config(json!({"frequencyPenalty": 0.5}))),
                ("`seed`", config(json!({"seed": 7}))),
                ("`stopSequences`", config(json!({"stopSequences": ["END"]}))),
                ("`candidateCount`", config(json!({"candidateCount": 2}))),
                ("`responseLogprobs`", config(json!({"responseLogprobs": true}))),
                ("JSON mode", config(json!({"responseMimeType": "application/json"}))),
                (
                    "`responseSchema`",
                    config(
                        json!({"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}),
                    ),
                ),
                ("`thinkingBudget`", config(json!({"thinkingConfig": {"thinkingBudget": 2000}}))),
                ("`thinkingLevel`", config(json!({"thinkingConfig": {"thinkingLevel": "HIGH"}}))),
                ("`responseModalities`", config(json!({"responseModalities": ["TEXT", "IMAGE"]}))),
                ("`mediaResolution`", config(json!({"mediaResolution": "MEDIA_RESOLUTION_LOW"}))),
                ("`speechConfig`", config(json!({"speechConfig": {"languageCode": "en"}}))),
                (
                    "`safetySettings`",
                    json!({"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]}),
                ),
                ("`cachedContent`", json!({"cachedContent": "cachedContents/1"})),
                ("`labels`", json!({"labels": {"a": "b"}})),
                ("a field that is not known yet", json!({"brandNew": 1})),
            ]
        }
    }
}

fn merged(mut value: Value, more: Value) -> Value {
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

/// Returns what goes to the vendor, and what is told of it.
fn sent(from: &dyn ChatCodec, to: &dyn ChatCodec, body: &Value) -> (Option<Value>, Vec<(LossKind, String, String)>) {
    let body = bytes::Bytes::from(body.to_string());
    let request = Request::from_wire(Operation::Chat, from.protocol(), "m", body);
    match translate::request(&request, to, false) {
        Ok(encoded) => {
            let told = encoded.losses.into_iter().map(|loss| (loss.kind, loss.path, loss.reason)).collect();
            (serde_json::from_slice(&encoded.body).ok(), told)
        }
        Err(error) => (None, vec![(LossKind::Dropped, String::new(), error.message().to_owned())]),
    }
}

#[test]
fn nothing_is_lost_in_silence_and_the_table_says_so() {
    let mut page = String::from(HEAD);
    let mut silent = Vec::new();
    for from in CODECS {
        let name = from.protocol().as_str();
        let others: Vec<_> = TARGETS.into_iter().filter(|to| to.protocol() != from.protocol()).collect();
        write!(page, "\n## From `{name}`\n\n| What a client sends |").unwrap();
        others.iter().for_each(|to| write!(page, " to `{}` |", to.protocol()).unwrap());
        write!(page, "\n|{}\n", "---|".repeat(others.len() + 1)).unwrap();
        for (feature, fields) in features(name) {
            write!(page, "| {feature} |").unwrap();
            for to in &others {
                let (plain, usual) = sent(from, *to, &base(name));
                let (with, told) = sent(from, *to, &merged(base(name), fields.clone()));
                let told: Vec<_> = told.into_iter().filter(|loss| !usual.contains(loss)).collect();
                let cell = match (&with, told.first()) {
                    (None, Some((.., reason))) => format!("refused: {reason}"),
                    (Some(_), Some((LossKind::Dropped, _, reason))) => format!("dropped: {reason}"),
                    (Some(_), Some((_, _, reason))) => format!("adapted: {reason}"),
                    _ if with == plain && !MEANINGLESS.contains(&feature) => {
                        silent.push(format!("{name} → {}: {feature}", to.protocol()));
                        "lost".to_owned()
                    }
                    _ => "carried".to_owned(),
                };
                write!(page, " {cell} |").unwrap();
            }
            page.push('\n');
        }
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/losses.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/losses.md is not what the codecs do; run this test with UPDATE_DOCS=1");
}

/// Lists every way to leave one field out of a body.
fn without_one(value: &Value, path: &str, found: &mut Vec<(String, Value)>) {
    let mut inner = |variants: Vec<(String, Value)>, put: &dyn Fn(Value) -> Value| {
        found.extend(variants.into_iter().map(|(path, value)| (path, put(value))));
    };
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{path}.{name}");
                let mut less = fields.clone();
                less.remove(name);
                inner(vec![(path.clone(), Value::Object(less))], &|less| less);
                let mut deeper = Vec::new();
                without_one(field, &path, &mut deeper);
                inner(deeper, &|changed| {
                    let mut fields = fields.clone();
                    fields.insert(name.clone(), changed);
                    Value::Object(fields)
                });
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                let mut deeper = Vec::new();
                without_one(item, &format!("{path}[{place}]"), &mut deeper);
                inner(deeper, &|changed| {
                    let mut items = items.clone();
                    *items.get_mut(place).unwrap() = changed;
                    Value::Array(items)
                });
            }
        }
        _ => {}
    }
}

#[test]
fn every_single_field_is_carried_or_told() {
    let mut silent = Vec::new();
    for from in CODECS {
        let name = from.protocol().as_str();
        for (feature, fields) in features(name) {
            let body = merged(base(name), fields);
            let mut variants = Vec::new();
            without_one(&body, "", &mut variants);
            for to in TARGETS.into_iter().filter(|to| to.protocol() != from.protocol()) {
                let (Some(whole), told) = sent(from, to, &body) else { continue };
                for (path, less) in &variants {
                    let (Some(without), told_without) = sent(from, to, less) else { continue };
                    let path = path.trim_start_matches('.');
                    let within = told.iter().any(|(_, lost, _)| path.starts_with(lost.as_str()));
                    // Without calls, some vendors are sent no tools at all, which the choice tells.
                    let unused = feature.contains("tool_choice: none") && path.starts_with("tools");
                    if whole == without && told == told_without && !within && !unused && !is_implied(path) {
                        silent.push(format!("{name} → {}: {feature}: {path}", to.protocol()));
                    }
                }
            }
        }
    }
    assert!(silent.is_empty(), "lost without a word:\n{}", silent.join("\n"));
}

/// Says whether leaving a field out means the same as what it says.
fn is_implied(path: &str) -> bool {
    let ends = [
        // The router sets the model.
        "model",
        // What it says is the default, or the place says it.
        ".role",
        ".type",
        "messages[1].content",
        "inlineData.mimeType",
        "input_audio.format",
        "source.media_type",
        // Every protocol but OpenAI's holds models to the schema, and needs no name of it.
        "json_schema.name",
        "json_schema.strict",
        "text.format.name",
        "responseMimeType",
        // Whoever thinks for Anthropic and Gemini shows it.
        "reasoning.summary",
    ];
    ends.iter().any(|end| path.ends_with(end))
}

#[test]
fn strict_requests_are_refused_before_they_are_sent_and_name_every_field() {
    for from in CODECS {
        let name = from.protocol().as_str();
        for (feature, fields) in features(name) {
            for to in TARGETS.into_iter().filter(|to| to.protocol() != from.protocol()) {
                let body = bytes::Bytes::from(merged(base(name), fields.clone()).to_string());
                let request = Request::from_wire(Operation::Chat, from.protocol(), "m", body);
                let Ok(loose) = translate::request(&request, to, false) else { continue };
                let strict = translate::request(&request.clone().with_strict(true), to, false);
                assert_eq!(strict.is_err(), !loose.losses.is_empty(), "{name} → {}: {feature}", to.protocol());
                if let Err(error) = strict {
                    for loss in &loose.losses {
                        assert!(error.message().contains(&format!("`{}`", loss.path)), "{error} lacks {}", loss.path);
                    }
                }
            }
        }
    }
}

/// Fields that say only what another protocol does anyway.
const MEANINGLESS: &[&str] = &[];

const HEAD: &str = "# What crosses between protocols

A call whose client and vendor speak one protocol passes byte for byte. Between two protocols a
field is *carried* (the vendor gets it in its own form), *adapted* (it gets something near, and the
reason says what), *dropped* (the vendor has no such thing) or *refused* (the call would mean
something else without it, so it is an error). Whatever is adapted or dropped is told: in
`reply.losses()` of a program, in the header `x-tollbridge-loss` of the gateway, and in the counter
`tollbridge_losses_total`. With `strict` the call is refused before it is sent, and the error names each field.

These tables are made from the codecs by a test, so they cannot be out of date.
";
