"""A JavaScript SDK, driven through a worker process."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from case import PNG, SCHEMA, TOOLS, Answer, Call, Refused


class Client:
    def __init__(self, name: str, gateway: str, modules: str) -> None:
        worker = Path(modules) / "worker.mjs"
        shared = json.dumps({"png": PNG, "schema": SCHEMA, "tools": TOOLS})
        self.process = subprocess.Popen(
            ["node", str(worker), name, gateway, shared], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, op: str, *args: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"op": op, "args": args}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the worker ended")
        outcome = json.loads(line)
        if "error" in outcome:
            error = outcome["error"]
            raise Refused(error["kind"], error["status"], error["message"])
        return outcome["value"]

    def user(self, text: str, image: bool = False) -> list[Any]:
        return self.call("user", text, image)

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        calls = [vars(call) for call in answer.calls]
        return self.call("results", {"calls": calls, "turn": answer.turn}, texts)

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        return self.read(self.call("ask", model, messages, tools, schema))

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        return self.read(self.call("stream", model, messages, tools))

    def abandon(self, model: str, messages: list[Any]) -> None:
        self.call("abandon", model, messages)

    def read(self, value: dict[str, Any]) -> Answer:
        calls = [Call(**call) for call in value.pop("calls")]
        return Answer(calls=calls, **value)

    def close(self) -> None:
        self.process.kill()
