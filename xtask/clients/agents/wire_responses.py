"""OpenAI's responses: what a request says, and how an answer is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from script import Answer, Tool, View
from seal import seal, token

CALLS = ("function_call", "custom_tool_call", "local_shell_call", "shell_call", "apply_patch_call")


def read(body: dict[str, Any], path: str) -> View:
    rounds: list[dict[str, str]] = []
    before = ""
    for item in items(body):
        kind = item.get("type", "message")
        if kind in CALLS and before not in CALLS:
            rounds.append({})
        if kind in CALLS:
            rounds[-1][item["call_id"]] = ""
        if kind.endswith("_output") and rounds and item.get("call_id") in rounds[-1]:
            rounds[-1][item["call_id"]] = text_of(item.get("output"))
        # Reasoning may stand between calls of one round.
        before = kind if kind != "reasoning" else before
    form = (body.get("text") or {}).get("format") or {}
    thinks = (body.get("reasoning") or {}).get("effort") not in (None, "none") or "reasoning" in body
    return View(list(tools(body)), [list(results.values()) for results in rounds], bool(body.get("stream")), thinks, form.get("schema"))


def items(body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body.get("input") or []
    return given if isinstance(given, list) else [{"type": "message", "role": "user", "content": given}]


def tools(body: dict[str, Any]) -> Iterator[Tool]:
    offered = [(None, tool) for tool in body.get("tools") or []]
    for item in items(body):
        if item.get("type") == "additional_tools":
            offered += [(None, tool) for tool in item.get("tools", [])]
    for namespace, tool in offered:
        inner = tool.get("tools", []) if tool["type"] == "namespace" else [tool]
        space = tool["name"] if tool["type"] == "namespace" else namespace
        for one in inner:
            yield Tool(one.get("name", one["type"]), one["type"], one.get("parameters") or {}, space)


def text_of(output: Any) -> str:
    if isinstance(output, str):
        return output
    return "\n".join(part.get("text", "") for part in output or [] if isinstance(part, dict))


def response(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> dict[str, Any]:
    output: list[dict[str, Any]] = []
    if answer.thinking is not None:
        item: dict[str, Any] = {"id": "rs_" + token(50, turn), "type": "reasoning", "summary": []}
        if (body["reasoning"] or {}).get("summary"):
            item["summary"] = [{"type": "summary_text", "text": answer.thinking}]
        if "reasoning.encrypted_content" in (body.get("include") or []):
            item["encrypted_content"] = seal(vendor, item["id"])
        output.append(item)
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
        output.append({
            "id": "msg_" + token(50, turn), "type": "message", "status": "completed", "role": "assistant",
            "content": [part],
        })
    for number, (tool, arguments) in enumerate(answer.calls):
        custom = tool.kind == "custom"
        item = {
            "id": ("ctc_" if custom else "fc_") + token(50, turn, number), "status": "completed",
            "type": "custom_tool_call" if custom else "function_call",
            "call_id": "call_" + token(24, turn, number), "name": tool.name,
            **({"input": arguments} if custom else {"arguments": json.dumps(arguments)}),
        }
        if tool.namespace:
            item["namespace"] = tool.namespace
        output.append(item)
    usage = {
        "input_tokens": 100, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 120,
    }
    return {
        "id": "resp_" + token(50, turn), "object": "response", "created_at": 1790000000, "status": "completed",
        "error": None, "incomplete_details": None, "instructions": body.get("instructions"), "model": body["model"],
        "output": output, "parallel_tool_calls": True, "reasoning": body.get("reasoning") or {},
        "store": body.get("store", True), "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools", []), "metadata": {}, "usage": usage,
    }


def whole(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Any:
    return response(answer, body, vendor, turn)


def stream(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Iterator[tuple[str | None, Any]]:
    reply = response(answer, body, vendor, turn)
    count = 0

    def event(kind: str, **data: Any) -> tuple[str, Any]:
        nonlocal count
        count += 1
        return kind, {"type": kind, "sequence_number": count - 1, **data}

    begun = {**reply, "status": "in_progress", "output": [], "usage": None}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    for index, item in enumerate(reply["output"]):
        at = {"output_index": index, "item_id": item["id"]}
        yield event("response.output_item.added", output_index=index, item=unfilled(item))
        if item["type"] == "message":
            part = item["content"][0]
            inside = {**at, "content_index": 0}
            yield event("response.content_part.added", **inside, part={**part, "text": ""})
            half = len(part["text"]) // 2
            for text in (part["text"][:half], part["text"][half:]):
                yield event("response.output_text.delta", **inside, delta=text, logprobs=[])
            yield event("response.output_text.done", **inside, text=part["text"], logprobs=[])
            yield event("response.content_part.done", **inside, part=part)
        elif item["type"] == "reasoning":
            for number, part in enumerate(item["summary"]):
                inside = {**at, "summary_index": number}
                yield event("response.reasoning_summary_part.added", **inside, part={**part, "text": ""})
                yield event("response.reasoning_summary_text.delta", **inside, delta=part["text"])
                yield event("response.reasoning_summary_text.done", **inside, text=part["text"])
                yield event("response.reasoning_summary_part.done", **inside, part=part)
        elif item["type"] == "custom_tool_call":
            yield event("response.custom_tool_call_input.delta", **at, delta=item["input"])
            yield event("response.custom_tool_call_input.done", **at, input=item["input"])
        else:
            text = item["arguments"]
            for part in (text[:9], text[9:]):
                yield event("response.function_call_arguments.delta", **at, delta=part)
            yield event("response.function_call_arguments.done", **at, arguments=text, name=item["name"])
        yield event("response.output_item.done", output_index=index, item=item)
    yield event("response.completed", response=reply)


def unfilled(item: dict[str, Any]) -> dict[str, Any]:
    empty = {"content": [], "arguments": "", "input": "", "summary": []}
    item = {name: empty.get(name, value) for name, value in item.items()}
    return {**item, "status": "in_progress"} if "status" in item else item


def refusal(status: int, text: str) -> Any:
    return {"error": {"message": text, "type": "invalid_request_error", "param": None, "code": None}}
