"""The official OpenAI SDK, speaking responses."""

from __future__ import annotations

import json
from typing import Any

import openai

from case import PNG, SCHEMA, TOOLS, Answer, Call, Refused


class Client:
    def __init__(self, gateway: str) -> None:
        self.sdk = openai.OpenAI(base_url=f"{gateway}/v1", api_key="unused", max_retries=0, timeout=20)

    def user(self, text: str, image: bool = False) -> list[Any]:
        if not image:
            return [{"role": "user", "content": text}]
        part = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}
        return [{"role": "user", "content": [{"type": "input_text", "text": text}, part]}]

    def results(self, answer: Answer, texts: list[str]) -> list[Any]:
        outputs = [
            {"type": "function_call_output", "call_id": call.id, "output": text}
            for call, text in zip(answer.calls, texts)
        ]
        return [*answer.turn, *outputs]

    def options(self, tools: bool, schema: bool) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if tools:
            options["tools"] = [{"type": "function", "strict": False, **tool} for tool in TOOLS]
        if schema:
            options["text"] = {"format": {"type": "json_schema", "name": "person", "schema": SCHEMA, "strict": True}}
        return options

    def ask(self, model: str, messages: list[Any], tools: bool = False, schema: bool = False) -> Answer:
        try:
            reply = self.sdk.responses.create(model=model, input=messages, **self.options(tools, schema))
        except openai.APIStatusError as error:
            raise Refused(type(error).__name__, error.status_code, str(error)) from error
        return self.read(reply)

    def stream(self, model: str, messages: list[Any], tools: bool = False) -> Answer:
        pieces = 0
        with self.sdk.responses.stream(model=model, input=messages, **self.options(tools, False)) as stream:
            for event in stream:
                pieces += event.type.endswith(".delta")
            reply = stream.get_final_response()
        answer = self.read(reply)
        answer.pieces = pieces
        return answer

    def abandon(self, model: str, messages: list[Any]) -> None:
        stream = self.sdk.responses.create(model=model, input=messages, stream=True)
        next(iter(stream))
        stream.close()

    def read(self, reply: Any) -> Answer:
        calls = [Call(item.call_id, item.name, json.loads(item.arguments)) for item in reply.output
                 if item.type == "function_call"]
        return Answer(
            text=reply.output_text,
            calls=calls,
            finish=reply.status,
            input_tokens=reply.usage.input_tokens,
            output_tokens=reply.usage.output_tokens,
            turn=[item.model_dump(mode="json", exclude_none=True, exclude={"parsed_arguments"}) for item in reply.output],
        )
