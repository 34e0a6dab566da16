"""Gemini's generateContent: what a request says, and how an answer is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from script import Answer, Tool, View
from seal import seal, token


def read(body: dict[str, Any], path: str) -> View:
    rounds: list[list[str]] = []
    for content in body.get("contents", []):
        parts = content.get("parts", [])
        results = [json.dumps(part["functionResponse"].get("response")) for part in parts if "functionResponse" in part]
        if results:
            rounds.append(results)
    tools = []
    for tool in body.get("tools") or []:
        for one in tool.get("functionDeclarations") or tool.get("function_declarations") or []:
            tools.append(Tool(one["name"], schema=one.get("parametersJsonSchema") or one.get("parameters") or {}))
    settings = body.get("generationConfig") or {}
    thinks = bool((settings.get("thinkingConfig") or {}).get("includeThoughts"))
    schema = settings.get("responseJsonSchema") or settings.get("responseSchema")
    return View(tools, rounds, "stream" in path, thinks, schema)


def parts_of(answer: Answer, vendor: str, turn: str) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    if answer.thinking is not None:
        parts.append({"text": answer.thinking, "thought": True})
    if answer.text:
        parts.append({"text": answer.text})
    for number, (tool, arguments) in enumerate(answer.calls):
        part: dict[str, Any] = {"functionCall": {"name": tool.name, "args": arguments, "id": token(8, turn, number)}}
        if number == 0:
            part["thoughtSignature"] = seal(vendor, tool.name)
        parts.append(part)
    return parts


def reply(parts: list[dict[str, Any]], body: dict[str, Any], turn: str, finish: str | None) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 20, "totalTokenCount": 120}
    return {
        "candidates": [candidate], "usageMetadata": usage, "modelVersion": body.get("model", "gemini"),
        "responseId": token(22, turn),
    }


def whole(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Any:
    return reply(parts_of(answer, vendor, turn), body, turn, "STOP")


def stream(answer: Answer, body: dict[str, Any], vendor: str, turn: str) -> Iterator[tuple[str | None, Any]]:
    for part in parts_of(answer, vendor, turn):
        yield None, reply([part], body, turn, None)
    yield None, reply([{"text": ""}], body, turn, "STOP")


def refusal(status: int, text: str) -> Any:
    return {"error": {"code": status, "message": text, "status": "INVALID_ARGUMENT"}}
