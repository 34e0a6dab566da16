"""The scripted model: what it answers, by how many rounds of calls a request's history has."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

DONE = "tollbridge-done"


@dataclass
class Tool:
    """A tool that a request offers; `path` is what the vendor wants in a call of it."""

    name: str
    kind: str = "function"
    schema: dict[str, Any] = field(default_factory=dict)
    namespace: str | None = None


@dataclass
class View:
    """What the model reads of a request, whatever its protocol."""

    tools: list[Tool]
    # The results of each round of calls, in the order in which they were sent.
    rounds: list[list[str]]
    stream: bool
    thinks: bool = False
    # The schema that the answer is to have, if any.
    schema: dict[str, Any] | None = None


@dataclass
class Call:
    """A call of the first of `names` that is offered; a text instead of arguments is for tools of free text."""

    names: str
    arguments: Any


@dataclass
class Answer:
    """What the model says, before a protocol has written it."""

    text: str = ""
    calls: list[tuple[Tool, Any]] = field(default_factory=list)
    thinking: str | None = None


@dataclass
class Script:
    """Rounds of calls or texts, what the results of each must hold, and the last words."""

    rounds: list[list[Call] | str]
    expect: list[list[str]] = field(default_factory=list)
    last: str = DONE
    # What the client prints at its end, if other than the last words.
    ends: str | None = None
    # Whether the client keeps no calls in its history, so that the answers given are counted instead.
    stateless: bool = False
    given: int = 0

    def answer(self, view: View) -> Answer:
        """Plays the next turn."""
        thinking = "I look at both files first." if view.thinks else None
        texts = all(isinstance(step, str) for step in self.rounds)
        done = self.given if self.stateless or texts else len(view.rounds)
        self.given += 1
        if done >= len(self.rounds):
            return Answer(text=self.last, thinking=thinking)
        step = self.rounds[done]
        if isinstance(step, str):
            return Answer(text=step, thinking=thinking)
        calls = []
        for call in step:
            tool = find(view.tools, call.names)
            if tool is None:
                # A call beside the task, such as one for a title.
                text = json.dumps(instance(view.schema)) if view.schema else "Files"
                return Answer(text=text)
            calls.append((tool, arguments_of(tool, call.arguments)))
        return Answer(calls=calls, thinking=thinking)

    def misses(self, view: View) -> list[str]:
        """Tells which results did not arrive, or not in the order of the calls."""
        faults = []
        for number, (wanted, results) in enumerate(zip(self.expect, view.rounds), 1):
            if len(results) != len(wanted):
                faults.append(f"turn {number} had {len(wanted)} calls, and {len(results)} results came back")
            for want, result in zip(wanted, results):
                if want not in result:
                    faults.append(f"a result of turn {number} lacks {want!r}: {result[:200]!r}")
        return faults


def find(tools: list[Tool], names: str) -> Tool | None:
    """Finds a tool by its name, or by the end of it where a namespace was put in front."""
    for name in names.split("|"):
        for tool in tools:
            if tool.name == name:
                return tool
        for tool in tools:
            if tool.name.endswith(("__" + name, "." + name, "-" + name, "_" + name)):
                return tool
    return None


def arguments_of(tool: Tool, arguments: Any) -> Any:
    """Wraps a free text into the one argument of a function that stands for a tool of free text."""
    if tool.kind == "custom" or not isinstance(arguments, str):
        return arguments
    properties = tool.schema.get("properties") or {"input": {}}
    return {next(iter(properties)): arguments}


def instance(schema: Any) -> Any:
    """Makes the smallest value that a schema allows."""
    if not isinstance(schema, dict):
        return "x"
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for several in ("anyOf", "oneOf"):
        if schema.get(several):
            return instance(schema[several][0])
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    kind = kind.lower() if isinstance(kind, str) else kind
    if kind == "object" or "properties" in schema:
        return {name: instance(schema["properties"][name]) for name in schema.get("required", [])}
    return {"array": [], "integer": 1, "number": 1, "boolean": True, "null": None}.get(kind, "x")
