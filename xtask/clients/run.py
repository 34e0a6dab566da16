"""Runs each SDK and framework against providers of each protocol, through the gateway."""

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

# Each client: its module and what it is started with, its words for an end and for calls, and whether
# the classes of its errors and its leaving are checked too.
CLIENTS: dict[str, tuple[str, list[str], tuple[str, str], bool]] = {
    "openai": ("openai_client", [], ("stop", "tool_calls"), True),
    "responses": ("responses_client", [], ("completed", "completed"), True),
    "anthropic": ("anthropic_client", [], ("end_turn", "tool_use"), True),
    "google": ("google_client", [], ("STOP", "STOP"), True),
    "js-openai": ("node_client", ["openai"], ("stop", "tool_calls"), True),
    "js-responses": ("node_client", ["responses"], ("completed", "completed"), True),
    "js-anthropic": ("node_client", ["anthropic"], ("end_turn", "tool_use"), True),
    "js-google": ("node_client", ["google"], ("STOP", "STOP"), True),
    "ai-chat": ("node_client", ["ai_chat"], ("stop", "tool-calls"), False),
    "ai-responses": ("node_client", ["ai_responses"], ("stop", "tool-calls"), False),
    "ai-anthropic": ("node_client", ["ai_anthropic"], ("stop", "tool-calls"), False),
    "ai-google": ("node_client", ["ai_google"], ("stop", "tool-calls"), False),
    "langchain-chat": ("langchain_client", ["chat"], ("stop", "tool_calls"), False),
    "langchain-responses": ("langchain_client", ["responses"], ("completed", "completed"), False),
    "langchain-anthropic": ("langchain_client", ["anthropic"], ("end_turn", "tool_use"), False),
    "litellm": ("litellm_client", [], ("stop", "tool_calls"), False),
    "pydantic-chat": ("pydantic_client", ["chat"], ("stop", "tool_call"), False),
    "pydantic-responses": ("pydantic_client", ["responses"], ("stop", "stop"), False),
    "pydantic-anthropic": ("pydantic_client", ["anthropic"], ("stop", "tool_call"), False),
    "pydantic-google": ("pydantic_client", ["google"], ("stop", "stop"), False),
}
# Each provider protocol: the model that speaks it, and the mock behind it.
PROVIDERS = {
    "openai": ("openai/mock", "openai"),
    "responses": ("openai-responses/mock", "openai"),
    "anthropic": ("anthropic/mock", "anthropic"),
    "google": ("gemini/mock", "google"),
    "bedrock": ("bedrock/mock", "bedrock"),
    "cohere": ("cohere/mock", "cohere"),
    "ollama": ("ollama/mock", "ollama"),
    "mistral": ("mistral/mock", "mistral"),
    "vertex": ("vertex/mock", "vertex"),
    "claude": ("vertex/claude-mock", "vertex"),
}
MOCKS = ["openai", "anthropic", "google", "bedrock", "cohere", "ollama", "mistral", "vertex"]
# Python packages that cannot be installed beside each other.
GROUPS = ["sdks", "frameworks", "litellm"]
# How this ends if it has no client of the name that was asked for.
NO_CLIENT = 4
STATUSES = [400, 401, 403, 404, 429, 500, 503]
# What every JavaScript SDK calls its errors, by status.
JS_CLASSES = {
    "openai": {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
               429: "RateLimitError", 500: "InternalServerError", 503: "InternalServerError"},
    "google": dict.fromkeys(STATUSES, "ApiError"),
}
JS_CLASSES["anthropic"] = {**JS_CLASSES["openai"], 503: "OverloadedError"}
JS_CLASSES["responses"] = JS_CLASSES["openai"]
# What a provider cannot do for a client: Ollama cannot be made to call a tool, and this package asks
# for structured output with one.
EXCUSED = {("ai-anthropic", "ollama", "structured output")}


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

    def __init__(self, name: str, client: Any, provider: str, upstream: Upstream) -> None:
        module, options, self.finishes, self.official = CLIENTS[name]
        self.client = client
        self.model = PROVIDERS[provider][0]
        self.upstream = upstream
        if module == "node_client":
            self.classes = JS_CLASSES.get(options[0], {})
        elif self.official:
            self.classes = importlib.import_module("openai_client" if name == "responses" else module).STATUS_CLASSES

    def check_words(self, answer: Answer, *words: str) -> None:
        for word in words:
            assert word in answer.text, f"no {word!r} in {answer.text!r}"
        assert answer.finish == self.finishes[0], f"finish is {answer.finish!r}"
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
        assert answer.finish == self.finishes[1], f"finish is {answer.finish!r}"
        assert answer.calls[0].name == "get_weather", answer.calls
        assert answer.calls[0].arguments == {"city": "value-of-city", "unit": "celsius"}, answer.calls
        if count > 1:
            assert answer.calls[1].name == "get_time", answer.calls
            assert answer.calls[1].arguments == {"city": "value-of-city"}, answer.calls
        texts = [f"result {number}" for number in range(count)]
        final = ask(self.model, messages + self.client.results(answer, texts), tools=True)
        # Google's clients wrap a result into an object, in words of their own.
        self.check_words(final, "tool said: ", *texts)

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
            wanted = self.classes[status]
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
        }
        if self.official:
            cases["cancelled stream"] = self.cancelled
        for status in STATUSES if self.official else []:
            cases[f"error {status}"] = lambda status=status: self.refused(status)
        return cases


def group_of(name: str) -> str:
    module = CLIENTS[name][0]
    if module == "litellm_client":
        return "litellm"
    return "frameworks" if module in ("langchain_client", "pydantic_client") else "sdks"


def start(name: str, gateway: str, modules: str) -> Any:
    module, options, _, _ = CLIENTS[name]
    client = importlib.import_module(module).Client
    return client(*options, gateway, modules) if module == "node_client" else client(gateway, *options)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--modules", required=True)
    for mock in MOCKS:
        parser.add_argument(f"--{mock}", required=True)
    parser.add_argument("--group", choices=GROUPS, required=True)
    parser.add_argument("--client")
    parser.add_argument("--only")
    arguments = parser.parse_args()
    names = [name for name in CLIENTS if not arguments.client or arguments.client in name]
    names = [name for name in names if group_of(name) == arguments.group]
    if not names:
        return NO_CLIENT
    faults: list[str] = []
    sum_passed = 0
    width = max(len(name) for name in names)
    print(" " * width, "  ".join(provider.ljust(9) for provider in PROVIDERS))
    for name in names:
        client = start(name, arguments.gateway, arguments.modules)
        cells = []
        for provider in PROVIDERS:
            upstream = Upstream(getattr(arguments, PROVIDERS[provider][1]))
            bench = Bench(name, client, provider, upstream)
            passed = failed = 0
            for case, run in bench.cases().items():
                if arguments.only and arguments.only not in case or (name, provider, case) in EXCUSED:
                    continue
                upstream.reset()
                try:
                    run()
                    passed += 1
                except Exception as error:  # every failure is told at the end
                    failed += 1
                    where = traceback.extract_tb(error.__traceback__)[-1]
                    faults.append(
                        f"{name}→{provider}, {case}: {type(error).__name__}: {error} ({where.name}:{where.lineno})"
                    )
            sum_passed += passed
            cells.append((f"{passed} ok" if not failed else f"{passed} ok, {failed} failed").ljust(9))
        print(name.ljust(width), "  ".join(cells), flush=True)
        if hasattr(client, "close"):
            client.close()
    for fault in faults:
        print("failed:", fault[:600])
    print(f"{sum_passed} passed, {len(faults)} failed")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
