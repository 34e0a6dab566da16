"""The official Anthropic SDK."""

from __future__ import annotations

from typing import Any

import anthropic

from case import PNG, SCHEMA, TOOLS, Answer, Call, Refused

STATUS_CLASSES = {400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
                  429: "RateLimitError", 500: "InternalServerError", 503: "OverloadedError"}


class Client:
    def __init__(self, gateway: str) -> None:
        self.sdk = anthropic.Anthropic(base_url=gateway, api_key="unused", max_retries=0, timeout=20)

    def user(self, text: str, image: bool = False) -> list[Any]:
        if not image:
            return [{"role": "user", "content": text}]
        source = {"type": "base64", "media_type": "image/png", "data": PNG}
        return [{"role": "user", "content": [{"type": "text", "text": text}, {"type": "image", "source": source}]}]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        blocks = [
            {"type": "tool_result", "tool_use_id": call.id, "content": text} for call, text in zip(answer.calls, texts)
        ]
        return [answer.turn, {"role": "user", "content": blocks}]

    def options(self, tools: bool, schema: bool) -> dict[str, Any]:
        options: dict[str, Any] = {"max_tokens": 500}
        if tools:
            options["tools"] = [
                {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
                for tool in TOOLS
            ]
        if schema:
            options["extra_body"] = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
        return options

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        try:
            reply = self.sdk.messages.create(model=model, messages=messages, **self.options(tools, schema))
        except anthropic.APIStatusError as error:
            raise Refused(type(error).__name__, error.status_code, str(error)) from error
        return self.read(reply)

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        pieces = 0
        with self.sdk.messages.stream(model=model, messages=messages, **self.options(tools, False)) as stream:
            for event in stream:
                pieces += event.type == "content_block_delta"
            reply = stream.get_final_message()
        answer = self.read(reply)
        answer.pieces = pieces
        return answer

    def abandon(self, model: str, messages: list[Any]) -> None:
        stream = self.sdk.messages.create(model=model, messages=messages, max_tokens=500, stream=True)
        next(iter(stream))
        stream.close()

    def read(self, reply: Any) -> Answer:
        calls = [Call(block.id, block.name, block.input) for block in reply.content if block.type == "tool_use"]
        text = "".join(block.text for block in reply.content if block.type == "text")
        content = [block.model_dump(mode="json", exclude_none=True) for block in reply.content]
        return Answer(
            text=text,
            calls=calls,
            finish=reply.stop_reason,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            turn={"role": "assistant", "content": content},
        )
