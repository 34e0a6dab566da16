"""Runs each official SDK against providers of each protocol, through the gateway."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable
from typing import Any

from case import Answer, Refused

CLIENTS = ["openai", "anthropic", "google"]
PROVIDERS = {"openai": "openai/mock", "anthropic": "anthropic/mock", "google": "gemini/mock"}
STATUSES = [400, 401, 403, 404, 429, 500, 503]
FINISHES = {"openai": ("stop", "tool_calls"), "anthropic": ("end_turn", "tool_use"), "google": ("STOP", "STOP")}


class Upstream:
    """A mock, by its routes for tests."""

    def __init__(self, url: str) -> None:
        self.url = url

    def send(self, method: str, path: str, body: Any = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.loads(reply.read())

    def script(self, *steps: str) -> None:
        self.send("POST", "/__script", {"steps": list(steps)})

    def reset(self) -> None:
        self.send("DELETE", "/__requests")
        self.send("DELETE", "/__script")

    def requests(self) -> list[Any]:
        return self.send("GET", "/__requests")


class Bench:
    """One SDK against one provider."""

    def __init__(self, name: str, provider: str, gateway: str, upstream: Upstream) -> None:
        self.name = name
        self.module = importlib.import_module(f"{name}_client")
        self.client = self.module.Client(gateway)
        self.model = PROVIDERS[provider]
        self.upstream = upstream

    def check_words(self, answer: Answer, *words: str) -> None:
        for word in words:
            assert word in answer.text, f"no {word!r} in {answer.text!r}"
        assert answer.finish == FINISHES[self.name][0], f"finish is {answer.finish!r}"
        assert answer.input_tokens > 0 and answer.output_tokens > 0, f"usage is missing: {answer}"

    def plain(self) -> None:
        self.check_words(self.client.ask(self.model, self.client.user("Grüße aus 東京")), "Grüße aus 東京")

    def streamed(self) -> None:
        whole = self.client.ask(self.model, self.client.user("one two three Grüße 東京"))
        streamed = self.client.stream(self.model, self.client.user("one two three Grüße 東京"))
        self.check_words(streamed, "one two three Grüße 東京")
        assert streamed.pieces > 1, "the stream came in one piece"
        assert whole.text == streamed.text, f"{whole.text!r} is not {streamed.text!r}"
        usage = [(one.input_tokens, one.output_tokens) for one in (whole, streamed)]
        assert usage[0] == usage[1], f"usage differs: {usage}"

    def called(self, ask: Callable[..., Answer], text: str, count: int) -> None:
        messages = self.client.user(text)
        answer = ask(self.model, messages, tools=True)
        assert len(answer.calls) == count, f"calls: {answer.calls}"
        assert answer.finish == FINISHES[self.name][1], f"finish is {answer.finish!r}"
        assert answer.calls[0].name == "get_weather", answer.calls
        assert answer.calls[0].arguments == {"city": "value-of-city", "unit": "celsius"}, answer.calls
        if count > 1:
            assert answer.calls[1].name == "get_time", answer.calls
            assert answer.calls[1].arguments == {"city": "value-of-city"}, answer.calls
        texts = [f"result {number}" for number in range(count)]
        final = ask(self.model, messages + self.client.results(answer, texts), tools=True)
        self.check_words(final, "tool said: " + " | ".join(texts))

    def tool(self) -> None:
        self.called(self.client.ask, "What is the weather?", 1)

    def parallel_tools(self) -> None:
        self.called(self.client.ask, "What is the weather? Ask in parallel.", 2)

    def tool_streamed(self) -> None:
        self.called(self.client.stream, "What is the weather?", 1)

    def parallel_streamed(self) -> None:
        self.called(self.client.stream, "What is the weather? Ask in parallel.", 2)

    def image(self) -> None:
        self.check_words(self.client.ask(self.model, self.client.user("look", image=True)), "look", "[image]")
        body = json.dumps(self.upstream.requests()[-1]["body"])
        assert "iVBORw0KGgo" in body, "the image's bytes did not reach the provider"

    def structured(self) -> None:
        answer = self.client.ask(self.model, self.client.user("a person"), schema=True)
        assert json.loads(answer.text) == {"name": "value-of-name", "age": 1}, answer.text

    def refused(self, status: int) -> None:
        self.upstream.script(str(status))
        try:
            self.client.ask(self.model, self.client.user("hi"))
        except Refused as error:
            wanted = self.module.STATUS_CLASSES[status]
            assert error.kind == wanted, f"raised {error.kind}, not {wanted}"
            assert error.status in (status, 529 if status == 503 else status), f"status is {error.status}"
            return
        raise AssertionError("no error was raised")

    def cancelled(self) -> None:
        self.upstream.script("stall-after:5")
        self.client.abandon(self.model, self.client.user("one two three four five"))
        began = time.monotonic()
        while time.monotonic() - began < 5:
            if self.upstream.requests()[-1]["disconnected"]:
                return
            time.sleep(0.01)
        raise AssertionError("the provider did not see the client go")

    def cases(self) -> dict[str, Callable[[], None]]:
        cases: dict[str, Callable[[], None]] = {
            "plain": self.plain,
            "streamed": self.streamed,
            "tool": self.tool,
            "parallel tools": self.parallel_tools,
            "tool, streamed": self.tool_streamed,
            "parallel tools, streamed": self.parallel_streamed,
            "image": self.image,
            "structured output": self.structured,
            "cancelled stream": self.cancelled,
        }
        for status in STATUSES:
            cases[f"error {status}"] = lambda status=status: self.refused(status)
        return cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", required=True)
    for provider in PROVIDERS:
        parser.add_argument(f"--{provider}", required=True)
    parser.add_argument("--client", choices=CLIENTS)
    parser.add_argument("--only")
    arguments = parser.parse_args()
    columns: list[str] = []
    rows: dict[str, list[str]] = {}
    faults: list[str] = []
    passed = 0
    for client in [arguments.client] if arguments.client else CLIENTS:
        for provider in PROVIDERS:
            columns.append(f"{client}→{provider}")
            upstream = Upstream(getattr(arguments, provider))
            bench = Bench(client, provider, arguments.gateway, upstream)
            for name, run in bench.cases().items():
                if arguments.only and arguments.only not in name:
                    continue
                upstream.reset()
                try:
                    run()
                    outcome = "ok"
                    passed += 1
                except Exception as error:  # every failure is a row of the table
                    outcome = "FAILED"
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    faults.append(f"{columns[-1]}, {name}: {type(error).__name__}: {error} ({where.name}:{where.lineno})")
                rows.setdefault(name, []).append(outcome)
    width = max(len(name) for name in rows)
    print(" " * width, "  ".join(columns))
    for name, outcomes in rows.items():
        cells = (outcome.ljust(len(column)) for outcome, column in zip(outcomes, columns))
        print(name.ljust(width), "  ".join(cells))
    for fault in faults:
        print("failed:", fault[:600])
    print(f"{passed} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
