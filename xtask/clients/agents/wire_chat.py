"""OpenAI's chat completions: what a request says, and how an answer is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from script import Answer, Tool, View
from seal import token


def read(body: dict[str, Any], path: str) -> View:
    rounds: list[dict[str, str]] = []
    for message in body.get("messages", []):
        if message["role"] == "assistant" and message.get("tool_calls"):
            rounds.append({call["id"]: "" for call in message["tool_calls"]})
        if message["role"] == "tool" and rounds and message.get("tool_call_id") in rounds[-1]:
            rounds[-1][message["tool_call_id"]] = text_of(message.get("content"))
    tools = []
    for tool in body.get("tools") or []:
        inner = tool.get(tool["type"]) or {}
        tools.append(Tool(inner.get("name", ""), tool["type"], inner.get("parameters") or {}))
    form = body.get("response_format") or {}
    schema = (form.get("json_schema") or {}).get("schema")
    return View(tools, [list(results.values()) for results in rounds], bool(body.get("stream")), False, schema)


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or [])


def calls(answer: Answer, vendor: str, turn: str) -> list[dict[str, Any]]:
    made = []
    for number, (tool, arguments) in enumerate(answer.calls):
        identity = token(9, turn, number) if vendor == "mistral" else "call_" + token(24, turn, number)
        if tool.kind == "custom":
            made.append({"id": identity, "type": "custom", "custom": {"name": tool.name, "input": arguments}})
            continue
        function = {"name": tool.name, "arguments": json.dumps(arguments)}
        made.append({"id": identity, "type": "function", "function": function})
    return made


def head(body: dict[str, Any], turn: str, kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-" + token(24, turn), "object": kind, "created": 1790000000, "model": body["model"]}


USAGE = {
    "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0},
}


def whole(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Any:
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": None}
    if thinks(vendor, body):
        message["reasoning_content"] = "I think of " + token(8, turn)
    if answer.calls:
        message["tool_calls"] = calls(answer, vendor, turn)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls" if answer.calls else "stop"}
    return {**head(body, turn, "chat.completion"), "choices": [choice], "usage": USAGE}


def stream(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Iterator[tuple[str | None, Any]]:
    def chunk(delta: dict[str, Any], finish: str | None = None) -> tuple[None, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return None, {**head(body, turn, "chat.completion.chunk"), "choices": [choice]}

    yield chunk({"role": "assistant", "content": "" if answer.text else None})
    if thinks(vendor, body):
        yield chunk({"content": None, "reasoning_content": "I think of "})
        yield chunk({"content": None, "reasoning_content": token(8, turn)})
    half = len(answer.text) // 2
    for part in (answer.text[:half], answer.text[half:]):
        if part:
            yield chunk({"content": part})
    for index, call in enumerate(calls(answer, vendor, turn)):
        kind, field = call["type"], "input" if call["type"] == "custom" else "arguments"
        text = call[kind][field]
        yield chunk({"tool_calls": [{"index": index, **call, kind: {**call[kind], field: ""}}]})
        for part in (text[:9], text[9:]):
            yield chunk({"tool_calls": [{"index": index, kind: {field: part}}]})
    yield chunk({}, "tool_calls" if answer.calls else "stop")
    if (body.get("stream_options") or {}).get("include_usage"):
        yield None, {**head(body, turn, "chat.completion.chunk"), "choices": [], "usage": USAGE}
    yield None, "[DONE]"


def thinks(vendor: str, body: dict[str, Any]) -> bool:
    return vendor == "deepseek" and "reasoner" in body["model"]


def refusal(status: int, text: str) -> Any:
    return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": None}}
