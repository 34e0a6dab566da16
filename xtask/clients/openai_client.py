"""The official OpenAI SDK."""

from __future__ import annotations

import json
from typing import Any

import openai

from case import PNG, SCHEMA, TOOLS, Answer, Call, Refused

STATUS_CLASSES = {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
                  429: "RateLimitError", 500: "InternalServerError", 503: "InternalServerError"}


class Client:
    def __init__(self, gateway: str) -> None:
        self.sdk = openai.OpenAI(base_url=f"{gateway}/v1", api_key="unused", max_retries=0, timeout=20)

    def user(self, text: str, image: bool = False) -> list[Any]:
        if not image:
            return [{"role": "user", "content": text}]
        url = {"url": f"data:image/png;base64,{PNG}"}
        return [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image_url", "image_url": url}]}]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        tools = [{"role": "tool", "tool_call_id": call.id, "content": text} for call, text in zip(answer.calls, texts)]
        return [answer.turn, *tools]

    def options(self, tools: bool, schema: bool) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if tools:
            options["tools"] = [{"type": "function", "function": tool} for tool in TOOLS]
        if schema:
            form = {"name": "person", "schema": SCHEMA, "strict": True}
            options["response_format"] = {"type": "json_schema", "json_schema": form}
        return options

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        try:
            reply = self.sdk.chat.completions.create(model=model, messages=messages, **self.options(tools, schema))
        except openai.APIStatusError as error:
            raise Refused(type(error).__name__, error.status_code, str(error)) from error
        return self.read(reply)

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        pieces = 0
        options = self.options(tools, False)
        usage = {"include_usage": True}
        with self.sdk.chat.completions.stream(model=model, messages=messages, stream_options=usage, **options) as stream:
            for event in stream:
                pieces += event.type in ("content.delta", "tool_calls.function.arguments.delta")
            reply = stream.get_final_completion()
        answer = self.read(reply)
        answer.pieces = pieces
        return answer

    def abandon(self, model: str, messages: list[Any]) -> None:
        stream = self.sdk.chat.completions.create(model=model, messages=messages, stream=True)
        next(iter(stream))
        stream.close()

    def read(self, reply: Any) -> Answer:
        choice = reply.choices[0]
        calls = choice.message.tool_calls or []
        turn = {"role": "assistant", "content": choice.message.content}
        if calls:
            turn["tool_calls"] = [
                {"id": call.id, "type": "function",
                 "function": {"name": call.function.name, "arguments": call.function.arguments}} for call in calls
            ]
        return Answer(
            text=choice.message.content or "",
            calls=[Call(call.id, call.function.name, json.loads(call.function.arguments)) for call in calls],
            finish=choice.finish_reason,
            input_tokens=reply.usage.prompt_tokens,
            output_tokens=reply.usage.completion_tokens,
            turn=turn,
        )
