"""Anthropic's messages: what a request says, and how an answer is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from script import Answer, Tool, View
from seal import seal, token


def read(body: dict[str, Any], path: str) -> View:
    rounds: list[list[str]] = []
    calls: list[str] = []
    for message in body.get("messages", []):
        blocks = message["content"] if isinstance(message["content"], list) else []
        uses = [block["id"] for block in blocks if block.get("type") == "tool_use"]
        calls = uses or calls
        results = {block["tool_use_id"]: text_of(block.get("content")) for block in blocks if block.get("type") == "tool_result"}
        if results:
            rounds.append([results[identity] for identity in calls if identity in results])
    tools = [Tool(tool["name"], schema=tool.get("input_schema", {})) for tool in body.get("tools") or []]
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    return View(tools, rounds, bool(body.get("stream")), thinks, form.get("schema"))


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content or [] if isinstance(block, dict))


def message(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if answer.thinking is not None:
        # A model that does not show its thinking signs an empty text.
        shown = (body.get("thinking") or {}).get("type") == "enabled" or body["thinking"].get("display") == "summarized"
        text = answer.thinking if shown else ""
        content.append({"type": "thinking", "thinking": text, "signature": seal(vendor, text)})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    for number, (tool, arguments) in enumerate(answer.calls):
        identity = "toolu_01" + token(22, turn, number)
        content.append({"type": "tool_use", "id": identity, "name": tool.name, "input": arguments})
    return {
        "id": "msg_01" + token(22, turn), "type": "message", "role": "assistant", "model": body["model"],
        "content": content, "stop_reason": "tool_use" if answer.calls else "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 20},
    }


def whole(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Any:
    return message(answer, body, vendor, turn)


def stream(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Iterator[tuple[str | None, Any]]:
    reply = message(answer, body, vendor, turn)
    content, end, usage = reply["content"], reply["stop_reason"], reply["usage"]
    begun = {**reply, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield event({"type": "message_start", "message": begun})
    yield event({"type": "ping"})
    for index, block in enumerate(content):
        empty, deltas = pieces(block)
        yield event({"type": "content_block_start", "index": index, "content_block": empty})
        for delta in deltas:
            yield event({"type": "content_block_delta", "index": index, "delta": delta})
        yield event({"type": "content_block_stop", "index": index})
    yield event({"type": "message_delta", "delta": {"stop_reason": end, "stop_sequence": None}, "usage": usage})
    yield event({"type": "message_stop"})


def pieces(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "thinking":
        thought = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*thought, signed]
    if block["type"] == "text":
        half = len(block["text"]) // 2
        parts = [block["text"][:half], block["text"][half:]]
        return {"type": "text", "text": ""}, [{"type": "text_delta", "text": part} for part in parts if part]
    text = json.dumps(block["input"])
    parts = ["", text[:9], text[9:]]
    return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in parts]


def event(data: dict[str, Any]) -> tuple[str, Any]:
    return data["type"], data


def refusal(status: int, text: str) -> Any:
    kind = {404: "not_found_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": "req_011"}
